"""Puts a picture, or a part of one, into a network's input, and finds the way back.

Pure arithmetic on arrays; knows the manifest's input description and nothing of sessions.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.frame import Pixels
from agent.vision.manifest import InputSpec


@dataclass(frozen=True, slots=True)
class Placement:
    """How a picture lies in the input: ``input = picture * scale + offset`` for x and y.

    Attributes:
        width_px, height_px: of the picture.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    width_px: int
    height_px: int

    def to_picture(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """N x 4 corners (x0, y0, x1, y1) from the input's pixels to the picture's, cut at its edges."""
        offset = np.array([self.offset_x, self.offset_y] * 2)
        scale = np.array([self.scale_x, self.scale_y] * 2)
        limit = np.array([self.width_px, self.height_px] * 2)
        return np.asarray(np.clip((boxes - offset) / scale, 0.0, limit))


def place(spec: InputSpec, width_px: int, height_px: int) -> Placement:
    """Where a picture of this size lies in the input."""
    scale_x, scale_y = spec.width / width_px, spec.height / height_px
    if spec.resize == "stretch":
        return Placement(scale_x, scale_y, 0.0, 0.0, width_px, height_px)
    scale = min(scale_x, scale_y)
    inner_w, inner_h = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    left, top = (spec.width - inner_w) // 2, (spec.height - inner_h) // 2
    return Placement(inner_w / width_px, inner_h / height_px, left, top, width_px, height_px)


def prepare(spec: InputSpec, pixels: Pixels) -> tuple[NDArray[np.float32], Placement]:
    """The input tensor, float32 [1, 3, height, width] or as the layout has it, and where the picture lies in it."""
    placement = place(spec, pixels.shape[1], pixels.shape[0])
    inner_w = round(placement.width_px * placement.scale_x)
    inner_h = round(placement.height_px * placement.scale_y)
    shrinks = inner_w < pixels.shape[1]
    inner = cv2.resize(pixels, (inner_w, inner_h), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if (inner_w, inner_h) != (spec.width, spec.height):
        canvas = np.full((spec.height, spec.width, 3), round(spec.pad_value), dtype=np.uint8)
        top, left = int(placement.offset_y), int(placement.offset_x)
        canvas[top : top + inner_h, left : left + inner_w] = inner
        inner = canvas
    tensor: NDArray[np.float32] = np.asarray(cv2.dnn.blobFromImage(inner, swapRB=spec.channels == "rgb"), dtype=np.float32)
    factor = np.array([spec.scale / s for s in spec.std], dtype=np.float32).reshape(1, 3, 1, 1)
    shift = np.array([m / s for m, s in zip(spec.mean, spec.std, strict=True)], dtype=np.float32).reshape(1, 3, 1, 1)
    np.multiply(tensor, factor, out=tensor)
    if any(spec.mean):
        np.subtract(tensor, shift, out=tensor)
    if spec.layout == "nhwc":
        tensor = np.ascontiguousarray(tensor.transpose(0, 2, 3, 1))
    return tensor, placement


def crop_of_mask(mask: NDArray[np.float32], spec: InputSpec, placement: Placement) -> NDArray[np.float32]:
    """The part of a mask over the whole input that lies over the picture."""
    rows, cols = mask.shape
    x0, y0 = placement.offset_x / spec.width * cols, placement.offset_y / spec.height * rows
    x1 = (placement.offset_x + placement.width_px * placement.scale_x) / spec.width * cols
    y1 = (placement.offset_y + placement.height_px * placement.scale_y) / spec.height * rows
    left, top = round(x0), round(y0)
    return mask[top : max(top + 1, round(y1)), left : max(left + 1, round(x1))]
