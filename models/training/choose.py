"""Chooses on the val split what is not trained: calibration, tile penalty and thresholds. Writes them into the manifest.

A threshold is the cheapest for a stated cost of a miss, among those that alarm at most a stated share of the negatives of val;
every source counts alike. The test split is never looked at here.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from agent.vision.frame import Frame
from agent.vision.manifest import BoxClass, Calibration, Manifest, PictureHead
from agent.vision.perception import Perception
from agent.vision.pictures import read_picture
from agent.vision.runtime import Network
from models.training.calibrate import (
    Array,
    balanced_weights,
    cheapest_threshold,
    platt,
    sigmoid,
    threshold_for_false_alarms,
)
from models.training.data import Sample
from models.training.figures import truth_of
from models.training.manifest_file import write_manifest
from models.training.pipeline import Raw, raw
from models.training.sources import Water

FALSE_ALARMS_MOST = 0.005
"""Share of the negative val pictures that may be alarmed."""
MISS_COST = 20.0
"""A missed fire or flood costs as much as so many false alarms: a false alarm costs a look by one person, a miss an hour's
growth of a fire. The share of false alarms is limited all the same, as nobody looks at the twentieth.
"""
FALSE_BOXES_MOST = 0.02
"""Share of the val pictures without a thing that may get a box of it: boxes are then confirmed over time."""
_PENALTIES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
_THRESHOLD_FLOOR = 0.2
_BOX_FLOOR = 0.15


def choose(folder: Path, samples: Sequence[Sample], scratch: Path, threads: int) -> None:
    """Calibrates the model in `folder` on `samples` (val) and writes its manifest anew."""
    _require_val(samples)
    manifest = _uncalibrated(Network(folder).manifest)
    write_manifest(manifest, folder)
    said = list(track(raw(samples, folder, scratch, threads), f"{manifest.name} on val", total=len(samples)))
    manifest = _with_box_thresholds(_calibrated(manifest, samples, said), samples, said)
    write_manifest(manifest, folder)
    if manifest.outputs.mask:
        manifest = _with_mask_threshold(manifest, samples, folder, threads)
    write_manifest(manifest, folder)


def _require_val(samples: Sequence[Sample]) -> None:
    strange = {sample.split for sample in samples} - {"val"}
    if strange or not samples:
        raise ValueError(f"thresholds are chosen on val only; got {sorted(strange) or 'nothing'}")


def _uncalibrated(manifest: Manifest) -> Manifest:
    heads = tuple(head.model_copy(update={"calibration": Calibration()}) for head in manifest.picture)
    return manifest.model_copy(update={"picture": heads})


def _calibrated(manifest: Manifest, samples: Sequence[Sample], said: Sequence[Raw]) -> Manifest:
    """The penalty with the least cross-entropy over all hazards together, and each hazard's calibration with it."""
    options = [(penalty, [_fit(head, penalty, samples, said) for head in manifest.picture]) for penalty in _penalties(manifest)]
    penalty, fitted = min(options, key=lambda option: sum(cost for _, cost in option[1]))
    tiles = manifest.tiles.model_copy(update={"picture_penalty": penalty})
    return manifest.model_copy(update={"picture": tuple(head for head, _ in fitted), "tiles": tiles})


def _penalties(manifest: Manifest) -> tuple[float, ...]:
    return _PENALTIES if manifest.tiles.enabled else (0.0,)


def _fit(head: PictureHead, penalty: float, samples: Sequence[Sample], said: Sequence[Raw]) -> tuple[PictureHead, float]:
    hazard = str(head.hazard)
    known = [i for i, sample in enumerate(samples) if truth_of(sample, hazard) is not None]
    labels = np.array([truth_of(samples[i], hazard) for i in known], np.float64)
    weights = balanced_weights([(samples[i].source.name, label) for i, label in zip(known, labels, strict=True)])
    a, b = 1.0, 0.0
    for _ in range(6):  # the penalty is in calibrated units, so which tile wins depends a little on the slope
        winners = np.array([said[i].combined(hazard, penalty / a) for i in known])
        a, b = platt(winners, labels, weights)
    chances = sigmoid(a * winners + b)
    threshold = cheapest_threshold(chances, labels, weights, MISS_COST, FALSE_ALARMS_MOST, _THRESHOLD_FLOOR)
    fitted = head.model_copy(update={"calibration": Calibration(a=round(a, 5), b=round(b, 5)), "threshold": threshold})
    return fitted, _cross_entropy(chances, labels, weights)


def _cross_entropy(chances: Array, labels: Array, weights: Array) -> float:
    safe = np.clip(chances, 1e-6, 1 - 1e-6)
    return float(-(weights * (labels * np.log(safe) + (1 - labels) * np.log(1 - safe))).mean())


def _with_box_thresholds(manifest: Manifest, samples: Sequence[Sample], said: Sequence[Raw]) -> Manifest:
    classes: list[BoxClass] = []
    for one in manifest.classes:
        # A picture of flames without smoke labels may hold smoke: only pictures that are known to be free of both count.
        best = [
            row.best_box.get(str(one.hazard), 0.0) for row, sample in zip(said, samples, strict=True) if sample.truth.fire == 0
        ]
        threshold = threshold_for_false_alarms(np.array(best), np.zeros(len(best)), FALSE_BOXES_MOST, _BOX_FLOOR)
        classes.append(one.model_copy(update={"threshold": threshold}))
    return manifest.model_copy(update={"classes": tuple(classes)})


def _with_mask_threshold(manifest: Manifest, samples: Sequence[Sample], folder: Path, threads: int) -> Manifest:
    """The threshold with the greatest overlap on val."""
    levels = np.arange(0.3, 0.71, 0.05)
    common, joined = np.zeros(len(levels)), np.zeros(len(levels))
    perception = Perception([Network(folder, threads)], tiles="always")
    for index, sample in enumerate(s for s in samples if s.truth.water is Water.MASK):
        pixels = read_picture(sample.path)
        seen = perception.look(Frame(pixels, sample.source.name, index))
        if seen.water is None:
            continue
        drawn = cv2.resize(sample.read_mask(), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 127
        water = cv2.resize(seen.water, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        for at, level in enumerate(levels):
            common[at] += float(((water >= level) & drawn).sum())
            joined[at] += float(((water >= level) | drawn).sum())
    best = float(levels[int((common / np.maximum(joined, 1)).argmax())])
    return manifest.model_copy(update={"mask_threshold": round(best, 2)})
