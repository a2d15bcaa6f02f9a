"""From a network's raw outputs to boxes, a mask and picture scores in known units.

Pure; each layout is a row of a table. Shapes that do not fit the manifest, and values that are no numbers, are a
:class:`ModelError`: a network that answers nonsense has not seen "nothing".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.core.errors import ModelError
from agent.vision.manifest import BoxOutput, MaskOutput, PictureOutput

Array = NDArray[np.float64]
Activation = Callable[[Array], Array]

_CANDIDATES_MAX = 1000
_PART_PIXELS_LEAST = 3
"""A part of a mask with fewer pixels is its noise."""


def _plain(rows: Array, activation: Activation, classes: int) -> tuple[Array, Array]:  # noqa: ARG001 one signature for all rows
    return rows[:, :4], activation(rows[:, 4:])


def _with_objectness(rows: Array, activation: Activation, classes: int) -> tuple[Array, Array]:  # noqa: ARG001
    return rows[:, :4], activation(rows[:, 5:]) * activation(rows[:, 4:5])


def _with_label(rows: Array, activation: Activation, classes: int) -> tuple[Array, Array]:
    """Box, score, number of the class: one score a row, the other classes 0."""
    labels = np.arange(classes)[None, :] == np.round(rows[:, 5:6])
    return rows[:, :4], np.where(labels, activation(rows[:, 4:5]), 0.0)


def _grid(cells: Array, activation: Activation, classes: int) -> tuple[Array, Array]:  # noqa: ARG001
    """FastestDet's cells, 5 + C x H x W, as published with it (dog-qiuqiu/FastestDet, README and module code).

    The centre lies tanh(offset) cells from the cell's corner, the size is a sigmoid of the whole input, and the score weighs
    objectness with 0.6 and class with 0.4, as exponents.
    """
    rows, cols = cells.shape[1:]
    ys, xs = np.mgrid[0:rows, 0:cols]
    flat = cells.reshape(cells.shape[0], -1).T
    centre_x = (np.tanh(flat[:, 1]) + xs.ravel()) / cols
    centre_y = (np.tanh(flat[:, 2]) + ys.ravel()) / rows
    boxes = np.column_stack([centre_x, centre_y, sigmoid(flat[:, 3]), sigmoid(flat[:, 4])])
    objectness, scores = np.clip(activation(flat[:, :1]), 0.0, 1.0), np.clip(activation(flat[:, 5:]), 0.0, 1.0)
    return boxes, objectness**0.6 * scores**0.4


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one layout is told from its shape and taken apart.

    Attributes:
        axes: number of dimensions, the batch included.
        axis: which of them holds a candidate's values.
        before: values before the class scores; the classes follow, unless ``label`` says that a number stands for them.
        columns: whether a candidate is a column.
    """

    axes: int
    axis: int
    before: int
    split: Callable[[Array, Activation, int], tuple[Array, Array]]
    label: bool = False
    columns: bool = False


_LAYOUTS: dict[str, _Layout] = {
    "1xNx(4+C)": _Layout(3, 2, 4, _plain),
    "1x(4+C)xN": _Layout(3, 1, 4, _plain, columns=True),
    "1xNx(5+C)": _Layout(3, 2, 5, _with_objectness),
    "1x(5+C)xN": _Layout(3, 1, 5, _with_objectness, columns=True),
    "1xNx6": _Layout(3, 2, 6, _with_label, label=True),
    "1x(5+C)xHxW": _Layout(4, 1, 5, _grid),
}

Shape = Sequence[int | str | None]
"""Dimensions; those that are no number may be anything."""


def boxes_fault(shape: Shape, spec: BoxOutput, classes: int) -> str | None:
    """What is wrong with the shape of an output of boxes, in words; None when it fits."""
    layout = _LAYOUTS[spec.layout]
    values = layout.before + (0 if layout.label else classes)
    wanted: list[int | None] = [None] * layout.axes
    wanted[0], wanted[layout.axis] = 1, values
    if _fits(shape, wanted):
        return None
    words = f"the layout {spec.layout} with {classes} classes needs {layout.axes} dimensions, {values} values in number"
    return f"output {spec.name}: has the shape {tuple(shape)}; {words} {layout.axis}"


def mask_fault(shape: Shape, spec: MaskOutput) -> str | None:
    """As :func:`boxes_fault`, of a mask."""
    channels = shape[1] if len(shape) == 4 else 0
    there = channels > spec.channel if spec.channel is not None and isinstance(channels, int) else True
    small = any(isinstance(side, int) and side < 2 for side in shape[2:])
    if _fits(shape, [1, 1 if spec.channel is None else None, None, None]) and there and not small:
        return None
    channel = "one channel; name the channel of several" if spec.channel is None else f"a channel {spec.channel}"
    return f"output {spec.name}: has the shape {tuple(shape)}; a mask is [1, K, h, w] with {channel}"


