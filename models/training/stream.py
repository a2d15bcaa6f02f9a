"""Endless training batches: draws samples by source share, makes views of them, hands over torch tensors.

Runs in one loader process. Decoded pictures are kept in its memory (bounded), as decoding costs more than augmenting.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from models.training.augment import Example, make_example
from models.training.data import MEAN, STD, Picture, Sample
from models.training.sources import BOX_CLASSES, SMOKE, Truth, Water

_CACHE_BYTES = 2_500_000_000
_LONGEST_SIDE_PX = 960
_EVIDENCE_STRIDE = 8
_CORE = 0.6  # of a drawn box's sides: what lies in this ellipse surely shows the thing
LOOSE_BACKGROUND_WEIGHT = 0.7
"""How much the background of a source with incomplete boxes counts."""

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Canvas:
    """One kind of batch: width and height of its views in pixels, how many, and how often it is drawn."""

    width: int
    height: int
    views: int
    share: float


class _Batches(IterableDataset):  # type: ignore[misc]
    """The endless stream itself; reproducible from its seed."""

    def __init__(self, samples: Sequence[Sample], shares: dict[str, float], canvases: Sequence[Canvas], seed: int) -> None:
        super().__init__()
        self._by_source: dict[str, list[Sample]] = {}
        for sample in samples:
            if shares.get(sample.source.name, 0) > 0:
                self._by_source.setdefault(sample.source.name, []).append(sample)
        self._names = list(self._by_source)
        self._source_chances = _normalised(np.array([shares[name] for name in self._names]))
        self._chances = {name: _chances(rows) for name, rows in self._by_source.items()}
        self._canvases, self._canvas_chances = canvases, _normalised(np.array([canvas.share for canvas in canvases]))
        self._rng = np.random.default_rng(seed)
        self._cache: dict[str, tuple[Picture, Picture | None]] = {}
        self._cached_bytes = 0

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        cv2.setNumThreads(1)
        while True:
            canvas = self._canvases[int(self._rng.choice(len(self._canvases), p=self._canvas_chances))]
            yield _stack([self._example((canvas.width, canvas.height)) for _ in range(canvas.views)])

    def _example(self, canvas: tuple[int, int]) -> tuple[Sample, Example]:
        name = self._names[int(self._rng.choice(len(self._names), p=self._source_chances))]
        sample = self._by_source[name][int(self._rng.choice(len(self._by_source[name]), p=self._chances[name]))]
        picture, mask = self._read(sample)
        return sample, make_example(picture, mask, sample, canvas, self._rng)

    def _read(self, sample: Sample) -> tuple[Picture, Picture | None]:
        key = str(sample.path)
        if key not in self._cache:
            entry = (_bounded(sample.read()), sample.read_mask() if sample.truth.water is Water.MASK else None)
            size = entry[0].nbytes + (0 if entry[1] is None else entry[1].nbytes)
            if self._cached_bytes + size > _CACHE_BYTES:
                return entry
            self._cache[key] = entry
            self._cached_bytes += size
        return self._cache[key]


def _normalised(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(weights / weights.sum())


def _chances(samples: Sequence[Sample]) -> npt.NDArray[np.float64]:
    """Pictures of one camera or scene are nearly alike: a group counts by the root of its size."""
    groups = [sample.group for sample in samples]
    size = {group: groups.count(group) for group in set(groups)}
    return _normalised(np.array([size[group] ** -0.5 for group in groups]))


def _bounded(picture: Picture) -> Picture:
    """At most `_LONGEST_SIDE_PX` wide and high; boxes are fractions and masks are fitted later."""
    shrink = _LONGEST_SIDE_PX / max(picture.shape[:2])
    if shrink >= 1:
        return picture
    return cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def batches(
    samples: Sequence[Sample], shares: dict[str, float], canvases: Sequence[Canvas], seed: int
) -> Iterator[dict[str, Tensor]]:
    """Batches of tensors, made ahead by a loader process."""
    yield from DataLoader(_Batches(samples, shares, canvases, seed), batch_size=None, num_workers=1, prefetch_factor=4)


def normalise(pixels: Tensor) -> Tensor:
    """[B, H, W, 3] RGB uint8 to the network's input [B, 3, H, W]."""
    mean = torch.tensor(MEAN) * 255
    std = torch.tensor(STD) * 255
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2)


def background_weights(truth: Truth) -> Array:
    """How much "no box here" counts for each class: 1 where its boxes are complete, less where loose, 0 where unknown."""
    full = LOOSE_BACKGROUND_WEIGHT if truth.loose else 1.0
    return np.array([full if index in truth.boxes else 0.0 for index in range(len(BOX_CLASSES))], np.float32)


def evidence_targets(example: Example, truth: Truth) -> Array:
    """What each cell at stride 8 shows: [2, h, w] of (flame or smoke, smoke), 1, 0 or NaN for not known."""
    height, width = (side // _EVIDENCE_STRIDE for side in example.pixels.shape[:2])
    complete = len(truth.boxes) == len(BOX_CLASSES) and not truth.loose
    out = np.full((2, height, width), 0.0 if complete else np.nan, np.float32)
    if truth.fire == 0 or truth.smoke == 0:
        out[1] = 0.0
    y, x = np.mgrid[0:height, 0:width] * _EVIDENCE_STRIDE + _EVIDENCE_STRIDE / 2
    for row in (*example.ignored, *example.boxes):
        inside = (x >= row[1]) & (x <= row[3]) & (y >= row[2]) & (y <= row[4])
        out[:, inside] = np.nan
    for row in example.boxes:
        half_x, half_y = max(row[3] - row[1], _EVIDENCE_STRIDE) / 2, max(row[4] - row[2], _EVIDENCE_STRIDE) / 2
        away = np.hypot((x - (row[1] + row[3]) / 2) / half_x, (y - (row[2] + row[4]) / 2) / half_y)
        core = (away <= _CORE) | (away == away.min())
        out[0, core] = 1.0
        if row[0] == SMOKE:
            out[1, core] = 1.0
    return out


def _stack(rows: Sequence[tuple[Sample, Example]]) -> dict[str, Tensor]:
    examples = [example for _, example in rows]
    columns = {
        "pixels": np.stack([e.pixels for e in examples]),
        "picture": np.stack([e.picture for e in examples]),
        "water": np.stack([e.water for e in examples]),
        "water_known": np.stack([e.water_known for e in examples]),
        "water_somewhere": np.array([e.water_somewhere for e in examples], np.float32),
        "boxes": _filled([e.boxes for e in examples]),
        "ignored": _filled([e.ignored for e in examples]),
        "background": np.stack([background_weights(sample.truth) for sample, _ in rows]),
        "evidence": np.stack([evidence_targets(example, sample.truth) for sample, example in rows]),
    }
    return {name: torch.from_numpy(column) for name, column in columns.items()}


def _filled(boxes: Sequence[Array]) -> Array:
    """Lists of boxes of unlike length as one array [B, M, 5]; class -1 fills up."""
    out = np.full((len(boxes), max(1, *(len(rows) for rows in boxes)), 5), -1.0, np.float32)
    for index, rows in enumerate(boxes):
        out[index, : len(rows)] = rows
    return out
