"""Areas and lines of any shape: everything asked for lies in a picture, and the drone stays near it."""

import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon, unary_union
from shapely.affinity import rotate, translate
from shapely.geometry import box

from agent.core.geo import LatLon, LocalFrame
from agent.core.outcome import Refused
from agent.routes.compile import Pad
from agent.routes.corridor import Corridor, along
from agent.routes.coverage import Picture, cover, picture_from_above

PAD = LatLon(30.39, 119.84)
FRAME = LocalFrame(PAD)
metres = st.floats(-400.0, 400.0)


@st.composite
def areas(draw):
    """A star-shaped outline: any number of corners, dents too."""
    corners = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(20.0, 250.0), min_size=corners, max_size=corners))
    turn = draw(st.floats(0.0, 360.0))
    north, east = draw(metres), draw(metres)
    angles = [math.radians(turn + 360.0 * n / corners) for n in range(corners)]
    return tuple(FRAME.to_latlon(north + r * math.cos(a), east + r * math.sin(a)) for r, a in zip(radii, angles, strict=True))


def plane(ring):
    return Polygon([(p.east_m, p.north_m) for p in map(FRAME.to_local, ring)])


def ground_in(stand, picture):
    """What a picture shows: its width across the heading."""
    at = FRAME.to_local(stand.place)
    shape = box(-picture.across_m / 2, -picture.along_m / 2, picture.across_m / 2, picture.along_m / 2)
    return translate(rotate(shape, -stand.heading_deg, origin=(0, 0)), at.east_m, at.north_m)


@given(areas(), st.floats(20.0, 120.0), st.floats(0.0, 0.6))
@settings(max_examples=60, deadline=None)
def test_every_place_of_an_area_lies_in_a_picture(ring, height_m, overlap):
    picture = picture_from_above(height_m, 60.0, 1280, 720)
    stands = cover(ring, picture, overlap, PAD, 600)
    assume(not isinstance(stands, Refused))
    shown = unary_union([ground_in(stand, picture).buffer(0.05) for stand in stands])
    left_out = plane(ring).difference(shown)
    assert left_out.area < 1.0, f"{left_out.area:.1f} m2 are in no picture"


@given(areas(), st.floats(30.0, 100.0))
@settings(max_examples=40, deadline=None)
def test_the_drone_stays_over_the_area_or_beside_it(ring, height_m):
    picture = picture_from_above(height_m, 60.0, 1280, 720)
    stands = cover(ring, picture, 0.3, PAD, 600)
    assume(not isinstance(stands, Refused))
    reach = math.hypot(picture.across_m, picture.along_m) / 2
    assert len(stands) <= 600
    for stand in stands:
        at = FRAME.to_local(stand.place)
        assert plane(ring).distance(Point(at.east_m, at.north_m)) <= reach


def test_a_long_field_is_flown_along_its_length_from_the_near_end():
    ring = tuple(FRAME.to_latlon(n, e) for n, e in ((100, 50), (100, 450), (160, 450), (160, 50)))
    stands = cover(ring, Picture(40.0, 20.0), 0.0, PAD, 600)
    assert {round(s.heading_deg) for s in stands} == {90}
    assert len(stands) == 2 * 20
    at = [FRAME.to_local(s.place) for s in stands]
    assert [round(p.east_m) for p in at[:2]] == [60, 80]
    assert at[19].east_m > 430
    assert at[20].east_m > 430, "the second lane comes back"


def test_an_area_that_is_too_large_or_crosses_itself_is_refused():
    huge = tuple(FRAME.to_latlon(n, e) for n, e in ((0, 0), (0, 5e5), (5e5, 5e5)))
    bow_tie = tuple(FRAME.to_latlon(n, e) for n, e in ((0, 0), (100, 100), (0, 100), (100, 0)))
    flat = tuple(FRAME.to_latlon(n, e) for n, e in ((0, 0), (0, 100), (0, 50)))
    picture = Picture(40.0, 20.0)
    found = [cover(ring, picture, 0.0, PAD, 600).code for ring in (huge, bow_tie, flat)]
    assert found == ["route.too_many_points", "request.shape", "request.shape"]


lines = st.lists(st.tuples(metres, metres), min_size=2, max_size=8, unique=True)


def footprint(point, how):
    """What the picture of a point shows on level ground: a trapezoid, or a rectangle from straight above."""
    half_w = math.tan(math.radians(how.horizontal_fov_deg) / 2.0)
    half_h = math.atan(half_w * how.aspect)
    pitch = math.radians(-point.camera_pitch_deg)
    corners = []
    for edge, sign in ((pitch + half_h, 1), (pitch - half_h, -1)):
        down = max(edge, math.radians(2.0))
        ahead = how.height_agl_m / math.tan(down)
        axis = math.hypot(ahead, how.height_agl_m) * math.cos(down - pitch)
        corners += [(-axis * half_w * sign, ahead), (axis * half_w * sign, ahead)]
    at = FRAME.to_local(point.place)
    return translate(rotate(Polygon(corners), -point.heading_deg, origin=(0, 0)), at.east_m, at.north_m)


@given(lines, st.floats(30.0, 120.0), st.sampled_from([0.0, 15.0, 40.0]), st.sampled_from(["left", "right", "both"]))
@settings(max_examples=60, deadline=None)
def test_every_place_of_a_line_lies_in_a_picture(corners, height_m, offset_m, side):
    how = Corridor(height_m, offset_m, side, 0.2, 60.0, 720 / 1280)
    line = tuple(FRAME.to_latlon(*corner) for corner in corners)
    points = along(line, how, Pad(PAD, 30.0), None, 600)
    assume(not isinstance(points, Refused))
    shown = unary_union([footprint(point, how).buffer(0.5) for point in points])
    drawn = LineString([(p.east_m, p.north_m) for p in map(FRAME.to_local, line)])
    assert drawn.difference(shown).length < 0.01 * drawn.length


@given(lines, st.sampled_from(["left", "right"]))
@settings(max_examples=40, deadline=None)
def test_the_drone_flies_on_the_side_that_was_asked_for(corners, side):
    (a, b) = (FRAME.to_latlon(*corners[0]), FRAME.to_latlon(*corners[1]))
    points = along((a, b), Corridor(60.0, 30.0, side, 0.2, 60.0, 0.5), Pad(PAD, 30.0), None, 600)
    assume(not isinstance(points, Refused))
    start, end = FRAME.to_local(a), FRAME.to_local(b)
    for point in points:
        at = FRAME.to_local(point.place)
        cross = (end.east_m - start.east_m) * (at.north_m - start.north_m) - (end.north_m - start.north_m) * (
            at.east_m - start.east_m
        )
        assert (cross > 0) == (side == "left")


def test_a_line_without_length_and_one_around_the_world_are_refused():
    how = Corridor(60.0, 0.0, "left", 0.3, 60.0, 0.5)
    none = along((PAD, PAD), how, Pad(PAD, 30.0), None, 600)
    far = along((PAD, LatLon(31.0, 121.0)), how, Pad(PAD, 30.0), None, 600)
    assert (none.code, far.code) == ("request.shape", "route.too_many_points")
