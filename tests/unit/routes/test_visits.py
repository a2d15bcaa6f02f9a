"""Coverage: which pictures prove which points, whatever the link does to their reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.geo import LatLon, LocalFrame
from agent.domain.camera import Capture, CaptureResult
from agent.domain.codes import codes
from agent.domain.route import InspectionPoint
from agent.domain.status import ImageEvidence
from agent.routes.visits import Reporting, Visit, assign, judge

FRAME = LocalFrame(LatLon(30.39, 119.84))
TAKEN, TRIGGERED, FAILED = CaptureResult
CONFIRMED, RELEASES, NOTHING = Reporting(True, True), Reporting(True, False), Reporting(False, False)


def point(name="A", north_m=0.0, **more):
    return InspectionPoint(name, FRAME.to_latlon(north_m, 0.0), 60.0, **more)


def picture(taken_s, north_m=0.0, index=1, result=TAKEN, camera="100.0"):
    place = None if north_m is None else FRAME.to_latlon(north_m, 0.0)
    return Capture(camera, 0, index, taken_s, place, result)


def verdict(pictures, reporting=CONFIRMED, visit=None):
    visit = visit or Visit(point(), 10.0, watched=True)
    return judge(visit, assign([visit], pictures)[visit.point.id], reporting)


def test_a_picture_the_camera_reported_there_proves_the_point():
    imaged = verdict([picture(10.3, 1.0)])
    assert (imaged.evidence, imaged.pictures, imaged.lacks) == (ImageEvidence.CAPTURED, 1, None)


@pytest.mark.parametrize(
    ("pictures", "lacks"),
    [
        ([], "coverage.no_picture"),
        ([picture(10.3, 40.0)], "coverage.no_picture"),  # taken elsewhere
        ([picture(2.0, None)], "coverage.no_picture"),  # taken before, nobody knows where
        ([picture(30.0, None)], "coverage.no_picture"),  # taken long after, nobody knows where
        ([picture(10.3, result=FAILED)], "coverage.capture_failed"),
        ([picture(10.3, result=TRIGGERED, camera="shutter 0")], "coverage.no_picture"),  # released, and the camera kept silent
    ],
)
def test_what_is_not_proven_is_lacking_though_the_video_was_well(pictures, lacks):
    imaged = verdict(pictures)
    assert (imaged.evidence, imaged.lacks) == (None, lacks)
    assert lacks in codes()


def test_a_released_shutter_counts_where_no_camera_says_more():
    assert verdict([picture(10.1, result=TRIGGERED)], RELEASES).evidence is ImageEvidence.TRIGGERED


def test_without_reports_of_pictures_the_video_is_the_evidence():
    blind = Visit(point(), 10.0, watched=False)
    assert verdict([], NOTHING).evidence is ImageEvidence.VIDEO
    assert verdict([], NOTHING, blind).lacks == "coverage.not_watched"
    assert verdict([], CONFIRMED, Visit(point(pictures=0), 10.0, watched=True)).evidence is ImageEvidence.VIDEO


def test_all_wanted_pictures_must_be_of_one_camera():
    visit = Visit(point(pictures=2), 10.0, watched=True)
    two_cameras = [picture(10.1), picture(10.1, camera="101.0")]
    assert verdict(two_cameras, CONFIRMED, visit).lacks == "coverage.too_few_pictures"
    assert verdict([*two_cameras, picture(11.1, index=2)], CONFIRMED, visit).evidence is ImageEvidence.CAPTURED


def test_a_camera_that_looked_elsewhere_imaged_nothing():
    assert verdict([picture(10.1)], CONFIRMED, Visit(point(), 10.0, True, aimed=False)).lacks == "coverage.camera_elsewhere"


def test_points_of_one_place_are_told_apart_by_time():
    visits = [Visit(point("A"), 10.0, True), Visit(point("B"), 16.0, True)]
    found = assign(visits, [picture(10.2), picture(16.2, index=2)])
    assert [[p.index for p in found[name]] for name in "AB"] == [[1], [2]]
    assert assign(visits, [picture(16.2, index=2)])["A"] == ()


def test_points_of_one_place_that_follow_at_once_keep_their_own_pictures():
    visits = [Visit(point("A", pictures=2), 10.0, True), Visit(point("B"), 11.5, True)]
    found = assign(visits, [picture(10.1), picture(11.2, index=2), picture(11.6, index=3)])
    assert [[p.index for p in found[name]] for name in "AB"] == [[1, 2], [3]]


def test_a_reach_that_is_heard_after_its_picture_gets_it_though_the_camera_knows_no_place():
    visits = [Visit(point("A"), 10.0, True), Visit(point("B", 100.0), 20.0, True)]
    assert [p.index for p in assign(visits, [picture(19.4, None, index=2)])["B"]] == [2]


def test_a_picture_taken_on_the_way_back_to_the_route_proves_nothing():
    """PX4 orders the last picture again when a mission is resumed, here with the heading of the point before."""
    visits = [Visit(point("A"), 10.0, True), Visit(point("B"), 37.0, True)]
    assert not any(assign(visits, [picture(33.0, -4.0, index=2)]).values())


def test_a_reach_that_was_told_only_after_an_outage_still_gets_its_picture():
    visits = [Visit(point("A"), 10.0, True), Visit(point("B", 100.0), 55.0, True, unheard_s=30.0)]
    assert [p.index for p in assign(visits, [picture(30.0, 101.0, index=2)])["B"]] == [2]
    assert assign(visits, [picture(20.0, 101.0, index=2)])["B"] == ()


# -- laws ------------------------------------------------------------------------------------------------------------------

ROUTE = [point(name, 40.0 * n, pictures=p) for n, (name, p) in enumerate((("A", 1), ("B", 2), ("C", 1), ("D", 0)))]
VISITS = [Visit(p, 10.0 * (n + 1), watched=n != 3) for n, p in enumerate(ROUTE)]
pictures = st.lists(
    st.builds(
        picture,
        st.floats(0.0, 80.0),
        st.one_of(st.none(), st.floats(-60.0, 200.0)),
        st.integers(0, 9),
        st.sampled_from(list(CaptureResult)),
        st.sampled_from(["100.0", "shutter 0"]),
    ),
    max_size=12,
    unique_by=lambda c: c.key,
)
reporting = st.sampled_from([CONFIRMED, RELEASES, NOTHING])


def judged(taken, of=CONFIRMED):
    found = assign(VISITS, taken)
    return {v.point.id: judge(v, found[v.point.id], of) for v in VISITS}


@given(pictures, st.randoms(use_true_random=False), reporting)
def test_the_order_of_reports_does_not_matter(taken, random, of):
    shuffled = list(taken)
    random.shuffle(shuffled)
    assert judged(shuffled, of) == judged(taken, of)


@given(pictures, reporting)
def test_more_reports_never_take_a_proof_away(taken, of):
    less, more = judged(taken[:-1], of), judged(taken, of)
    assert all(more[name].evidence is less[name].evidence for name in less if less[name].evidence is not None)


@given(pictures)
def test_a_picture_proves_one_point_at_most_and_only_one_near_it(taken):
    found = assign(VISITS, taken)
    keys = [p.key for of_point in found.values() for p in of_point]
    assert len(keys) == len(set(keys))
    near = {v.point.id: FRAME.to_local(v.point.place).north_m for v in VISITS}
    assert all(
        p.place is None or abs(FRAME.to_local(p.place).north_m - near[name]) < 15.1 for name in found for p in found[name]
    )


@given(pictures, reporting)
def test_imaged_or_a_reason_why_not(taken, of):
    for imaged in judged(taken, of).values():
        assert (imaged.evidence is None) is (imaged.lacks is not None)
        assert imaged.lacks is None or imaged.lacks in codes()
