"""Draws smoke: semi-transparent puffs from far to near, lit by the sun and from below by flames."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera.projection import Camera
from simulator.camera.sprites import PUFF_KINDS, PUFF_LIGHTS, puffs
from simulator.world.raster import Field2D, Picture
from simulator.world.smoke import Puffs

_GLOW = (10.0, 60.0, 130.0)  # BGR of smoke in the light of flames
_BUDGET_PX = 700_000.0  # puff pixels a frame; above it the smoke is drawn coarser
VISIBLE_OPACITY = 0.13  # from here the eye says smoke


@dataclass(frozen=True, eq=False)
class SmokeLayer:
    """Smoke in a part of the picture, at the picture's resolution.

    Attributes:
        left, top: the part's first pixel.
        clear: share of light from behind that comes through.
        light: brightness of the smoke itself, weighted with its opacity.
        glow: orange light of flames on it, weighted alike.
    """

    left: int
    top: int
    clear: Field2D
    light: Field2D
    glow: Field2D


def smoke_layer(camera: Camera, smoke: Puffs, depth_m: Field2D, sun: tuple[float, float, float]) -> SmokeLayer | None:
    """The smoke of a plume in the picture, or None.

    Args:
        camera: the camera.
        smoke: its puffs.
        depth_m: depth of the scene at the picture's size.
        sun: direction towards the sun, world axes.
    """
    table = _table(camera, smoke)
    if not len(table):
        return None
    height, width = depth_m.shape
    left = int(np.clip((table[:, 0] - table[:, 2]).min(), 0, width - 1))
    top = int(np.clip((table[:, 1] - table[:, 2]).min(), 0, height - 1))
    right = int(np.clip((table[:, 0] + table[:, 2]).max() + 1, left + 1, width))
    bottom = int(np.clip((table[:, 1] + table[:, 2]).max() + 1, top + 1, height))
    size = right - left, bottom - top
    scale = min(1.0, math.sqrt(_BUDGET_PX / max(1.0, _drawn_px(table, (left, top, right, bottom)))))
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    depth = cv2.resize(depth_m[top:bottom, left:right], small, interpolation=cv2.INTER_NEAREST)
    zoom = small[0] / size[0], small[1] / size[1]
    layers = _accumulate(table, (left, top), zoom, depth, _light_quarter(camera, sun))
    clear, light, glow = (cv2.resize(layer, size, interpolation=cv2.INTER_LINEAR) for layer in layers)
    return SmokeLayer(left, top, np.asarray(clear), np.asarray(light), np.asarray(glow))


def _table(camera: Camera, smoke: Puffs) -> NDArray[np.float64]:
    """Rows of x, y, radius (pixels), depth, radius (m), opacity, tone, kind, glow; far ones first, those in the picture."""
    if not len(smoke):
        return np.zeros((0, 9))
    pixel, depth = camera.project(smoke.centre_m)
    ahead = depth > np.maximum(3.0, 0.6 * smoke.radius_m)
    radius = camera.lens.focal_px * smoke.radius_m / np.maximum(depth, 1.0)
    # Inside a puff the camera sees a veil: it thins out as the puff comes near.
    near = np.clip((depth - smoke.radius_m) / 15.0, 0.0, 1.0)
    columns = [
        pixel[:, 0],
        pixel[:, 1],
        radius,
        depth,
        smoke.radius_m,
        smoke.opacity * near,
        smoke.tone,
        smoke.kind,
        smoke.glow,
    ]
    table = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    inside = (np.abs(table[:, 0] - camera.lens.width_px / 2) < camera.lens.width_px / 2 + radius) & (
        np.abs(table[:, 1] - camera.lens.height_px / 2) < camera.lens.height_px / 2 + radius
    )
    table = table[ahead & inside & (radius > 0.35) & (table[:, 5] > 0.01)]
    return np.asarray(table[np.argsort(-table[:, 3], kind="stable")])


def _drawn_px(table: NDArray[np.float64], part: tuple[int, int, int, int]) -> float:
    """Pixels that the puffs cover inside the part, overlaps counted each time."""
    wide = np.minimum(table[:, 0] + table[:, 2], part[2]) - np.maximum(table[:, 0] - table[:, 2], part[0])
    high = np.minimum(table[:, 1] + table[:, 2], part[3]) - np.maximum(table[:, 1] - table[:, 2], part[1])
    return float((np.maximum(wide, 0.0) * np.maximum(high, 0.0)).sum())


def _light_quarter(camera: Camera, sun: tuple[float, float, float]) -> int:
    """From which side of the picture the sun shines: 0 above, 1 right, 2 below, 3 left."""
    right, down = camera.axes[0] @ np.array(sun), camera.axes[1] @ np.array(sun)
    return round(math.atan2(right, -down) / (math.pi / 2)) % PUFF_LIGHTS


def _accumulate(
    table: NDArray[np.float64], corner: tuple[int, int], zoom: tuple[float, float], depth: Field2D, quarter: int
) -> tuple[Field2D, Field2D, Field2D]:
    """Lays the puffs over each other: what light passes, the smoke's own light, its glow."""
    clear, light, glow = np.ones_like(depth), np.zeros_like(depth), np.zeros_like(depth)
    opacities, lights = puffs()
    for x, y, radius, far, radius_m, opacity, tone, look, warm in table.tolist():
        wide, high = max(2, round(2 * radius * zoom[0])), max(2, round(2 * radius * zoom[1]))
        x_0, y_0 = round((x - corner[0]) * zoom[0] - wide / 2), round((y - corner[1]) * zoom[1] - high / 2)
        window = _window(depth.shape, (x_0, y_0, wide, high))
        if window is None:
            continue
        rows, columns, inner = window
        kind = int(look) % PUFF_KINDS
        cover = _cut(opacities[kind], wide, high, inner) * np.float32(opacity)
        behind = (depth[rows, columns] - np.float32(far - 0.9 * radius_m)) * np.float32(1.0 / (0.9 * radius_m))
        cover *= np.clip(behind, 0.0, 1.0)
        shade = _cut(lights[kind][quarter], wide, high, inner)
        through = 1.0 - cover
        light[rows, columns] = light[rows, columns] * through + shade * (cover * np.float32(tone))
        glow[rows, columns] = glow[rows, columns] * through + cover * np.float32(warm)
        clear[rows, columns] *= through
    return clear, light, glow


