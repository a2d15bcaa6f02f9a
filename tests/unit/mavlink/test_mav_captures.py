"""Reports of pictures that come twice, late, out of order, not at all, or from a camera that counts anew."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.geo import LatLon
from agent.domain.camera import CaptureResult
from agent.domain.telemetry import Telemetry
from agent.mavlink.captures import CaptureBook, Wanted
from agent.mavlink.codec import Frame
from agent.mavlink.telemetry import Interpretation, fold

CAMERA, AUTOPILOT = 100, 1
QUATERNION = (1.0, 0.0, 0.0, 0.0)
MEANING = Interpretation(lambda _: None, lambda seq: seq, lambda seq: seq)  # type: ignore[arg-type, return-value]


def frame(body, at_s=0.0, component=CAMERA):
    return Frame(body.get_type(), 1, component, 0, at_s, body)


def captured(index, boot_s, at_s=None, *, result=1, component=CAMERA, lat=303_900_000, lon=1_198_400_000):
    body = mavlink.MAVLink_camera_image_captured_message(
        round(boot_s * 1000), 0, 0, lat, lon, 90_000, 60_000, QUATERNION, index, result, b""
    )
    return frame(body, boot_s + 100.0 if at_s is None else at_s, component)


def feedback(index, boot_s, at_s=None, *, completed=0):
    body = mavlink.MAVLink_camera_feedback_message(
        round(boot_s * 1e6), 0, 0, index, 303_900_000, 1_198_400_000, 90.0, 60.0, 0, 0, 0, 0, 0, completed
    )
    return frame(body, boot_s + 100.0 if at_s is None else at_s, AUTOPILOT)


def status(count, at_s=0.0, component=CAMERA):
    return frame(mavlink.MAVLink_camera_capture_status_message(0, 0, 0, 0.0, 0, math.nan, count), at_s, component)


def heard(*frames):
    book = CaptureBook()
    for each in frames:
        book.take(each)
    return book


def test_a_report_says_where_when_and_how_sure():
    (picture,) = heard(captured(4, 10.0)).captures
    assert (picture.index, picture.result, picture.taken_s) == (4, CaptureResult.TAKEN, pytest.approx(110.0))
    assert picture.place == LatLon(30.39, 119.84)


@pytest.mark.parametrize(("result", "means"), [(1, "taken"), (0, "failed"), (-1, "triggered")])
def test_a_camera_that_gives_no_feedback_proves_only_that_the_shutter_was_released(result, means):
    assert heard(captured(0, 1.0, result=result)).captures[0].result == means


def test_an_autopilot_that_reports_its_own_trigger_as_a_success_knows_only_of_the_release():
    assert heard(captured(0, 1.0, component=AUTOPILOT)).captures[0].result == "triggered"


@pytest.mark.parametrize(("completed", "means"), [(0, "triggered"), (7, "taken")])
def test_feedback_counts_completed_pictures_only_with_a_feedback_pin(completed, means):
    assert heard(feedback(7, 1.0, completed=completed)).captures[0].result == means


@pytest.mark.parametrize(("lat", "lon"), [(0, 0), (2**31 - 1, 2**31 - 1), (2_000_000_000, 0)])
def test_a_place_that_is_none_is_unknown(lat, lon):
    assert heard(captured(0, 1.0, lat=lat, lon=lon)).captures[0].place is None


def test_a_report_that_was_asked_for_again_is_dated_by_the_cameras_clock():
    book = heard(captured(0, 10.0), captured(2, 30.0), captured(1, 20.0, at_s=140.0))
    assert [(p.index, round(p.taken_s)) for p in book.captures] == [(0, 110), (2, 130), (1, 120)]


def test_duplicates_count_once():
    assert len(heard(captured(0, 1.0), captured(0, 1.0, at_s=150.0), feedback(1, 1.0), feedback(1, 1.0)).captures) == 2


def test_missing_numbers_are_asked_for_until_they_come():
    book = heard(captured(0, 1.0), captured(3, 4.0))
    wanted = [Wanted(CAMERA, "CAMERA_IMAGE_CAPTURED", n) for n in (1, 2)]
    assert book.due(0.0) == wanted
    assert book.due(0.5) == []
    book.take(captured(1, 2.0, at_s=150.0))
    assert book.due(2.0) == wanted[1:]


def test_what_never_comes_is_given_up():
    book = heard(captured(0, 1.0), captured(2, 3.0))
    asked = [len(book.due(10.0 * n)) for n in range(10)]
    assert asked == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]


def test_the_cameras_count_tells_of_a_picture_whose_only_report_was_lost():
    book = heard(status(5), captured(5, 1.0), status(6))
    assert book.due(0.0) == []
    book.take(status(7))
    assert book.due(0.0) == [Wanted(CAMERA, "CAMERA_IMAGE_CAPTURED", 6)]


def test_the_autopilots_last_feedback_is_asked_for_when_it_counts_one_more():
    book = heard(status(2, component=AUTOPILOT), feedback(3, 1.0), status(3, component=AUTOPILOT))
    assert book.due(0.0) == []
    book.take(status(4, component=AUTOPILOT))
    assert book.due(0.0) == [Wanted(AUTOPILOT, "CAMERA_FEEDBACK", 4)]
    book.take(feedback(4, 9.0))
    assert book.due(5.0) == []


def test_pictures_from_before_the_camera_was_heard_are_not_asked_for():
    assert heard(status(40), captured(40, 1.0)).due(0.0) == []


@pytest.mark.parametrize(
    "again",
    [
        captured(0, 60.0, at_s=160.0),  # formatted: the numbers start over
        captured(0, 2.0, at_s=160.0),  # restarted: numbers and clock start over
        captured(9, 2.0, at_s=160.0),  # restarted: the numbers go on, the clock starts over
    ],
)
def test_a_camera_that_counts_anew_begins_another_numbering(again):
    book = heard(captured(6, 40.0), captured(7, 50.0), captured(8, 52.0), again)
    assert [p.numbering for p in book.captures] == [0, 0, 0, 1]
    assert book.captures[-1].taken_s == pytest.approx(160.0)
    assert len({p.key for p in book.captures}) == 4


@given(st.integers(1, 25), st.integers(0, 2**32))
def test_every_picture_is_known_once_whatever_the_link_does_to_its_reports(count, seed):
    """Loss, delay, duplication and reordering; the camera answers what it is asked."""
    chance = random.Random(seed)  # noqa: S311 a repeatable test
    book = heard(status(0))
    on_the_way = []
    for index in range(count):
        now_s = 100.0 + 5.0 * index
        reports = [] if chance.random() < 0.4 else [captured(index, 5.0 * index, at_s=now_s + chance.random() * 8.0)]
        on_the_way += reports * chance.choice([1, 1, 2])
    for late in sorted(on_the_way, key=lambda f: f.at_s):
        book.take(late)
    for turn in range(6):
        now_s = 1000.0 + 10.0 * turn
        book.take(status(count, now_s))
        for want in book.due(now_s):
            if chance.random() < 0.9 or turn == 5:
                book.take(captured(want.index, 5.0 * want.index, at_s=now_s))
    known = [p.index for p in book.captures]
    assert sorted(known) == sorted(set(known))
    heard_at_all = {f.body.image_index for f in on_the_way}
    assert heard_at_all <= set(known)


def test_the_camera_itself_counts_more_than_the_autopilot_that_speaks_for_it():
    def information(component, model):
        body = mavlink.MAVLink_camera_information_message(
            0, [0] * 32, list(model.ljust(32, b"\0")), 0, 0, 0, 0, 0, 0, 0, 2, 0, b""
        )
        return frame(body, 1.0, component)

    telemetry = Telemetry()
    for each in (information(AUTOPILOT, b""), information(CAMERA, b"M1"), information(AUTOPILOT, b"")):
        telemetry = fold(telemetry, each, MEANING)
    telemetry = fold(telemetry, status(12), MEANING)
    telemetry = fold(telemetry, status(99, component=AUTOPILOT), MEANING)
    camera = telemetry.camera
    assert camera is not None
    assert (camera.name, camera.takes_pictures, camera.confirms, camera.pictures) == ("M1", True, True, 12)
