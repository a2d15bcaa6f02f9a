"""Looks at labelled pictures with the very code that looks at frames in flight (`agent.vision`).

What is measured is what flies: the ONNX file, the manifest, tiles and their merging. Nothing here imports torch.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain.hazard import Hazard
from agent.vision.frame import Frame, Observation
from agent.vision.manifest import MODEL_NAME, Manifest
from agent.vision.perception import Perception
from agent.vision.pictures import read_picture
from agent.vision.runtime import Network
from agent.vision.tiles import tiles_for
from models.training.data import Sample
from models.training.figures import FoundBox, Result
from models.training.manifest_file import write_manifest
from models.training.sources import Water

CANDIDATE_THRESHOLD = 0.05
"""Average precision needs the boxes below the shipped threshold too."""


@dataclass(frozen=True)
class Raw:
    """What the network says of a picture before anything is chosen.

    Logits by hazard of the whole and of each tile (none where the picture is not tiled); the best box's confidence by hazard.
    """

    whole: dict[str, float]
    tiles: tuple[dict[str, float], ...]
    best_box: dict[str, float]

    def combined(self, hazard: str, penalty: float) -> float:
        """The logit that the pipeline takes for the picture, if a tile's counts `penalty` less."""
        return max([self.whole[hazard], *(tile[hazard] - penalty for tile in self.tiles)])


def look_at(samples: Iterable[Sample], folder: Path, scratch: Path, threads: int) -> Iterator[Result]:
    """What the model in `folder` says of each picture. `scratch` takes a copy of the model with low box thresholds."""
    network = Network(_with_all_candidates(folder, scratch), threads)
    perception = Perception([network], tiles="always")
    for index, sample in enumerate(samples):
        pixels = read_picture(sample.path)
        seen = perception.look(Frame(pixels, sample.source.name, index))
        yield result_of(sample, seen, pixels.shape[1], pixels.shape[0])


def result_of(sample: Sample, seen: Observation, width_px: int, height_px: int) -> Result:
    """An observation beside what is known of the picture."""
    boxes = tuple(FoundBox(str(found.hazard), found.confidence, found.box_px) for found in seen.detections)
    overlap, wrong_water = None, None
    if seen.water is not None and sample.truth.water in {Water.MASK, Water.DRY}:
        called = cv2.resize(seen.water, (width_px, height_px), interpolation=cv2.INTER_LINEAR) >= seen.water_threshold
        drawn = _drawn_water(sample, width_px, height_px)
        if drawn.any():
            overlap = (int((called & drawn).sum()), int((called | drawn).sum()))
        else:
            wrong_water = (int(called.sum()), called.size)
    scores = {str(hazard): score for hazard, score in seen.scores.items()}
    return Result(sample, width_px, height_px, scores, boxes, overlap, wrong_water)


def _drawn_water(sample: Sample, width_px: int, height_px: int) -> npt.NDArray[np.bool_]:
    """The water that the labeller drew; none in a picture that is known to be dry."""
    if sample.truth.water is Water.DRY:
        return np.zeros((height_px, width_px), np.bool_)
    mask = cv2.resize(sample.read_mask(), (width_px, height_px), interpolation=cv2.INTER_NEAREST)
    return np.asarray(mask > 127)


def raw(samples: Iterable[Sample], folder: Path, scratch: Path, threads: int) -> Iterator[Raw]:
    """What the network says of the whole and of every tile. The manifest's calibration must still be (1, 0)."""
    network = Network(_with_all_candidates(folder, scratch), threads)
    manifest = network.manifest
    for sample in samples:
        pixels = read_picture(sample.path)
        height, width = pixels.shape[:2]
        tiles = tiles_for(width, height, manifest.input, manifest.tiles)
        whole = network.look(pixels)
        parts = [network.look(np.ascontiguousarray(pixels[t.y0 : t.y1, t.x0 : t.x1])) for t in tiles]
        best: dict[str, float] = {}
        for box in (box for answer in (whole, *parts) for box in answer.boxes):
            best[str(box.hazard)] = max(best.get(str(box.hazard), 0.0), box.confidence)
        yield Raw(_named(whole.logits), tuple(_named(part.logits) for part in parts), best)


def _named(logits: Mapping[Hazard, float] | None) -> dict[str, float]:
    return {str(hazard): float(value) for hazard, value in (logits or {}).items()}


def _with_all_candidates(folder: Path, scratch: Path) -> Path:
    """A copy of the model folder that differs only in the thresholds of its boxes."""
    manifest: Manifest = Network(folder).manifest
    scratch.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / MODEL_NAME, scratch / MODEL_NAME)
    classes = tuple(one.model_copy(update={"threshold": CANDIDATE_THRESHOLD}) for one in manifest.classes)
    write_manifest(manifest.model_copy(update={"classes": classes}), scratch)
    return scratch
