"""ArduCopter: its modes, what it keeps of a mission, and how it is started.

Measured on ArduCopter 4.6. Modes: https://ardupilot.org/copter/docs/parameters.html#fltmode1 .
"""

import math
from dataclasses import replace
from types import MappingProxyType

from agent.core.geo import LatLon
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.landing import PadFix
from agent.domain.telemetry import FlightMode, Telemetry
from agent.mavlink.commands import Command
from agent.mavlink.enums import Cmd, Frame, RepositionFlag
from agent.mavlink.gimbal import GimbalFrame
from agent.mavlink.landing_target import target_in_body
from agent.vehicle.driver import Driver, Traits, left_ground, on_ground
from agent.vehicle.pad_target import in_body
from agent.vehicle.plan_items import Wording
from agent.vehicle.session import Session

_MODE_SEEN_S = 3.0  # two heartbeats
_LIFT_OFF_S = 20.0  # longer than DISARM_DELAY, so that motors that stop again are seen

_SERVO_MOUNT = 1  # MNT1_TYPE

MODES = MappingProxyType(
    {
        0: FlightMode.MANUAL,  # STABILIZE
        1: FlightMode.MANUAL,  # ACRO
        2: FlightMode.MANUAL,  # ALT_HOLD
        3: FlightMode.MISSION,  # AUTO
        4: FlightMode.GUIDED,  # GUIDED
        5: FlightMode.MANUAL,  # LOITER: follows the sticks
        6: FlightMode.RETURN,  # RTL
        7: FlightMode.MANUAL,  # CIRCLE: the sticks change it
        9: FlightMode.LAND,  # LAND
        11: FlightMode.MANUAL,  # DRIFT
        13: FlightMode.MANUAL,  # SPORT
        14: FlightMode.MANUAL,  # FLIP
        15: FlightMode.MANUAL,  # AUTOTUNE
        16: FlightMode.MANUAL,  # POSHOLD
        17: FlightMode.HOLD,  # BRAKE
        18: FlightMode.MANUAL,  # THROW
        20: FlightMode.MANUAL,  # GUIDED_NOGPS: another computer's
        21: FlightMode.RETURN,  # SMART_RTL
        22: FlightMode.MANUAL,  # FLOWHOLD
        23: FlightMode.MANUAL,  # FOLLOW
        24: FlightMode.MANUAL,  # ZIGZAG
        25: FlightMode.MANUAL,  # SYSTEMID
        27: FlightMode.RETURN,  # AUTO_RTL
        28: FlightMode.MANUAL,  # TURTLE
    }
)
"""ArduCopter's custom modes; those that are not here are unknown to the agent."""

# LOITER is not used to hold: it follows the throttle stick and sinks where there is no transmitter.
_MODE_PARAMS = MappingProxyType(
    {
        FlightMode.MISSION: (3.0,),
        FlightMode.GUIDED: (4.0,),
        FlightMode.RETURN: (6.0,),
        FlightMode.LAND: (9.0,),
        FlightMode.HOLD: (17.0,),
    }
)

_KEPT = MappingProxyType(
    {
        Cmd.NAV_TAKEOFF: frozenset({7}),
        Cmd.NAV_WAYPOINT: frozenset({1, 5, 6, 7}),
        Cmd.NAV_RETURN_TO_LAUNCH: frozenset[int](),
        Cmd.CONDITION_YAW: frozenset({1, 4}),
        Cmd.DO_CHANGE_SPEED: frozenset({1, 2}),
        Cmd.DO_MOUNT_CONTROL: frozenset({1, 2, 3}),
        Cmd.IMAGE_START_CAPTURE: frozenset({2, 3}),
    }
)
"""Parameters that ArduCopter stores, per command (AP_Mission)."""

_FORGOTTEN = frozenset({Cmd.DO_CHANGE_SPEED, Cmd.DO_MOUNT_CONTROL})
"""AUTO begins with a speed of its own and leaves the gimbal as it is."""

