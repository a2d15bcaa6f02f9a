"""Routes and sites: what is read, what is refused, and with which words."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.errors import ConfigError
from agent.core.geo import (
    Circle,
    LatLon,
    LocalFrame,
    bearing_deg,
    destination,
    distance_m,
    inside_margin_m,
    polygon_of,
    wrap_180,
)
from agent.core.terrain import Terrain
from agent.domain.mission import Fence, ItemKind, RallyPoint
from agent.domain.route import InspectionPoint, Route, Site
from agent.routes.checks import Limits, check_energy, check_fence, check_plan, check_target
from agent.routes.compile import Pad, compile_route
from agent.routes.energy import EnergyModel, WindEstimate, ground_speed_m_s, measured
from agent.routes.library import load_route, load_routes, load_site

HOME = LatLon(30.39, 119.84)
FRAME = LocalFrame(HOME)
PAD = Pad(HOME, 30.0)
LIMITS = Limits(fence_margin_m=20.0, clearance_min_m=20.0, return_alt_rel_m=30.0)


def square(half_m, centre=(0.0, 0.0)):
    return tuple(
        FRAME.to_latlon(centre[0] + n * half_m, centre[1] + e * half_m) for n, e in ((1, -1), (1, 1), (-1, 1), (-1, -1))
    )


def site(exclusions=(), rally=()):
    return Site(Fence(square(500.0), exclusions, 120.0), rally)


def route(*places, height_m=60.0):
    points = tuple(InspectionPoint(f"P{n}", FRAME.to_latlon(*place), height_m) for n, place in enumerate(places))
    return Route("r", "R", "fire", 10.0, points)


def problems(of_route, of_site=None, terrain=None):
    plan = compile_route(of_route, of_site or site(), PAD, terrain, 30.0)
    return check_plan(plan, PAD, terrain, LIMITS)


def hill(height_m):
    """Flat at the pad's height, with a hill 300 m to the north."""
    rows = np.full((101, 101), 30.0)
    frame_lat, frame_lon = np.linspace(30.40, 30.38, 101), np.linspace(119.83, 119.85, 101)
    top = FRAME.to_latlon(300.0, 0.0)
    for r, lat in enumerate(frame_lat):
        for c, lon in enumerate(frame_lon):
            rows[r, c] += height_m * math.exp(-((distance_m(LatLon(lat, lon), top) / 60.0) ** 2))
    return Terrain(rows, 30.38, 119.83, 0.0002, 0.0002)


def test_a_plan_has_take_off_points_with_pictures_and_the_way_home():
    plan = compile_route(route((100, 0), (200, 100)), site(), PAD, None, 30.0)
    kinds = [item.kind for item in plan.items]
    assert kinds == [
        ItemKind.TAKEOFF,
        ItemKind.CHANGE_SPEED,
        ItemKind.POINT_CAMERA,
        ItemKind.WAYPOINT,
        ItemKind.CAPTURE,
        ItemKind.WAYPOINT,
        ItemKind.CAPTURE,
        ItemKind.RETURN,
    ]
    assert plan.items[3].alt_rel_m == 60.0


def test_height_over_ground_follows_the_terrain():
    plan = compile_route(route((300, 0)), site(), PAD, hill(40.0), 30.0)
    assert plan.items[3].alt_rel_m == pytest.approx(100.0, abs=2.0)


def test_a_breakpoint_starts_at_the_missed_point():
    plan = compile_route(route((100, 0), (200, 100)), site(), PAD, None, 30.0, start=1)
    assert [i.inspection_point for i in plan.items if i.kind is ItemKind.WAYPOINT] == ["P1"]


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        (route((600, 0)), "route.outside_fence", "P0"),
        (route((490, 0)), "route.outside_fence", "10 m inside"),
        (route((100, 0), height_m=130.0), "route.outside_fence", "130 m"),
        (route((100, 0), height_m=10.0), "route.too_low", "at least 20 m"),
        (route((5_000_000, 0)), "route.outside_fence", "P0"),
    ],
)
def test_what_an_autopilot_would_take_is_refused_here(bad, code, words):
    found = problems(bad)
    assert found
    assert found[0].code == code
    assert words in found[0].words


