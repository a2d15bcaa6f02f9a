"""The box itself: what moves, what it senses, how it charges, and what breaks when something goes wrong.

Physics only: it does what its motors are told, sensible or not, and notes every collision. What should be allowed is the PLC's
program (:mod:`simulator.nest.plc`) and, above it, the agent. Pure: time comes in as ``step(dt_s)``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.nest.actuator import Actuator
from simulator.nest.drone import OverPad
from simulator.nest.faults import Fault, Faults

Report = Callable[[str, dict[str, object]], None]
"""Takes an event of the truth log: its name and its details."""

CHARGE_FULL_A = 10.0
TRICKLE_A = 0.15
TAPER_FROM = 0.85
UPS_MINUTES = 60.0


@dataclass
class Mechanics:
    """Lid (0 closed, 1 open), clamps (0 released, 1 engaged), charger (0 retracted, 1 engaged), sensors, mains, UPS.

    Attributes:
        report: where events of the truth log go.
        faults: what is broken on purpose.
        drone: the drone seen from the pad; None while nothing is known of it.
        battery: the drone's state of charge 0..1; None where it is not told.
    """

    report: Report
    faults: Faults = field(default_factory=Faults)
    lid: Actuator = field(default_factory=lambda: Actuator(travel_s=15.0))
    clamps: Actuator = field(default_factory=lambda: Actuator(travel_s=4.0, position=1.0))
    charger: Actuator = field(default_factory=lambda: Actuator(travel_s=3.0, position=1.0))
    drone: OverPad | None = None
    battery: float | None = None
    outside_temp_c: float = 20.0
    inside_temp_c: float = 20.0
    ups_charge: float = 1.0
    light: bool = False
    heater: bool = False
    charging_a: float = 0.0
    _shown: dict[str, object] = field(default_factory=dict)
    _harm: set[str] = field(default_factory=set)

    def step(self, dt_s: float) -> None:
        """Lets time pass."""
        self._apply_faults()
        lid_moved = self.lid.step(dt_s) != 0.0
        self.clamps.step(dt_s)
        self.charger.step(dt_s)
        self._power(dt_s)
        self.charging_a = self._charging_a()
        self._notice_harm(lid_moved=lid_moved)
        self._notice_changes()

    @property
    def on_mains(self) -> bool:
        """Mains power is there."""
        return Fault.POWER_CUT not in self.faults

    @property
    def emergency_stop(self) -> bool:
        """The red button is pressed; it also cuts the motors' supply by wire."""
        return Fault.EMERGENCY_STOP in self.faults

    @property
    def has_power(self) -> bool:
        """Motors and PLC are fed."""
        return self.on_mains or self.ups_charge > 0.0

    @property
    def pad_occupied(self) -> bool:
        """A drone truly stands where the pad's sensor looks."""
        return self.drone is not None and self.drone.on_pad

    def _apply_faults(self) -> None:
        self.lid.blocked = Fault.LID_JAM in self.faults
        self.lid.limit = 0.5 if Fault.LID_HALF_OPEN in self.faults else 1.0
        if self.emergency_stop or not self.has_power:
            self.lid.drive = self.clamps.drive = self.charger.drive = 0

    def _power(self, dt_s: float) -> None:
        rate = 1.0 / 1800.0 if self.on_mains else -1.0 / (UPS_MINUTES * 60.0)
        self.ups_charge = min(1.0, max(0.0, self.ups_charge + rate * dt_s))
        target_c = self.outside_temp_c + (12.0 if self.heater and self.on_mains else 0.0)
        self.inside_temp_c += (target_c - self.inside_temp_c) * min(1.0, dt_s / 600.0)

    def _charging_a(self) -> float:
        """Constant current, then a taper to a trickle as the battery fills."""
        contact = self.charger.out and self.clamps.out and self.pad_occupied and Fault.CHARGER_CONTACT not in self.faults
        if not (contact and self.on_mains):
            return 0.0
        missing = 1.0 - (self.battery if self.battery is not None else 0.5)
        return max(TRICKLE_A, CHARGE_FULL_A * min(1.0, missing / (1.0 - TAPER_FROM)))

    def _notice_harm(self, *, lid_moved: bool) -> None:
        """Reports each collision and each breach of safety once, when it begins."""
        drone = self.drone
        if drone is None:
            return
        lid_open = self.lid.position >= 0.95
        self._harmed("COLLISION", "lid_moved_on_flying_drone", lid_moved and drone.lifted)
        self._harmed("COLLISION", "lid_moved_on_drone_sticking_out", lid_moved and drone.sticks_out)
        self._harmed("COLLISION", "flew_through_lid", drone.lifted and not lid_open)
        self._harmed("COLLISION", "flew_in_engaged_clamps", drone.lifted and not self.clamps.home)
        self._harmed("VIOLATION", "armed_under_lid", drone.on_pad and drone.armed and not lid_open)
        self._harmed("VIOLATION", "armed_in_clamps", drone.on_pad and drone.armed and not self.clamps.home)
        self._harmed("VIOLATION", "lid_moved_on_armed_drone", lid_moved and drone.in_box and drone.armed)

    def _harmed(self, event: str, kind: str, now: bool) -> None:  # noqa: FBT001 one row of the table above
        if now and kind not in self._harm:
            self._harm.add(kind)
            self.report(event, {"kind": kind, **self.snapshot()})
        elif not now:
            self._harm.discard(kind)

    def _notice_changes(self) -> None:
        for name, value in self._states().items():
            if self._shown.get(name) != value:
                self._shown[name] = value
                self.report(name, {"value": value})

    def _states(self) -> dict[str, object]:
        return {
            "lid": "open" if self.lid.out else "closed" if self.lid.home else "between",
            "clamps": "engaged" if self.clamps.out else "released" if self.clamps.home else "between",
            "charger": "engaged" if self.charger.out else "retracted" if self.charger.home else "between",
            "charging": self.charging_a > 0.0,
            "pad": "occupied" if self.pad_occupied else "free",
        }

    def snapshot(self) -> dict[str, object]:
        """The true state, for the log and for people."""
        drone = self.drone
        return {
            "lid_open": round(self.lid.position, 3),
            "clamps_engaged": round(self.clamps.position, 3),
            "charger_engaged": round(self.charger.position, 3),
            "charging_a": round(self.charging_a, 2),
            "ups_charge": round(self.ups_charge, 3),
            "inside_temp_c": round(self.inside_temp_c, 1),
            "battery": self.battery,
            "pad_occupied": self.pad_occupied,
            "drone_sideways_m": None if drone is None else round(drone.sideways_m, 2),
            "drone_above_m": None if drone is None else round(drone.above_m, 2),
            "drone_armed": None if drone is None else drone.armed,
            "faults": self.faults.names(),
        }