STREAMS_HZ = MappingProxyType(
    {
        "GLOBAL_POSITION_INT": 10.0,
        "ATTITUDE": 20.0,
        "GIMBAL_DEVICE_ATTITUDE_STATUS": 10.0,
        "SYS_STATUS": 2.0,
        "EXTENDED_SYS_STATE": 4.0,
        "MISSION_CURRENT": 4.0,
        "GPS_RAW_INT": 2.0,
        "EKF_STATUS_REPORT": 2.0,
        "BATTERY_STATUS": 1.0,
        "HOME_POSITION": 0.5,
        "VIBRATION": 1.0,
        "WIND": 1.0,
        "POSITION_TARGET_GLOBAL_INT": 2.0,
        "GIMBAL_MANAGER_STATUS": 0.5,
        "CAMERA_CAPTURE_STATUS": 2.0,  # quicker than pictures follow each other: only the last can be asked for again
        "ADSB_VEHICLE": 1.0,
    }
)
"""About 2.4 kB/s: fits a radio of 57,600 baud."""

TRAITS = Traits(
    name="ArduPilot",
    mode_of=lambda number: MODES.get(number, FlightMode.UNKNOWN),
    mode_params=_MODE_PARAMS,
    wording=Wording(home_first=True, takeoff_place=False, yaw_in_waypoint=False, kept=_KEPT),
    bytewise=False,
    streams_hz=STREAMS_HZ,
    fence_ceiling="FENCE_ALT_MAX",
    return_height=("RTL_ALT", 100.0),
    goto_mode=FlightMode.GUIDED,
    to_pad=MappingProxyType({"RALLY_INCL_HOME": 1.0, "RALLY_LIMIT_KM": 0.001}),
    to_rally=MappingProxyType({"RALLY_INCL_HOME": 0.0, "RALLY_LIMIT_KM": 0.0}),
    gimbal=GimbalFrame.UNKNOWN,
    forgotten=_FORGOTTEN,
    parameter_file=True,
    plan_files=True,
    parameter_reads_hz=50.0,  # five each tenth of a second, however many are asked for
)


