"""Is the picture fit to be believed now? Health of the picture over seconds, and change of the whole scene between two frames.

Pure: frames and poses in, codes and a yes or no out.
"""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.frame import Frame, Pixels

_PERSIST_S = 3.0
"""A fault is told when it lasts so long, and forgotten at the first good frame."""
_SMALL = (64, 36)
_BLACK_MEAN, _BLACK_BRIGHT = 12.0, 40.0
_WASHED_MEAN, _WASHED_CONTRAST = 215.0, 14.0
_BLUR_WIDTH_PX = 640
_BLUR_DETAIL = 1.2
"""Mean absolute Laplacian of a 640 pixel wide grey picture, in grey levels; a sharp landscape has 4 to 20."""
_JUMP_LEVELS = 14.0
_JUMP_CELLS = 0.8
_TURN_MAX_DEG_S = 30.0


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What one frame shows of its own quality. Grey levels are 0..255."""

    digest: bytes
    mean: float
    bright: float  # 99th percentile
    contrast: float  # standard deviation
    detail: float  # mean absolute Laplacian


def facts_of(pixels: Pixels) -> PictureFacts:
    """Measures a frame."""
    small = cv2.resize(pixels, _SMALL, interpolation=cv2.INTER_AREA)
    grey_small = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    height = max(1, round(pixels.shape[0] * _BLUR_WIDTH_PX / pixels.shape[1]))
    grey = cv2.cvtColor(cv2.resize(pixels, (_BLUR_WIDTH_PX, height), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    detail = float(np.abs(cv2.Laplacian(grey, cv2.CV_16S)).mean())
    # Every 7th row is enough to tell two different frames of a real sensor apart.
    digest = hashlib.blake2b(np.ascontiguousarray(pixels[::7]).data, digest_size=16).digest()
    return PictureFacts(digest, float(grey_small.mean()), float(np.percentile(grey_small, 99)), float(grey_small.std()), detail)


def faults_of(facts: PictureFacts, before: PictureFacts | None) -> frozenset[str]:
    """Codes of what is wrong with this frame by itself."""
    rows = (
        ("vision.frozen", before is not None and facts.digest == before.digest),
        ("vision.black", facts.mean < _BLACK_MEAN and facts.bright < _BLACK_BRIGHT),
        ("vision.washed_out", facts.mean > _WASHED_MEAN and facts.contrast < _WASHED_CONTRAST),
        ("vision.blurred", facts.detail < _BLUR_DETAIL and facts.mean >= _BLACK_MEAN and facts.contrast >= _WASHED_CONTRAST),
    )
    return frozenset(code for code, wrong in rows if wrong)


class PictureHealth:
    """Faults that last."""

    def __init__(self) -> None:
        self._before: PictureFacts | None = None
        self._since: dict[str, float] = {}
        self._now_s = 0.0

    def update(self, frame: Frame, now_s: float) -> tuple[str, ...]:
        """Takes a frame in, at a moment of any steadily running clock. Returns the codes that hold now."""
        facts = facts_of(frame.pixels)
        wrong = faults_of(facts, self._before)
        self._before, self._now_s = facts, now_s
        self._since = {code: self._since.get(code, now_s) for code in wrong}
        return self.codes()

    def codes(self) -> tuple[str, ...]:
        """Codes of the faults that lasted long enough, in alphabetical order."""
        return tuple(sorted(code for code, since_s in self._since.items() if self._now_s - since_s >= _PERSIST_S))


class SceneGate:
    """Tells frames in which everything changed at once: exposure, sun, cloud shadow, a swing of the gimbal."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def steady(self, frame: Frame, turn_deg_s: float | None) -> bool:
        """Whether what is seen in this frame counts. ``turn_deg_s`` is how fast the camera turns, None where unknown."""
        small = cv2.resize(frame.pixels, _SMALL, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        before, self._before = self._before, grey
        if turn_deg_s is not None and turn_deg_s > _TURN_MAX_DEG_S:
            return False
        return before is None or not _jumped(before, grey)


def _jumped(before: NDArray[np.float32], now: NDArray[np.float32]) -> bool:
    """Whether nearly every part of the picture became brighter, or darker, by much. Motion of the camera does not do that."""
    change = now - before
    lighter, darker = float(np.mean(change > _JUMP_LEVELS)), float(np.mean(change < -_JUMP_LEVELS))
    return max(lighter, darker) > _JUMP_CELLS
