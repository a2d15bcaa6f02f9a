"""The river's gauge and the low ground it floods.

A cell floods at the lowest gauge at which water reaches it from the river over land (a minimax path), so hollows behind a
dam stay dry until the dam is overtopped.
"""

import heapq

import cv2
import numpy as np

from simulator.world.config import FloodConfig
from simulator.world.grid import Grid, enlarge
from simulator.world.noise import smoothstep
from simulator.world.raster import Field2D
from simulator.world.terrain import Ground

_COARSE_CELLS = 200
WATER_CELL_M = 1.5
NEVER_M = 99.0


def gauge_rise_m(config: FloodConfig | None, world_s: float) -> float:
    """Metres of the river's surface above normal at a moment."""
    if config is None:
        return 0.0
    minutes = max(0.0, world_s - config.start_s) / 60.0
    return min(config.max_rise_m, config.rise_m_per_min * minutes)


def flooding_rise_m(ground: Ground, shore_noise_m: Field2D | None = None) -> tuple[Grid, Field2D]:
    """For each place, the gauge rise at which it goes under water; at most 0 in the river, ``NEVER_M`` where never.

    Returns:
        The raster and its values in metres above the normal surface.
    """
    grid = Grid(ground.grid.size_m, round(ground.grid.size_m / WATER_CELL_M))
    above = enlarge(ground.height_amsl_m, grid.cells) - np.float32(ground.river.level_amsl_m)
    east, north = grid.axes()
    bank = ground.river.bank_distance_m(east, north)
    # At the bank the coarse ground is too blunt: there the height follows the distance from the bank.
    off_bank = smoothstep(2.0, 9.0, np.abs(bank))
    above = (above * off_bank + 0.08 * bank * (1.0 - off_bank)).astype(np.float32)
    if shore_noise_m is not None:
        above += np.where(bank > 3.0, shore_noise_m, np.float32(0.0))
    entry = enlarge(_entry_rise_m(above), grid.cells)
    rise = np.maximum(above, np.where(bank < 4.0, above, entry))
    rise[above > 6.0] = NEVER_M
    return grid, np.asarray(rise, dtype=np.float32)


def _entry_rise_m(above: Field2D) -> Field2D:
    """The minimax level from the river to each coarse cell."""
    coarse = cv2.resize(above, (_COARSE_CELLS, _COARSE_CELLS), interpolation=cv2.INTER_AREA)
    lowest = cv2.resize(
        cv2.erode(above, np.ones((9, 9), np.uint8)), (_COARSE_CELLS, _COARSE_CELLS), interpolation=cv2.INTER_AREA
    )
    coarse = np.minimum(coarse, lowest + 0.15)
    entry = np.full(coarse.shape, np.inf)
    queue: list[tuple[float, int, int]] = []
    for row, column in np.argwhere(coarse <= 0.0).tolist():
        entry[row, column] = coarse[row, column]
        queue.append((float(coarse[row, column]), row, column))
    heapq.heapify(queue)
    while queue:
        level, row, column = heapq.heappop(queue)
        if level > entry[row, column]:
            continue
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            r_in, c_in = r % _COARSE_CELLS, c % _COARSE_CELLS
            reach = max(level, float(coarse[r_in, c_in]))
            if reach < entry[r_in, c_in] and reach < 6.0:
                entry[r_in, c_in] = reach
                heapq.heappush(queue, (reach, r_in, c_in))
    entry[~np.isfinite(entry)] = NEVER_M
    return entry.astype(np.float32)
