"""The program of the dock's PLC: a scan cycle that reads commands and sensors, keeps its own safety, and drives the motors.

The register map is ``docs/dock-registers.md``; this is its second, independent implementation. Works on two plain lists of
registers, so it can be run without a network.
"""

from dataclasses import dataclass, field

from simulator.nest.actuator import Actuator
from simulator.nest.faults import Fault
from simulator.nest.mechanics import Mechanics

SCAN_S = 0.05
WATCHDOG_S = 15.0
STALL_S = 2.0
UPS_LOW = 0.1

# Holding registers.
H_HEARTBEAT, H_LID, H_CLAMPS, H_CHARGER, H_RESET, H_LIGHT, H_HEATER, H_WATCHDOG = range(8)
HOLDING_COUNT = 8
# Input registers.
I_MARK, I_VERSION, I_SCANS, I_STATUS, I_LID, I_CURRENT, I_UPS, I_TEMP, I_FAULTS, I_REFUSAL = range(10)
INPUT_COUNT = 10

FAULT_LID, FAULT_CLAMPS, FAULT_CHARGER, FAULT_WATCHDOG, FAULT_UPS = (1 << bit for bit in range(5))
REFUSED_ESTOP, REFUSED_POWER, REFUSED_LATCHED, REFUSED_INTERLOCK, REFUSED_WATCHDOG, REFUSED_UNKNOWN = range(1, 7)


@dataclass
class _Drive:
    """A motor under the program's control: which fault a stall latches, and how long it has not moved."""

    part: Actuator
    fault: int
    still_s: float = 0.0

    def towards(self, direction: int) -> None:
        self.part.drive = direction
        self.still_s = 0.0


