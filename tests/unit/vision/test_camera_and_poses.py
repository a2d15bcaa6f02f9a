"""Pixels, rays and the chain from drone to camera, with numbers that can be checked by hand."""

import math

import numpy as np
import pytest

from agent.config.camera import CameraSection
from agent.config.vision import ErrorSection
from agent.core.attitude import rotation
from agent.core.geo import LatLon, LocalFrame, bearing_deg, distance_m
from agent.core.terrain import Terrain
from agent.domain.telemetry import PoseSample
from agent.vision.camera_model import CameraModel, euler_deg
from agent.vision.geolocation import Locator
from agent.vision.poses import CameraPose, PoseHistory

PAD = LatLon(30.39, 119.84)
CAMERA = CameraModel.of(CameraSection())


def sample(unix_s: float, **changes: object) -> PoseSample:
    values = {
        "unix_s": unix_s,
        "lat_deg": PAD.lat_deg,
        "lon_deg": PAD.lon_deg,
        "alt_amsl_m": 130.0,
        "alt_rel_m": 100.0,
        "velocity_ned_m_s": (0.0, 0.0, 0.0),
        "roll_deg": 0.0,
        "pitch_deg": 0.0,
        "yaw_deg": 0.0,
    }
    return PoseSample(**(values | changes))


def history(*samples: PoseSample, mount_pitch_deg: float = -45.0) -> PoseHistory:
    poses = PoseHistory(mount_pitch_deg)
    for one in samples:
        poses.add(one)
    return poses


def ground(pose: CameraPose, x: float, y: float) -> LatLon:
    point = Locator(CAMERA, ErrorSection(), 0.05, None, 5000).ground_of(pose, np.array([[x, y]]))[0]
    return LocalFrame(pose.place).to_latlon(point[0], point[1])


def test_the_optical_axis_is_the_middle_of_the_picture():
    assert CAMERA.rays(np.array([[640, 360]]))[0] == pytest.approx([1, 0, 0])
    assert CAMERA.rays(np.array([[1280, 360]]))[0] == pytest.approx([math.cos(math.radians(30)), math.sin(math.radians(30)), 0])


@pytest.mark.parametrize("distortion", [(), (-0.12, 0.03, 0.001, -0.002, 0.0), (-0.1,)])
def test_pixel_to_ray_and_back(distortion):
    camera = CameraModel.of(CameraSection(distortion=distortion))
    pixels = np.array([[10.0, 20.0], [640.0, 360.0], [1200.0, 700.0]])
    assert camera.pixels(camera.rays(pixels)) == pytest.approx(pixels, abs=0.05)


def test_behind_the_camera_there_is_no_pixel():
    assert np.isnan(CAMERA.pixels(np.array([[-1.0, 0.0, 0.0]]))).all()


def test_a_smaller_stream_keeps_the_field_of_view():
    small = CAMERA.scaled_to(640, 360)
    assert small.rays(np.array([[640, 180]])) == pytest.approx(CAMERA.rays(np.array([[1280, 360]])))


@pytest.mark.parametrize("angles", [(0, 0, 0), (10, -45, 200), (-5, 30, 359)])
def test_euler_angles_survive_the_matrix(angles):
    assert euler_deg(rotation(*angles)) == pytest.approx(angles)


@pytest.mark.parametrize(("yaw", "bearing"), [(0, 0), (90, 90), (225, 225)])
def test_the_gimbal_looks_where_its_angles_say(yaw, bearing):
    pose = history(sample(10, yaw_deg=300, gimbal_roll_deg=0, gimbal_pitch_deg=-45, gimbal_yaw_deg=yaw)).at(10)
    place = ground(pose, 640, 360)
    assert distance_m(PAD, place) == pytest.approx(100, abs=0.5)
    assert bearing_deg(PAD, place) == pytest.approx(bearing, abs=0.2)


def test_without_a_gimbal_mount_and_attitude_count():
    # Nose 10 degrees up on a camera mounted 45 down: 35 below the horizon, to the east.
    pose = history(sample(10, pitch_deg=10, yaw_deg=90)).at(10)
    place = ground(pose, 640, 360)
    assert distance_m(PAD, place) == pytest.approx(100 / math.tan(math.radians(35)), abs=0.5)
    assert bearing_deg(PAD, place) == pytest.approx(90, abs=0.2)


def test_the_right_side_of_the_picture_is_right_of_the_heading():
    pose = history(sample(10, gimbal_roll_deg=0, gimbal_pitch_deg=-60, gimbal_yaw_deg=0)).at(10)
    assert ground(pose, 1000, 360).lon_deg > PAD.lon_deg > ground(pose, 280, 360).lon_deg
    assert ground(pose, 640, 100).lat_deg > ground(pose, 640, 600).lat_deg


def test_rolled_to_the_right_the_axis_of_a_mounted_camera_swings_left():
    pose = history(sample(10, roll_deg=20), mount_pitch_deg=-90).at(10)
    assert ground(pose, 640, 360).lon_deg < PAD.lon_deg


