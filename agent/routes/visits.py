"""Coverage: which inspection points of a flight were imaged, and what proves it. Pure.

A picture belongs to the point that had been reached last when it was taken, if it was taken there. Pictures come after a point
is reached, since autopilots order them when a waypoint's hold ends. Reports may come late, twice, out of order or not at all;
only the set of pictures counts, never the order in which they were heard.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.core.geo import distance_m
from agent.domain.camera import Capture, CaptureResult
from agent.domain.mission import PICTURE_INTERVAL_S
from agent.domain.route import InspectionPoint
from agent.domain.status import ImageEvidence

NEAR_M = 15.0
"""How far from its point a picture may be taken: an acceptance radius of up to 10 m (PX4), and both positions' errors."""
OUTAGE_S = 60.0
"""A picture may be so much older than the reach of its point, where that was told only when the link came back."""
_TOLD_LATE_S = 1.0  # a reach may be heard after its picture: MISSION_CURRENT comes four times a second
_SHUTTER_S = 1.0  # from a reach to its first picture, at most
_PICTURE_LATE_S = 10.0  # a picture without a place counts for the last point for no longer than this


@dataclass(frozen=True, slots=True)
class Visit:
    """A point that was reached.

    Attributes:
        reached_s: the event loop's time at which that was heard.
        watched: whether the video was well then.
        aimed: whether the gimbal, as far as it reports, looked where it was told to.
    """

    point: InspectionPoint
    reached_s: float
    watched: bool
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
    """The visit during whose pictures it was taken; else the one that was told just after it; else, at its place, the last."""
    near = [v for v in visits if capture.place is None or distance_m(capture.place, v.point.place) <= NEAR_M]
    begun = next((v for v in reversed(near) if v.reached_s <= capture.taken_s), None)
    coming = next((v for v in near if v.reached_s > capture.taken_s), None)
    since_s = math.inf if begun is None else capture.taken_s - begun.reached_s
    until_s = math.inf if coming is None else coming.reached_s - capture.taken_s
    if begun is not None and since_s <= _pictures_last_s(begun):
        return begun
    if coming is not None and until_s <= (_TOLD_LATE_S if capture.place is None or begun is not None else OUTAGE_S):
        return coming
    return begun if capture.place is not None or since_s <= _PICTURE_LATE_S else None


def _pictures_last_s(visit: Visit) -> float:
    return _SHUTTER_S + (visit.point.pictures - 1) * PICTURE_INTERVAL_S * 1.2


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
