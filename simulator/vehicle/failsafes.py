"""The autopilot's own failsafes: battery, ground station, radio, fence, position.

Each is a watcher that turns a condition into words and a mode. Parameters and times are ArduCopter's. Knows the autopilot's
state; must not know MAVLink.
"""

from typing import TYPE_CHECKING, Final

from simulator.vehicle import fence as fences
from simulator.vehicle.modes import AUTO, BRAKE, GUIDED, LAND, RTL
from simulator.vehicle.wire import mavlink

if TYPE_CHECKING:
    from simulator.vehicle.autopilot import Autopilot

_WARNING: Final = int(mavlink.MAV_SEVERITY_WARNING)
_CRITICAL: Final = int(mavlink.MAV_SEVERITY_CRITICAL)
_NOTICE: Final = int(mavlink.MAV_SEVERITY_NOTICE)
_NOTHING: Final = 0

# What a failsafe parameter's value means, as a mode; SMART_RTL is not there, so its fall-back is taken.
BATTERY_ACTIONS: Final = {1: LAND, 2: RTL, 3: RTL, 4: LAND, 6: RTL, 7: BRAKE}
GCS_ACTIONS: Final = {1: RTL, 2: RTL, 3: RTL, 4: LAND, 5: LAND, 6: RTL, 7: BRAKE}
RADIO_ACTIONS: Final = {1: RTL, 2: RTL, 3: LAND, 4: RTL, 5: LAND, 6: RTL, 7: BRAKE}
FENCE_ACTIONS: Final = {1: RTL, 2: LAND, 3: RTL, 4: BRAKE, 5: LAND}

_BY_ITSELF: Final = frozenset({AUTO, GUIDED, LAND, RTL})  # every other mode counts as a pilot's, BRAKE too
_POSITION_LOST_S: Final = 8.0
_GCS_CONTINUE_IN_AUTO: Final = 2  # bits of FS_OPTIONS
_RADIO_CONTINUE_IN_AUTO: Final = 1
_GCS_CONTINUE_BY_PILOT: Final = 16
_CONTINUE_LANDING: Final = 8


