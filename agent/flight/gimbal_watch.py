"""Notices a gimbal that does not look where the mission points it. Knows plan and telemetry; orders nothing."""

from dataclasses import dataclass

from agent.domain.mission import FlightPlan, ItemKind
from agent.domain.telemetry import FlightMode
from agent.flight.situation import Situation

_OFF_MOST_DEG = 5.0
_FOR_S = 5.0  # a gimbal turns through its whole range in less
_OLD_S = 2.0


@dataclass
class GimbalWatch:
    """One flight's.

    Attributes:
        words: what is wrong, as it was when it began; None while all is well or nothing is known.
    """

    words: str | None = None
    _wanted_deg: float | None = None
    _off_since_s: float | None = None

    def look(self, plan: FlightPlan, situation: Situation) -> bool:
        """Takes a look; True at the moment at which something has begun to be wrong."""
        gimbal, wanted_deg = situation.telemetry.gimbal, ordered_pitch_deg(plan, situation)
        if gimbal is None or wanted_deg is None or situation.age_s(gimbal.at_s) > _OLD_S:
            self._off_since_s = None
            return False
        if wanted_deg != self._wanted_deg:
            self._wanted_deg, self._off_since_s = wanted_deg, None
        if abs(gimbal.pitch_deg - wanted_deg) <= _OFF_MOST_DEG:
            self._off_since_s, self.words = None, None
            return False
        if self._off_since_s is None:
            self._off_since_s = situation.now_s
        if self.words is not None or situation.now_s - self._off_since_s <= _FOR_S:
            return False
        self.words = f"told {wanted_deg:.0f} deg, looks {gimbal.pitch_deg:.0f} deg"
        return True


def ordered_pitch_deg(plan: FlightPlan, situation: Situation) -> float | None:
    """The pitch that the mission has ordered last; None while something else flies or points the camera."""
    return last_pitch_deg(plan, situation) if situation.mode is FlightMode.MISSION else None


def last_pitch_deg(plan: FlightPlan, situation: Situation) -> float | None:
    """The pitch that the mission has ordered last, whatever flies now."""
    mission = situation.telemetry.mission
    passed = () if mission is None else plan.items[: mission.current]
    ordered = [item.camera_pitch_deg for item in passed if item.kind is ItemKind.POINT_CAMERA]
    return ordered[-1] if ordered else None
