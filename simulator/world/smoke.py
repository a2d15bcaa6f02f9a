"""The plume: puffs that leave the burning ground, rise, drift with the wind and grow.

A puff's place and size at any moment follow from its birth alone, so a plume can be asked for at any moment in any order.
Rise follows Briggs' two-thirds law for a bent-over buoyant plume; growth is proportional to the rise (entrainment) plus
turbulence.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.world.config import AirConfig
from simulator.world.fire import CELL_M, Fire
from simulator.world.noise import hash_unit
from simulator.world.raster import Vectors

PUFF_LIFE_S = 150.0
_PUFFS_A_SECOND = 2.2
_ENTRAINMENT = 0.42
_SHEAR = 0.35  # wind grows by this share over the first 100 m


@dataclass(frozen=True, eq=False)
class Puffs:
    """The puffs in the air at one moment; arrays of equal length.

    Attributes:
        centre_m: east, north and altitude above sea level (n, 3).
        radius_m: visible radius.
        opacity: at the centre, 0..1.
        tone: brightness, 0 black .. 1 white.
        kind: a number that chooses the puff's look.
        glow: 0..1, how strongly flames light it from below.
    """

    centre_m: Vectors
    radius_m: NDArray[np.float64]
    opacity: NDArray[np.float64]
    tone: NDArray[np.float64]
    kind: NDArray[np.int64]
    glow: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.radius_m)


def puffs_at(fire: Fire, air: AirConfig, world_s: float, seed: int) -> Puffs:
    """The plume of a fire at a moment."""
    last = math.floor(world_s * _PUFFS_A_SECOND)
    first = max(math.ceil((world_s - PUFF_LIFE_S) * _PUFFS_A_SECOND), math.ceil(fire.config.ignition_s * _PUFFS_A_SECOND))
    births = [number for number in range(first, last + 1) if number % 2 == 0 or world_s - number / _PUFFS_A_SECOND < 40.0]
    if not births:
        return _none()
    numbers = np.array(births, dtype=np.int64)
    age = world_s - numbers / _PUFFS_A_SECOND
    east, north, ground, front_m2 = _sources(fire, numbers, seed)
    chance = [hash_unit(numbers, seed, salt) for salt in range(10, 16)]
    strength = np.clip(np.sqrt(front_m2) / 45.0, 0.12, 1.0) * fire.config.smoke**0.3
    rise, drift_e, drift_n = _path(air, age, strength, chance)
    radius = (1.8 + 6.5 * strength + _ENTRAINMENT * rise + 0.10 * age * strength) * (0.7 + 0.6 * chance[0])
    young, old = np.clip(age / 2.5, 0.0, 1.0), np.clip(1.0 - age / PUFF_LIFE_S, 0.0, 1.0)
    opacity = fire.config.smoke * (0.42 + 0.50 * strength) * young * old**1.3 * (0.55 + 0.45 * chance[1])
    tone = fire.config.smoke_tone * (0.82 + 0.25 * chance[2]) + 0.12 * (1.0 - old)
    centre = np.stack([east + drift_e, north + drift_n, ground + 2.0 + rise + 0.35 * radius], axis=1)
    glow = 0.55 * np.minimum(fire.config.flame, 1.0) * np.exp(-age / 5.0) * strength
    return Puffs(centre, radius, np.clip(opacity, 0.0, 0.92), np.clip(tone, 0.03, 1.0), numbers, np.clip(glow, 0.0, 1.0))


def _path(air: AirConfig, age: NDArray[Any], strength: NDArray[Any], chance: list[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    """Rise (m) and drift east and north (m) since birth."""
    wind = max(0.6, air.wind_m_s)
    buoyancy = 28.0 * strength**2  # m4/s3
    along = wind * age
    rise = 1.6 * np.cbrt(buoyancy) * np.cbrt(along**2) / wind * (0.75 + 0.5 * chance[3])
    rise = 260.0 * (1.0 - np.exp(-rise / 260.0))  # a stable layer ends the rise
    towards = math.radians(air.wind_from_deg + 180.0)
    drift = along * (1.0 + _SHEAR * np.clip(rise / 100.0, 0.0, 1.5))
    wander = (0.7 + 0.06 * wind) * np.sqrt(age + 0.01) * 1.2
    side = (chance[4] - 0.5) * 2.0 * wander
    ahead = (chance[5] - 0.5) * 2.0 * wander
    drift_e = (drift + ahead) * math.sin(towards) + side * math.cos(towards)
    drift_n = (drift + ahead) * math.cos(towards) - side * math.sin(towards)
    return rise, drift_e, drift_n


def _sources(fire: Fire, numbers: NDArray[Any], seed: int) -> tuple[NDArray[Any], ...]:
    """Where each puff left the ground, the ground's height there, and how much burnt at that moment (m2)."""
    arrival = fire.arrival_s.ravel()
    order = np.argsort(arrival, kind="stable")
    times = arrival[order]
    born = numbers / _PUFFS_A_SECOND
    newest = np.searchsorted(times, born, side="right")
    oldest = np.searchsorted(times, born - 110.0, side="right")
    pick = hash_unit(numbers, seed, 3)
    # Square root: most smoke comes from the young front, some from what smoulders behind it.
    index = np.clip(oldest + (np.sqrt(pick) * (newest - oldest)).astype(np.int64), 0, np.maximum(newest - 1, 0))
    cells = order[index]
    rows, columns = np.divmod(cells, fire.cells)
    east, north = fire.places(rows, columns)
    return east, north, fire.ground_amsl_m.ravel()[cells].astype(np.float64), (newest - oldest) * CELL_M**2


def _none() -> Puffs:
    zero = np.zeros(0)
    return Puffs(np.zeros((0, 3)), zero, zero, zero, np.zeros(0, np.int64), zero)
