"""Alarms of one video without poses: evidence over time on the scores of whole pictures.

A video whose camera's pose nobody knows has no ground to track on. What remains to watch is the picture itself. A hazard's
log-odds are smoothed over the last frames, so that one odd frame neither raises nor ends an alarm. There are two ways to an
alarm:

- The smoothed score passes the model's threshold, as a single picture's would.
- The camera stands still, and the score of the whole frame, without its tiles, rose far above what this scene has given so
  far. A mast camera sees the same hills all day; what they look like to the network is known after some frames, and a plume
  among them shows as a rise long before its score would convince without that knowledge.

Frames in which the whole scene changed at once do not count. Pure.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.domain.hazard import Hazard
from agent.vision.frame import Frame, Observation, Pixels
from agent.vision.scene import SceneGate

_NEWEST_WEIGHT = 0.35
"""Of a frame in the running mean of log-odds: about the last five frames count."""
_HYSTERESIS = 1.0
_MOST = 6.0
_USUAL_WEIGHT = 1.0 / 40.0
"""Of a frame in what is usual for the scene."""
_USUAL_AFTER = 20
"""Frames until what is usual is known."""
_LEARNT_LEAST = 0.3
_RISE = 1.4
"""Log-odds above the usual that count as a rise: four times the odds."""
_RISE_SIGMAS = 3.0
_RISE_FLOOR = -1.1
"""Log-odds, a quarter, below which no rise counts."""
_COMPANIONS = {Hazard.FIRE: Hazard.SMOKE, Hazard.SMOKE: Hazard.FIRE}
_COMPANION_SLACK = 1.0
_STILL_CORRELATION = 0.7
"""Between a frame and the mean of the scene. A mast through a day stays above 0.72, a flight over woods below 0.65."""
_SCENE_WEIGHT = 0.04
_SMALL = (64, 36)


@dataclass
class _Course:
    """One hazard's log-odds over the video."""

    mean: float
    usual: float = 0.0
    variance: float = 0.0
    frames: int = 0

    def take(self, value: float, *, learn: bool) -> None:
        self.mean += _NEWEST_WEIGHT * (value - self.mean)
        if not learn:
            return
        weight = max(_USUAL_WEIGHT, 1.0 / (self.frames + 1))
        off = value - self.usual
        if self.frames >= _USUAL_AFTER:
            # A plume that begins shall not become what is usual while it is still being judged.
            most = max(_LEARNT_LEAST, 2.0 * math.sqrt(self.variance))
            off = max(-most, min(most, off))
        self.usual += weight * off
        self.variance = (1.0 - weight) * (self.variance + weight * off * off)
        self.frames += 1

    def risen(self, slack: float, floor: float) -> bool:
        """Whether the smoothed score is far above the usual, and above a floor."""
        rise = max(_RISE, _RISE_SIGMAS * math.sqrt(self.variance))
        return self.frames >= _USUAL_AFTER and self.mean >= max(self.usual + rise, floor) - slack


class Watchfulness:
    """One video's evidence.

    Args:
        thresholds: of the picture scores, by hazard.
    """

    def __init__(self, thresholds: Mapping[Hazard, float]) -> None:
        self._limits = {hazard: _logit(threshold) for hazard, threshold in thresholds.items()}
        # Before the first frame the mean is well below the limit: the first frame alone is not enough.
        self._scores = {hazard: _Course(limit - _HYSTERESIS) for hazard, limit in self._limits.items()}
        self._wholes = {hazard: _Course(limit - _HYSTERESIS) for hazard, limit in self._limits.items()}
        self._standing: set[Hazard] = set()
        self._gate = SceneGate()
        self._still = StillCamera()

    def update(self, frame: Frame, observation: Observation) -> tuple[Hazard, ...]:
        """Takes one frame in. Returns the hazards whose alarm stands now, in alphabetical order."""
        if not self._still.update(frame.pixels):
            # Another scene: what was usual is forgotten, but not under an alarm: the plume itself may have changed the scene.
            for hazard in self._wholes.keys() - self._standing:
                self._wholes[hazard].frames = 0
        if self._gate.steady(frame, None):
            for hazard in sorted(observation.scores.keys() & self._scores.keys()):
                score = observation.scores[hazard]
                self._take(hazard, score, observation.whole_scores.get(hazard, score))
        return tuple(sorted(self._standing))

    def _take(self, hazard: Hazard, score: float, whole: float) -> None:
        limit, course, scene = self._limits[hazard], self._scores[hazard], self._wholes[hazard]
        course.take(_bounded(score, limit), learn=False)
        # While an alarm stands, what is seen is not what is usual.
        scene.take(_bounded(whole, limit), learn=hazard not in self._standing)
        # Where there is fire there is smoke: beside the alarm of one the other's rise may be fainter.
        floor = _RISE_FLOOR - (_COMPANION_SLACK if _COMPANIONS.get(hazard) in self._standing else 0.0)
        if course.mean >= limit or scene.risen(0.0, floor):
            self._standing.add(hazard)
        elif course.mean < limit - _HYSTERESIS and not scene.risen(_HYSTERESIS, floor):
            self._standing.discard(hazard)


class StillCamera:
    """Tells whether the camera shows the same scene as over the last frames, whatever the light is."""

    def __init__(self) -> None:
        self._scene: NDArray[np.float32] | None = None

    def update(self, pixels: Pixels) -> bool:
        """Takes a picture in. True when its structure is that of the scene so far."""
        small = cv2.resize(pixels, _SMALL, interpolation=cv2.INTER_AREA)
        now = _normalised(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.float32))
        if self._scene is None or float(np.mean(self._scene * now)) < _STILL_CORRELATION:
            first = self._scene is None
            self._scene = now
            return first
        self._scene = _normalised((1.0 - _SCENE_WEIGHT) * self._scene + _SCENE_WEIGHT * now)
        return True


def _normalised(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean 0 and standard deviation 1."""
    return np.asarray((grey - grey.mean()) / max(float(grey.std()), 1.0e-3), dtype=np.float32)


def _bounded(score: float, limit: float) -> float:
    """Log-odds, not so far from the limit that one frame outweighs many."""
    return max(limit - _MOST, min(limit + _MOST, _logit(score)))


def _logit(p: float) -> float:
    clipped = max(1e-6, min(1.0 - 1e-6, p))
    return math.log(clipped / (1.0 - clipped))
