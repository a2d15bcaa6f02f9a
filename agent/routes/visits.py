"""Coverage: which inspection points of a flight were imaged, and what proves it. Pure.

A picture belongs to the point at which it was taken; where several lie there, to the one whose pictures were due then. They
are due from the reach of a point on, which autopilots tell when a waypoint's hold ends. Reports may come late, twice, out of
order or not at all; only the set of pictures counts, never the order in which they were heard.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.core.geo import distance_m
from agent.domain.camera import Capture, CaptureResult
from agent.domain.route import PICTURE_INTERVAL_S, InspectionPoint
from agent.domain.status import ImageEvidence

NEAR_M = 15.0
"""How far from its point a picture may be taken: an acceptance radius of up to 10 m (PX4), and both positions' errors."""
_TOLD_LATE_S = 2.0  # a slow radio's report of a reach, against the picture's own time
_TAKEN_LATE_S = 5.0  # a slow camera; what is taken later was not ordered by the point's items
_STEP_S = PICTURE_INTERVAL_S + 0.3  # an autopilot needs some tenths of a second from item to item


@dataclass(frozen=True, slots=True)
class Visit:
    """A point that was reached.

    Attributes:
        reached_s: the event loop's time at which that was heard.
        watched: whether the video was well then.
        unheard_s: how long nothing had been heard of the mission before; the reach may be so much older.
        aimed: whether the gimbal, as far as it reports, looked where it was told to.
    """

    point: InspectionPoint
    reached_s: float
    watched: bool
    unheard_s: float = 0.0
    aimed: bool = True


@dataclass(frozen=True, slots=True)
class Reporting:
    """What the drone's cameras report.

    Attributes:
        pictures: whether pictures are reported at all; else the video is the evidence.
        confirmed: whether a camera itself reports them; then a released shutter alone proves nothing.
    """

    pictures: bool
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Imaged:
    """The verdict on one visit: what proves it, how many pictures were reported, or the code of what is lacking."""

    evidence: ImageEvidence | None
    pictures: int
    lacks: str | None = None


def assign(visits: Sequence[Visit], captures: Iterable[Capture]) -> Mapping[str, tuple[Capture, ...]]:
    """The pictures of each point, by point id. A picture counts for one point at most.

    Args:
        visits: in the order in which the points were reached.
        captures: each picture once.
    """
    found: dict[str, list[Capture]] = {visit.point.id: [] for visit in visits}
    for capture in captures:
        visit = _visit_of(capture, visits)
        if visit is not None:
            found[visit.point.id].append(capture)
    return {point: tuple(taken) for point, taken in found.items()}


def _visit_of(capture: Capture, visits: Sequence[Visit]) -> Visit | None:
    """The visit at its place whose pictures were due at its time."""
    return min((v for v in visits if _fits(capture, v)), key=lambda v: _off_s(capture, v), default=None)


def _fits(capture: Capture, visit: Visit) -> bool:
    if capture.place is not None and distance_m(capture.place, visit.point.place) > NEAR_M:
        return False
    early = capture.taken_s < visit.reached_s
    unheard_s = 0.0 if capture.place is None else visit.unheard_s
    return _off_s(capture, visit) <= (_TOLD_LATE_S + unheard_s if early else _TAKEN_LATE_S)


def _off_s(capture: Capture, visit: Visit) -> float:
    """How far a picture is in time from the nearest of those that were due at a visit: at its reach, and then one by one."""
    since_s = capture.taken_s - visit.reached_s
    number = min(max(round(since_s / _STEP_S), 0), max(visit.point.pictures, 1) - 1)
    return abs(since_s - number * _STEP_S)


def judge(visit: Visit, captures: Sequence[Capture], reporting: Reporting) -> Imaged:
    """Whether the point was imaged. What is not proven is lacking."""
    result = CaptureResult.TAKEN if reporting.confirmed else CaptureResult.TRIGGERED
    pictures = _most_of_one_camera(captures, result)
    if not visit.aimed:
        return Imaged(None, pictures, "coverage.camera_elsewhere")
    wanted = visit.point.pictures
    if wanted == 0 or not reporting.pictures:
        return Imaged(ImageEvidence.VIDEO, pictures) if visit.watched else Imaged(None, pictures, "coverage.not_watched")
    if pictures >= wanted:
        return Imaged(ImageEvidence.CAPTURED if reporting.confirmed else ImageEvidence.TRIGGERED, pictures)
    if any(c.result is CaptureResult.FAILED for c in captures):
        return Imaged(None, pictures, "coverage.capture_failed")
    return Imaged(None, pictures, "coverage.too_few_pictures" if pictures else "coverage.no_picture")


def _most_of_one_camera(captures: Sequence[Capture], result: CaptureResult) -> int:
    """Several cameras take the same picture; together they do not make two."""
    counted = [capture.camera for capture in captures if capture.result is result]
    return max((counted.count(camera) for camera in set(counted)), default=0)
