"""Which cell of the box head is responsible for which box, and where nothing may be learnt.

Arrays in, arrays out; no torch. A class whose boxes a source does not draw gets weight 0 everywhere but on its drawn boxes,
so that a fire picture without smoke boxes never teaches "this is not smoke".
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.training.data import Boxes
from models.training.sources import BOX_CLASSES, Truth

STRIDES = (8, 16, 32)
SIZE_RANGES_PX = ((0.0, 56.0), (56.0, 144.0), (144.0, 1e9))
"""Longest side of the boxes that each stride is responsible for (at an input of about 320 to 384 pixels)."""
CENTRE_RADIUS = 1.5  # cells, FCOS (Tian et al. 2019, section 3.2 of the improved version)
LOOSE_BACKGROUND_WEIGHT = 0.2
"""How much the background of a source with incomplete boxes counts."""

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Targets:
    """Per cell: class targets and weights [N, classes], distances to the box's sides [N, 4] in pixels, positive [N]."""

    classes: Array
    weights: Array
    distances: Array
    positive: Array


def cell_grid(size_px: int) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Centres [N, 2] in pixels, strides [N] and level index [N], in the order of the network's output."""
    centres, strides, levels = [], [], []
    for level, stride in enumerate(STRIDES):
        axis = (np.arange(size_px // stride, dtype=np.float32) + 0.5) * stride
        x, y = np.meshgrid(axis, axis)
        centres.append(np.stack((x.ravel(), y.ravel()), axis=1))
        strides.append(np.full(x.size, stride, np.float32))
        levels.append(np.full(x.size, level))
    return np.concatenate(centres), np.concatenate(strides), np.concatenate(levels)


def background_weights(truth: Truth) -> Array:
    """How much "nothing here" counts for each class: 1 where its boxes are complete, less where loose, 0 where unknown."""
    full = LOOSE_BACKGROUND_WEIGHT if truth.loose else 1.0
    return np.array([full if index in truth.boxes else 0.0 for index in range(len(BOX_CLASSES))], np.float32)


def assign(boxes: Boxes, ignored: Boxes, truth: Truth, size_px: int) -> Targets:
    """Targets of one example. Where boxes overlap, the smaller one keeps the cell."""
    centres, strides, levels = cell_grid(size_px)
    classes = np.zeros((len(centres), len(BOX_CLASSES)), np.float32)
    weights = np.repeat(background_weights(truth)[None], len(centres), axis=0)
    distances = np.zeros((len(centres), 4), np.float32)
    positive = np.zeros(len(centres), np.float32)
    for row in ignored:
        weights[_inside(centres, row[1:])] = 0.0
    area = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2])
    for row in boxes[np.argsort(-area)]:
        own = int(row[0])
        cells, near = _responsible(centres, strides, levels, row[1:])
        weights[near, own] = 0.0  # inside the box but not responsible: nobody says what should be there
        classes[cells] = 0.0
        classes[cells, own] = 1.0
        weights[cells, own] = 1.0
        distances[cells] = _sides(centres[cells], row[1:])
        positive[cells] = 1.0
    weights = np.where(classes > 0, 1.0, weights).astype(np.float32)
    return Targets(classes, weights, distances, positive)


def _responsible(
    centres: Array, strides: Array, levels: npt.NDArray[np.int64], box: Array
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Cells that must find the box, and cells within it that need not."""
    middle = (box[:2] + box[2:]) / 2
    longest = float(max(box[2] - box[0], box[3] - box[1]))
    low = np.array([pair[0] for pair in SIZE_RANGES_PX], np.float32)[levels]
    high = np.array([pair[1] for pair in SIZE_RANGES_PX], np.float32)[levels]
    level_fits = (longest >= low) & (longest < high)
    close = np.abs(centres - middle).max(axis=1) <= CENTRE_RADIUS * strides
    inside = _inside(centres, box)
    cells = level_fits & close & inside
    if not cells.any():  # a box smaller than a cell: the nearest centre takes it
        gap = np.where(level_fits, np.abs(centres - middle).max(axis=1), np.inf)
        cells = np.arange(len(gap)) == gap.argmin()
    return cells, inside & ~cells


def _inside(centres: Array, box: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(np.all((centres >= box[:2]) & (centres <= box[2:]), axis=1))


def _sides(centres: Array, box: Array) -> Array:
    """Distances to left, top, right, bottom; at least a quarter pixel, as a centre may lie just outside a tiny box."""
    return np.maximum(np.concatenate((centres - box[:2], box[2:] - centres), axis=1), 0.25).astype(np.float32)
