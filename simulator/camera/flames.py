"""Draws flames into a picture: flickering tongues on every burning cell, their glow, and ground that has burnt."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera.projection import Camera
from simulator.camera.sprites import FLAME_FRAMES, flame_colours, flames, ripples
from simulator.world.fire import CELL_M, RESIDENCE_S, Fire
from simulator.world.noise import hash_unit
from simulator.world.raster import Field2D, Picture, above, bounds, resized

_MOST_TONGUES = 320
_EMBERS = (12.0, 85.0, 235.0)  # BGR
_YOUNG_S = 25.0  # so long a cell has two tongues
_FRAMES_A_SECOND = 11.0
VISIBLE_INTENSITY = 66  # of 255: from here the eye says flame


@dataclass(frozen=True, eq=False)
class FlameLayer:
    """Flames of one fire in the picture.

    Attributes:
        left, top: the first pixel of the layer.
        intensity: 0..255.
    """

    left: int
    top: int
    intensity: Picture


def flame_layer(camera: Camera, fire: Fire, world_s: float, depth_m: Field2D) -> FlameLayer | None:
    """The visible flames, or None where none are in the picture.

    Args:
        camera: the camera.
        fire: the fire.
        world_s: the moment.
        depth_m: depth of the scene at the picture's size; a flame behind a ridge is not drawn.
    """
    tongues = _tongues(camera, fire, world_s)
    if not len(tongues):
        return None
    height, width = depth_m.shape
    left, top = max(0, int(tongues[:, 0].min())), max(0, int(tongues[:, 1].min()))
    right, bottom = min(width, int(tongues[:, 2].max()) + 1), min(height, int(tongues[:, 3].max()) + 1)
    if right - left < 1 or bottom - top < 1:
        return None
    layer = np.zeros((bottom - top, right - left), np.uint8)
    shapes = flames()
    for x_0, y_0, x_1, y_1, depth, frame, strength in tongues.tolist():
        if _hidden(depth_m, (x_0 + x_1) / 2, 0.4 * y_0 + 0.6 * y_1, depth):
            continue
        size = max(1, round(x_1 - x_0)), max(1, round(y_1 - y_0))
        shape = cv2.resize(shapes[int(frame)], size, interpolation=cv2.INTER_AREA if size[0] < 64 else cv2.INTER_LINEAR)
        _lay(layer, cv2.convertScaleAbs(shape, alpha=strength), round(x_0) - left, round(y_0) - top)
    return FlameLayer(left, top, layer) if layer.max() >= VISIBLE_INTENSITY else None


def _tongues(camera: Camera, fire: Fire, world_s: float) -> NDArray[np.float64]:
    """Rows of x0, y0, x1, y1, depth, frame, strength, far ones first, of tongues that touch the picture."""
    rows, columns = np.nonzero(fire.burning(world_s))
    if fire.config.flame <= 0.0 or not len(rows):
        return np.zeros((0, 7))
    young = world_s - fire.arrival_s[rows, columns] < _YOUNG_S
    cell = np.concatenate([rows * fire.cells + columns, fire.cells**2 + (rows * fire.cells + columns)[young]])
    rows, columns = np.concatenate([rows, rows[young]]), np.concatenate([columns, columns[young]])
    age = world_s - fire.arrival_s[rows, columns]
    chance = hash_unit(cell, 5)
    # The front burns high, what lies behind it in scattered small flames.
    keep = (age < 35.0) | (chance < 0.45 * np.exp(-age / 60.0))
    keep &= hash_unit(cell, 6) < _MOST_TONGUES / max(1, int(keep.sum()))
    rows, columns, cell, age, chance = rows[keep], columns[keep], cell[keep], age[keep], chance[keep]
    east, north = fire.places(rows, columns)
    east, north = east + (chance - 0.5) * CELL_M, north + (hash_unit(cell, 7) - 0.5) * CELL_M
    vigour = np.clip(age / 6.0, 0.15, 1.0) * np.exp(-age / RESIDENCE_S * 1.6)
    fuel = fire.fuel_height_m[rows, columns].astype(np.float64)
    flicker = 0.8 + 0.4 * hash_unit(cell, np.full(len(cell), math.floor(world_s * 7.0)))
    tall = fire.config.flame * (1.3 + 2.6 * hash_unit(cell, 8) + 0.30 * fuel) * vigour * flicker
    base = np.stack([east, north, fire.ground_amsl_m[rows, columns] + 0.55 * fuel], axis=1)
    return _boxes(camera, base, tall, np.floor(world_s * _FRAMES_A_SECOND + cell * 7) % FLAME_FRAMES, vigour)


def _boxes(
    camera: Camera,
    base: NDArray[np.float64],
    tall: NDArray[np.float64],
    frame: NDArray[np.float64],
    vigour: NDArray[np.float64],
) -> NDArray[np.float64]:
    foot, depth = camera.project(base)
    tip, _ = camera.project(base + np.stack([0.0 * tall, 0.0 * tall, tall], axis=1))
    ahead = depth > 2.0
    scale = camera.lens.focal_px / np.maximum(depth, 2.0)
    wide = (0.55 * tall + 1.6) * (0.7 + 0.7 * hash_unit(np.arange(len(tall)), 9)) * scale
    high = np.maximum(foot[:, 1] - tip[:, 1], 0.75 * wide)
    x, y = (foot[:, 0] + tip[:, 0]) / 2, foot[:, 1]
    table = np.stack([x - wide / 2, y - high, x + wide / 2, y + 0.12 * high, depth, frame, 0.75 + 0.5 * vigour], axis=1)
    inside = (
        (table[:, 2] > 0) & (table[:, 0] < camera.lens.width_px) & (table[:, 3] > 0) & (table[:, 1] < camera.lens.height_px)
    )
    table = table[ahead & inside & (high < 600.0)]
    return np.asarray(table[np.argsort(-table[:, 4], kind="stable")])


def _hidden(depth_m: Field2D, x: float, y: float, depth: float) -> bool:
    row, column = int(np.clip(y, 0, depth_m.shape[0] - 1)), int(np.clip(x, 0, depth_m.shape[1] - 1))
    return bool(depth_m[row, column] < depth - 14.0)


def _lay(layer: Picture, shape: Picture, x: int, y: int) -> None:
    """The brighter of both, where they overlap."""
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(shape.shape[0], layer.shape[0] - y), min(shape.shape[1], layer.shape[1] - x)
    if bottom > top and right > left:
        part = layer[y + top : y + bottom, x + left : x + right]
        np.maximum(part, shape[top:bottom, left:right], out=part)


def draw_flames(picture: Picture, layer: FlameLayer, clear: Field2D | None) -> None:
    """Lays flames and their glow over the picture. In place.

    Args:
        picture: BGR.
        layer: the flames.
        clear: how much light smoke lets through, at the picture's size; None without smoke.
    """
    rows = slice(layer.top, layer.top + layer.intensity.shape[0])
    columns = slice(layer.left, layer.left + layer.intensity.shape[1])
    colours, opacity = flame_colours()
    seen: Field2D = np.asarray(cv2.LUT(layer.intensity, opacity))
    if clear is not None:
        seen *= 0.30 + 0.70 * clear[rows, columns]
    own = cv2.LUT(cv2.merge([layer.intensity] * 3), colours)
    picture[rows, columns] = cv2.blendLinear(own, np.ascontiguousarray(picture[rows, columns]), seen, 1.0 - seen)
    _add_glow(picture, layer)


def _add_glow(picture: Picture, layer: FlameLayer) -> None:
    """Warm light around the flames."""
    span = max(layer.intensity.shape)
    margin = int(np.clip(span * 0.25, 6, 60))
    top, left = max(0, layer.top - margin), max(0, layer.left - margin)
    bottom = min(picture.shape[0], layer.top + layer.intensity.shape[0] + margin)
    right = min(picture.shape[1], layer.left + layer.intensity.shape[1] + margin)
    full = np.zeros((bottom - top, right - left), np.uint8)
    y, x = layer.top - top, layer.left - left
    full[y : y + layer.intensity.shape[0], x : x + layer.intensity.shape[1]] = layer.intensity
    small = cv2.resize(full, (max(1, full.shape[1] // 4), max(1, full.shape[0] // 4)), interpolation=cv2.INTER_AREA)
    halo = cv2.resize(cv2.GaussianBlur(small, (0, 0), max(1.0, margin / 10.0)), (full.shape[1], full.shape[0]))
    tint = cv2.merge([cv2.convertScaleAbs(halo, alpha=share) for share in (0.03, 0.12, 0.30)])
    part = picture[top:bottom, left:right]
    cv2.add(part, tint, dst=part)


def char(picture: Picture, fire: Fire, world_s: float, east_m: Field2D, north_m: Field2D) -> None:
    """Blackens what has burnt; places are given at half the picture's size. In place."""
    half = fire.cells / 2 - 0.5
    column = (east_m - np.float32(fire.east_m)) * np.float32(1.0 / CELL_M) + np.float32(half)
    row = (north_m - np.float32(fire.north_m)) * np.float32(-1.0 / CELL_M) + np.float32(half)
    burnt = np.clip((world_s - fire.arrival_s) / 25.0, 0.0, 1.0).astype(np.float32)
    dark = cv2.remap(burnt, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    found = bounds(above(dark, 0.01))
    if found is None:
        return
    x, y, wide, high = found
    part = picture[2 * y : 2 * (y + high), 2 * x : 2 * (x + wide)]
    share = cv2.resize(dark[y : y + high, x : x + wide], (part.shape[1], part.shape[0])) * np.float32(0.8)
    gray = cv2.cvtColor(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    part[:] = cv2.blendLinear(cv2.convertScaleAbs(gray, alpha=0.30, beta=8), part, share, 1.0 - share)
    _add_embers(part, fire, world_s, (column[y : y + high, x : x + wide], row[y : y + high, x : x + wide]))


def _add_embers(part: Picture, fire: Fire, world_s: float, cells: tuple[Field2D, Field2D]) -> None:
    """The red line of the front on the ground. In place."""
    if fire.config.flame <= 0.0:
        return
    age = world_s - fire.arrival_s
    hot = (np.exp(-np.abs(age) / 14.0) * (age >= 0.0)).astype(np.float32)
    seen = cv2.remap(hot, cells[0], cells[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    patchy = cv2.remap(ripples(), cells[0] * 9.0, cells[1] * 9.0, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    seen *= np.clip(0.45 + 0.55 * patchy, 0.0, 1.0)
    size = part.shape[1], part.shape[0]
    light = cv2.merge([cv2.convertScaleAbs(seen, alpha=tint) for tint in _EMBERS])
    cv2.add(part, resized(light, size), dst=part)
