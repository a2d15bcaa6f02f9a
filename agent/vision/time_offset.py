"""Does the video show what the telemetry says, and how much later or earlier?

A camera's picture moves as the drone turns and flies. The motion between two frames is measured in the pictures, and computed
from the poses at the frames' stated capture times shifted by each of a row of offsets. Over many pairs the offset with the
smallest difference is that of the clocks. It can only be told while the motion changes: from straight flight at one speed, or
from hovering, nothing follows, and nothing is said. Pure.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.camera_model import CameraModel
from agent.vision.frame import Pixels
from agent.vision.poses import CameraPose

OFFSETS_S: NDArray[np.float64] = np.round(np.arange(-8, 9) * 0.1, 1)
REACH_S = float(OFFSETS_S[-1])
_SIZE = (160, 90)
_PAIRS = 80
_PAIRS_LEAST = 25
_GAP_MAX_S = 0.6
_RESPONSE_LEAST = 0.08
"""Of phase correlation: below it the two pictures show no common motion."""
_CLIP_PX = 6.0
"""A pair whose motion was measured wrongly, as over water, shall not outweigh all others."""
_SURE_S = 0.05
"""An offset is told when one sigma of it is less."""
_DEPTH_LEAST_PX2 = 0.3
_DEPTH_PART = 0.5
"""So much, and by this part, the best offset must be better than the worst: else the motion says nothing."""
_FAR_M = 1000.0

PoseAt = Callable[[float], CameraPose | None]


@dataclass(frozen=True, slots=True)
class Offset:
    """The video's true capture times are the stated ones plus this; ``sigma_s`` is one sigma."""

    seconds: float
    sigma_s: float


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two frames and how far, in pixels of the small picture, what was in the middle of the first has moved."""

    first_unix_s: float
    second_unix_s: float
    moved_px: NDArray[np.float64]


class TimeOffset:
    """One flight's estimate.

    Args:
        camera: of the frames.
    """

    def __init__(self, camera: CameraModel) -> None:
        self._camera = camera.scaled_to(*_SIZE)
        self._window = cv2.createHanningWindow(_SIZE, cv2.CV_32F)
        self._before: tuple[float, NDArray[np.float32]] | None = None
        self._waiting: deque[_Pair] = deque(maxlen=_PAIRS)
        self._errors: deque[NDArray[np.float64]] = deque(maxlen=_PAIRS)

    def add(self, pixels: Pixels, captured_unix_s: float) -> None:
        """Takes a frame in."""
        small = cv2.resize(pixels, _SIZE, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.float32)
        before, self._before = self._before, (captured_unix_s, grey)
        if before is None or not 0.0 < captured_unix_s - before[0] <= _GAP_MAX_S:
            return
        moved, response = cv2.phaseCorrelate(before[1], grey, self._window)
        if response >= _RESPONSE_LEAST:
            self._waiting.append(_Pair(before[0], captured_unix_s, np.array(moved)))

    def compare(self, pose_at: PoseAt, newest_unix_s: float) -> None:
        """Compares the pairs for whose every offset the telemetry has come in by now."""
        while self._waiting and self._waiting[0].second_unix_s + REACH_S <= newest_unix_s:
            pair = self._waiting.popleft()
            errors = [self._error(pair, pose_at, float(offset)) for offset in OFFSETS_S]
            if not any(map(math.isnan, errors)):
                self._errors.append(np.array(errors))

    def estimate(self) -> Offset | None:
        """The offset; None while it cannot be told."""
        if len(self._errors) < _PAIRS_LEAST:
            return None
        errors = np.array(self._errors)
        cost = errors.mean(axis=0)
        best = int(np.argmin(cost))
        depth = float(cost.max() - cost[best])
        if best in {0, len(cost) - 1} or depth < max(_DEPTH_LEAST_PX2, _DEPTH_PART * float(cost.max())):
            return None
        left, middle, right = cost[best - 1 : best + 2]
        bend = left - 2.0 * middle + right
        if bend <= 0.0:
            return None
        step_s = float(OFFSETS_S[1] - OFFSETS_S[0])
        seconds = float(OFFSETS_S[best]) + 0.5 * step_s * float((left - right) / bend)
        # The slope of the cost at its minimum is as uncertain as its mean over the pairs; the bend turns that into seconds.
        slope = (errors[:, best + 1] - errors[:, best - 1]) / (2.0 * step_s)
        sigma_s = float(slope.std() / math.sqrt(len(slope)) / (bend / step_s**2))
        return Offset(seconds, sigma_s) if sigma_s <= _SURE_S else None

    def _error(self, pair: _Pair, pose_at: PoseAt, offset_s: float) -> float:
        """Squared difference of the measured and the computed motion; NaN without poses."""
        first, second = pose_at(pair.first_unix_s + offset_s), pose_at(pair.second_unix_s + offset_s)
        if first is None or second is None:
            return math.nan
        difference = float(np.linalg.norm(pair.moved_px - motion_px(first, second, self._camera)))
        return difference if math.isnan(difference) else min(difference, _CLIP_PX) ** 2


def motion_px(first: CameraPose, second: CameraPose, camera: CameraModel) -> NDArray[np.float64]:
    """How far, x and y, the thing in the middle of the first picture has moved in the second.

    It stands on flat ground, or, where the camera looks above that, far off. NaN where it is no longer before the camera.
    """
    ray = first.forward_ned
    height_m = max(1.0, first.alt_amsl_m - first.home_amsl_m)
    range_m = min(_FAR_M, height_m / float(ray[2])) if ray[2] > 1e-3 else _FAR_M
    flown = np.array(first.velocity_ned_m_s) * (second.unix_s - first.unix_s)
    pixel = camera.pixels((ray * range_m - flown)[None] @ second.camera_to_ned)[0]
    return np.asarray(pixel - (camera.width_px / 2, camera.height_px / 2))
