"""Is there news? Compares what is known with what was last said. Pure."""

from agent.alerts.catalogue import CATALOGUE
from agent.alerts.merge import beyond_ellipses_m
from agent.core.geo import LatLon, distance_m
from agent.domain.alert import Alert
from agent.domain.sighting import Sighting

_CONFIDENCE_STEP = 0.1
_EXTENT_FACTOR = 1.25
_ELLIPSE_FACTOR = 0.7
_MOVE_MIN_M = 20.0
_MUCH_LARGER, _LARGE_M2 = 4.0, 2_000.0


def urgent(said: Alert, known: Alert) -> bool:
    """News that does not wait for the rate limit: another hazard, severity or certainty."""
    return (said.hazard, said.severity, said.certainty) != (known.hazard, known.severity, known.certainty)


def material(said: Alert, known: Alert) -> bool:
    """News that is worth a message."""
    return urgent(said, known) or any(
        (
            abs(known.confidence - said.confidence) >= _CONFIDENCE_STEP,
            _moved(said, known),
            _sharper(said, known),
            _grown(said.extent_m2, known.extent_m2),
        )
    )


def _moved(said: Alert, known: Alert) -> bool:
    """The place lies clearly elsewhere: outside the said ellipse, or by more than its semi-major axis."""
    a, b = said.position, known.position
    moved_m = distance_m(LatLon(a.lat, a.lon), LatLon(b.lat, b.lon))
    return moved_m > max(_MOVE_MIN_M, a.error_ellipse.semi_major_m) or beyond_ellipses_m(a, b) > _MOVE_MIN_M


def _sharper(said: Alert, known: Alert) -> bool:
    """The error is clearly smaller."""
    before, now = said.position.error_ellipse.semi_major_m, known.position.error_ellipse.semi_major_m
    return before > _MOVE_MIN_M and now < before * _ELLIPSE_FACTOR


def _grown(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is None and now is not None
    return now > before * _EXTENT_FACTOR or now * _EXTENT_FACTOR < before


def hushes(closed: Alert, sighting: Sighting) -> bool:
    """Whether people's word on an alert may keep a new sighting at its place quiet.

    Not what is worse than they judged: a flame where they called the smoke false, or what is four times as large, and large.
    """
    if CATALOGUE[sighting.hazard].rank > CATALOGUE[closed.hazard].rank:
        return False
    if closed.extent_m2 is None or sighting.extent_m2 is None:
        return True
    return sighting.extent_m2 < max(_MUCH_LARGER * closed.extent_m2, _LARGE_M2)