class ArduPilotDriver(Driver):
    """An ArduCopter.

    Args:
        session: the drone.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session, TRAITS)

    async def after_upload(self, began_s: float) -> Outcome:  # noqa: ARG002 the base class's
        """ArduCopter says all it has to say in the upload's answer."""
        return Accepted()

    async def learn_gimbal(self) -> bool:
        """Reads which mount it is. Servos (1) are reported against the body, though flagged as against the horizon."""
        mount = await self.parameters.get("MNT1_TYPE")
        if mount is not None:
            self.gimbal = GimbalFrame.BODY if mount == _SERVO_MOUNT else GimbalFrame.FLAGGED
            self.session.meaning = replace(self.session.meaning, gimbal=self.gimbal)
        return mount is not None

    def link_failsafe_since(self, at_s: float) -> bool:
        """It says so in a sentence, again when the failsafe ends, which is when it hears the nest."""
        return any("GCS Failsafe" in sentence.text for sentence in self.session.texts.since(at_s))

    async def launch(self) -> Outcome:
        """GUIDED, mission to its beginning, arm, MISSION_START, and see that it lifts off.

        AUTO is not armable with AUTO_OPTIONS 0, and a MISSION_START while disarmed is accepted and does nothing.
        """
        refused = self.not_ready()
        if refused is not None:
            return refused
        outcome = await self.change_mode(FlightMode.GUIDED)
        if isinstance(outcome, Accepted):
            outcome = await self._rewind()
        if isinstance(outcome, Accepted):
            outcome = await self.arm()
        if isinstance(outcome, Refused):
            return outcome
        outcome = await self._start()
        if isinstance(outcome, Refused) and on_ground(self.session.telemetry):
            await self.disarm()
        return outcome

    async def _rewind(self) -> Outcome:
        """A mission that was flown is complete, and would stay so: set it to its beginning, with its counters."""
        assert self.plan is not None  # noqa: S101 not_ready() has seen to it
        first, reset = float(self.plan.begins[0]), 1.0
        answer = await self.command(Command(Cmd.DO_SET_MISSION_CURRENT, (first, reset)))
        return Accepted() if answer.accepted else Refused("mission.refused", answer.reason)

    async def _start(self) -> Outcome:
        """MISSION_START; again only where neither answer nor effect is seen: nobody takes off behind a pilot's back."""
        start = Command(Cmd.MISSION_START, repeatable=False)
        for _ in range(2):
            answer = await self.command(start)
            if answer.result is not None and not answer.accepted:
                return Refused("vehicle.start_denied", answer.reason)
            if answer.accepted or await self.session.until(lambda t: not _still_waiting(t), _MODE_SEEN_S):
                break
        gone = await self.session.until(lambda t: left_ground(t) or t.armed is False, _LIFT_OFF_S)
        telemetry = self.session.telemetry
        if gone and left_ground(telemetry) and telemetry.mode is FlightMode.MISSION:
            return Accepted()
        if left_ground(telemetry):
            return Refused("vehicle.start_denied", f"it is in the air in mode {telemetry.mode.value}, not in its mission")
        how = "the motors stopped again" if telemetry.armed is False else "the motors run"
        return Refused("vehicle.no_takeoff", f"it did not lift off within {_LIFT_OFF_S:g} s; {how}")

    async def resume(self, index: int) -> Outcome:
        """Sets the item, then AUTO, then what AUTO forgot. An index past the end is denied."""
        if self.plan is None or not 0 <= index < len(self.plan.begins):
            return Refused("mission.refused", f"there is no item {index} in the uploaded plan")
        answer = await self.command(Command(Cmd.DO_SET_MISSION_CURRENT, (float(self.plan.begins[index]), 0.0)))
        if not answer.accepted:
            return Refused("mission.refused", answer.reason)
        outcome = await self.change_mode(FlightMode.MISSION)
        return outcome if isinstance(outcome, Refused) else await self.renew(index)

    async def pause(self) -> Outcome:
        """Into GUIDED, which stands still until it is told a place.

        BRAKE stands still too, but ArduCopter counts it as flown by a pilot: with FS_OPTIONS bit 4 it would stay there when the
        nest falls silent, until the battery ends it.
        """
        return await self.change_mode(FlightMode.GUIDED)

    async def goto(self, place: LatLon, alt_rel_m: float, heading_deg: float | None) -> Outcome:
        """DO_REPOSITION into GUIDED; its heading is ignored by ArduCopter, so CONDITION_YAW follows."""
        params = (-1.0, float(RepositionFlag.CHANGE_MODE), 0.0, math.nan)
        command = Command(Cmd.DO_REPOSITION, params, place, alt_rel_m, Frame.GLOBAL_RELATIVE_ALT_INT)
        outcome = await self.reposition(command)
        if isinstance(outcome, Refused) or heading_deg is None:
            return outcome
        absolute = 0.0
        answer = await self.command(Command(Cmd.CONDITION_YAW, (heading_deg % 360.0, 0.0, 0.0, absolute)))
        return outcome if answer.accepted else Accepted(f"on its way, but the heading was not taken: {answer.reason}")

    def show_pad(self, fix: PadFix) -> None:
        """In body axes, as seen now: ArduCopter takes a target for as old as PLND_LAG says, whatever its time stamp."""
        place = in_body(fix, self.session.telemetry, self.session.unix_s())
        if place is not None:
            self.session.link.send(target_in_body(fix.captured_unix_s, *place))


def _still_waiting(telemetry: Telemetry) -> bool:
    """Whether it stands armed in GUIDED, as it did before it was told to start."""
    return telemetry.mode is FlightMode.GUIDED and telemetry.armed is True and not left_ground(telemetry)
