"""Requests of any size and place that pass the models: planned within the fence or refused with codes, no exception."""

from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.codes import codes
from agent.domain.request import FlightRequest
from agent.missions.planner import Ground, Planned, plan
from agent.routes.checks import check_target
from tests.doubles.flight import PAD, ROUTE, SITE
from tests.doubles.requests import MORNING, nest_config

GROUND = Ground(nest_config(Path("/nowhere")), SITE, None, {"loop": ROUTE})
near_lat, near_lon = st.floats(PAD.lat_deg - 0.006, PAD.lat_deg + 0.006), st.floats(PAD.lon_deg - 0.006, PAD.lon_deg + 0.006)
lonlat = st.tuples(near_lon, near_lat) | st.tuples(st.floats(-180.0, 180.0), st.floats(-90.0, 90.0))
height, overlap = st.floats(10.0, 150.0), st.floats(0.0, 0.8)
targets = st.one_of(
    st.builds(
        lambda at, **more: {"point": {"lon": at[0], "lat": at[1], **more}},
        lonlat,
        height_agl_m=height,
        stand_off_m=st.floats(0.0, 500.0),
        from_deg=st.none() | st.floats(0.0, 359.9),
    ),
    st.builds(
        lambda ring, **more: {"area": {"polygon": {"type": "Polygon", "coordinates": [ring]}, **more}},
        st.lists(lonlat, min_size=4, max_size=8),
        height_agl_m=height,
        overlap=overlap,
    ),
    st.builds(
        lambda line, **more: {"line": {"line": {"type": "LineString", "coordinates": line}, **more}},
        st.lists(lonlat, min_size=2, max_size=8),
        height_agl_m=height,
        overlap=overlap,
        offset_m=st.floats(0.0, 200.0),
        side=st.sampled_from(["left", "right", "both"]),
    ),
)


@given(targets)
@settings(max_examples=80, deadline=None)
def test_whatever_is_asked_for_is_planned_inside_the_fence_or_refused_with_codes(target):
    body = {"request": "01KB0000000000000000000000", "department": "forestry", "by": "Anna", "scenario": "fire", **target}
    expires = (MORNING + timedelta(hours=2)).isoformat()
    request = FlightRequest.model_validate({**body, "expires": expires}, strict=False)
    found = plan(request, GROUND)
    if isinstance(found, Planned):
        assert 1 <= len(found.route.points) <= 300
        for point in found.route.points:
            assert check_target(point.place, point.height_agl_m, SITE.fence, 19.9) is None
    else:
        assert found
        assert all(problem.code in codes() for problem in found)
