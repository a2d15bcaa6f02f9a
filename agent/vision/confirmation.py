"""Evidence over time: when is a track worth a closer look, when is it an alert, when is it gone?

Pure. Each frame adds log-odds; frames that show the same view again add less and less, because a red roof looks like a flame
in every one of them. Rules:

- A sighting adds as much as its confidence exceeds the model's threshold in log-odds, at most :data:`STRONGEST`.
- It is weighted with the time since the last counted frame (a second makes a frame new) and with the seconds already spent on
  the same view, whose worth grows only logarithmically. A view is new when the direction to the thing, or its distance,
  changed enough.
- A look at the place without seeing it takes evidence away, weighted alike.
- A second kind of sensor that sees the thing too adds once, as much as the surest single frame: it errs for other reasons.
- Levels have hysteresis: a level is left only well below where it was reached. A track that loses *suspect* is *cleared*.
"""

import math
from dataclasses import dataclass, replace

from agent.domain.sighting import SightingLevel

PRIOR = -1.5
"""Log-odds of a single box that just passed its threshold, before it is looked at again."""
STRONGEST = 2.0
"""Most that one frame adds: no single picture convinces."""
AT_THRESHOLD = 0.4
"""What a box at exactly the model's threshold adds; thresholds are chosen where a box is a little likelier right than wrong."""
MISS = -0.7
"""What a look without seeing takes: log((1 - 0.5) / (1 - 0.02)), half of all looks at a real thing see it."""
AGREEMENT = 2.0
"""What a second kind of sensor adds, once."""
LEAST, MOST = -4.0, 8.0
HYSTERESIS = 1.5

_FRESH_S = 1.0
_SAME_VIEW_S = 3.0
_NEW_VIEW_DEG = 5.0
_NEW_VIEW_RANGE_RATIO = 1.2


@dataclass(frozen=True, slots=True)
class View:
    """From where a thing was looked at: unit vector from the thing to the camera (north, east, up) and the distance."""

    direction: tuple[float, float, float]
    range_m: float

    def differs_from(self, other: "View") -> bool:
        """Whether it shows the thing anew."""
        cosine = sum(a * b for a, b in zip(self.direction, other.direction, strict=True))
        angle_deg = math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
        near, far = sorted((self.range_m, other.range_m))
        return angle_deg > _NEW_VIEW_DEG or far > near * _NEW_VIEW_RANGE_RATIO


@dataclass(frozen=True, slots=True)
class Levels:
    """Log-odds from which a track is suspect and confirmed."""

    suspect: float
    confirm: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a track.

    Attributes:
        level: None while it is below suspect.
        counted_unix_s: capture time of the last frame that was counted.
        view: where the frames of this view began.
        same_view_s: weight already given to this view.
        frames_seen: frames that showed it.
        frames_confirmed: of those, the ones that came while it was confirmed.
        agreed: whether a second kind of sensor was counted.
    """

    log_odds: float = PRIOR
    level: SightingLevel | None = None
    counted_unix_s: float | None = None
    view: View | None = None
    same_view_s: float = 0.0
    frames_seen: int = 0
    frames_confirmed: int = 0
    agreed: bool = False

    @property
    def probability(self) -> float:
        """The log-odds as a probability."""
        return 1.0 / (1.0 + math.exp(-self.log_odds))


def strength(confidence: float, threshold: float) -> float:
    """Log-odds that a sighting of this confidence adds at full weight."""
    return max(0.0, min(STRONGEST, AT_THRESHOLD + _logit(confidence) - _logit(threshold)))


def after_sighting(evidence: Evidence, added: float, view: View, unix_s: float, levels: Levels) -> Evidence:
    """The evidence after a frame that shows the thing. ``added`` is from :func:`strength`."""
    moved = _moved(evidence, added, view, unix_s)
    level = next_level(evidence.level, moved.log_odds, levels)
    confirmed = evidence.frames_confirmed + (level is SightingLevel.CONFIRMED)
    return replace(moved, level=level, frames_seen=evidence.frames_seen + 1, frames_confirmed=confirmed)


def after_miss(evidence: Evidence, part_visible: float, view: View, unix_s: float, levels: Levels) -> Evidence:
    """The evidence after a frame that shows the place and not the thing. ``part_visible``, 0..1, weighs the look."""
    moved = _moved(evidence, MISS * part_visible, view, unix_s)
    return replace(moved, level=next_level(evidence.level, moved.log_odds, levels))


def after_agreement(evidence: Evidence, levels: Levels) -> Evidence:
    """The evidence after another kind of sensor saw the thing too; the second time changes nothing."""
    if evidence.agreed:
        return evidence
    log_odds = min(MOST, evidence.log_odds + AGREEMENT)
    return replace(evidence, log_odds=log_odds, level=next_level(evidence.level, log_odds, levels), agreed=True)


def _moved(evidence: Evidence, change: float, view: View, unix_s: float) -> Evidence:
    new_view = evidence.view is None or view.differs_from(evidence.view)
    same_view_s = 0.0 if new_view else evidence.same_view_s
    weight = _freshness(evidence.counted_unix_s, unix_s)
    counted = weight / (1.0 + same_view_s / _SAME_VIEW_S)
    return replace(
        evidence,
        log_odds=max(LEAST, min(MOST, evidence.log_odds + change * counted)),
        counted_unix_s=unix_s,
        view=view if new_view else evidence.view,
        same_view_s=same_view_s + weight * _FRESH_S,
    )


def _freshness(before_unix_s: float | None, unix_s: float) -> float:
    """How new a frame is: 1 for the first and after a long pause, in proportion to the time since the last within a second."""
    return 1.0 if before_unix_s is None else 1.0 - math.exp(-max(0.0, unix_s - before_unix_s) / _FRESH_S)


def next_level(level: SightingLevel | None, log_odds: float, levels: Levels) -> SightingLevel | None:
    """The level with hysteresis: reached at its limit, left 1.5 below. Losing suspect is cleared."""
    if log_odds >= levels.confirm:
        return SightingLevel.CONFIRMED
    if level is SightingLevel.CONFIRMED and log_odds >= levels.confirm - HYSTERESIS:
        return SightingLevel.CONFIRMED
    if log_odds >= levels.suspect:
        return SightingLevel.SUSPECT
    if level in {SightingLevel.SUSPECT, SightingLevel.CONFIRMED}:
        return SightingLevel.SUSPECT if log_odds >= levels.suspect - HYSTERESIS else SightingLevel.CLEARED
    return level


def _logit(p: float) -> float:
    clipped = max(1e-6, min(1.0 - 1e-6, p))
    return math.log(clipped / (1.0 - clipped))
