"""How a fire spreads over the ground with wind, slope and fuel.

The fire is one raster of arrival times: the quickest path of the front from the origin to each cell. Everything else at any
moment follows from it, so a later moment never burns less than an earlier one.

The rate of spread is the open-terrain rule of thumb (McArthur-like): a base rate of the fuel, exponential in the wind along
the direction of spread and in the slope; it is simplified and calibrated to nothing.
"""

import heapq
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.world.config import AirConfig, FireConfig
from simulator.world.raster import Field2D

CELL_M = 4.0
BASE_M_PER_S = 0.09  # forest litter in calm air on flat ground
RESIDENCE_S = 150.0  # how long a cell burns with flames
_WIND_GAIN = 0.16  # of the rate's logarithm by m/s of wind along the spread
_SLOPE_GAIN = 3.9  # of the rate's logarithm by tangent of the slope (doubles each 10 degrees)
_NEIGHBOURS = tuple((r, c) for r in (-2, -1, 0, 1, 2) for c in (-2, -1, 0, 1, 2) if math.gcd(r, c) == 1)


@dataclass(frozen=True, eq=False)
class Fire:
    """One fire.

    Attributes:
        config: as configured.
        east_m, north_m: its origin.
        cells: cells a side of the square raster centred on the origin; row 0 north.
        arrival_s: world seconds at which each cell catches fire; infinite where never.
        ground_amsl_m: ground height of each cell.
        fuel_height_m: what stands on each cell: flames rise from there.
    """

    config: FireConfig
    east_m: float
    north_m: float
    cells: int
    arrival_s: Field2D
    ground_amsl_m: Field2D
    fuel_height_m: Field2D

    def burning(self, world_s: float) -> NDArray[np.bool_]:
        """Cells with flames now."""
        age = world_s - self.arrival_s
        return np.asarray((age >= 0.0) & (age < RESIDENCE_S))

    def reached(self, world_s: float) -> NDArray[np.bool_]:
        """Cells that burn or have burnt."""
        return np.asarray(self.arrival_s <= world_s)

    def area_m2(self, world_s: float) -> float:
        """Ground that burns or has burnt."""
        return float(self.reached(world_s).sum()) * CELL_M**2

    def places(self, rows: NDArray[Any], columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """East and north of cells' centres in the world."""
        half = self.cells / 2
        return self.east_m + (columns + 0.5 - half) * CELL_M, self.north_m - (rows + 0.5 - half) * CELL_M


def spread(
    config: FireConfig,
    air: AirConfig,
    origin: tuple[float, float],
    rasters: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
) -> Fire:
    """Computes the fire.

    Args:
        config: the fire.
        air: the wind that drives it.
        origin: east and north of the origin in metres.
        rasters: ground height (m AMSL), fuel (0 none .. 1 forest) and fuel height (m), on the fire's own square raster.
    """
    ground, fuel, fuel_height = rasters
    cells = ground.shape[0]
    arrival = _quickest(config, air, ground, fuel)
    return Fire(config, origin[0], origin[1], cells, arrival, ground, fuel_height)


def raster_cells(config: FireConfig) -> int:
    """Cells a side of the raster that holds the fire's whole reach."""
    return 2 * math.ceil(config.reach_m / CELL_M) + 1


def _quickest(config: FireConfig, air: AirConfig, ground: NDArray[Any], fuel: NDArray[Any]) -> NDArray[Any]:
    """Dijkstra over the cells: when the front gets to each."""
    cells = ground.shape[0]
    middle = cells // 2
    towards = math.radians(air.wind_from_deg + 180.0)
    wind_east, wind_north = air.wind_m_s * math.sin(towards), air.wind_m_s * math.cos(towards)
    steps = [_step(offset, wind_east, wind_north, config.growth) for offset in _NEIGHBOURS]
    height = ground.tolist()
    fuels = fuel.tolist()
    best = [[math.inf] * cells for _ in range(cells)]
    best[middle][middle] = config.ignition_s
    queue = [(config.ignition_s, middle, middle)]
    reach_2 = (config.reach_m / CELL_M) ** 2
    while queue:
        when, row, column = heapq.heappop(queue)
        if when > best[row][column]:
            continue
        for d_row, d_column, length, rate in steps:
            r, c = row + d_row, column + d_column
            if not (0 <= r < cells and 0 <= c < cells) or (r - middle) ** 2 + (c - middle) ** 2 > reach_2 or fuels[r][c] < 0.05:
                continue
            slope = (height[r][c] - height[row][column]) / length
            speed = rate * fuels[r][c] * math.exp(_SLOPE_GAIN * max(-0.4, min(0.4, slope)))
            then = when + length / speed
            if then < best[r][c]:
                best[r][c] = then
                heapq.heappush(queue, (then, r, c))
    return np.array(best, dtype=np.float32)


def _step(offset: tuple[int, int], wind_east: float, wind_north: float, growth: float) -> tuple[int, int, float, float]:
    """Row and column offset, its length in metres, and the rate of spread that way in m/s."""
    d_row, d_column = offset
    length = CELL_M * math.hypot(d_row, d_column)
    along = (wind_east * d_column - wind_north * d_row) * CELL_M / length
    return d_row, d_column, length, growth * BASE_M_PER_S * math.exp(_WIND_GAIN * along)
