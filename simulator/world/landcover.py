"""What covers the ground: forest, fields, grass, roads, houses, single trees, a power line.

A plan in metres and classes; what it looks like from above is the business of ``orthophoto``.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.world.config import WorldConfig
from simulator.world.grid import Grid
from simulator.world.noise import fractal, hash_unit, smoothstep
from simulator.world.raster import Field2D, Picture
from simulator.world.terrain import Ground

COVER_CELL_M = 2.0
NEST_CLEARING_M = 95.0
PYLON_HEIGHT_M = 24.0


@dataclass(frozen=True)
class Road:
    """A road as a line.

    Attributes:
        points_m: east and north of its points.
        width_m: full width.
        paved: asphalt, else earth.
    """

    points_m: tuple[tuple[float, float], ...]
    width_m: float
    paved: bool


@dataclass(frozen=True)
class House:
    """A building with a gable roof."""

    east_m: float
    north_m: float
    length_m: float
    width_m: float
    turn_rad: float
    eaves_m: float
    roof: int
    metal: bool


@dataclass(frozen=True)
class Tree:
    """A single tree."""

    east_m: float
    north_m: float
    radius_m: float
    height_m: float
    shade: float


@dataclass(frozen=True, eq=False)
class LandCover:
    """The plan of a world's cover.

    Attributes:
        grid: the raster of the fields below.
        forest: 0 open .. 1 closed forest.
        parcel: number of the field parcel a cell belongs to, 0 where none.
        parcel_turn_rad: direction of the fields' rows.
        roads, houses, trees: single things.
        pylons_m: east and north of the power line's pylons, in order.
    """

    grid: Grid
    forest: Field2D
    parcel: NDArray[np.uint16]
    parcel_turn_rad: float
    roads: tuple[Road, ...]
    houses: tuple[House, ...]
    trees: tuple[Tree, ...]
    pylons_m: tuple[tuple[float, float], ...]

    def road_mask(self, grid: Grid, paved: bool, widen_m: float = 0.0) -> Picture:  # noqa: FBT001 one of two kinds
        """255 on the roads of a kind, on any raster of the same world."""
        mask = np.zeros((grid.cells, grid.cells), np.uint8)
        for road in self.roads:
            if road.paved == paved:
                points = np.array([_cell_of(grid, *point) for point in road.points_m])
                width = max(1, round((road.width_m + widen_m) / grid.step_m))
                line = [np.round(points * 8).astype(np.int32)]
                cv2.polylines(mask, line, isClosed=False, color=255, thickness=width, lineType=cv2.LINE_AA, shift=3)
        return mask


def _cell_of(grid: Grid, east_m: float, north_m: float) -> tuple[float, float]:
    half = grid.cells / 2 - 0.5
    return east_m / grid.step_m + half, half - north_m / grid.step_m


def make_cover(config: WorldConfig, ground: Ground) -> LandCover:
    """The cover of a world."""
    rng = np.random.default_rng([config.seed, 2])
    grid = Grid(config.size_m, round(config.size_m / COVER_CELL_M))
    east, north = grid.axes()
    bank = ground.river.bank_distance_m(east, north)
    forest = _forest(grid, rng, bank)
    turn = rng.uniform(-0.6, 0.6)
    parcel = _parcels(grid, rng, turn, forest, bank)
    roads = _roads(config, rng)
    houses = _houses(config, rng, ground)
    trees = _single_trees(grid, rng, forest, parcel, bank)
    pylons = _pylons(config, rng)
    return LandCover(grid, forest, parcel, turn, roads, houses, trees, pylons)


def _forest(grid: Grid, rng: np.random.Generator, bank: Field2D) -> Field2D:
    """Forest in the east and north, groves elsewhere, none on the flood plain's fields or around the nest."""
    east, north = grid.axes()
    side = smoothstep(-0.05, 0.16, (east + 0.45 * np.abs(north)) / grid.size_m - 0.03) * smoothstep(
        0.5, 0.4, np.abs(east) / grid.size_m
    )
    lumps = 0.42 * fractal(grid.cells, rng, slope=2.7, longest=0.35, shortest=0.004)
    value = 1.5 * side - 0.75 + lumps
    value -= 2.0 * (1.0 - smoothstep(NEST_CLEARING_M, NEST_CLEARING_M + 45.0, np.hypot(east, north)))
    value -= 0.55 * (1.0 - smoothstep(40.0, 240.0, bank))
    return np.where(bank < 8.0, np.float32(0.0), smoothstep(-0.08, 0.08, value)).astype(np.float32)


def _parcels(grid: Grid, rng: np.random.Generator, turn: float, forest: Field2D, bank: Field2D) -> NDArray[Any]:
    """Parcel numbers of a turned, uneven chequer; some parcels stay meadow (0)."""
    east, north = grid.axes()
    along = (east * math.cos(turn) + north * math.sin(turn)).astype(np.float32)
    across = (north * math.cos(turn) - east * math.sin(turn)).astype(np.float32)
    edges_u = np.cumsum(rng.uniform(70.0, 170.0, 80)) - 4500.0
    edges_v = np.cumsum(rng.uniform(35.0, 90.0, 160)) - 4500.0
    column = np.searchsorted(edges_u, along).astype(np.int64)
    row = np.searchsorted(edges_v, across + 12.0 * (column % 3)).astype(np.int64)
    chance = hash_unit(column, row, int(rng.integers(2**31)))
    number = 1 + (row * 83 + column) % 60_000
    field = (chance < 0.68) & (forest < 0.3) & (bank > 14.0) & (np.hypot(east, north) > 70.0)
    return np.where(field, number, 0).astype(np.uint16)


