"""One line of JSON for each frame of pictures, folders and videos, with masks and drawn pictures beside it.

A single picture's alarms are the hazards whose calibrated score passes the shipped threshold. A video's alarms rest on
its earlier frames too (see :mod:`agent.vision.watchfulness`); its scores are those of the frame alone.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2

from agent.core.errors import NestError, StoreError
from agent.vision.evidence import annotated, water_mask
from agent.vision.frame import Frame, Observation, Pixels
from agent.vision.inputs import files_of, frames_of, is_video
from agent.vision.perception import Perception
from agent.vision.pictures import PictureError
from agent.vision.watchfulness import Watchfulness


class Looker:
    """Looks at files and counts what went wrong.

    Args:
        perception: with its networks.
        masks: folder for water masks; None for none.
        drawn: folder for the pictures with what was seen drawn into them; None for none.
        say: takes one line of words for each fault.
    """

    def __init__(self, perception: Perception, masks: Path | None, drawn: Path | None, say: Callable[[str], None]) -> None:
        self.files = 0
        self.faults = 0
        self._perception = perception
        self._folders = (masks, drawn)
        self._say = say
        self._stems: set[str] = set()
        for folder in self._folders:
            _make(folder)

    def lines(self, paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
        """What is seen in each frame of each file.

        Raises:
            StoreError: ``vision.output_failed``, a mask or drawn picture cannot be written.
            ModelError: a network fails.
        """
        for path in files_of(paths, self._report):
            self.files += 1
            watchfulness = Watchfulness(self._perception.thresholds) if is_video(path) else None
            stem = self._stem_for(path)
            for frame in frames_of(path, self._report):
                observation = self._perception.look(frame)
                alarms: Sequence[str] = observation.alarms
                if watchfulness is not None:
                    alarms = watchfulness.update(frame, observation)
                self._write(frame, observation, stem if watchfulness is None else f"{stem}-{frame.index:06d}")
                yield _line(frame, observation, alarms)

    def _report(self, error: PictureError) -> None:
        self.faults += 1
        self._say(_one_line(error))

    def _stem_for(self, path: Path) -> str:
        """The file's stem; with its folder's name before it where another file has taken the stem already."""
        stem = path.stem
        if stem in self._stems:
            stem = f"{path.parent.name}-{path.stem}"
        if stem in self._stems:
            stem = "-".join(path.with_suffix("").parts[-3:]).strip("/")
        self._stems.add(stem)
        return stem

    def _write(self, frame: Frame, observation: Observation, stem: str) -> None:
        masks, drawn = self._folders
        height, width = frame.pixels.shape[:2]
        if masks is not None:
            _save(masks / f"{stem}.png", water_mask(observation, width, height))
        if drawn is not None:
            _save(drawn / f"{stem}.jpg", annotated(frame.pixels, observation))


def _line(frame: Frame, observation: Observation, alarms: Sequence[str]) -> dict[str, Any]:
    return {
        "source": frame.source,
        "frame": frame.index,
        "scores": {hazard.value: round(score, 6) for hazard, score in sorted(observation.scores.items())},
        "detections": [
            {
                "hazard": found.hazard.value,
                "confidence": round(found.confidence, 6),
                "box_px": [round(v, 1) for v in found.box_px],
            }
            for found in sorted(observation.detections, key=lambda d: -d.confidence)
        ],
        "alarms": [str(hazard) for hazard in alarms],
    }


def _one_line(error: NestError) -> str:
    return f"{error.code}: {' '.join(error.message.split())}"


def _make(folder: Path | None) -> None:
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError("vision.output_failed", f"{folder}: cannot be made ({error.strerror})") from error


def _save(path: Path, pixels: Pixels) -> None:
    try:
        good = cv2.imwrite(str(path), pixels)
    except cv2.error:
        good = False
    if not good:
        raise StoreError("vision.output_failed", f"{path}: cannot be written; check the folder's rights and space")
