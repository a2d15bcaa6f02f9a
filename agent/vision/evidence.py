"""Pictures that prove a sighting: annotated and raw JPEG with digest and camera pose.

Writes whole files or none, into a folder of the agent, which also owns its disk quota. Knows nothing of tracking.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from agent.core.clock import utc_from_unix
from agent.core.errors import StoreError
from agent.core.files import write_whole
from agent.domain.hazard import Hazard
from agent.domain.sighting import CameraPoseRecord, Evidence
from agent.vision.frame import Detection, Observation, Pixels

_QUALITY = 88
_COLOURS = {Hazard.FIRE: (0, 64, 255), Hazard.SMOKE: (255, 160, 0), Hazard.FLOOD: (255, 64, 0)}
_OTHER_COLOUR = (0, 255, 255)
_WATER_COLOUR = np.array([255, 96, 0], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A frame worth keeping."""

    raw: Pixels
    drawn: Pixels
    captured_unix_s: float
    pose: CameraPoseRecord
    words: str
    thermal: bool = False


def annotated(pixels: Pixels, observation: Observation) -> Pixels:
    """The picture with boxes and the water mask drawn."""
    out = pixels.copy()
    if observation.water is not None:
        mask = water_mask(observation, pixels.shape[1], pixels.shape[0]) > 0
        out[mask] = (out[mask] * np.float32(0.6) + _WATER_COLOUR * np.float32(0.4)).astype(np.uint8)
    for found in observation.detections:
        draw_box(out, found)
    return out


def water_mask(observation: Observation, width_px: int, height_px: int) -> Pixels:
    """The water as a picture of one channel: 255 water, 0 none. Without a segmenter all is 0."""
    if observation.water is None:
        return np.zeros((height_px, width_px), dtype=np.uint8)
    probability = cv2.resize(observation.water, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return np.where(probability >= observation.water_threshold, 255, 0).astype(np.uint8)


def draw_box(pixels: Pixels, found: Detection) -> None:
    """Draws a box with its hazard and confidence into the picture."""
    x0, y0, x1, y1 = (round(v) for v in found.box_px)
    colour = _COLOURS.get(found.hazard, _OTHER_COLOUR)
    thick = max(1, round(pixels.shape[1] / 640))
    cv2.rectangle(pixels, (x0, y0), (x1, y1), colour, thick)
    size = max(0.35, pixels.shape[1] / 1600)
    words = f"{found.hazard} {found.confidence:.2f}"
    cv2.putText(pixels, words, (x0, max(12, y0 - 4)), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)


def store(folder: Path, stem: str, shot: Shot) -> tuple[Evidence, ...]:
    """Writes the annotated and the raw picture.

    Raises:
        StoreError: ``vision.evidence_failed``.
    """
    drawn, low = shot.drawn.copy(), shot.drawn.shape[0] - 10
    cv2.putText(drawn, shot.words, (8, low), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    second: tuple[Literal["snapshot_raw", "thermal"], str] = ("thermal", "heat") if shot.thermal else ("snapshot_raw", "raw")
    files: tuple[tuple[Literal["snapshot", "snapshot_raw", "thermal"], str, Pixels], ...] = (
        ("snapshot", f"{stem}.jpg", drawn),
        (second[0], f"{stem}-{second[1]}.jpg", shot.raw),
    )
    moment = utc_from_unix(shot.captured_unix_s)
    return tuple(
        Evidence(
            kind=kind,
            path=str(folder / name),
            sha256=write_jpeg(folder / name, pixels),
            captured_at=moment,
            pose=shot.pose,
        )
        for kind, name, pixels in files
    )


def write_jpeg(path: Path, pixels: Pixels) -> str:
    """Writes a JPEG so that it is whole or not there. Returns its SHA-256.

    Raises:
        StoreError: ``vision.evidence_failed``.
    """
    good, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not good:
        raise StoreError("vision.evidence_failed", f"{path}: the picture cannot be coded")
    content = data.tobytes()
    try:
        write_whole(path, content)
    except OSError as error:
        raise StoreError("vision.evidence_failed", f"{path}: {error.strerror}") from error
    return hashlib.sha256(content).hexdigest()
