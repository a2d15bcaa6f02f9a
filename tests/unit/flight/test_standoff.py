"""Where a second look is flown from: laws that hold for any place, wind and fence."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.second_look import SecondLookSection
from agent.core.geo import LatLon, LocalFrame, distance_m, inside_margin_m, wrap_180
from agent.core.outcome import Refused
from agent.core.terrain import Terrain
from agent.domain.hazard import Hazard
from agent.domain.mission import Fence
from agent.flight.standoff import Look, Means, Subject, Surroundings, check_budget, plan_look, standoff_m
from agent.routes.checks import Limits, check_path
from agent.routes.compile import Pad
from agent.routes.energy import EnergyModel, Stop, WindEstimate

PAD = Pad(LatLon(30.39, 119.84), 30.0)
FRAME = LocalFrame(PAD.place)
RING = tuple(FRAME.to_latlon(n, e) for n, e in ((-400, -400), (-400, 400), (400, 400), (400, -400)))
HERE, BACK = Stop(FRAME.to_latlon(100.0, 0.0), 60.0), (Stop(FRAME.to_latlon(200.0, 100.0), 60.0),)
CONFIG = SecondLookSection()


def world(*, ring=RING, exclusions=(), ceiling=120.0, terrain=None, wind=None):
    limits = Limits(fence_margin_m=20.0, clearance_min_m=20.0, return_alt_rel_m=30.0)
    return Surroundings(Fence(ring, exclusions, ceiling), PAD, terrain, limits, wind or WindEstimate(5.0, 90.0), 60.0)


def subject(north_m=150.0, east_m=150.0, spread_m=15.0):
    return Subject("T", Hazard.FIRE, FRAME.to_latlon(north_m, east_m), 30.0, spread_m)


def hill(height_m, *, at_east_m):
    """Flat ground at the pad's height with a ridge three cells wide running north and south."""
    step = 20.0 / 111_000.0
    heights = np.full((101, 101), 30.0)
    column = 50 + round(at_east_m / (20.0 * math.cos(math.radians(30.39))))
    heights[:, column - 1 : column + 2] += height_m
    return Terrain(heights, PAD.place.lat_deg - 50 * step, PAD.place.lon_deg - 50 * step, step, step)


offsets = st.floats(-350.0, 350.0)


@settings(max_examples=60, deadline=None)
@given(offsets, offsets, st.floats(0.0, 12.0), st.floats(0.0, 360.0), st.floats(1.0, 150.0), st.booleans())
def test_whatever_is_flown_stays_inside_and_looks_at_the_place(north_m, east_m, wind_m_s, wind_from_deg, spread_m, hole):
    ring = tuple(FRAME.to_latlon(n, e) for n, e in ((210, -60), (210, -30), (240, -30), (240, -60)))
    around = world(exclusions=(ring,) if hole else (), wind=WindEstimate(wind_m_s, wind_from_deg))
    what = subject(north_m, east_m, spread_m)
    look = plan_look(what, HERE, BACK, around, CONFIG)
    if isinstance(look, Refused):
        assert look.words
        return
    places = [HERE.place, *(s.place for s in look.stations), BACK[0].place]
    for a, b in pairwise(places):
        assert not check_path(a, b, around.fence)
    for station in look.stations:
        assert inside_margin_m(station.place, RING) >= 20.0
        assert distance_m(station.place, what.place) >= CONFIG.standoff_m - 0.01
        assert HERE.alt_rel_m <= station.alt_rel_m <= 120.0
        if wind_m_s >= 1.0:
            azimuth = math.degrees(math.atan2(*_off(what.place, station.place)))
            assert abs(wrap_180(azimuth - wind_from_deg)) <= 91.0, "never in its smoke"


def _off(place, station):
    a, b = FRAME.to_local(place), FRAME.to_local(station)
    return b.east_m - a.east_m, b.north_m - a.north_m


def test_in_the_open_the_whole_arc_is_flown_from_its_nearer_end():
    look = plan_look(subject(), HERE, BACK, world(), CONFIG)
    assert isinstance(look, Look)
    assert len(look.stations) == 5
    first, last = look.stations[0], look.stations[-1]
    assert distance_m(first.place, HERE.place) < distance_m(last.place, HERE.place)