def test_the_pose_is_interpolated_at_capture_time():
    a = sample(10.0, yaw_deg=350, gimbal_roll_deg=0, gimbal_pitch_deg=-40, gimbal_yaw_deg=350)
    b = sample(11.0, lat_deg=30.391, alt_amsl_m=150, alt_rel_m=120, gimbal_roll_deg=0, gimbal_pitch_deg=-50, gimbal_yaw_deg=10)
    pose = history(b, a).at(10.5)
    assert pose.place.lat_deg == pytest.approx(30.3905)
    assert pose.alt_amsl_m == pytest.approx(140)
    assert pose.home_amsl_m == pytest.approx(30)
    _, pitch, yaw = euler_deg(pose.camera_to_ned)
    assert pitch == pytest.approx(-45, abs=1.0)  # on the great circle between the two, a little lower than their mean
    assert (yaw + 180) % 360 == pytest.approx(180, abs=0.5)
    assert pose.turn_deg_s == pytest.approx(math.hypot(20, 10), abs=0.1)


@pytest.mark.parametrize("unix_s", [9.0, 12.6, 15.0, 30.5])
def test_there_is_no_pose_where_no_telemetry_is(unix_s):
    poses = history(sample(10), sample(11), sample(14.0), sample(30.0))
    assert poses.at(unix_s) is None


def test_a_little_past_the_newest_sample_it_is_carried_on():
    poses = history(sample(10.0), sample(10.1, lat_deg=30.3901))
    assert poses.at(10.2).place.lat_deg == pytest.approx(30.3902)
    assert poses.at(10.4) is None


def test_a_swinging_gimbal_is_interpolated_between_its_own_reports():
    """Reports come every 0.1 s, attitudes every 0.05 s: every second attitude carries a report that is 0.05 s old."""

    def pitch_at(moment: float) -> float:
        return -45.0 + 60.0 * (moment - 10.0)

    poses = PoseHistory(-45.0)
    for step in range(12):
        now_s = 10.0 + 0.05 * step
        age_s = 0.05 * (step % 2)
        angles = {"gimbal_roll_deg": 0, "gimbal_pitch_deg": pitch_at(now_s - age_s), "gimbal_yaw_deg": 0, "gimbal_age_s": age_s}
        poses.add(sample(now_s, **angles))
    for moment in np.linspace(10.02, 10.48, 24):
        pose = poses.at(float(moment))
        assert euler_deg(pose.camera_to_ned)[1] == pytest.approx(pitch_at(moment), abs=0.01)
        assert pose.turn_deg_s == pytest.approx(60.0, abs=0.1)


def test_a_gimbal_that_fell_silent_is_not_taken_to_look_where_it_did_nor_where_a_fixed_camera_would():
    angles = {"gimbal_roll_deg": 0, "gimbal_pitch_deg": -45, "gimbal_yaw_deg": 0}
    samples = [sample(10.0 + 0.1 * n, **angles, gimbal_age_s=max(0.0, 0.1 * n - 1.0)) for n in range(31)]
    poses = history(*samples)
    assert poses.at(11.0) is not None
    assert poses.at(12.0) is None
    assert poses.newest_unix_s == pytest.approx(11.0)


def test_old_samples_are_forgotten():
    poses = history(*(sample(float(t)) for t in range(100)))
    assert poses.at(20.5) is None
    assert poses.at(98.5) is not None


def test_the_ray_stops_at_the_first_hill():
    heights = np.full((101, 101), 30.0)
    heights[40, :] = 130.0  # a ridge north of the pad, as high as the drone
    step = 0.0001
    terrain = Terrain(heights, PAD.lat_deg - 50 * step, PAD.lon_deg - 50 * step, step, step)
    pose = CameraPose(0.0, PAD, 130.0, 30.0, rotation(0, -20, 0))
    locator = Locator(CAMERA, ErrorSection(), 0.05, terrain, 5000)
    north, _, alt = locator.ground_of(pose, np.array([[640, 360]]))[0]
    assert 95 < north < 111  # the ridge is 111 m off and rises over 11 m
    assert alt == pytest.approx(130 - north * math.tan(math.radians(20)), abs=0.5)
    # Flat ground would have been met at 275 m.
    assert Locator(CAMERA, ErrorSection(), 0.05, None, 5000).ground_of(pose, np.array([[640, 360]]))[0][0] == pytest.approx(
        274.7, abs=1
    )


def test_without_a_raster_the_ellipse_says_so():
    flat = Terrain(np.full((50, 50), 30.0), PAD.lat_deg - 0.025, PAD.lon_deg - 0.025, 0.001, 0.001)
    pose = CameraPose(0.0, PAD, 130.0, 30.0, rotation(0, -45, 0))
    known = Locator(CAMERA, ErrorSection(), 0.05, flat, 5000).locate(pose, (640, 360), (2, 2))
    guessed = Locator(CAMERA, ErrorSection(), 0.05, None, 5000).locate(pose, (640, 360), (2, 2))
    assert distance_m(known.place, guessed.place) < 5
    assert guessed.ellipse.semi_major_m > 3 * known.ellipse.semi_major_m


def test_a_late_capture_time_widens_the_ellipse_along_the_track():
    locator = Locator(CAMERA, ErrorSection(), 0.05, None, 5000)
    still = CameraPose(0.0, PAD, 130.0, 30.0, rotation(0, -90, 0))
    fast = CameraPose(0.0, PAD, 130.0, 30.0, rotation(0, -90, 0), velocity_ned_m_s=(0.0, 20.0, 0.0))
    a, b = locator.locate(still, (640, 360), (2, 2), 0.5), locator.locate(fast, (640, 360), (2, 2), 0.5)
    assert b.covariance_m2[1, 1] - a.covariance_m2[1, 1] == pytest.approx(100, rel=0.2)
    assert b.covariance_m2[0, 0] == pytest.approx(a.covariance_m2[0, 0], rel=0.2)