def test_a_leg_through_an_exclusion_is_refused_though_its_ends_are_outside():
    found = problems(route((200, -200), (200, 200)), site(exclusions=(square(50.0, (200.0, 0.0)),)))
    assert any("P0 to point P1" in problem.words and "exclusion 1" in problem.words for problem in found)


def test_a_leg_through_a_hill_is_refused_though_its_ends_are_high():
    found = problems(route((300, -200), (300, 200), height_m=30.0), terrain=hill(60.0))
    assert {problem.code for problem in found} == {"route.too_low"}


def test_a_way_home_through_a_hill_is_refused_though_the_route_goes_around_it():
    found = problems(route((300, -250), (460, 0), height_m=35.0), terrain=hill(60.0))
    assert {problem.code for problem in found} == {"route.too_low"}
    assert all("home" in problem.words for problem in found)


def test_a_way_home_from_the_middle_of_a_leg_is_checked_too():
    found = problems(route((200, -300), (200, 300)), site(exclusions=(square(20.0, (100.0, 0.0)),)))
    assert [problem.words for problem in found] == ["leg between point P0 and point P1 to home: crosses exclusion 1"]


def test_a_way_home_above_the_ceiling_is_refused():
    plan = compile_route(route((100, 0)), site(), PAD, None, 30.0)
    found = check_plan(plan, PAD, None, Limits(fence_margin_m=20.0, clearance_min_m=20.0, return_alt_rel_m=121.0))
    assert [problem.code for problem in found] == ["route.outside_fence"]
    assert "way home" in found[0].words


def test_a_crossing_fence_and_a_pad_outside_are_refused():
    bow_tie = (square(500.0)[0], square(500.0)[2], square(500.0)[1], square(500.0)[3])
    crossing = Site(Fence(bow_tie), ())
    assert "cross" in problems(route((100, 0)), crossing)[0].words
    away = Site(Fence(square(50.0, (1000.0, 0.0))), ())
    assert "pad lies outside" in problems(route((1000, 0)), away)[0].words


def test_a_rally_point_outside_the_fence_is_refused():
    found = problems(route((100, 0)), site(rally=(RallyPoint(FRAME.to_latlon(900, 0), 30.0),)))
    assert found[0].words.startswith("rally point")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_target_that_is_no_place_is_refused(value):
    assert check_target(LatLon(value, 119.84), 30.0, site().fence, 0.0) is not None
    assert check_target(HOME, value, site().fence, 0.0) is not None


def test_energy_counts_wind_and_reserve():
    plan = compile_route(route((400, 0), (400, 400), (-400, 400)), site(), PAD, None, 30.0)
    model = EnergyModel(450.0, 60.0)
    refused, calm = check_energy(plan, PAD, model, 10.0, WindEstimate(), 1.0, 0.2)
    assert refused is None
    assert check_energy(plan, PAD, model, 10.0, WindEstimate(12.0, 0.0), 1.0, 0.2)[1] < calm
    assert check_energy(plan, PAD, model, 10.0, WindEstimate(), 0.5, 0.4)[0] is not None


@given(st.floats(0, 30), st.floats(0, 359), st.floats(0, 359), st.floats(1, 15))
def test_wind_never_makes_the_model_faster_than_asked_nor_stops_it(speed, from_deg, track, wanted):
    got = ground_speed_m_s(EnergyModel(450.0, 180.0), wanted, track, WindEstimate(speed, from_deg))
    assert 1.0 <= got <= max(wanted, 1.0)


@given(st.floats(-60, 60), st.floats(-180, 180), st.floats(0, 360), st.floats(1, 8000))
def test_the_tangent_plane_agrees_with_the_geodesic(lat, lon, azimuth, length):
    start = LatLon(lat, lon)
    end = destination(start, azimuth, length)
    at = LocalFrame(start).to_local(end)
    assert math.hypot(*at) == pytest.approx(length, rel=3e-3)
    back = LocalFrame(start).to_latlon(*at)
    assert distance_m(back, end) < 1e-3
    assert abs(wrap_180(bearing_deg(start, end) - azimuth)) < 1e-3


