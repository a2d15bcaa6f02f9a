"""Is the picture fit to be believed now? Health of the picture over seconds, and change of the whole scene between two frames.

Pure: frames and poses in, codes and a yes or no out.
"""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.detail import detail_map, spread
from agent.vision.frame import Frame, Pixels

_PERSIST_S = 3.0
"""A fault is told when it lasts so long, and forgotten at the first good frame."""
_SMALL = (64, 36)
_BLACK_MEAN, _BLACK_BRIGHT = 12.0, 40.0
_WASHED_MEAN, _WASHED_CONTRAST = 215.0, 14.0
_FINE_PX, _COARSE_PX = 640, 160
_BLUR_COARSE = 6.0
"""Spread of the coarse detail, in grey levels; haze leaves 8 and more, a lens far out of focus 2 to 5."""
_BLUR_CONTRAST = 14.0
"""With less of it the scene itself may be smooth: a bare pad, calm water."""
_BLUR_COARSE_KNOWN = 3.0
"""With less coarse detail there is nothing to compare the fine with."""
_BLUR_RATIO = 0.15
"""Spread of the fine detail against the coarse. Sharp cameras have 0.2 to 1.4; a blur of 4 in 640 pixels leaves 0.09."""
_ASPECT_SLACK = 0.08
"""Encoders pad or cut some rows; another kind of camera differs by an eighth and more (3:2 against 16:9 by 16 %)."""
_GREY = 3.0
"""Levels between the channels; coding leaves a grey picture below 1, and a real camera's colours rise above 3 even in fog."""
_JUMP_LEVELS = 14.0
_JUMP_CELLS = 0.8
TURN_MAX_DEG_S = 30.0
"""A camera that turns faster shows smears and places that nobody could tell apart."""


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What one frame shows of its own quality. Grey levels are 0..255."""

    digest: bytes
    mean: float
    bright: float  # 99th percentile
    contrast: float  # standard deviation
    fine: float  # spread of the detail at a width of 640
    coarse: float  # the same at a width of 160
    colour: float  # 99th percentile of the difference between the strongest and the weakest channel
    aspect: float  # width by height


@dataclass(frozen=True, slots=True)
class Expected:
    """What the configured camera gives: width by height, and whether it gives colours."""

    aspect: float
    colour: bool


def facts_of(pixels: Pixels) -> PictureFacts:
    """Measures a frame."""
    small = cv2.resize(pixels, _SMALL, interpolation=cv2.INTER_AREA)
    grey_small = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    # Every 7th row is enough to tell two different frames of a real sensor apart.
    digest = hashlib.blake2b(np.ascontiguousarray(pixels[::7]).data, digest_size=16).digest()
    return PictureFacts(
        digest=digest,
        mean=float(grey_small.mean()),
        bright=float(np.percentile(grey_small, 99)),
        contrast=float(grey_small.std()),
        fine=spread(detail_map(pixels, _FINE_PX)),
        coarse=spread(detail_map(pixels, _COARSE_PX)),
        colour=float(np.percentile(small.max(axis=2) - small.min(axis=2), 99)),
        aspect=pixels.shape[1] / pixels.shape[0],
    )


def faults_of(
    facts: PictureFacts, before: PictureFacts | None, expected: Expected | None = None, *, aloft: bool = True
) -> frozenset[str]:
    """Codes of what is wrong with this frame by itself.

    Args:
        expected: None: every camera is the right one.
        aloft: whether a landscape is seen. A pad before the lens has light and shade and no detail: that is no blur.
    """
    black = facts.mean < _BLACK_MEAN and facts.bright < _BLACK_BRIGHT
    washed_out = facts.mean > _WASHED_MEAN and facts.contrast < _WASHED_CONTRAST
    smooth = aloft and facts.coarse < _BLUR_COARSE and facts.contrast >= _BLUR_CONTRAST
    soft = facts.fine < _BLUR_RATIO * facts.coarse and facts.coarse >= _BLUR_COARSE_KNOWN
    rows = (
        ("vision.frozen", before is not None and facts.digest == before.digest),
        ("vision.black", black),
        ("vision.washed_out", washed_out),
        ("vision.blurred", (smooth or soft) and not black and not washed_out),
        ("vision.wrong_camera", expected is not None and _is_another(facts, expected)),
    )
    return frozenset(code for code, wrong in rows if wrong)


def _is_another(facts: PictureFacts, expected: Expected) -> bool:
    """Another shape of picture is another lens or sensor; a grey picture may be the thermal camera's or the pad camera's."""
    dark = facts.mean < _BLACK_MEAN
    return abs(facts.aspect / expected.aspect - 1.0) > _ASPECT_SLACK or (expected.colour and not dark and facts.colour < _GREY)


class PictureHealth:
    """Faults that last.

    Args:
        expected: of the configured camera; None: any.
    """

    def __init__(self, expected: Expected | None = None) -> None:
        self._expected = expected
        self._before: PictureFacts | None = None
        self._since: dict[str, float] = {}
        self._now_s = 0.0

    def update(self, frame: Frame, now_s: float, *, aloft: bool = True) -> tuple[str, ...]:
        """Takes a frame in, at a moment of any steadily running clock. Returns the codes that hold now.

        Args:
            aloft: as for :func:`faults_of`.
        """
        facts = facts_of(frame.pixels)
        wrong = faults_of(facts, self._before, self._expected, aloft=aloft)
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
        if turn_deg_s is not None and turn_deg_s > TURN_MAX_DEG_S:
            return False
        return before is None or not _jumped(before, grey)


def _jumped(before: NDArray[np.float32], now: NDArray[np.float32]) -> bool:
    """Whether nearly every part of the picture became brighter, or darker, by much. Motion of the camera does not do that."""
    change = now - before
    lighter, darker = float(np.mean(change > _JUMP_LEVELS)), float(np.mean(change < -_JUMP_LEVELS))
    return max(lighter, darker) > _JUMP_CELLS
