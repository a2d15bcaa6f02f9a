"""The figures: arrays in, numbers out. Each definition is the field's usual one and is stated where it is computed.

Undefined figures (no positive, no negative, nothing labelled) are NaN, never 0 or 1. No files, no networks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval (percentiles 2.5 and 97.5)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Detections:
    """Boxes of one class in one picture: found (x0, y0, x1, y1) with confidences, and drawn by the labeller."""

    found: Array  # [n, 4]
    confidences: Array  # [n]
    drawn: Array  # [m, 4]


def auroc(scores: Array, labels: Array) -> float:
    """Chance that a positive scores above a negative, ties half (Mann-Whitney U / (n+ n-))."""
    positives, negatives = scores[labels > 0.5], scores[labels <= 0.5]
    if len(positives) == 0 or len(negatives) == 0:
        return float("nan")
    pool = np.concatenate((positives, negatives))
    _, inverse, counts = np.unique(pool, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    ranks = mean_rank[inverse]
    n_pos, n_neg = len(positives), len(negatives)
    return float((ranks[:n_pos].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def precision(called: Array, labels: Array) -> float:
    """Part of the alarms that are right."""
    return _ratio(float((called * labels).sum()), float(called.sum()))


def recall(called: Array, labels: Array) -> float:
    """Part of the positives that are alarmed."""
    return _ratio(float((called * labels).sum()), float(labels.sum()))


def f1(called: Array, labels: Array) -> float:
    """2 TP / (2 TP + FP + FN)."""
    return _ratio(2 * float((called * labels).sum()), float(called.sum() + labels.sum()))


def false_alarm_rate(called: Array, labels: Array) -> float:
    """Part of the negatives that are alarmed."""
    return _ratio(float((called * (1 - labels)).sum()), float((1 - labels).sum()))


def calibration_error(probabilities: Array, labels: Array, bins: int = 10) -> float:
    """Expected calibration error: mean |share of positives - mean probability| over equal-width bins, by their counts."""
    if len(probabilities) == 0:
        return float("nan")
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [abs(float((labels - probabilities)[index == b].sum())) for b in range(bins)]
    return sum(gaps) / len(probabilities)


def average_precision(pictures: Sequence[Detections], overlap: float = 0.5) -> float:
    """Area under the precision-recall curve (all points, precision made non-increasing), a hit being IoU >= `overlap`.

    Boxes of all pictures together, by falling confidence; each drawn box is hit once, further boxes on it are misses.
    """
    drawn = sum(len(picture.drawn) for picture in pictures)
    if drawn == 0:
        return float("nan")
    confidences = np.concatenate([picture.confidences for picture in pictures])
    hits = np.concatenate([_hits(picture, overlap) for picture in pictures])
    order = np.argsort(-confidences, kind="stable")
    true_positives = np.cumsum(hits[order])
    recalls = true_positives / drawn
    precisions = true_positives / np.arange(1, len(order) + 1)
    envelope = np.maximum.accumulate(precisions[::-1])[::-1]
    steps = np.diff(np.concatenate(([0.0], recalls)))
    return float((steps * envelope).sum())


def _hits(picture: Detections, least: float) -> Array:
    """1 for every found box that takes a drawn box, in the order of the boxes given."""
    hits = np.zeros(len(picture.found))
    free = np.ones(len(picture.drawn), bool)
    if len(picture.drawn) == 0 or len(picture.found) == 0:
        return hits
    overlap = box_iou(picture.found, picture.drawn)
    for index in np.argsort(-picture.confidences, kind="stable"):
        best = np.where(free, overlap[index], -1.0)
        taken = int(best.argmax())
        if best[taken] >= least:
            hits[index] = 1.0
            free[taken] = False
    return hits


def box_iou(a: Array, b: Array) -> Array:
    """Intersection over union of boxes (x0, y0, x1, y1): [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(2)
    area_a = np.clip(a[:, 2:] - a[:, :2], 0, None).prod(1)
    area_b = np.clip(b[:, 2:] - b[:, :2], 0, None).prod(1)
    iou: Array = common / np.maximum(area_a[:, None] + area_b[None] - common, 1e-12)
    return iou


def mask_iou(intersections: Array, unions: Array) -> float:
    """Intersection over union of all pictures' pixels together."""
    return _ratio(float(intersections.sum()), float(unions.sum()))


def bootstrap(figure: Callable[[Index], float], groups: Sequence[str], rounds: int = 500, seed: int = 7) -> Interval:
    """The figure over all pictures, and its interval by drawing whole groups with replacement.

    Pictures of one camera or scene are nearly alike; drawing them one by one would make the interval too narrow.
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    lists = [np.asarray(rows, np.intp) for rows in members.values()]
    value = figure(np.arange(len(groups), dtype=np.intp))
    rng = np.random.default_rng(seed)
    drawn = [figure(np.concatenate([lists[i] for i in rng.integers(len(lists), size=len(lists))])) for _ in range(rounds)]
    usable = [one for one in drawn if not np.isnan(one)]
    if np.isnan(value) or len(usable) < rounds / 2:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(usable, (2.5, 97.5))
    return Interval(value, float(low), float(high))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
