"""The sun's height against known moments."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.geo import LatLon
from agent.core.sun import sun_elevation_deg


@pytest.mark.parametrize(
    ("place", "at", "elevation"),
    [
        # At the March equinox the sun passes overhead at the equator; the equation of time there is -7.4 minutes.
        (LatLon(0.0, 0.0), datetime(2026, 3, 20, 12, 7, tzinfo=UTC), 90.0),
        # June solstice, local noon at 30.39 N: 90 - (30.39 - 23.44).
        (LatLon(30.39, 119.84), datetime(2026, 6, 21, 4, 2, tzinfo=UTC), 83.05),
        # December solstice, local noon.
        (LatLon(30.39, 119.84), datetime(2026, 12, 21, 3, 59, tzinfo=UTC), 36.17),
        # Midnight sun: at the pole the elevation is the declination all day.
        (LatLon(90.0, 0.0), datetime(2026, 6, 21, 0, 0, tzinfo=UTC), 23.44),
    ],
)
def test_known_moments(place, at, elevation):
    assert sun_elevation_deg(place, at) == pytest.approx(elevation, abs=0.35)


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(1.58e9, 2.49e9))
def test_the_other_side_of_the_earth_has_the_other_sign(lat, lon, unix_s):
    at = datetime.fromtimestamp(unix_s, UTC)
    here = sun_elevation_deg(LatLon(lat, lon), at)
    there = sun_elevation_deg(LatLon(-lat, lon + 180.0), at)
    assert here == pytest.approx(-there, abs=1e-6)
