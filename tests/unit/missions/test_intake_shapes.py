"""Areas, lines and exclusions in a request: planned and checked like any route."""

import pytest

from agent.domain.mission import Fence
from agent.domain.route import Site
from tests.doubles.flight import FRAME, square
from tests.doubles.intake import hear, point
from tests.doubles.requests import asked


def test_a_point_beside_an_exclusion_is_refused(tmp_path):
    hole = tuple(FRAME.to_latlon(n, e) for n, e in ((150, 50), (250, 50), (250, 150), (150, 150)))
    site = Site(Fence(square(600.0), (hole,), 120.0), ())

    async def work(desk):
        answer = await desk.ask(asked(desk.clock, route=None, point=point(200.0, 100.0, stand_off_m=0.0)))
        assert [r["code"] for r in answer["reasons"]] == ["route.outside_fence"]

    hear(tmp_path, work, site=site)


def geojson(kind, corners):
    places = [[p.lon_deg, p.lat_deg] for p in (FRAME.to_latlon(*corner) for corner in corners)]
    return {"type": kind, "coordinates": [places] if kind == "Polygon" else places}


FIELD = ((100, -100), (100, 100), (200, 100), (200, -100), (100, -100))
SHAPES = {
    "an area": ({"area": {"polygon": geojson("Polygon", FIELD)}}, None),
    "a line": ({"line": {"line": geojson("LineString", FIELD[:3]), "offset_m": 20.0, "side": "both"}}, None),
    "an area outside the fence": (
        {"area": {"polygon": geojson("Polygon", [(n * 10, e) for n, e in FIELD])}},
        "route.outside_fence",
    ),
    "an area whose lane comes too close to the fence": (
        {"area": {"polygon": geojson("Polygon", [(585, 0), (585, 100), (599, 100), (599, 0), (585, 0)])}},
        "route.outside_fence",
    ),
    "an area that is too large for one battery": (
        {
            "area": {
                "polygon": geojson("Polygon", [(-500, -500), (-500, 500), (500, 500), (500, -500), (-500, -500)]),
                "overlap": 0.0,
                "height_agl_m": 80.0,
            },
            "speed_m_s": 3.0,
        },
        "route.too_long",
    ),
    "an area of endless pictures": (
        {
            "area": {
                "polygon": geojson("Polygon", [(-500, -500), (-500, 500), (500, 500), (500, -500), (-500, -500)]),
                "overlap": 0.8,
                "height_agl_m": 20.0,
            }
        },
        "route.too_many_points",
    ),
    "an area that crosses itself": (
        {"area": {"polygon": geojson("Polygon", [FIELD[0], FIELD[2], FIELD[1], FIELD[3], FIELD[0]])}},
        "request.shape",
    ),
    "a hole": (
        {"area": {"polygon": {"type": "Polygon", "coordinates": geojson("Polygon", FIELD)["coordinates"] * 2}}},
        "request.invalid",
    ),
    "a line of one place": ({"line": {"line": geojson("LineString", [FIELD[0], FIELD[0]])}}, "request.shape"),
    "a line that leaves the fence": (
        {"line": {"line": geojson("LineString", [(0, 100), (0, 900)])}},
        "route.outside_fence",
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_an_area_or_line_is_planned_and_checked_like_any_route(tmp_path, case):
    target, code = SHAPES[case]

    async def work(desk):
        answer = await desk.ask(asked(desk.clock, route=None, **target))
        if code is None:
            assert answer["answer"] == "accepted", answer
            (order,) = desk.requests.book.open.values()
            assert order.points_total == len(order.route.points) > 5
        else:
            assert [r["code"] for r in answer["reasons"]][:1] == [code]

    hear(tmp_path, work)
