"""Tree crowns from above: their height and colour, singly and as periodic tiles of woodland."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.world.grid import Grid
from simulator.world.landcover import Tree
from simulator.world.noise import fractal
from simulator.world.raster import Picture

_HEIGHT_STEP_M = 0.1
# Species: BGR albedo, share, crown radius (m), height (m), pointedness 0 round .. 1 cone.
_SPECIES = (
    ((44, 92, 66), 0.38, (2.2, 4.6), (9.0, 15.0), 0.1),
    ((40, 78, 52), 0.26, (1.8, 3.4), (9.0, 16.0), 0.45),
    ((42, 68, 46), 0.24, (1.3, 2.4), (10.0, 17.5), 1.0),
    ((52, 106, 92), 0.115, (2.0, 3.8), (7.0, 12.0), 0.1),
    ((58, 92, 116), 0.005, (1.8, 3.2), (7.0, 11.0), 0.2),
)
_FLOOR = (44, 62, 62)
_CROWNS = 220  # different trees in a woodland


def forest_tiles(cells: int, step_m: float, rng: np.random.Generator) -> list[tuple[Picture, Picture]]:
    """A closed and an open woodland: colours (BGR albedo) and heights (steps of 0.1 m), each repeating at its edges."""
    return [_tile(cells, step_m, rng, spacing) for spacing in (4.3, 7.5)]


def _tile(cells: int, step_m: float, rng: np.random.Generator, spacing_m: float) -> tuple[Picture, Picture]:
    pad = math.ceil(6.0 / step_m)
    colours = np.empty((cells + 2 * pad, cells + 2 * pad, 3), np.uint8)
    colours[:] = _FLOOR
    heights = np.zeros(colours.shape[:2], np.uint8)
    rough = _leaf_noise(rng)
    crowns = [_crown(step_m, rng, rough) for _ in range(_CROWNS)]
    count = round(cells * step_m / spacing_m)
    pitch = cells / count
    for row in range(count):
        for column in range(count):
            y, x = (row + rng.uniform(0.0, 1.0)) * pitch, (column + rng.uniform(0.0, 1.0)) * pitch
            crown = crowns[int(rng.integers(_CROWNS))]
            for y_pad in _repeats(y, cells, pad):
                for x_pad in _repeats(x, cells, pad):
                    _stamp(colours, heights, round(y_pad), round(x_pad), crown)
    inner = (slice(pad, pad + cells), slice(pad, pad + cells))
    return colours[inner].copy(), heights[inner].copy()


def _repeats(position: float, cells: int, pad: int) -> list[float]:
    """Where a position and its periodic images fall in the padded tile."""
    return [position + pad + shift for shift in (-cells, 0, cells) if 0 <= position + pad + shift < cells + 2 * pad]


def _leaf_noise(rng: np.random.Generator) -> NDArray[Any]:
    return fractal(128, rng, slope=1.5, longest=0.06)


def _crown(step_m: float, rng: np.random.Generator, rough: NDArray[Any]) -> tuple[Picture, Picture]:
    """One random tree of the mix."""
    kind = int(rng.choice(len(_SPECIES), p=[species[1] for species in _SPECIES]))
    colour, _, radii, tall, point = _SPECIES[kind]
    radius = rng.uniform(*radii)
    share = (radius - radii[0]) / (radii[1] - radii[0])
    height = tall[0] + (tall[1] - tall[0]) * (0.65 * share + 0.35 * rng.random())
    return _shape(radius, height, point, np.array(colour) * rng.uniform(0.72, 1.25), step_m, rng, rough)


def _shape(
    radius_m: float,
    height_m: float,
    point: float,
    colour: NDArray[Any],
    step_m: float,
    rng: np.random.Generator,
    rough: NDArray[Any],
) -> tuple[Picture, Picture]:
    """Height and colour of a crown on its own small raster; height 0 outside it."""
    half = math.ceil(radius_m / step_m)
    axis = np.arange(-half, half + 1) * step_m
    top, left = rng.integers(0, 128 - 2 * half - 1, 2)
    leaf = rough[top : top + 2 * half + 1, left : left + 2 * half + 1]
    reach = np.hypot(axis[:, None], axis[None, :]) / radius_m + 0.14 * leaf
    dome = np.sqrt(np.clip(1.0 - reach**2, 0.0, 1.0))
    cone = np.clip(1.0 - reach, 0.0, 1.0)
    share = (1.0 - point) * (0.45 + 0.55 * dome) + point * (0.15 + 0.85 * cone)
    height = np.where(reach < 1.0, height_m * share + 0.6 * leaf, 0.0)
    tone = colour * (0.84 + 0.24 * share + 0.10 * leaf)[..., None]
    return np.clip(tone, 0, 255).astype(np.uint8), np.clip(height / _HEIGHT_STEP_M, 0, 255).astype(np.uint8)


def _stamp(colours: Picture, heights: Picture, row: int, column: int, crown: tuple[Picture, Picture]) -> None:
    """Lays a crown on the canopy where it is the higher one."""
    tone, height = crown
    half = height.shape[0] // 2
    top, left = max(0, half - row), max(0, half - column)
    rows = slice(max(0, row - half), min(heights.shape[0], row + half + 1))
    columns = slice(max(0, column - half), min(heights.shape[1], column + half + 1))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    height = height[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    tone = tone[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    under = heights[rows, columns]
    higher = height > under
    under[higher] = height[higher]
    colours[rows, columns][higher] = tone[higher]


def stamp_trees(picture: Picture, canopy: Picture, grid: Grid, trees: tuple[Tree, ...], rng: np.random.Generator) -> None:
    """Plants single trees. In place."""
    rough = _leaf_noise(rng)
    for tree in trees:
        colour = np.array(_SPECIES[0][0]) * tree.shade
        crown = _shape(tree.radius_m, min(tree.height_m, 15.0), 0.15, colour, grid.step_m, rng, rough)
        row = round(grid.cells / 2 - tree.north_m / grid.step_m)
        column = round(grid.cells / 2 + tree.east_m / grid.step_m)
        _stamp(picture, canopy, row, column, crown)
