"""What is true of a world's hazards at a moment: where, how large, how high the ground is there."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.core.geo import LatLon
from simulator.world.fire import CELL_M, Fire
from simulator.world.raster import Picture
from simulator.world.scene import World

_SIMPLIFY_M = 4.0


@dataclass(frozen=True)
class HazardTruth:
    """One hazard at one moment.

    Attributes:
        hazard: ``fire`` or ``flood``.
        number: index in the configuration; 0 for the flood.
        centre: centroid of the area.
        ground_amsl_m: ground height at the centre.
        area_m2: burning and burnt ground, or normally dry ground under water.
        polygons: outlines of its parts, largest first.
    """

    hazard: str
    number: int
    centre: LatLon
    ground_amsl_m: float
    area_m2: float
    polygons: tuple[tuple[LatLon, ...], ...]


def truth(world: World, world_s: float) -> tuple[HazardTruth, ...]:
    """All hazards that exist at a moment."""
    found = [_fire_truth(world, number, fire, world_s) for number, fire in enumerate(world.fires)]
    found.append(_flood_truth(world, world_s))
    return tuple(item for item in found if item is not None)


def _fire_truth(world: World, number: int, fire: Fire, world_s: float) -> HazardTruth | None:
    mask = fire.reached(world_s)
    if not mask.any():
        return None
    rows, columns = np.nonzero(mask)
    east, north = fire.places(rows, columns)
    corner_e, corner_n = fire.east_m - fire.cells / 2 * CELL_M, fire.north_m + fire.cells / 2 * CELL_M
    return _make(world, "fire", number, mask, CELL_M, (corner_e, corner_n), (float(east.mean()), float(north.mean())))


def _flood_truth(world: World, world_s: float) -> HazardTruth | None:
    mask = world.flooded(world_s)
    if not mask.any():
        return None
    grid = world.water_grid
    east, north = grid.axes()
    rows, columns = np.nonzero(mask)
    centre = float(east[0, columns].mean()), float(north[rows, 0].mean())
    return _make(world, "flood", 0, mask, grid.step_m, (-grid.size_m / 2, grid.size_m / 2), centre)


def _make(
    world: World,
    hazard: str,
    number: int,
    mask: NDArray[np.bool_],
    step_m: float,
    north_west_m: tuple[float, float],
    centre_m: tuple[float, float],
) -> HazardTruth:
    polygons = outlines(world, mask, step_m, north_west_m)
    return HazardTruth(
        hazard,
        number,
        world.frame.to_latlon(centre_m[1], centre_m[0]),
        world.ground_amsl_m(*centre_m),
        float(mask.sum()) * step_m**2,
        polygons,
    )


def outlines(
    world: World, mask: NDArray[np.bool_], step_m: float, north_west_m: tuple[float, float]
) -> tuple[tuple[LatLon, ...], ...]:
    """Outer rings of a mask's parts in WGS84, largest first; corners of cells, not their centres."""
    big: Picture = np.kron(mask.astype(np.uint8), np.ones((2, 2), np.uint8))
    padded = cv2.copyMakeBorder(big, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    rings, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    parts: list[tuple[float, tuple[LatLon, ...]]] = []
    for ring in rings:
        slim = cv2.approxPolyDP(ring, _SIMPLIFY_M / step_m, closed=True).reshape(-1, 2)
        if len(slim) >= 3:
            metres = (slim - 0.5) * (step_m / 2.0)
            places = [world.frame.to_latlon(north_west_m[1] - y, north_west_m[0] + x) for x, y in metres.tolist()]
            parts.append((float(cv2.contourArea(ring)), tuple(places)))
    return tuple(ring for _, ring in sorted(parts, key=lambda part: -part[0]))
