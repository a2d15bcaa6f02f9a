"""Houses from above: gable roofs, their height and colour."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.world.grid import Grid
from simulator.world.landcover import House
from simulator.world.raster import Picture

_HEIGHT_STEP_M = 0.1
# BGR albedos: red tiles, brown tiles, slate, light concrete, blue sheet, orange tiles.
ROOFS = ((70, 82, 148), (74, 92, 118), (104, 98, 92), (172, 174, 176), (164, 118, 70), (62, 112, 190))
_YARD = (126, 140, 146)


def stamp_houses(picture: Picture, canopy: Picture, grid: Grid, houses: tuple[House, ...]) -> None:
    """Builds the houses and their yards. In place."""
    for house in houses:
        reach = math.hypot(house.length_m, house.width_m) / 2 + 4.0
        half = math.ceil(reach / grid.step_m)
        row = round(grid.cells / 2 - house.north_m / grid.step_m)
        column = round(grid.cells / 2 + house.east_m / grid.step_m)
        if min(row, column) < half or max(row, column) + half + 1 > grid.cells:
            continue
        part = (slice(row - half, row + half + 1), slice(column - half, column + half + 1))
        axis = np.arange(-half, half + 1) * grid.step_m
        east, north = axis[None, :], -axis[:, None]
        along = east * math.cos(house.turn_rad) + north * math.sin(house.turn_rad)
        across = north * math.cos(house.turn_rad) - east * math.sin(house.turn_rad)
        _build(picture[part], canopy[part], house, along, across)


def _build(picture: Picture, canopy: Picture, house: House, along: NDArray[Any], across: NDArray[Any]) -> None:
    yard = (np.abs(along) < house.length_m / 2 + 3.0) & (np.abs(across) < house.width_m / 2 + 3.0)
    roof = (np.abs(along) < house.length_m / 2) & (np.abs(across) < house.width_m / 2)
    pitch = 0.12 if house.metal else 0.42
    height = house.eaves_m + pitch * (house.width_m / 2 - np.abs(across))
    ribs = 1.0 + 0.06 * np.sin(along * (2 * math.pi / 1.1)) - 0.12 * (np.abs(across) < 0.3)
    picture[yard] = _YARD
    canopy[yard] = 0
    picture[roof] = np.clip(np.array(ROOFS[house.roof]) * ribs[roof][:, None], 0, 255).astype(np.uint8)
    canopy[roof] = np.clip(height[roof] / _HEIGHT_STEP_M, 0, 255).astype(np.uint8)