def picture_fault(shape: Shape, spec: PictureOutput, heads: int) -> str | None:
    """As :func:`boxes_fault`, of picture scores; ``heads`` is how many there must be at least."""
    scores = shape[1] if len(shape) > 1 else 0
    if _fits(shape, [1, None, *[1] * (len(shape) - 2)]) and not (isinstance(scores, int) and scores < heads):
        return None
    return f"output {spec.name}: has the shape {tuple(shape)}; picture scores are [1, K] with K at least {heads}"


def _fits(shape: Shape, wanted: Sequence[int | None]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    same = (have == want for have, want in pairs if want is not None and isinstance(have, int))
    return len(shape) == len(wanted) and all(same)


def _refuse(fault: str | None) -> None:
    if fault is not None:
        raise ModelError("model.refused", fault)


def _require_numbers(values: NDArray[np.floating], name: str) -> None:
    if not np.isfinite(values).all():
        raise ModelError(
            "model.no_numbers", f"output {name}: {int(np.count_nonzero(~np.isfinite(values)))} values are no numbers"
        )


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
        ModelError: ``model.refused``, the output has another shape than the manifest says; ``model.no_numbers``, a score or
            the place of a candidate is no number.
    """
    _refuse(boxes_fault(raw.shape, spec, classes))
    layout = _LAYOUTS[spec.layout]
    values = raw[0].astype(np.float64)
    boxes, scores = layout.split(values.T if layout.columns else values, _ACTIVATIONS[spec.activation], classes)
    _require_numbers(scores, spec.name)
    found = scores.argmax(axis=1) if classes > 1 else np.zeros(len(scores), dtype=np.intp)
    best = scores[np.arange(len(scores)), found]
    good = best >= floors[found]
    _require_numbers(boxes[good], spec.name)
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
    """Probability over the whole input, h x w.

    Raises:
        ModelError: ``model.refused`` or ``model.no_numbers``.
    """
    _refuse(mask_fault(raw.shape, spec))
    _require_numbers(raw, spec.name)
    channel = spec.channel or 0
    if spec.activation == "softmax":
        shifted = np.exp(raw[0].astype(np.float64) - raw[0].max(axis=0))
        return np.asarray(shifted[channel] / shifted.sum(axis=0), dtype=np.float32)
    mask = raw[0, channel].astype(np.float32)
    return sigmoid(mask).astype(np.float32) if spec.activation == "sigmoid" else np.clip(mask, 0.0, 1.0)


def boxes_of_mask(mask: NDArray[np.float32], threshold: float, size: tuple[float, float]) -> tuple[Array, Array]:
    """The connected parts of a mask as boxes.

    Args:
        mask: probability over a picture, h x w.
        threshold: from which a pixel counts.
        size: width and height of the picture.

    Returns:
        corners n x 4 in the picture's pixels and the mean probability of each part, n; the largest parts first.
    """
    called = (mask >= threshold).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(called, connectivity=8)
    pixels = boxes[:, 4].astype(np.float64)
    means = np.bincount(labels.ravel(), weights=mask.ravel(), minlength=count) / np.maximum(pixels, 1.0)
    parts = [i for i in np.argsort(-pixels, kind="stable") if i > 0 and pixels[i] >= _PART_PIXELS_LEAST][:_CANDIDATES_MAX]
    corners = boxes[parts, :4].astype(np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    scale = np.array([size[0] / mask.shape[1], size[1] / mask.shape[0]] * 2)
    return corners * scale, means[parts]


def decode_picture_scores(raw: NDArray[np.floating], spec: PictureOutput) -> Array:
    """Logits, K: what the calibration takes.

    Raises:
        ModelError: ``model.refused`` or ``model.no_numbers``.
    """
    _refuse(picture_fault(raw.shape, spec, 1))
    _require_numbers(raw, spec.name)
    values = np.clip(raw.reshape(-1).astype(np.float64), -1.0e6, 1.0e6)
    if spec.values == "probabilities":
        return logit(values)
    if spec.activation == "softmax":
        shifted = np.exp(values - values.max())
        return logit(shifted / shifted.sum())
    return values


def sigmoid(x: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, dtype=np.float64))))


_ACTIVATIONS: dict[str, Activation] = {"none": lambda x: x, "sigmoid": sigmoid}


def logit(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """The inverse of :func:`sigmoid`, finite for 0 and 1."""
    clipped = np.clip(np.asarray(p, dtype=np.float64), 1e-9, 1 - 1e-9)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def blend_up(mask: NDArray[np.float32], width_px: int, height_px: int) -> NDArray[np.float32]:
    """A mask at another size, smoothly."""
    return np.asarray(cv2.resize(mask, (width_px, height_px), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