@dataclass
class Plc:
    """The program and its registers.

    Attributes:
        box: what it is wired to.
        holding: the registers that the controller writes.
        inputs: the registers that it reads.
    """

    box: Mechanics
    holding: list[int] = field(default_factory=lambda: [0] * (HOLDING_COUNT - 1) + [int(WATCHDOG_S)])
    inputs: list[int] = field(default_factory=lambda: [0x4E44, 1] + [0] * (INPUT_COUNT - 2))
    _beat: int = 0
    _beat_age_s: float = 0.0
    _latched: int = 0
    _refusal: int = 0
    _stopped: bool = False

    def __post_init__(self) -> None:
        self._lid = _Drive(self.box.lid, FAULT_LID)
        self._clamps = _Drive(self.box.clamps, FAULT_CLAMPS)
        self._charger = _Drive(self.box.charger, FAULT_CHARGER)
        self._publish()

    def scan(self, dt_s: float) -> None:
        """One cycle."""
        if Fault.PLC_STOPPED in self.box.faults or not self.box.has_power:
            self._stopped = True
            self._stop_all()
            return
        if self._stopped:  # a program that starts forgets what was asked of it before
            self._stopped = False
            self.holding[H_LID : H_RESET + 1] = [0] * (H_RESET + 1 - H_LID)
        self._watch_controller(dt_s)
        self._take_commands()
        for drive in (self._lid, self._clamps, self._charger):
            self._supervise(drive, dt_s)
        self.box.light, self.box.heater = bool(self.holding[H_LIGHT]), bool(self.holding[H_HEATER])
        self._publish()

    def _watch_controller(self, dt_s: float) -> None:
        if self.holding[H_HEARTBEAT] != self._beat:
            self._beat, self._beat_age_s = self.holding[H_HEARTBEAT], 0.0
            return
        self._beat_age_s += dt_s
        if self._beat_age_s > max(1, self.holding[H_WATCHDOG]) and any(
            drive.part.drive for drive in (self._lid, self._clamps, self._charger)
        ):
            self._latched |= FAULT_WATCHDOG
            self._stop_all()

    @property
    def _controller_lost(self) -> bool:
        return self._beat_age_s > max(1, self.holding[H_WATCHDOG])

    def _take_commands(self) -> None:
        """Carries out each command register that is not 0, then sets it to 0."""
        if self.holding[H_RESET]:
            self._latched = self._refusal = 0
            self.holding[H_RESET] = 0
        for register, carry_out in (
            (H_LID, self._lid_command),
            (H_CLAMPS, self._clamp_command),
            (H_CHARGER, self._charge_command),
        ):
            value, self.holding[register] = self.holding[register], 0
            if value:
                self._refusal = carry_out(value)

    def _lid_command(self, value: int) -> int:
        if value == 3:
            self._lid.towards(0)
            return 0
        if value not in {1, 2}:
            return REFUSED_UNKNOWN
        held = self.box.clamps.out or not self._pad
        if value == 2 and not held:
            return REFUSED_INTERLOCK
        return self._drive(self._lid, +1 if value == 1 else -1)

    def _clamp_command(self, value: int) -> int:
        if value not in {1, 2}:
            return REFUSED_UNKNOWN
        if value == 1 and not self.box.charger.home:
            return REFUSED_INTERLOCK
        return self._drive(self._clamps, -1 if value == 1 else +1)

    def _charge_command(self, value: int) -> int:
        if value not in {1, 2}:
            return REFUSED_UNKNOWN
        if value == 2 and not (self._pad and self.box.clamps.out):
            return REFUSED_INTERLOCK
        return self._drive(self._charger, -1 if value == 1 else +1)

    def _drive(self, drive: _Drive, direction: int) -> int:
        """Starts a motor, or says why not."""
        if self.box.emergency_stop:
            return REFUSED_ESTOP
        if not self.box.on_mains and self.box.ups_charge < UPS_LOW / 2:
            return REFUSED_POWER
        if self._latched & drive.fault:
            return REFUSED_LATCHED
        if self._controller_lost:
            return REFUSED_WATCHDOG
        drive.towards(direction)
        return 0

    def _supervise(self, drive: _Drive, dt_s: float) -> None:
        """Stops a motor at its end, on the emergency stop, and when its part does not move."""
        part = drive.part
        at_end = part.position >= 1.0 if part.drive > 0 else part.position <= 0.0
        if not part.drive or at_end or self.box.emergency_stop:
            drive.towards(0)
            return
        stuck = part.blocked or (part.drive > 0 and part.position >= part.limit)
        drive.still_s = drive.still_s + dt_s if stuck else 0.0
        if drive.still_s > STALL_S:
            self._latched |= drive.fault
            drive.towards(0)

    def _stop_all(self) -> None:
        for drive in (self._lid, self._clamps, self._charger):
            drive.towards(0)

    @property
    def _pad(self) -> bool:
        return self.box.faults.sensed("pad", self.box.pad_occupied)

    def _publish(self) -> None:
        box, sensed = self.box, self.box.faults.sensed
        bits = (
            sensed("lid_open", box.lid.out),
            sensed("lid_closed", box.lid.home),
            box.lid.drive != 0,
            sensed("clamps_engaged", box.clamps.out),
            sensed("clamps_released", box.clamps.home),
            box.clamps.drive != 0,
            self._pad,
            sensed("charger_engaged", box.charger.out),
            sensed("charger_retracted", box.charger.home),
            Fault.DOOR_OPEN not in box.faults,
            box.emergency_stop,
            box.on_mains,
            box.light,
            box.heater,
        )
        position = box.lid.position if "lid_position" not in box.faults.lying else 1.0 - box.lid.position
        faults = self._latched | (FAULT_UPS if box.ups_charge < UPS_LOW else 0)
        self.inputs[I_SCANS:] = [
            (self.inputs[I_SCANS] + 1) & 0xFFFF,
            sum(1 << bit for bit, value in enumerate(bits) if value),
            round(position * 1000),
            round(box.charging_a * 100),
            round(box.ups_charge * 1000),
            round(box.inside_temp_c * 10) & 0xFFFF,
            faults,
            self._refusal,
        ]
