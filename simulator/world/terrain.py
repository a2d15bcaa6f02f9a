"""The bare ground: fractal hills, a river with its flood plain carved in, a flat place for the nest.

Knows nothing of what grows or stands on the ground.
"""

import math
from dataclasses import dataclass

import numpy as np

from simulator.world.config import WorldConfig
from simulator.world.grid import Grid
from simulator.world.noise import fractal, smoothstep
from simulator.world.raster import Field2D

CELL_M = 4.0
NEST_ABOVE_RIVER_M = 8.0  # outside the reach of any flood the configuration allows
_FLAT_RADIUS_M = 60.0
_RIVER_DEPTH_M = 2.5
_HILL_M = 15.0


@dataclass(frozen=True)
class River:
    """Where the river runs: from south to north, around a mean distance west of the nest.

    Attributes:
        size_m: side of the world, after which the course repeats.
        mean_east_m: mean of the centre line.
        swings: (amplitude m, waves a side, phase rad) of the meanders.
        half_width_m: mean half width.
        level_amsl_m: its surface at normal gauge.
    """

    size_m: float
    mean_east_m: float
    swings: tuple[tuple[float, int, float], ...]
    half_width_m: float
    level_amsl_m: float

    def centre_east_m(self, north_m: Field2D) -> Field2D:
        """East of the centre line at these norths."""
        angle = north_m * np.float32(2 * math.pi / self.size_m)
        swing = sum(np.float32(a) * np.sin(angle * n + np.float32(p)) for a, n, p in self.swings)
        return np.asarray(self.mean_east_m + swing, dtype=np.float32)

    def half_width_at_m(self, north_m: Field2D) -> Field2D:
        """Half the width at these norths; it varies by a quarter."""
        angle = north_m * np.float32(2 * math.pi / self.size_m)
        return np.asarray(self.half_width_m * (1.0 + 0.25 * np.sin(3.0 * angle + 1.0)), dtype=np.float32)

    def bank_distance_m(self, east_m: Field2D, north_m: Field2D) -> Field2D:
        """Metres from the nearest bank, negative in the river (good near the river, coarse far from it)."""
        half = np.float32(self.size_m / 2)
        across = np.mod(east_m - self.centre_east_m(north_m) + half, 2 * half) - half
        slope = np.gradient(self.centre_east_m(north_m).ravel(), north_m.ravel()).reshape(north_m.shape)
        return np.asarray(np.abs(across) / np.hypot(1.0, slope) - self.half_width_at_m(north_m), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Ground:
    """The bare ground of a world.

    Attributes:
        grid: its raster.
        height_amsl_m: ground height, below the water in the river.
        river: the river.
        bank_distance_m: metres from the river's bank, negative in the river.
    """

    grid: Grid
    height_amsl_m: Field2D
    river: River
    bank_distance_m: Field2D


def make_ground(config: WorldConfig) -> Ground:
    """The ground of a world."""
    rng = np.random.default_rng([config.seed, 1])
    grid = Grid(config.size_m, round(config.size_m / CELL_M))
    river = _make_river(config, rng)
    east, north = grid.axes()
    bank = river.bank_distance_m(east, north)
    radius = np.hypot(east, north)
    hills = _HILL_M * fractal(grid.cells, rng, slope=3.4, longest=0.8)
    roll = 0.35 * fractal(grid.cells, rng, slope=2.6, longest=0.1)
    away = smoothstep(260.0, 700.0, bank) * smoothstep(120.0, 420.0, radius)
    plain = _plain_m(bank) + roll * smoothstep(5.0, 60.0, bank)
    above = plain + away * np.maximum(hills + 4.0, -3.0)
    to_nest = 1.0 - smoothstep(_FLAT_RADIUS_M, 2.5 * _FLAT_RADIUS_M, radius)
    above = above * (1.0 - to_nest) + NEST_ABOVE_RIVER_M * to_nest
    height = (above + river.level_amsl_m).astype(np.float32)
    return Ground(grid, height, river, bank)


def _make_river(config: WorldConfig, rng: np.random.Generator) -> River:
    size = config.size_m
    swings = (
        (size * rng.uniform(0.02, 0.04), 1, rng.uniform(0, 2 * math.pi)),
        (size * rng.uniform(0.008, 0.02), 2, rng.uniform(0, 2 * math.pi)),
        (size * rng.uniform(0.002, 0.006), 5, rng.uniform(0, 2 * math.pi)),
    )
    half_width = rng.uniform(16.0, 30.0)
    return River(size, -0.24 * size, swings, half_width, config.nest_alt_amsl_m - NEST_ABOVE_RIVER_M)


def _plain_m(bank: Field2D) -> Field2D:
    """Height above the river's normal surface by distance from the bank: bed, bank, flood plain, terrace."""
    bed = -_RIVER_DEPTH_M * np.sqrt(np.clip(-bank / 18.0, 0.0, 1.0))
    slope = 0.5 * smoothstep(0.0, 6.0, bank) + 2.3 * np.clip((bank - 4.0) / 230.0, 0.0, 1.0)
    terrace = (NEST_ABOVE_RIVER_M - 2.8) * smoothstep(180.0, 380.0, bank)
    return np.asarray(bed + slope + terrace, dtype=np.float32)
