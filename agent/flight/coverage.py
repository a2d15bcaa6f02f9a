"""Keeps book of what a flight has reached and imaged. What counts as imaged is decided in ``agent.routes.visits``."""

from dataclasses import dataclass, field
from datetime import datetime

from agent.domain.camera import Capture, CaptureResult
from agent.domain.codes import words_of
from agent.domain.mission import FlightPlan, ItemKind
from agent.domain.route import Route
from agent.domain.status import MissedPoint, PointResult
from agent.domain.telemetry import Telemetry
from agent.flight.situation import Situation
from agent.routes.visits import Reporting, Visit, assign, judge

_WATCHED_S = 5.0  # the video was well so lately
_OUTAGE_S = 120.0  # pictures so much older than the oldest unsettled visit are not looked at again
_UNSETTLED = 32
"""Visits that a late report may still change; those before them stay as they were judged."""


@dataclass
class Coverage:
    """The points of one flight, in the order in which they were reached."""

    points: dict[str, PointResult] = field(default_factory=dict)
    _visits: list[Visit] = field(default_factory=list)
    _captures: dict[tuple[str, int, int], Capture] = field(default_factory=dict)
    _progress_s: float | None = None
    _judged: tuple[int, int, Reporting] | None = None

    def reach(self, route: Route, plan: FlightPlan, situation: Situation, at: datetime, *, aimed: bool) -> None:
        """Marks the points that the mission has passed.

        Args:
            aimed: whether the gimbal has obeyed lately. Its angle right now does not say: the next order may be under way.
        """
        mission = situation.telemetry.mission
        if mission is None:
            return
        unheard_s = 0.0 if self._progress_s is None else mission.at_s - self._progress_s
        self._progress_s = mission.at_s
        passed = max(mission.reached, mission.current - 1)
        waypoints = (item.inspection_point for item in plan.items[: passed + 1] if item.kind is ItemKind.WAYPOINT)
        fresh = set(waypoints) - self.points.keys()
        for point in route.points if fresh else ():
            if point.id in fresh:
                watched = situation.age_s(situation.vision_well_at_s) < _WATCHED_S
                self._visits.append(Visit(point, situation.now_s, watched, unheard_s, aimed))
                self.points[point.id] = PointResult(id=point.id, reached_at=at)

    def settle(self, telemetry: Telemetry, since_s: float) -> None:
        """Judges the points reached by the pictures reported so far. Reports come late, so it is called beyond the route's end.

        Args:
            since_s: pictures taken before this loop time are another flight's.
        """
        for capture in telemetry.captures:
            if capture.taken_s >= since_s:
                self._captures[capture.key] = capture
        reporting = reporting_of(telemetry)
        heard = (len(self._visits), len(self._captures), reporting)
        if heard != self._judged:
            self._judged = heard
            self._judge(reporting)

    def _judge(self, reporting: Reporting) -> None:
        visits = self._visits[-_UNSETTLED:]
        since_s = visits[0].reached_s - _OUTAGE_S if visits else 0.0
        pictures = assign(visits, (c for c in self._captures.values() if c.taken_s >= since_s))
        for visit in visits:
            verdict = judge(visit, pictures[visit.point.id], reporting)
            update = {
                "imaged": verdict.evidence is not None,
                "evidence": verdict.evidence,
                "pictures": verdict.pictures,
                "lacks": verdict.lacks,
            }
            self.points[visit.point.id] = self.points[visit.point.id].model_copy(update=update)

    def missed(self, route: Route) -> tuple[MissedPoint, ...]:
        """What has to be flown again, and why; in the route's order."""
        codes = ((point.id, _lacks(self.points.get(point.id))) for point in route.points)
        return tuple(MissedPoint(id=point, code=code, words=words_of(code)) for point, code in codes if code is not None)


def _lacks(result: PointResult | None) -> str | None:
    if result is None:
        return "coverage.not_reached"
    return None if result.imaged else result.lacks or "coverage.no_picture"


def reporting_of(telemetry: Telemetry) -> Reporting:
    """What the cameras have shown of themselves so far."""
    camera, results = telemetry.camera, {capture.result for capture in telemetry.captures}
    confirmed = (camera is not None and camera.confirms) or bool(results & {CaptureResult.TAKEN, CaptureResult.FAILED})
    return Reporting(pictures=confirmed or bool(results) or (camera is not None and camera.takes_pictures), confirmed=confirmed)
