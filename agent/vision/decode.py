"""From a network's raw outputs to boxes, a mask and picture scores in known units.

Pure; each layout is a row of a table. Shapes that do not fit the manifest are a :class:`ModelError`, values that are no numbers
are dropped.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.core.errors import ModelError
from agent.vision.manifest import BoxOutput, MaskOutput, PictureOutput

Array = NDArray[np.float64]

_CANDIDATES_MAX = 1000


def _rows_first(raw: Array) -> tuple[Array, Array]:
    return raw[:, :4], raw[:, 4:]


def _columns_first(raw: Array) -> tuple[Array, Array]:
    return raw.T[:, :4], raw.T[:, 4:]


def _with_objectness(raw: Array) -> tuple[Array, Array]:
    return raw[:, :4], raw[:, 5:] * raw[:, 4:5]


_LAYOUTS: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "1xNx(4+C)": _rows_first,
    "1x(4+C)xN": _columns_first,
    "1xNx(5+C)": _with_objectness,
}


def decode_boxes(
    raw: NDArray[np.floating], spec: BoxOutput, classes: int, size: tuple[int, int], floors: Array
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Candidates at or above their class's floor.

    Args:
        raw: the output as the network gave it.
        classes: how many classes the manifest names.
        size: width and height of the input, for normalized units.
        floors: least score of each class.

    Returns:
        corners n x 4 (x0, y0, x1, y1) in input pixels, scores n, classes n; the highest scores first.

    Raises:
        ModelError: ``model.refused``, the output has another shape than the manifest says.
    """
    if raw.ndim != 3 or raw.shape[0] != 1:
        raise ModelError("model.refused", f"output {spec.name}: has the shape {raw.shape}, the layout is {spec.layout}")
    boxes, scores = _LAYOUTS[spec.layout](raw[0].astype(np.float64))
    if scores.shape[1] != classes or boxes.shape[1] != 4:
        words = f"has the shape {raw.shape}; the layout {spec.layout} with {classes} classes needs another"
        raise ModelError("model.refused", f"output {spec.name}: {words}")
    found = scores.argmax(axis=1) if classes > 1 else np.zeros(len(scores), dtype=np.intp)
    best = scores[np.arange(len(scores)), found]
    good = (best >= floors[found]) & np.isfinite(boxes).all(axis=1) & np.isfinite(best)
    order = np.flatnonzero(good)[np.argsort(-best[good], kind="stable")][:_CANDIDATES_MAX]
    corners = boxes[order]
    if spec.format == "cxcywh":
        half = corners[:, 2:] / 2
        corners = np.hstack([corners[:, :2] - half, corners[:, :2] + half])
    if spec.units == "normalized":
        corners = corners * np.array([*size, *size])
    return corners, np.clip(best[order], 0.0, 1.0), found[order]


def non_maximum_suppression(corners: Array, scores: Array, labels: NDArray[np.intp], iou_max: float) -> NDArray[np.intp]:
    """Indices of the boxes that stay, highest score first; boxes of different labels do not suppress each other."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        same = labels[rest] == labels[best]
        order = rest[~same | (iou(corners[best], corners[rest]) <= iou_max)]
    return np.array(kept, dtype=np.intp)


def iou(box: Array, others: Array) -> Array:
    """Intersection over union of one box (4) with others (n x 4)."""
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    common = np.clip(width, 0, None) * np.clip(height, 0, None)
    union = _area(box[None])[0] + _area(others) - common
    return np.asarray(np.where(union > 0, common / np.where(union > 0, union, 1.0), 0.0))


def covered(box: Array, others: Array) -> Array:
    """Which part of the smaller of the two boxes lies in the other."""
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    common = np.clip(width, 0, None) * np.clip(height, 0, None)
    smaller = np.minimum(_area(box[None])[0], _area(others))
    return np.asarray(np.where(smaller > 0, common / np.where(smaller > 0, smaller, 1.0), 0.0))


def _area(corners: Array) -> Array:
    sides = np.clip(corners[:, 2:] - corners[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1])


def decode_mask(raw: NDArray[np.floating], spec: MaskOutput) -> NDArray[np.float32]:
    """Probability of water over the whole input, h x w.

    Raises:
        ModelError: ``model.refused``.
    """
    if raw.ndim != 4 or raw.shape[:2] != (1, 1) or min(raw.shape[2:]) < 2:
        raise ModelError("model.refused", f"output {spec.name}: has the shape {raw.shape}, a mask is [1, 1, h, w]")
    mask = np.nan_to_num(raw[0, 0].astype(np.float32), nan=0.0)
    return sigmoid(mask).astype(np.float32) if spec.activation == "sigmoid" else np.clip(mask, 0.0, 1.0)


def decode_picture_scores(raw: NDArray[np.floating], spec: PictureOutput) -> Array:
    """Logits, K: what the calibration takes.

    Raises:
        ModelError: ``model.refused``.
    """
    if raw.ndim != 2 or raw.shape[0] != 1:
        raise ModelError("model.refused", f"output {spec.name}: has the shape {raw.shape}, picture scores are [1, K]")
    values = np.nan_to_num(raw[0].astype(np.float64), nan=-50.0, posinf=50.0, neginf=-50.0)
    if spec.values == "probabilities":
        return logit(values)
    if spec.activation == "softmax":
        shifted = np.exp(values - values.max())
        return logit(shifted / shifted.sum())
    return np.asarray(values, dtype=np.float64)


def sigmoid(x: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, dtype=np.float64))))


def logit(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """The inverse of :func:`sigmoid`, finite for 0 and 1."""
    clipped = np.clip(np.asarray(p, dtype=np.float64), 1e-9, 1 - 1e-9)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def blend_up(mask: NDArray[np.float32], width_px: int, height_px: int) -> NDArray[np.float32]:
    """A mask at another size, smoothly."""
    return np.asarray(cv2.resize(mask, (width_px, height_px), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