def _roads(config: WorldConfig, rng: np.random.Generator) -> tuple[Road, ...]:
    """A paved road across, a paved road along the valley, an earth track from the road to the nest and into the forest."""
    half = config.size_m / 2
    across = np.linspace(-half - 10, half + 10, 80)
    wave = 0.02 * config.size_m * np.sin(2 * math.pi * across / config.size_m + rng.uniform(0, 6.28))
    level = -0.15 * config.size_m + wave
    main = Road(tuple(zip(across.tolist(), level.tolist(), strict=True)), 7.0, paved=True)
    side = -0.065 * config.size_m + 0.012 * config.size_m * np.sin(4 * math.pi * across / config.size_m + rng.uniform(0, 6.28))
    valley = Road(tuple(zip(side.tolist(), across.tolist(), strict=True)), 5.5, paved=True)
    at_nest = float(np.interp(-20.0, across, level))
    track = Road(((-20.0, at_nest), (-14.0, at_nest * 0.5), (-6.0, -16.0), (0.0, -8.0)), 3.2, paved=False)
    bend = np.linspace(0.0, 1.0, 30)
    into_e = 10.0 + bend * 0.42 * config.size_m
    into_n = 20.0 + 0.05 * config.size_m * np.sin(5.0 * bend) + bend * 0.10 * config.size_m
    forest_track = Road(tuple(zip(into_e.tolist(), into_n.tolist(), strict=True)), 3.0, paved=False)
    return main, valley, track, forest_track


def _houses(config: WorldConfig, rng: np.random.Generator, ground: Ground) -> tuple[House, ...]:
    """A village at the crossing, a few farms by the river road. Those nearest the river stand within a flood's reach."""
    size = config.size_m
    houses: list[House] = []
    centres = [(-0.065 * size, -0.15 * size, 0.075 * size, 34), (-0.13 * size, 0.22 * size, 0.05 * size, 12)]
    for east, north, radius, count in centres:
        for _ in range(count * 6):
            e, n = east + rng.normal(0, radius), north + rng.normal(0, 0.7 * radius)
            if _free_for_house(e, n, houses, size, ground) and len(houses) < 46:
                long, wide = rng.uniform(9.0, 17.0), rng.uniform(7.0, 10.0)
                turn = rng.choice([0.0, math.pi / 2]) + rng.normal(0.1, 0.12)
                houses.append(
                    House(e, n, long, wide, turn, rng.uniform(3.0, 6.5), int(rng.integers(6)), bool(rng.random() < 0.22))
                )
    return tuple(houses)


def _free_for_house(east: float, north: float, houses: list[House], size: float, ground: Ground) -> bool:
    if abs(east + 0.065 * size) < 16.0 or abs(north + 0.15 * size) < 0.02 * size + 14.0 or math.hypot(east, north) < 90.0:
        return False
    if ground.grid.at(ground.bank_distance_m, east, north) < 35.0:
        return False
    return all(math.hypot(east - h.east_m, north - h.north_m) > 21.0 for h in houses)


def _single_trees(
    grid: Grid, rng: np.random.Generator, forest: Field2D, parcel: NDArray[Any], bank: Field2D
) -> tuple[Tree, ...]:
    """Hedges on parcel borders, alders on the banks, a few trees in meadows."""
    border = cv2.morphologyEx(parcel, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    weight = np.where(border, 0.055, 0.0006) + np.where((bank > 3.0) & (bank < 12.0), 0.035, 0.0)
    east, north = grid.axes()
    clearing = np.hypot(east, north) > 45.0
    weight = np.where((forest < 0.2) & (bank > 2.0) & clearing, weight, 0.0) * smoothstep(
        -0.6, 0.8, fractal(grid.cells, rng, 2.4, 0.2)
    )
    cells = np.argwhere(rng.random(weight.shape) < weight)
    half = grid.size_m / 2
    trees = []
    for row, column in cells.tolist():
        radius = float(np.clip(rng.gamma(5.0, 0.5), 0.9, 5.5))
        e, n = (column + rng.random()) * grid.step_m - half, half - (row + rng.random()) * grid.step_m
        trees.append(Tree(e, n, radius, radius * rng.uniform(1.7, 2.9), rng.uniform(0.7, 1.2)))
    return tuple(trees)


def _pylons(config: WorldConfig, rng: np.random.Generator) -> tuple[tuple[float, float], ...]:
    """A straight line from south to north, east of the nest, clear of it by an eighth of the world."""
    half = config.size_m / 2
    shift, lean = 0.125 * config.size_m + rng.uniform(0, 40.0), rng.uniform(-0.04, 0.04)
    return tuple((shift + lean * n, n) for n in np.arange(-half, half + 1.0, 160.0).tolist())
