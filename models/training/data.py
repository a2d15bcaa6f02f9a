"""Reads the labelled pictures: which file is in which split, and what is known about it.

Splits are those of each source's `split.csv` and are never changed here. Training code can only reach rows of the split
"train": it gets them from `training_samples`, and everything else gets its rows from `held_out_samples`.
"""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from models.training.sources import FLAME, SIMULATED, SMOKE, SOURCES, Source, Truth, Water

DATA_ROOT = Path("../shared/data")
"""Where the pictures lie unless the command line says otherwise."""

MEAN = (0.485, 0.456, 0.406)
"""ImageNet means and deviations of RGB / 255, which the backbone was trained with."""
STD = (0.229, 0.224, 0.225)

HeldOut = Literal["val", "test"]
Picture = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
"""Rows of (class, x0, y0, x1, y1), fractions of the picture's width and height."""


class DataError(Exception):
    """A picture, label or split file is missing or cannot be read."""


@dataclass(frozen=True)
class Sample:
    """One picture and what is known about it.

    `root` is the source's folder, `file` the picture's name in it, `group` its camera, scene or set of near-duplicates.
    """

    root: Path
    file: str
    source: Source
    split: str
    group: str
    label: str
    truth: Truth

    @property
    def path(self) -> Path:
        """The picture."""
        return self.root / "images" / self.file

    @property
    def mask_path(self) -> Path:
        """The mask, where the source has masks."""
        return (self.root / self.source.mask_folder / self.file).with_suffix(".png")

    @cached_property
    def boxes(self) -> Boxes:
        """Boxes as drawn by the source; none where it draws none."""
        label_path = (self.root / "labels" / self.file).with_suffix(".txt")
        if label_path.exists():
            return _read_yolo(label_path)
        if self.truth.boxes and self.truth.water is not Water.MASK and self.mask_path.exists():
            return _boxes_of_mask(self.read_mask())
        return np.zeros((0, 5), np.float32)

    def read(self) -> Picture:
        """The picture as RGB [H, W, 3]. Raises DataError."""
        picture = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if picture is None:
            raise DataError(f"{self.path}: not a readable picture")
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)

    def read_mask(self) -> Picture:
        """The mask [H, W], 255 where the thing is. Raises DataError."""
        mask = cv2.imread(str(self.mask_path), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise DataError(f"{self.mask_path}: not a readable mask")
        return mask.astype(np.uint8, copy=False)


def training_samples(root: Path, simulated: Sequence[Path] = ()) -> list[Sample]:
    """All rows of the train splits: of the sources that exist under `root` and of folders of simulated pictures."""
    return [sample for sample in _all_rows(root, simulated) if sample.split == "train"]


def held_out_samples(root: Path, split: HeldOut, simulated: Sequence[Path] = ()) -> list[Sample]:
    """All rows of the val or test splits. Raises ValueError for any other split."""
    if split not in {"val", "test"}:
        raise ValueError(f"split {split!r} is not held out; held out are val and test")
    return [sample for sample in _all_rows(root, simulated) if sample.split == split]


def describe(samples: Sequence[Sample]) -> list[dict[str, str | int]]:
    """The data manifest: per source the number of pictures and a digest of the sorted file names and labels."""
    table: list[dict[str, str | int]] = []
    for source in dict.fromkeys(sample.source for sample in samples):
        rows = sorted(f"{s.file},{s.label},{s.split}" for s in samples if s.source == source)
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        table.append({"source": source.name, "licence": source.licence, "pictures": len(rows), "rows_sha256": digest})
    return table


def _all_rows(root: Path, simulated: Sequence[Path]) -> list[Sample]:
    real = [sample for source in SOURCES for sample in _rows(root, source)]
    return real + [sample for folder in simulated for sample in _rows(folder, SIMULATED)]


def _rows(root: Path, source: Source) -> list[Sample]:
    folder = root / source.folder
    split_file = folder / "split.csv"
    if not split_file.exists():
        return []
    with split_file.open(newline="", encoding="utf-8") as stream:
        rows = [
            Sample(folder, row["file"], source, row["split"], row["group"], row["label"], source.truth(row["label"]))
            for row in csv.DictReader(stream)
        ]
    return [_with_truth_of_boxes(sample) for sample in rows] if source.boxes_say_all else rows


def _with_truth_of_boxes(sample: Sample) -> Sample:
    """Where everything visible is boxed, a burning picture without a smoke box shows no smoke."""
    if sample.truth.smoke is not None:
        return sample
    smoke = float((sample.boxes[:, 0] == SMOKE).any())
    return replace(sample, truth=replace(sample.truth, smoke=smoke))


def _read_yolo(path: Path) -> Boxes:
    """YOLO text: class, centre x, centre y, width, height, all as fractions."""
    rows = [[float(word) for word in line.split()] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if any(len(row) != 5 for row in rows):
        raise DataError(f"{path}: a line does not have five numbers")
    table = np.asarray(rows, np.float32).reshape(-1, 5)
    centre, half = table[:, 1:3], table[:, 3:5] / 2
    return np.concatenate((table[:, :1], centre - half, centre + half), axis=1).astype(np.float32)


def _boxes_of_mask(mask: Picture) -> Boxes:
    """One flame box around every patch of at least 0.05 % of the picture, after closing gaps of a few pixels."""
    height, width = mask.shape
    closed = cv2.morphologyEx((mask > 127).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    rows = [
        (FLAME, x / width, y / height, (x + w) / width, (y + h) / height)
        for x, y, w, h, area in np.asarray(stats)[1:]
        if area >= 0.0005 * width * height
    ]
    return np.asarray(rows, np.float32).reshape(-1, 5)
