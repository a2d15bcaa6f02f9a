"""Which incident a sighting belongs to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.alerts.incident import Incident, SightingContext, opened
from agent.alerts.merge import beyond_ellipses_m, incident_of, radius_m
from agent.core.geo import LatLon, destination
from agent.domain.hazard import Hazard
from agent.domain.sighting import ErrorEllipse, GeoPosition, Sighting
from tests.doubles.hub import HERE, sighting

_MERGE_M = 120.0
_HALF_AXES_M = st.floats(1.0, 200.0)
_ellipses = st.builds(
    lambda a, b, azimuth: ErrorEllipse(semi_major_m=max(a, b), semi_minor_m=min(a, b), azimuth_deg=azimuth),
    _HALF_AXES_M,
    _HALF_AXES_M,
    st.floats(0.0, 359.9),
)


def _position(ellipse: ErrorEllipse, azimuth_deg: float, distance_m: float) -> GeoPosition:
    place = destination(HERE, azimuth_deg, distance_m)
    return GeoPosition(lat=place.lat_deg, lon=place.lon_deg, error_ellipse=ellipse)


def _incident(first: Sighting, alert: str = "A") -> Incident:
    return opened(alert, first, SightingContext(), ("forestry",), simulated=False)


@given(ellipse=_ellipses, azimuth=st.floats(-720.0, 720.0))
def test_a_radius_lies_between_the_axes_and_is_the_same_backwards(ellipse: ErrorEllipse, azimuth: float) -> None:
    radius = radius_m(ellipse, azimuth)
    assert ellipse.semi_minor_m - 1e-6 <= radius <= ellipse.semi_major_m + 1e-6
    assert radius == pytest.approx(radius_m(ellipse, azimuth + 180.0), abs=1e-6)


@given(ellipse=_ellipses)
def test_the_axes_point_where_they_say(ellipse: ErrorEllipse) -> None:
    assert radius_m(ellipse, ellipse.azimuth_deg) == pytest.approx(ellipse.semi_major_m)
    assert radius_m(ellipse, ellipse.azimuth_deg + 90.0) == pytest.approx(ellipse.semi_minor_m)


@given(a=_ellipses, b=_ellipses, azimuth=st.floats(0.0, 359.9), distance=st.floats(0.0, 3000.0))
def test_the_gap_is_the_same_from_both_sides(a: ErrorEllipse, b: ErrorEllipse, azimuth: float, distance: float) -> None:
    here, there = _position(a, 0.0, 0.0), _position(b, azimuth, distance)
    assert beyond_ellipses_m(here, there) == pytest.approx(beyond_ellipses_m(there, here), rel=0.01, abs=0.5)
    assert beyond_ellipses_m(here, there) <= distance + 1e-3


@given(distance=st.floats(0.0, 1000.0), error=st.floats(0.0, 60.0))
def test_a_sighting_merges_up_to_the_merge_distance_beyond_both_ellipses(distance: float, error: float) -> None:
    incident = _incident(sighting(error_m=error))
    other = sighting(track="other", north_m=distance, error_m=error)
    radii = 2 * error if error > 0 else 0.0
    gap = max(0.0, distance - radii)
    if abs(gap - _MERGE_M) > 1.0:
        assert (incident_of(other, [incident], _MERGE_M) is incident) == (gap < _MERGE_M)


@pytest.mark.parametrize(
    ("one", "other", "north_m", "same"),
    [
        (Hazard.FIRE, Hazard.SMOKE, 250.0, True),  # the plume drifts
        (Hazard.SMOKE, Hazard.FIRE, 250.0, True),
        (Hazard.FIRE, Hazard.HOT_SPOT, 100.0, True),
        (Hazard.FIRE, Hazard.FIRE, 250.0, False),  # two fires
        (Hazard.FIRE, Hazard.SMOKE, 500.0, False),
        (Hazard.FIRE, Hazard.FLOOD, 0.0, False),
        (Hazard.FLOOD, Hazard.FLOOD, 200.0, True),
        (Hazard.PERSON, Hazard.VEHICLE, 0.0, False),
    ],
)
def test_hazards_of_one_plume_are_one_incident(one: Hazard, other: Hazard, north_m: float, same: bool) -> None:
    incident = _incident(sighting(hazard=one))
    found = incident_of(sighting(track="other", hazard=other, north_m=north_m), [incident], _MERGE_M)
    assert (found is incident) == same


def test_of_several_the_nearest() -> None:
    near, far = _incident(sighting("n", north_m=100.0), "near"), _incident(sighting("f", north_m=-110.0), "far")
    assert incident_of(sighting("x", north_m=5.0), [far, near], _MERGE_M) is near


def test_a_track_stays_with_its_incident_though_another_is_nearer() -> None:
    own, nearer = _incident(sighting("t", north_m=300.0), "own"), _incident(sighting("u", north_m=10.0), "nearer")
    assert incident_of(sighting("t"), [nearer, own], _MERGE_M) is own


def test_a_track_name_that_comes_again_far_away_is_another_thing() -> None:
    incident = _incident(sighting("t"))
    assert incident_of(sighting("t", north_m=5000.0), [incident], _MERGE_M) is None


def test_what_lies_within_the_area_belongs_to_it() -> None:
    corners = [destination(HERE, azimuth, 800.0) for azimuth in (45.0, 135.0, 225.0, 315.0, 45.0)]
    ring = tuple((c.lon_deg, c.lat_deg) for c in corners)
    large = sighting(hazard=Hazard.FLOOD).model_copy(update={"area": ring})
    inside = sighting("other", hazard=Hazard.FLOOD, north_m=500.0)
    outside = sighting("other", hazard=Hazard.FLOOD, north_m=1200.0)
    assert incident_of(inside, [_incident(large)], _MERGE_M) is not None
    assert incident_of(outside, [_incident(large)], _MERGE_M) is None
    assert LatLon(inside.position.lat, inside.position.lon) != HERE
