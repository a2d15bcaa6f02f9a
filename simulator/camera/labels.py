"""Boxes around what is really visible of flames and smoke in a picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from simulator.camera.flames import FlameLayer
from simulator.camera.plume import VISIBLE_OPACITY, SmokeLayer
from simulator.world.raster import Picture, above, bounds, equal

_SMALLEST_FLAME_PX = 2
_SMALLEST_SMOKE_PX = 7
_MOST_BOXES = 8


@dataclass(frozen=True)
class Box:
    """A hazard's visible part: ``flame`` or ``smoke``; pixels x0, y0, x1, y1."""

    kind: str
    box_px: tuple[float, float, float, float]


def flame_boxes(layer: FlameLayer, threshold: int) -> list[Box]:
    """One box around each group of flames that the eye takes for one."""
    mask = above(layer.intensity, threshold - 1)
    gap = max(14, round(0.08 * max(mask.shape)))
    return _grouped("flame", mask, gap, (layer.left, layer.top), _SMALLEST_FLAME_PX)


def smoke_boxes(layer: SmokeLayer, haze: float) -> list[Box]:
    """One box around each connected cloud of smoke; ``haze`` is the share of its contrast that the air takes."""
    mask = above((1.0 - layer.clear) * np.float32(1.0 - haze), VISIBLE_OPACITY)
    gap = max(18, round(0.08 * max(mask.shape)))
    return _grouped("smoke", mask, gap, (layer.left, layer.top), _SMALLEST_SMOKE_PX)


def _grouped(kind: str, mask: Picture, gap: int, corner: tuple[int, int], smallest: int) -> list[Box]:
    """Boxes of the mask's parts; parts nearer than the gap are one."""
    joined = cv2.dilate(mask, np.ones((gap, gap), np.uint8)) if gap > 1 else mask
    count, parts = cv2.connectedComponents(joined)
    boxes: list[tuple[int, Box]] = []
    for number in range(1, count):
        part = cv2.bitwise_and(mask, equal(parts, number))
        found = bounds(part)
        if found is None:
            continue
        x, y, wide, high = found
        if max(wide, high) >= smallest and min(wide, high) >= 2:
            left, top = corner[0] + x, corner[1] + y
            boxes.append((cv2.countNonZero(part), Box(kind, (float(left), float(top), float(left + wide), float(top + high)))))
    boxes.sort(key=lambda item: -item[0])
    return [box for _, box in boxes[:_MOST_BOXES]]
