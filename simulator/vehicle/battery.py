"""The battery: charge, voltage under load, temperature, and the charger.

Open-circuit voltage over charge is a lithium-polymer cell's, scaled to the pack. Pure arithmetic: knows nothing of parameters'
names, of the autopilot or of MAVLink.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Final

# Charge left (0..1) and open-circuit volts of one cell at rest; a usual LiPo discharge curve.
_CELL_CURVE: Final = (
    (0.0, 3.00), (0.02, 3.30), (0.05, 3.50), (0.10, 3.62), (0.20, 3.71), (0.40, 3.79), (0.60, 3.90), (0.80, 4.03), (0.95, 4.15),
    (1.0, 4.20),
)  # fmt: skip
_FULL_CELL_V: Final = 4.20
_HEAT_CAPACITY_J_K: Final = 900.0  # about 0.9 kg of cells
_COOLING_W_K: Final = 1.5
_TAPER_FRACTION: Final = 0.02  # a charger stops below this fraction of the capacity in amperes


@dataclass(frozen=True, slots=True)
class Pack:
    """What the pack is.

    Attributes:
        capacity_ah: true capacity.
        full_v: voltage at rest when full; the number of cells is not needed.
        resistance_ohm: internal resistance.
        air_temp_c: temperature around it.
    """

    capacity_ah: float
    full_v: float
    resistance_ohm: float
    air_temp_c: float


def open_circuit_v(charge: float, full_v: float) -> float:
    """Voltage at rest; charge is 0..1."""
    charge = min(max(charge, 0.0), 1.0)
    for (low, low_v), (high, high_v) in itertools.pairwise(_CELL_CURVE):
        if charge <= high:
            cell_v = low_v + (high_v - low_v) * (charge - low) / (high - low)
            return cell_v * full_v / _FULL_CELL_V
    return full_v


class Battery:
    """State of the pack and of the autopilot's gauge.

    Attributes:
        charge: true state of charge, 0..1.
        volts: at the terminals, under load.
        amps: positive out of the pack, negative while charging.
        temp_c: of the cells.
        used_mah: what the autopilot's counter says has left the pack.
        used_wh: the same in energy.
    """

    def __init__(self, charge: float, full_v: float, air_temp_c: float) -> None:
        self.charge = charge
        self.volts = open_circuit_v(charge, full_v)
        self.amps = 0.0
        self.temp_c = air_temp_c
        self.used_mah = 0.0
        self.used_wh = 0.0

    def set_charge(self, charge: float, gauge_capacity_mah: float) -> None:
        """A fault or a scenario's start: the pack now holds this much and its gauge knows."""
        self.charge = min(max(charge, 0.0), 1.0)
        self.used_mah = (1.0 - self.charge) * gauge_capacity_mah

    def step(self, dt_s: float, pack: Pack, load_w: float, charger_a: float) -> None:
        """Advances by dt: the load draws power, the charger (0 for none) pushes at most so many amperes."""
        rest_v = open_circuit_v(self.charge, pack.full_v)
        amps = _load_amps(rest_v, pack.resistance_ohm, load_w)
        if charger_a > 0.0:
            amps -= self._charging_amps(pack, rest_v, charger_a)
        if self.charge <= 0.0 and amps > 0.0:
            amps = 0.0
        moved_ah = amps * dt_s / 3600.0
        self.charge = min(max(self.charge - moved_ah / pack.capacity_ah, 0.0), 1.0)
        self.amps = amps
        self.volts = max(rest_v - amps * pack.resistance_ohm, 0.0)
        self.used_mah = max(self.used_mah + moved_ah * 1000.0, 0.0)
        self.used_wh = max(self.used_wh + self.volts * moved_ah, 0.0)
        heat_w = amps * amps * pack.resistance_ohm - (self.temp_c - pack.air_temp_c) * _COOLING_W_K
        self.temp_c += heat_w * dt_s / _HEAT_CAPACITY_J_K

    def _charging_amps(self, pack: Pack, rest_v: float, charger_a: float) -> float:
        """Constant current, then constant voltage, then off."""
        if self.charge >= 1.0:
            return 0.0
        by_voltage = (pack.full_v * 1.0005 - rest_v) / pack.resistance_ohm
        amps = min(charger_a, by_voltage)
        return amps if amps > pack.capacity_ah * _TAPER_FRACTION or self.charge < 0.995 else pack.capacity_ah * _TAPER_FRACTION

    def remaining_percent(self, gauge_capacity_mah: float) -> float:
        """What the autopilot reports: counted charge against the capacity it was told."""
        if gauge_capacity_mah <= 0.0:
            return -1.0
        return min(max(100.0 * (1.0 - self.used_mah / gauge_capacity_mah), 0.0), 100.0)


def _load_amps(rest_v: float, resistance_ohm: float, load_w: float) -> float:
    """Current that delivers the power through the internal resistance; the most the pack can give if it cannot."""
    if load_w <= 0.0 or rest_v <= 0.0:
        return 0.0
    if resistance_ohm <= 0.0:
        return load_w / rest_v
    under_root = rest_v * rest_v - 4.0 * resistance_ohm * load_w
    if under_root <= 0.0:
        return rest_v / (2.0 * resistance_ohm)
    return (rest_v - math.sqrt(under_root)) / (2.0 * resistance_ohm)