def test_without_wind_the_drone_looks_from_where_it_comes():
    look = plan_look(subject(100.0, 200.0), HERE, BACK, world(wind=WindEstimate(0.3, 90.0)), SecondLookSection(arc_deg=0.0))
    assert isinstance(look, Look)
    (station,) = look.stations
    at = FRAME.to_local(station.place)
    assert (at.north_m, at.east_m) == pytest.approx((100.0, 140.0), abs=1.0)
    assert station.heading_deg == pytest.approx(90.0, abs=1.0)


def test_where_no_part_of_the_arc_is_free_one_place_beside_it_is():
    """The thing stands near the eastern fence and the wind comes from the east."""
    look = plan_look(subject(100.0, 370.0), HERE, BACK, world(), CONFIG)
    assert isinstance(look, Look)
    assert len(look.stations) == 1


def test_where_nothing_is_free_it_says_why():
    refused = plan_look(subject(450.0, 450.0), HERE, BACK, world(), CONFIG)
    assert isinstance(refused, Refused)
    assert refused.code == "route.outside_fence"


def test_it_climbs_over_a_ridge_beside_the_place_or_stays_away():
    what, high = subject(100.0, 200.0), (Stop(HERE.place, 100.0),)
    look = plan_look(what, HERE, high, world(terrain=hill(50.0, at_east_m=200.0)), CONFIG)
    assert isinstance(look, Look)
    assert [s.alt_rel_m for s in look.stations] == pytest.approx([90.0] * 5, abs=0.5), "40 m over the ridge's 50"
    refused = plan_look(what, HERE, high, world(terrain=hill(90.0, at_east_m=200.0)), CONFIG)
    assert isinstance(refused, Refused)
    assert "130 m over the pad; 117 m are free" in refused.words


def test_a_ridge_that_a_lower_waypoint_behind_it_demands_to_sink_into_is_no_way_back():
    low_behind = (Stop(FRAME.to_latlon(100.0, 300.0), 30.0),)
    refused = plan_look(subject(150.0, 0.0), HERE, low_behind, world(terrain=hill(40.0, at_east_m=200.0)), CONFIG)
    assert isinstance(refused, Refused)
    assert refused.code == "route.too_low"


def test_outside_the_raster_nothing_is_flown():
    refused = plan_look(subject(100.0, 390.0), HERE, BACK, world(terrain=_small()), CONFIG)
    assert isinstance(refused, Refused)
    assert refused.code == "route.no_terrain"


def _small():
    step = 20.0 / 111_000.0
    return Terrain(np.full((21, 21), 30.0), PAD.place.lat_deg - 5 * step, PAD.place.lon_deg - 5 * step, step, step)


@given(st.floats(1.0, 400.0), st.floats(0.0, 120.0))
def test_the_picture_holds_the_whole_ellipse_as_far_as_the_limit_allows(spread_m, height_m):
    across = standoff_m(subject(spread_m=spread_m), height_m, 60.0, CONFIG)
    assert CONFIG.standoff_m <= across <= 3 * CONFIG.standoff_m
    holds = math.hypot(across, height_m) * math.tan(math.radians(30.0)) >= spread_m
    assert holds or across == pytest.approx(3 * CONFIG.standoff_m)


def _means(charge=0.9, time_left_s=1500.0):
    return Means(EnergyModel(450.0, 180.0), charge, 0.25, time_left_s, 120.0, 8.0)


@pytest.mark.parametrize(
    ("means", "words"),
    [(_means(), None), (_means(charge=0.42), "at least 25% are needed"), (_means(time_left_s=200.0), "200 s")],
)
def test_s5_the_look_the_rest_of_the_route_and_the_way_home_count(means, words):
    look = plan_look(subject(), HERE, BACK, world(), CONFIG)
    assert isinstance(look, Look)
    refused = check_budget(look, HERE, [*BACK, Stop(FRAME.to_latlon(-300.0, 300.0), 60.0)], world(), means)
    assert refused is None if words is None else refused is not None and words in refused.words
