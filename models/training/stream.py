"""Endless training batches: draws samples by source share, makes views of them, hands over torch tensors.

Runs in one loader process. Decoded pictures are kept in its memory (bounded), as decoding costs more than augmenting.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from models.training.assign import assign
from models.training.augment import Example, make_example
from models.training.data import MEAN, STD, Picture, Sample
from models.training.sources import Water

_CACHE_BYTES = 2_500_000_000
_LONGEST_SIDE_PX = 960


class _Batches(IterableDataset):  # type: ignore[misc]
    """The endless stream itself; reproducible from its seed."""

    def __init__(self, samples: Sequence[Sample], shares: dict[str, float], size_px: int, batch: int, seed: int) -> None:
        super().__init__()
        self._by_source: dict[str, list[Sample]] = {}
        for sample in samples:
            if shares.get(sample.source.name, 0) > 0:
                self._by_source.setdefault(sample.source.name, []).append(sample)
        weights = np.array([shares[name] for name in self._by_source])
        self._chances = weights / weights.sum()
        self._size_px, self._batch = size_px, batch
        self._rng = np.random.default_rng(seed)
        self._cache: dict[str, tuple[Picture, Picture | None]] = {}
        self._cached_bytes = 0

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        names = list(self._by_source)
        while True:
            chosen = [self._by_source[names[i]] for i in self._rng.choice(len(names), self._batch, p=self._chances)]
            rows = [self._example(samples[int(self._rng.integers(len(samples)))]) for samples in chosen]
            yield _stack(rows, self._size_px)

    def _example(self, sample: Sample) -> tuple[Sample, Example]:
        picture, mask = self._read(sample)
        return sample, make_example(picture, mask, sample, self._size_px, self._rng)

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


def _bounded(picture: Picture) -> Picture:
    """At most `_LONGEST_SIDE_PX` wide and high; boxes are fractions and masks are fitted later."""
    shrink = _LONGEST_SIDE_PX / max(picture.shape[:2])
    if shrink >= 1:
        return picture
    return cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def batches(
    samples: Sequence[Sample], shares: dict[str, float], size_px: int, batch: int, seed: int
) -> Iterator[dict[str, Tensor]]:
    """Batches of tensors, made one step ahead by a loader process."""
    stream = _Batches(samples, shares, size_px, batch, seed)
    yield from DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=3)


def normalise(pixels: Tensor) -> Tensor:
    """[B, H, W, 3] RGB uint8 to the network's input [B, 3, H, W]."""
    mean = torch.tensor(MEAN) * 255
    std = torch.tensor(STD) * 255
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2)


def _stack(rows: Sequence[tuple[Sample, Example]], size_px: int) -> dict[str, Tensor]:
    targets = [assign(example.boxes, example.ignored, sample.truth, size_px) for sample, example in rows]
    examples = [example for _, example in rows]
    columns = {
        "pixels": np.stack([e.pixels for e in examples]),
        "picture": np.stack([e.picture for e in examples]),
        "water": np.stack([e.water for e in examples]),
        "water_known": np.stack([e.water_known for e in examples]),
        "water_somewhere": np.array([e.water_somewhere for e in examples], np.float32),
        "classes": np.stack([t.classes for t in targets]),
        "weights": np.stack([t.weights for t in targets]),
        "distances": np.stack([t.distances for t in targets]),
        "positive": np.stack([t.positive for t in targets]),
    }
    return {name: torch.from_numpy(column) for name, column in columns.items()}
