"""Which sighting is worth a second look, and what the look has shown. Pure.

A look never raises or lowers certainty by itself: that is the evidence's affair, frame by frame. It only brings the camera
where evidence is better, and says when there is enough of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from agent.alerts.catalogue import CATALOGUE
from agent.config.second_look import SecondLookSection
from agent.core.geo import LatLon, distance_m
from agent.domain.hazard import Hazard
from agent.domain.sighting import Sighting, SightingLevel
from agent.flight.standoff import Subject


def place_of(sighting: Sighting) -> LatLon:
    """Where it is."""
    return LatLon(sighting.position.lat, sighting.position.lon)


def doubtful(sighting: Sighting, config: SecondLookSection) -> bool:
    """Whether more certainty is wanted: of the thing itself, or of its place."""
    if sighting.level is SightingLevel.CONFIRMED:
        return sighting.position.error_ellipse.semi_major_m > config.uncertain_m
    return sighting.level is SightingLevel.SUSPECT


def not_worth(
    sighting: Sighting, doubtful_for_s: float, drone: LatLon, looked: Sequence[Subject], config: SecondLookSection
) -> str | None:
    """Why no second look is flown at it, in words; None where it is worth one. Empty words: not yet.

    Args:
        doubtful_for_s: how long it has been so.
        looked: what this flight has looked at.
    """
    place = place_of(sighting)
    spread_m = sighting.position.error_ellipse.semi_major_m
    if not doubtful(sighting, config) or doubtful_for_s < config.patience_s:
        return ""
    if any(distance_m(place, other.place) < config.same_place_m * _reach(sighting.hazard, other.hazard) for other in looked):
        return ""  # said and done
    if len(looked) >= config.looks_max:
        return f"{config.looks_max} second looks were flown already"
    if spread_m > config.range_max_m / 2.0:
        return f"its place is known to {spread_m:.0f} m only"
    away_m = distance_m(place, drone)
    return f"it is {away_m:.0f} m away, limit {config.range_max_m:.0f} m" if away_m > config.range_max_m else None


def _reach(hazard: Hazard, other: Hazard) -> float:
    """How far one look counts for another thing: smoke is seen downwind of its fire, water far along its river."""
    one, two = CATALOGUE[hazard], CATALOGUE[other]
    return max(one.reach, two.reach, 1.0) if one.family == two.family else 1.0


def shown(subject: Subject, since: datetime, sightings: Mapping[str, Sighting], config: SecondLookSection) -> Sighting | None:
    """What is now known of the subject; None where it is not tracked any more.

    Tracks are joined while it is looked at, so everything of its family at its place counts that was seen since then.
    """
    own = sightings.get(subject.track)
    fresh = [s for s in _beside(subject, sightings.values(), config) if s.captured_at >= since or s is own]
    alive = [s for s in fresh if s.level is not SightingLevel.CLEARED]
    return max(alive or fresh, key=_weight, default=None)


def _weight(sighting: Sighting) -> tuple[bool, int, datetime]:
    """What names the result: the confirmed, of it the fire before its smoke, of that the newest."""
    return sighting.level is SightingLevel.CONFIRMED, CATALOGUE[sighting.hazard].rank, sighting.captured_at


def _beside(subject: Subject, sightings: Iterable[Sighting], config: SecondLookSection) -> Iterable[Sighting]:
    family = CATALOGUE[subject.hazard].family
    reach_m = max(config.same_place_m, subject.spread_m)
    for sighting in sightings:
        same = sighting.track == subject.track or distance_m(place_of(sighting), subject.place) <= reach_m
        if same and CATALOGUE[sighting.hazard].family == family:
            yield sighting


def enough(known: Sighting | None, at_place_s: float, config: SecondLookSection, *, tour_done: bool) -> bool:
    """Whether the look may end before its time is over.

    A thing that is gone is not waited for. A confirmed one is seen from all stations first, so that its outline is mapped. What
    stays doubtful is looked at until the time is over.
    """
    if at_place_s < config.time_min_s or known is None:
        return False
    if known.level is SightingLevel.CLEARED:
        return True
    return known.level is SightingLevel.CONFIRMED and tour_done


_WORDS = {
    SightingLevel.CONFIRMED: "confirmed",
    SightingLevel.SUSPECT: "still doubtful",
    SightingLevel.CLEARED: "nothing there",
}


def result_words(subject: Subject, known: Sighting | None) -> str:
    """What a look has shown, for the report."""
    where = f"{subject.hazard.value} at {subject.place.lat_deg:.5f}, {subject.place.lon_deg:.5f}"
    if known is None:
        return f"{where}: not seen again"
    spread_m = known.position.error_ellipse.semi_major_m
    extent = "" if known.extent_m2 is None else f", {known.extent_m2:.0f} m2"
    return f"{where}: {_WORDS[known.level]}, {known.confidence:.0%}, within {spread_m:.0f} m{extent}"