@given(st.floats(-900, 900), st.floats(-900, 900))
def test_the_margin_is_positive_exactly_inside(north, east):
    margin = inside_margin_m(FRAME.to_latlon(north, east), square(500.0))
    expected = 500.0 - max(abs(north), abs(east))
    if abs(expected) > 0.5:
        assert (margin > 0) == (expected > 0)
    if expected > 0:
        assert margin == pytest.approx(expected, abs=0.5)


SITE_FILE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[p.lon_deg, p.lat_deg] for p in (*square(500.0), square(500.0)[0])]],
            },
            "properties": {"kind": "fence", "alt_max_rel_m": 120},
        },
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [119.8405, 30.3905]},
            "properties": {"kind": "rally", "alt_rel_m": 40},
        },
    ],
}
ROUTE_FILE = {
    "type": "FeatureCollection",
    "id": "loop",
    "name": "Loop",
    "scenario": "fire",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [119.841, 30.391]},
            "properties": {"kind": "inspection_point", "id": "P1", "height_agl_m": 60},
        }
    ],
}


def saved(tmp_path, value, name="file.geojson"):
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_site_and_route_files_are_read(tmp_path):
    read = load_site(saved(tmp_path, SITE_FILE))
    assert len(read.fence.inclusion) == 4
    assert read.rally[0].alt_rel_m == 40
    assert load_route(saved(tmp_path, ROUTE_FILE)).points[0].place == LatLon(30.391, 119.841)


def test_a_site_may_be_drawn_with_circles(tmp_path):
    fence = feature("Point", [119.84, 30.39], kind="fence", alt_max_rel_m=100, radius_m=800)
    hole = feature("Point", [119.845, 30.39], kind="exclusion", radius_m=60.5)
    ring = [[119.83, 30.38], [119.831, 30.38], [119.831, 30.381], [119.83, 30.38]]
    outline = feature("Polygon", [ring], kind="exclusion")
    read = load_site(saved(tmp_path, {"type": "FeatureCollection", "features": [hole, fence, outline]}))
    assert read.fence.inclusion == Circle(LatLon(30.39, 119.84), 800.0)
    assert read.fence.exclusions == (tuple(LatLon(lat, lon) for lon, lat in ring[:3]), Circle(LatLon(30.39, 119.845), 60.5))
    assert read.fence.alt_max_rel_m == 100.0


def feature(drawn, coordinates, **properties):
    return {"type": "Feature", "geometry": {"type": drawn, "coordinates": coordinates}, "properties": properties}


def test_a_circle_keeps_a_route_in_and_out_as_a_polygon_does():
    around = Circle(HOME, 400.0)
    inside, outside = route((200, -200), (200, 200)), route((350, -350), (0, 100))
    assert problems(inside, Site(Fence(around, (), 120.0), ())) == []
    assert any("P0" in problem.words for problem in problems(outside, Site(Fence(around, (), 120.0), ())))
    in_the_way = Circle(FRAME.to_latlon(200.0, 0.0), 40.0)
    found = problems(inside, Site(Fence(around, (in_the_way,), 120.0), ()))
    assert any("P0 to point P1" in problem.words and "exclusion 1" in problem.words for problem in found)
    near = Fence(around, (Circle(FRAME.to_latlon(200.0, 235.0), 30.0),), 120.0)
    (refused, *_) = problems(inside, Site(near, ()))
    assert "5 m from exclusion 1" in refused.words


@pytest.mark.parametrize("radius_m", [0.0, -5.0, math.nan, math.inf, 1e6])
def test_a_circle_of_no_use_is_refused(radius_m):
    for fence in (Fence(Circle(HOME, radius_m)), Fence(square(500.0), (Circle(HOME, radius_m),))):
        (refused,) = check_fence(fence, PAD)
        assert (refused.code, "radius" in refused.words) == ("fence.invalid", True)


@given(st.floats(1.0, 5000.0), st.floats(0.0, 359.0), st.floats(0.0, 6000.0))
@settings(max_examples=100, deadline=None)
def test_the_margin_of_a_circle_is_its_radius_less_the_distance(radius_m, bearing, away_m):
    circle = Circle(HOME, radius_m)
    place = destination(HOME, bearing, away_m)
    assert inside_margin_m(place, circle) == pytest.approx(radius_m - away_m, abs=0.002 * away_m + 0.01)
    assert 0.999 * math.pi * radius_m**2 < polygon_of(circle, FRAME).area <= math.pi * radius_m**2