class Failsafes:
    """Watches and acts; stepped ten times a second."""

    def __init__(self, autopilot: "Autopilot") -> None:
        self._ap = autopilot
        self.gcs_heard_s: float | None = None  # last heartbeat of SYSID_MYGCS
        self.gcs_on = False
        self.radio_on = False
        self.position_on = False
        self.fence_bits = 0
        self.fence_count = 0
        self.fence_at_s = 0.0
        self._below_s = {"LOW": 0.0, "CRT": 0.0}
        self._tripped = {"LOW": False, "CRT": False}

    @property
    def battery_latched(self) -> bool:
        """A battery failsafe tripped since the start."""
        return any(self._tripped.values())

    @property
    def active(self) -> bool:
        """Any failsafe is on: HEARTBEAT says CRITICAL."""
        return self.gcs_on or self.radio_on or self.position_on or self.battery_latched

    def step(self, dt_s: float) -> None:
        """All watchers, the most serious last so that it has the last word."""
        self._gcs()
        self._radio()
        self._fence()
        self._battery(dt_s)
        self._position()

    # -- watchers --------------------------------------------------------------------------------------------------------

    def _battery(self, dt_s: float) -> None:
        ap, values, battery = self._ap, self._ap.parameters, self._ap.craft.battery
        left_mah = values["BATT_CAPACITY"] - battery.used_mah
        for limit, kind in (("CRT", "critical"), ("LOW", "low")):
            low_voltage = 0.0 < battery.volts < values[f"BATT_{limit}_VOLT"]
            self._below_s[limit] = self._below_s[limit] + dt_s if low_voltage else 0.0
            timer_s = values["BATT_LOW_TIMER"]
            too_long = timer_s > 0 and self._below_s[limit] > timer_s
            empty = left_mah < values[f"BATT_{limit}_MAH"]
            # Latched, and never milder than before.
            if self._tripped[limit] or self._tripped["CRT"] or not (too_long or empty):
                continue
            self._tripped[limit] = True
            ap.say(f"Battery 1 is {kind} {battery.volts:.2f}V used {battery.used_mah:.0f} mAh", _WARNING)
            self._act("Battery", BATTERY_ACTIONS.get(int(values[f"BATT_FS_{limit}_ACT"]), _NOTHING))

    def _gcs(self) -> None:
        ap, values = self._ap, self._ap.parameters
        enabled = int(values["FS_GCS_ENABLE"])
        if enabled == 0 or self.gcs_heard_s is None:
            self.gcs_on = False
            return
        silent = ap.craft.time_s - self.gcs_heard_s > values["FS_GCS_TIMEOUT"]
        if silent and not self.gcs_on:
            self.gcs_on = True
            exempt = (ap.mode.number == AUTO and values.flag("FS_OPTIONS", _GCS_CONTINUE_IN_AUTO)) or (
                ap.mode.number not in _BY_ITSELF and values.flag("FS_OPTIONS", _GCS_CONTINUE_BY_PILOT)
            )
            self._act("GCS", _NOTHING if exempt else GCS_ACTIONS.get(enabled, RTL))
        elif self.gcs_on and not silent:
            self.gcs_on = False
            ap.say("GCS Failsafe Cleared", _WARNING)

    def _radio(self) -> None:
        ap, values = self._ap, self._ap.parameters
        enabled = int(values["FS_THR_ENABLE"])
        lost = enabled != 0 and ap.rc.lost_s > values["RC_FS_TIMEOUT"]
        if lost and not self.radio_on:
            self.radio_on = True
            exempt = ap.mode.number == AUTO and values.flag("FS_OPTIONS", _RADIO_CONTINUE_IN_AUTO)
            self._act("Radio", _NOTHING if exempt else RADIO_ACTIONS.get(enabled, RTL))
        elif self.radio_on and not lost:
            self.radio_on = False
            ap.say("Radio Failsafe Cleared", _WARNING)

    def _fence(self) -> None:
        ap = self._ap
        if not ap.position_ok or not ap.craft.armed:
            self.fence_bits = 0
            return
        bits = ap.fence.breaches(ap.craft.position())
        if bits & ~self.fence_bits:
            self.fence_count += 1
            self.fence_at_s = ap.craft.time_s
            ap.say(f"{fences.words(bits)} fence breached", _NOTICE)
            if not ap.craft.landed:
                action = FENCE_ACTIONS.get(int(ap.parameters["FENCE_ACTION"]), _NOTHING)
                self._change_mode(action, "fence")
        elif self.fence_bits and not bits:
            ap.say(f"{fences.words(self.fence_bits)} fence breach cleared", _NOTICE)
        self.fence_bits = bits

    def _position(self) -> None:
        ap = self._ap
        lost = ap.boot.position_ok and ap.craft.sensors.fix_lost_s > _POSITION_LOST_S
        if lost and not self.position_on:
            self.position_on = True
            ap.say("EKF3 IMU0 stopped aiding", _WARNING)
            if ap.craft.armed and not ap.craft.landed and ap.mode.needs_position:
                ap.say("EKF Failsafe: changed to LAND Mode", _CRITICAL)
                self._change_mode(LAND if ap.parameters["FS_EKF_ACTION"] in (1, 3) else 2, "EKF failsafe")
        elif self.position_on and not lost:
            self.position_on = False
            ap.say("EKF3 IMU0 is using GPS", int(mavlink.MAV_SEVERITY_INFO))

    # -- actions ---------------------------------------------------------------------------------------------------------

    def _act(self, name: str, mode: int) -> None:
        ap = self._ap
        if not ap.craft.armed:
            ap.say(f"{name} Failsafe", _WARNING)
            return
        if ap.craft.landed:
            ap.say(f"{name} Failsafe - Disarming", _WARNING)
            ap.disarm(forced=True)
            return
        if mode == _NOTHING:
            ap.say(f"{name} Failsafe", _WARNING)
            return
        landing = ap.mode.number == LAND and ap.parameters.flag("FS_OPTIONS", _CONTINUE_LANDING)
        if landing or (ap.mode.number == LAND and mode == RTL):
            ap.say(f"{name} Failsafe - Continuing Landing", _WARNING)
            return
        ap.say(f"{name} Failsafe", _WARNING)
        self._change_mode(mode, f"{name} failsafe")

    def _change_mode(self, mode: int, reason: str) -> None:
        """Goes to the mode, or lands where that is refused."""
        ap = self._ap
        if mode in (_NOTHING, ap.mode.number):
            return
        if not ap.set_mode(mode, reason) and mode != LAND:
            ap.set_mode(LAND, reason)
