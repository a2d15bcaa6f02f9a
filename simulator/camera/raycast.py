"""Where each pixel's ray meets the ground and what stands on it.

Two steps: bare ground by marching few coarse rays, then crowns and roofs by marching rays through the layer of air between
the tallest tree and the ground, at half the picture's resolution. The places themselves are exact for every pixel's own ray.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera.projection import Camera
from simulator.world.grid import Grid
from simulator.world.orthophoto import HEIGHT_STEP_M
from simulator.world.raster import Field2D, Picture, above, below

FAR_M = 9_000.0
LAYER_M = 18.5  # nothing that is marched stands higher
_COARSE = 8
_GROUND_STEPS = 44
_LAYER_STEPS = 16
_CANOPY_MIPS = 4
REPEATED_FROM = 2
_BAND_ROWS = 60
_BISECTIONS = 2


@dataclass(frozen=True, eq=False)
class Hits:
    """What the rays of a picture meet. ``depth_m``, ``east_m`` and ``north_m`` have the picture's size, the rest half of it.

    Attributes:
        east_m, north_m: the place.
        depth_m: distance along the camera's axis.
        above_m: height of the hit over bare ground.
        sky: 255 where the ray meets nothing within ``FAR_M``.
    """

    east_m: Field2D
    north_m: Field2D
    depth_m: Field2D
    above_m: Field2D
    sky: Picture


@dataclass(frozen=True, eq=False)
class Canopy:
    """The height of what stands on the ground, at several resolutions.

    Attributes:
        grid: raster of the finest.
        mips: heights in steps of ``HEIGHT_STEP_M``; each half as fine as the one before, and repeated.
    """

    grid: Grid
    mips: tuple[Picture, ...]


def make_canopy(grid: Grid, canopy: Picture) -> Canopy:
    """All resolutions of a canopy. The coarse ones keep the tops of trees rather than the mean."""
    mips = [canopy]
    for _ in range(_CANOPY_MIPS - 1):
        tops = cv2.dilate(mips[-1], np.ones((2, 2), np.uint8), anchor=(0, 0))
        mean = cv2.addWeighted(tops, 0.5, mips[-1], 0.5, 0.0)
        mips.append(np.asarray(cv2.resize(mean, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8))
    return Canopy(grid, tuple(repeated(mip, level) for level, mip in enumerate(mips)))


def repeated(mip: Picture, level: int) -> Picture:
    """A coarse raster three by three times, so that far views seldom leave it; a fine one as it is."""
    return np.tile(mip, (3, 3) if mip.ndim == 2 else (3, 3, 1)) if level >= REPEATED_FROM else mip


def cast(camera: Camera, ground: Field2D, ground_grid: Grid, canopy: Canopy) -> Hits:
    """Meets the ground and the canopy."""
    full = camera.lens.width_px, camera.lens.height_px
    half = full[0] // 2, full[1] // 2
    under = ground_grid.at(ground, float(camera.position_m[0]), float(camera.position_m[1]))
    layer = float(np.clip(camera.position_m[2] - under - 0.05, 0.05, LAYER_M))
    coarse = _ray_grid(camera, half[0] // _COARSE + 2, half[1] // _COARSE + 2, 2 * _COARSE)
    low, high, sky = _meet_ground(camera, coarse, ground, ground_grid, layer)
    depth_low, depth_high = _finer(low, *half), _finer(high, *half)
    share = _meet_canopy(camera, _ray_grid(camera, *half, 2), (depth_high, depth_low), canopy, layer)
    depth = cv2.resize(depth_high + (depth_low - depth_high) * share, full, interpolation=cv2.INTER_NEAREST)
    _smooth_where_flat(depth, share, depth_high + (depth_low - depth_high) * share)
    rays = _ray_grid(camera, *full, 1)
    east = cv2.multiply(rays[0], depth) + np.float32(camera.position_m[0])
    north = cv2.multiply(rays[1], depth) + np.float32(camera.position_m[1])
    sky_mask = (_finer(sky.astype(np.float32), *half) > 0.5).astype(np.uint8) * np.uint8(255)
    return Hits(east, north, depth, layer * (1.0 - share), sky_mask)


def _smooth_where_flat(depth: Field2D, share: Field2D, half: Field2D) -> None:
    """Away from the edges of crowns and roofs, where blocks would show, the depth is interpolated. In place."""
    edges = cv2.morphologyEx(share, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    flat = below(edges, 0.12)
    size = depth.shape[1], depth.shape[0]
    cv2.copyTo(
        cv2.resize(half, size, interpolation=cv2.INTER_LINEAR), cv2.resize(flat, size, interpolation=cv2.INTER_NEAREST), depth
    )


def _ray_grid(camera: Camera, columns: int, rows: int, pixel: int) -> tuple[Field2D, Field2D, Field2D]:
    """World directions through a raster of square blocks of pixels; coarse rasters get half a block of margin on each side."""
    margin = 0.5 if pixel > 2 else 0.0
    u = ((np.arange(columns, dtype=np.float32) + 0.5 - margin * 2) * pixel - camera.lens.width_px / 2) / camera.lens.focal_px
    v = ((np.arange(rows, dtype=np.float32) + 0.5 - margin * 2) * pixel - camera.lens.height_px / 2) / camera.lens.focal_px
    right, down, forward = camera.axes.astype(np.float32)
    parts = [u[None, :] * right[i] + (v[:, None] * down[i] + forward[i]) for i in range(3)]
    return parts[0].astype(np.float32), parts[1].astype(np.float32), parts[2].astype(np.float32)


def _finer(coarse: Field2D, width: int, height: int) -> Field2D:
    """A coarse raster with its margin, bilinear, at half the picture's resolution."""
    full = cv2.resize(coarse, (coarse.shape[1] * _COARSE, coarse.shape[0] * _COARSE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full[_COARSE : _COARSE + height, _COARSE : _COARSE + width])


def _meet_ground(
    camera: Camera, rays: tuple[Field2D, Field2D, Field2D], ground: Field2D, grid: Grid, layer: float
) -> tuple[Field2D, Field2D, NDArray[Any]]:
    """Depths at which rays meet bare ground and, before it, the top of the layer; and which meet nothing."""
    east, north, up = (ray.reshape(1, -1) for ray in rays)
    x, y, z = (np.float32(value) for value in camera.position_m)
    agl = max(0.3, float(z) - grid.at(ground, float(x), float(y)))
    nearest = np.float32(0.35 * min(agl, 40.0))
    # A ray that looks down steeply meets the ground soon: its own steps end a little behind the lowest ground.
    lowest = float(z) - float(ground.min()) + 5.0
    end = np.where(up < -1e-3, np.minimum(lowest / np.maximum(-up, 1e-3), FAR_M), FAR_M).astype(np.float32)
    depths = _own_steps(nearest, end)
    terrain = np.asarray(grid.sample(ground, x + east * depths, y + north * depths), np.float32)
    clearance = z + up * depths - terrain
    low = _first_below(depths, clearance, agl)
    high = _first_below(depths, clearance - np.float32(layer), agl - layer)
    sky = ~np.isfinite(low)
    low = np.where(sky, np.float32(FAR_M), low)
    high = np.minimum(np.where(np.isfinite(high), high, np.float32(FAR_M)), low)
    shape = rays[0].shape
    return low.reshape(shape), high.reshape(shape), sky.reshape(shape)


def _own_steps(nearest: np.float32, end: Field2D) -> Field2D:
    """Depths of every ray (steps, rays): geometric from the nearest to the ray's own end."""
    share = np.linspace(0.0, 1.0, _GROUND_STEPS, dtype=np.float32)[:, None]
    return np.asarray(nearest * np.power(np.maximum(end / nearest, np.float32(1.01)), share), dtype=np.float32)


def _first_below(depths: Field2D, clearance: Field2D, at_camera: float) -> Field2D:
    """The depth of the first crossing of zero by linear interpolation; infinite where there is none."""
    below = clearance <= 0.0
    first = below.argmax(axis=0)
    ray = np.arange(depths.shape[1])
    before = np.maximum(first - 1, 0)
    near = np.where(first > 0, depths[before, ray], 0.0)
    above = np.where(first > 0, clearance[before, ray], max(at_camera, 0.0))
    under = clearance[first, ray]
    share = above / np.maximum(above - under, 1e-6)
    crossing = near + (depths[first, ray] - near) * np.clip(share, 0.0, 1.0)
    return np.asarray(np.where(below.any(axis=0), crossing, np.inf), dtype=np.float32)


def _meet_canopy(
    camera: Camera, rays: tuple[Field2D, Field2D, Field2D], depths: tuple[Field2D, Field2D], canopy: Canopy, layer: float
) -> Field2D:
    """How far through the layer each ray gets: 0 at its top, 1 on the ground.

    Bands of rows use the resolution of the canopy and the number of steps that fit their distance and slant.
    """
    top, bottom = depths
    share: Field2D = np.ones(top.shape, np.float32)
    for first in range(0, top.shape[0], _BAND_ROWS):
        rows = slice(first, min(first + _BAND_ROWS, top.shape[0]))
        ray = rays[0][rows], rays[1][rows], rays[2][rows]
        far_m = float(np.median(bottom[rows][::4, ::16]))
        level = int(
            np.clip(np.log2(max(1e-3, 2.0 * far_m / camera.lens.focal_px / canopy.grid.step_m)) - 0.2, 0, len(canopy.mips) - 1)
        )
        mip = canopy.mips[level]
        # The middle of a repeated raster is the middle of the world as well.
        times = 3 if level >= REPEATED_FROM else 1
        scale, shift = np.float32(mip.shape[0] / times / canopy.grid.size_m), np.float32(mip.shape[0] / 2 - 0.5)
        start_c = (ray[0] * top[rows] + np.float32(camera.position_m[0])) * scale + shift
        start_r = (ray[1] * top[rows] + np.float32(camera.position_m[1])) * -scale + shift
        span = (bottom[rows] - top[rows]) * scale
        run_c, run_r = ray[0] * span, ray[1] * -span
        along_m = float(np.hypot(np.median(run_c[::4, ::16]), np.median(run_r[::4, ::16]))) / float(scale)
        steps = int(np.clip(along_m / 1.9, 5, _LAYER_STEPS))
        lines = start_c, start_r, run_c, run_r
        # Near the camera a pixel is finer than the canopy's raster: every second ray is enough.
        if level == 0 and far_m / camera.lens.focal_px < 0.25 * canopy.grid.step_m:
            coarse = _march(_every_second(lines), mip, layer, steps)
            share[rows] = cv2.resize(coarse, (share.shape[1], rows.stop - first), interpolation=cv2.INTER_LINEAR)
        else:
            share[rows] = _march(lines, mip, layer, steps)
    return np.asarray(cv2.medianBlur(share, 3))  # single rays that slip past a crown are no detail


def _every_second(lines: tuple[Field2D, Field2D, Field2D, Field2D]) -> tuple[Field2D, Field2D, Field2D, Field2D]:
    start_c, start_r, run_c, run_r = (line[::2, ::2].copy() for line in lines)
    return start_c, start_r, run_c, run_r


def _march(lines: tuple[Field2D, Field2D, Field2D, Field2D], canopy: Picture, layer: float, steps: int) -> Field2D:
    """Steps along lines in the raster (start and run, columns and rows) from below upwards, keeping the topmost hit."""
    start_c, start_r, run_c, run_r = lines
    stride = 1.0 / steps
    dither = _dither(run_c.shape) * np.float32(stride)
    from_c, from_r = start_c + run_c * dither, start_r + run_r * dither
    lower = (dither * (layer / HEIGHT_STEP_M)).astype(np.uint8)
    share = np.ones(run_c.shape, np.float32)
    wrap = _border(canopy, from_c, from_r, run_c, run_r)
    for number in range(steps - 1, -1, -1):
        level = number * stride
        column, row = cv2.scaleAdd(run_c, level, from_c), cv2.scaleAdd(run_r, level, from_r)
        found = cv2.remap(canopy, column, row, cv2.INTER_LINEAR, borderMode=wrap)
        solid = above(cv2.add(found, lower), layer * (1.0 - level) / HEIGHT_STEP_M)
        np.copyto(share, dither + np.float32(level), where=solid > 0)
    for _ in range(_BISECTIONS):
        stride /= 2.0
        trial = np.maximum(share - np.float32(stride), 0.0)
        found = cv2.remap(canopy, start_c + run_c * trial, start_r + run_r * trial, cv2.INTER_LINEAR, borderMode=wrap)
        reached = found > layer / HEIGHT_STEP_M * (1.0 - trial)
        np.copyto(share, trial, where=reached & (share < 1.0))
    return share


def _border(canopy: Picture, from_c: Field2D, from_r: Field2D, run_c: Field2D, run_r: Field2D) -> int:
    """Wrapping costs time, so it is asked for only where a line leaves the raster."""
    ends = [axis[:: max(1, axis.shape[0] - 1)] for axis in (from_c, from_r, from_c + run_c, from_r + run_r)]
    low, high = min(float(end.min()) for end in ends), max(float(end.max()) for end in ends)
    return cv2.BORDER_REPLICATE if low >= 0.0 and high <= canopy.shape[0] - 1 else cv2.BORDER_WRAP


@lru_cache(maxsize=8)
def _dither(shape: tuple[int, int]) -> Field2D:
    """A fixed 4 x 4 pattern of shares 0..1, so that the steps of the march do not show as contour lines."""
    order = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16.0
    return np.tile(order, (shape[0] // 4 + 1, shape[1] // 4 + 1))[: shape[0], : shape[1]].copy()


def half_rays(camera: Camera) -> tuple[Field2D, Field2D, Field2D]:
    """World directions of the rays at half the picture's resolution."""
    return _ray_grid(camera, camera.lens.width_px // 2, camera.lens.height_px // 2, 2)