@pytest.mark.parametrize(
    ("read", "content", "told"),
    [
        (load_site, json.dumps(SITE_FILE).replace('"rally"', '"ralley"'), "ralley"),
        (load_site, json.dumps(SITE_FILE).replace('"alt_rel_m": 40', '"alt_rel_m": 4000'), "4000"),
        (load_site, {**SITE_FILE, "features": SITE_FILE["features"][1:]}, "exactly one"),
        (load_site, "{", "file.geojson"),
        (load_route, json.dumps(ROUTE_FILE).replace("30.391", "95"), "95"),
        (load_route, json.dumps(ROUTE_FILE).replace('"height_agl_m": 60', '"height_agl_m": 6000'), "6000"),
        (load_route, json.dumps(ROUTE_FILE).replace("height_agl_m", "height"), "height_agl_m"),
        (load_route, {**ROUTE_FILE, "features": ROUTE_FILE["features"] * 2}, "P1"),
        (load_route, {**ROUTE_FILE, "features": []}, "features"),
    ],
)
def test_a_wrong_file_is_named_with_the_place_in_it(tmp_path, read, content, told):
    with pytest.raises(ConfigError) as caught:
        read(saved(tmp_path, content))
    assert caught.value.code == "route.unreadable"
    assert "file.geojson" in caught.value.message
    assert told in caught.value.message


def test_two_routes_of_one_id_are_refused(tmp_path):
    saved(tmp_path, ROUTE_FILE, "a.geojson")
    saved(tmp_path, ROUTE_FILE, "b.geojson")
    with pytest.raises(ConfigError, match="another file"):
        load_routes(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        load_routes(tmp_path / "none")


def test_a_raster_is_read_and_interpolated(tmp_path):
    text = "ncols 2\nnrows 2\nxllcenter 10\nyllcenter 50\ncellsize 1\nNODATA_value -9999\n3 5\n1 -9999\n"
    terrain = Terrain.load(saved(tmp_path, text, "dem.asc"))
    assert terrain.height_amsl_m(LatLon(51.0, 10.0)) == 3.0
    assert terrain.height_amsl_m(LatLon(50.5, 10.0)) == 2.0
    assert terrain.height_amsl_m(LatLon(50.5, 10.5)) is None, "beside an unknown cell"
    assert terrain.height_amsl_m(LatLon(52.0, 10.0)) is None, "outside"


@pytest.mark.parametrize("text", ["", "ncols 2\nnrows 3\ncellsize 1\n1 2\n3 4\n", "ncols two\n", "hello"])
def test_a_file_that_is_no_raster_is_refused(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        Terrain.load(saved(tmp_path, text, "dem.asc"))
    assert caught.value.code == "terrain.unreadable"


@pytest.mark.parametrize(
    ("used", "time_s", "power_w"), [(0.3, 300.0, 648.0), (0.05, 300.0, 450.0), (0.3, 30.0, 450.0), (0.02, 61.0, 450.0)]
)
def test_a_flight_s_own_power_counts_when_it_is_known_and_greater(used, time_s, power_w):
    assert measured(EnergyModel(450.0, 180.0), used, time_s).power_w == pytest.approx(power_w)


@pytest.mark.parametrize(("pictures", "kinds"), [(0, "W"), (1, "WC"), (3, "WCWCWC")])
def test_a_point_gets_its_pictures_one_by_one_with_a_hold_between_them(pictures, kinds):
    (point,) = route((100, 0)).points
    of_route = Route("r", "R", "fire", 10.0, (replace(point, pictures=pictures, dwell_s=4.0, heading_deg=30.0),))
    items = compile_route(of_route, site(), PAD, None, 30.0).items[3:-1]
    assert "".join("W" if item.kind is ItemKind.WAYPOINT else "C" for item in items) == kinds
    waypoints = [item for item in items if item.kind is ItemKind.WAYPOINT]
    assert [w.hold_s for w in waypoints] == [4.0, 1.0, 1.0][: len(waypoints)]
    assert {(w.place, w.heading_deg, w.inspection_point) for w in waypoints} == {(point.place, 30.0, "P0")}