def _window(shape: tuple[int, ...], box: tuple[int, int, int, int]) -> tuple[slice, slice, tuple[slice, slice]] | None:
    """Where a box overlaps a raster: the raster's rows and columns, and the box's own."""
    x, y, wide, high = box
    left, top, right, bottom = max(0, x), max(0, y), min(shape[1], x + wide), min(shape[0], y + high)
    if right <= left or bottom <= top:
        return None
    return slice(top, bottom), slice(left, right), (slice(top - y, bottom - y), slice(left - x, right - x))


def _cut(sprite: Field2D, wide: int, high: int, inner: tuple[slice, slice]) -> Field2D:
    """The part of a sprite, at a size, without making the whole when it is much larger than the part."""
    rows, columns = inner
    matrix = np.array(
        [
            [sprite.shape[1] / wide, 0.0, (columns.start + 0.5) * sprite.shape[1] / wide - 0.5],
            [0.0, sprite.shape[0] / high, (rows.start + 0.5) * sprite.shape[0] / high - 0.5],
        ]
    )
    size = columns.stop - columns.start, rows.stop - rows.start
    if wide < sprite.shape[1] // 2:
        return np.asarray(cv2.resize(sprite, (wide, high), interpolation=cv2.INTER_AREA)[rows, columns])
    return np.asarray(
        cv2.warpAffine(sprite, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    )


def draw_smoke(picture: Picture, layer: SmokeLayer, sunlight: tuple[float, float, float], haze: float) -> None:
    """Lays smoke over the picture. In place.

    Args:
        picture: BGR.
        layer: the smoke.
        sunlight: BGR of white smoke in the sun, 0..255.
        haze: share of the smoke's contrast that the air before it takes.
    """
    rows = slice(layer.top, layer.top + layer.clear.shape[0])
    columns = slice(layer.left, layer.left + layer.clear.shape[1])
    part = picture[rows, columns]
    through = cv2.convertScaleAbs(layer.clear + (1.0 - layer.clear) * np.float32(haze), alpha=255.0)
    lit = [cv2.addWeighted(layer.light, sun, layer.glow, glow, 0.0) for sun, glow in zip(sunlight, _GLOW, strict=True)]
    own = [cv2.convertScaleAbs(channel, alpha=1.0 - haze) for channel in lit]
    cv2.add(cv2.multiply(part, cv2.merge([through] * 3), scale=1.0 / 255.0), cv2.merge(own), dst=part)
