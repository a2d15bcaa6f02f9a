"""The pad in pictures: found from 15 m down to the last centimetres, placed with an honest covariance, and not elsewhere."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.landing import DownCameraSection, LandingSection, MarkerSection, PadMarkersSection
from agent.core.attitude import rotation
from agent.domain.landing import PadSight
from agent.vision.frame import Frame
from agent.vision.pad_markers import MarkerFinder
from agent.vision.pad_pose import PadSolver
from agent.vision.scene import PictureHealth
from tests.doubles.pad_picture import PadPainter, View, printed

STANDARD = LandingSection()
TURNED = LandingSection(
    camera=DownCameraSection(mount_yaw_deg=90.0, mount_pitch_deg=-80.0, forward_m=0.12, right_m=-0.05, down_m=-0.1)
)
PAINTERS = {section.camera: PadPainter(section) for section in (STANDARD, TURNED)}


def seen(picture: np.ndarray, section: LandingSection = STANDARD) -> PadSight | None:
    found = MarkerFinder(section.pad).find(picture)
    return PadSolver(section).solve(found, picture.shape[1], picture.shape[0], 1000.0)


def error_m(sight: PadSight, view: View) -> np.ndarray:
    return np.array([sight.forward_m - view.forward_m, sight.right_m - view.right_m, sight.down_m - view.down_m])


def covariance(sight: PadSight) -> np.ndarray:
    ff, fr, fd, rr, rd, dd = sight.covariance_m2
    return np.array([[ff, fr, fd], [fr, rr, rd], [fd, rd, dd]])


@pytest.mark.parametrize("height_m", [15.0, 10.0, 6.0, 4.0, 2.5, 1.5, 1.0, 0.7, 0.5, 0.3, 0.2, 0.15])
def test_some_marker_is_seen_at_every_height(height_m):
    view = View(down_m=height_m - 0.2, yaw_deg=30.0)  # the lens sits 0.2 m above the feet
    sight = seen(PAINTERS[STANDARD.camera].paint(view))
    assert sight is not None
    assert np.abs(error_m(sight, view)[:2]).max() < 0.01 + 0.005 * height_m


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([STANDARD, TURNED]),
    st.floats(0.5, 10.0),
    st.floats(-0.12, 0.12),
    st.floats(-0.12, 0.12),
    st.floats(-180.0, 180.0),
    st.floats(-8.0, 8.0),
    st.floats(-8.0, 8.0),
)
def test_what_is_seen_lies_where_it_is(section, down_m, forward, right, yaw, roll, pitch):
    view = View(forward * down_m, right * down_m, down_m, yaw, roll, pitch)
    sight = seen(PAINTERS[section.camera].paint(view), section)
    if sight is None:
        return  # partly out of the picture
    miss = error_m(sight, view)
    assert miss @ np.linalg.solve(covariance(sight), miss) < 16.3  # 99.9 % of three dimensions
    # A far and small square shows its tilt badly, but never its direction.
    assert abs((sight.yaw_deg - yaw + 180.0) % 360.0 - 180.0) < 6.0


def test_the_covariance_is_honest():
    """Over many pictures, with the camera hanging as crooked as the configuration says, the errors are as large as claimed."""
    chance = np.random.default_rng(5)
    tilt_deg = STANDARD.camera.mount_error_deg
    squares = []
    for number in range(60):
        height = float(np.exp(chance.uniform(math.log(0.6), math.log(10.0))))
        view = View(chance.normal(0, 0.05 * height), chance.normal(0, 0.05 * height), height, chance.uniform(-180, 180))
        crooked = rotation(chance.normal(0, tilt_deg), chance.normal(0, tilt_deg), 0.0)
        lens = np.array([0.0, 0.0, STANDARD.camera.down_m])
        shown = crooked @ (np.array([view.forward_m, view.right_m, view.down_m]) - lens) + lens
        sight = seen(PAINTERS[STANDARD.camera].paint(View(*shown, view.yaw_deg), seed=number))
        if sight is not None:
            miss = error_m(sight, view)
            squares.append(miss @ np.linalg.solve(covariance(sight), miss))
    assert len(squares) > 55
    assert 1.0 < np.mean(squares) < 4.5  # three in the mean, were every error drawn


def test_a_pad_half_out_of_the_picture_is_still_placed_by_what_is_seen():
    view = View(forward_m=0.65, right_m=0.0, down_m=1.5)  # the large marker's forward edge is cut off
    sight = seen(PAINTERS[STANDARD.camera].paint(view))
    assert sight is not None
    assert 45 not in sight.markers
    assert np.abs(error_m(sight, view)[:2]).max() < 0.02


def test_glare_on_half_the_pad_gives_no_wrong_place():
    view = View(down_m=2.0)
    picture = PAINTERS[STANDARD.camera].paint(view)
    cv2.circle(picture, (250, 170), 70, 255, -1)
    sight = seen(picture)
    assert sight is not None
    assert 45 not in sight.markers
    assert np.abs(error_m(sight, view)[:2]).max() < 0.03


@pytest.mark.parametrize("blur_px", [1.5, 2.5])
def test_a_blurred_pad_is_placed_from_nearby(blur_px):
    view = View(0.1, -0.1, 3.0, 20.0)
    sight = seen(PAINTERS[STANDARD.camera].paint(view, blur_px=blur_px))
    assert sight is not None
    assert np.abs(error_m(sight, view)[:2]).max() < 0.05


def test_in_the_dark_nothing_is_seen_and_the_picture_is_called_black():
    picture = (PAINTERS[STANDARD.camera].paint(View(down_m=3.0)) * 0.03).astype(np.uint8)
    assert seen(picture) is None
    health = PictureHealth()
    for number in range(6):
        noisy = np.dstack([np.roll(picture, number, axis=0)] * 3)
        codes = health.update(Frame(noisy, "test", number, float(number)), float(number))
    assert codes == ("vision.black",)


def test_other_prints_are_no_pad():
    other = LandingSection(pad=PadMarkersSection(markers=(MarkerSection(id=3, side_m=0.72),)))
    assert seen(PadPainter(other).paint(View(down_m=4.0))) is None
    april = LandingSection(pad=PadMarkersSection(dictionary="apriltag_36h11", markers=(MarkerSection(id=45, side_m=0.72),)))
    assert seen(PadPainter(april).paint(View(down_m=4.0))) is None


def test_an_id_that_is_there_twice_tells_no_place():
    sheet = cv2.resize(printed(STANDARD.pad), (220, 220), interpolation=cv2.INTER_AREA)
    picture = np.full((480, 640), 110, np.uint8)
    picture[100:320, 40:260] = sheet
    assert seen(picture) is not None
    picture[100:320, 380:600] = sheet
    assert seen(picture) is None


def test_noise_is_no_pad():
    chance = np.random.default_rng(1)
    for _ in range(5):
        assert seen(chance.integers(0, 256, (480, 640), np.uint8)) is None


@pytest.mark.parametrize(
    ("markers", "told"),
    [
        ((), "at least one"),
        ((MarkerSection(id=1, side_m=0.5), MarkerSection(id=1, side_m=0.1)), "only once"),
        ((MarkerSection(id=50, side_m=0.5),), "ids 0 to 49"),
    ],
)
def test_a_pad_has_each_marker_once_and_of_its_family(markers, told):
    with pytest.raises(ValueError, match=told):
        PadMarkersSection(markers=markers)


def test_the_heights_must_follow_each_other():
    with pytest.raises(ValueError, match="each must be above the one before"):
        LandingSection(commit_height_m=3.0, gate_height_m=2.5)
