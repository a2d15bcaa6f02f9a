"""Which tiles of a frame are worth their time: by height, lens and distance.

From 20 m a flame fills the network's input and tiles find nothing more; towards the horizon a plume is a few pixels and only
a tile shows it. The ground under each tile tells how far off it is, the lens how large the least thing worth finding would be
there, and the network how many pixels it needs. Pure.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agent.vision.geolocation import Locator
from agent.vision.manifest import TilePolicy
from agent.vision.poses import CameraPose
from agent.vision.tiles import Tile

Ranges = Callable[[Sequence[tuple[float, float]]], NDArray[np.float64]]
"""Distances in metres to what is seen in pixels; infinite where a ray meets no ground."""


def ranges_by(pose: CameraPose, locator: Locator) -> Ranges:
    """Distances on the ground by a pose."""

    def ranges(pixels: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
        ground = locator.ground_of(pose, np.array(pixels, dtype=np.float64))
        lengths = np.linalg.norm(np.column_stack([ground[:, :2], pose.alt_amsl_m - ground[:, 2]]), axis=1)
        return np.where(np.isnan(lengths), np.inf, lengths)

    return ranges


def worthwhile(tiles: Sequence[Tile], shrink: float, focal_px: float, policy: TilePolicy, ranges: Ranges) -> tuple[Tile, ...]:
    """The tiles in which the least thing would be too small in the whole picture, the farthest first.

    Args:
        tiles: of a frame, in its pixels.
        shrink: how many of the frame's pixels are one of the network's input, in the whole.
        focal_px: of the lens, in the frame's pixels.
    """
    if not tiles:
        return ()
    # What counts is the farthest that a tile shows: at its upper edge, or at its lower one where the camera hangs over head.
    edges = [((t.x0 + t.x1) / 2, float(y)) for t in tiles for y in (t.y0, t.y1)]
    farthest_m = ranges(edges).reshape(-1, 2).max(axis=1)
    seen_px = policy.least_m / np.maximum(farthest_m, 1.0) * focal_px / shrink
    wanted = [i for i in range(len(tiles)) if seen_px[i] < policy.enough_px]
    return tuple(tiles[i] for i in sorted(wanted, key=lambda i: (-_finite(farthest_m[i]), i)))


def _finite(range_m: float) -> float:
    return range_m if math.isfinite(range_m) else 1.0e9
