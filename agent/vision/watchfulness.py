"""Alarms of one video without poses: evidence over time on the scores of whole pictures.

A video whose camera's pose nobody knows has no ground to track on. What remains to watch is the picture itself. A
hazard's log-odds are smoothed over the last frames, so that one odd frame neither raises nor ends an alarm, and the alarm
has hysteresis. Frames in which the whole scene changed at once do not count. Pure.
"""

import math
from collections.abc import Mapping

from agent.domain.hazard import Hazard
from agent.vision.frame import Frame
from agent.vision.scene import SceneGate

_NEWEST_WEIGHT = 0.3
"""Of a frame in the running mean of log-odds: about the last six frames count."""
_HYSTERESIS = 1.0
_MOST = 6.0


class Watchfulness:
    """One video's evidence.

    Args:
        thresholds: of the picture scores, by hazard.
    """

    def __init__(self, thresholds: Mapping[Hazard, float]) -> None:
        self._limits = {hazard: _logit(threshold) for hazard, threshold in thresholds.items()}
        self._means: dict[Hazard, float] = {}
        self._standing: set[Hazard] = set()
        self._gate = SceneGate()

    def update(self, frame: Frame, scores: Mapping[Hazard, float]) -> tuple[Hazard, ...]:
        """Takes one frame in. Returns the hazards whose alarm stands now, in alphabetical order."""
        if self._gate.steady(frame, None):
            for hazard, score in scores.items():
                self._take(hazard, _logit(score))
        return tuple(sorted(self._standing))

    def _take(self, hazard: Hazard, value: float) -> None:
        if hazard not in self._limits:
            return
        # Before the first frame the mean is well below the limit: the first frame alone is not enough.
        limit = self._limits[hazard]
        before = self._means.get(hazard, limit - _HYSTERESIS)
        value = max(limit - _MOST, min(limit + _MOST, value))
        mean = self._means[hazard] = before + _NEWEST_WEIGHT * (value - before)
        if mean >= limit:
            self._standing.add(hazard)
        elif mean < limit - _HYSTERESIS:
            self._standing.discard(hazard)


def _logit(p: float) -> float:
    clipped = max(1e-6, min(1.0 - 1e-6, p))
    return math.log(clipped / (1.0 - clipped))
