"""The error ellipse is honest: over many flights with the stated errors it holds the truth 93 to 97 times in a hundred."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.camera import CameraSection
from agent.config.vision import ErrorSection
from agent.core.attitude import rotation
from agent.core.geo import LatLon, LocalFrame
from agent.core.terrain import Terrain
from agent.vision.camera_model import CameraModel
from agent.vision.geolocation import CHI2_95, Locator
from agent.vision.poses import CameraPose

PAD = LatLon(30.39, 119.84)
PAD_AMSL_M = 30.0
TIME_ERROR_S = 0.05
CAMERA = CameraModel.of(CameraSection())
ERRORS = ErrorSection()


def hills() -> Terrain:
    """Ridges 80 m high and 500 m apart, like those around a mountain stream."""
    n = 241
    rows, cols = np.mgrid[0:n, 0:n]
    heights = PAD_AMSL_M + 40.0 * (1 + np.sin(cols / 9.0) * np.cos(rows / 11.0))
    step = 0.00025  # about 28 m
    return Terrain(heights, PAD.lat_deg - step * n / 2, PAD.lon_deg - step * n / 2, step, step)


def turned(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """The matrix after a small turn of the world, by the matrix exponential's series: independent of the code under test."""
    k = np.array([[0, -vector[2], vector[1]], [vector[2], 0, -vector[0]], [-vector[1], vector[0], 0]])
    step, total = np.eye(3), np.eye(3)
    for n in range(1, 12):
        step = step @ k / n
        total = total + step
    return total @ matrix


def ground_truth(place: np.ndarray, ray: np.ndarray, terrain: Terrain | None, ground_error_m: float) -> np.ndarray | None:
    """North, east of the ray's first ground, by small steps; place is north, east, AMSL from the pad."""
    frame = LocalFrame(PAD)
    if terrain is None:
        length = (place[2] - PAD_AMSL_M - ground_error_m) / ray[2]
        return place[:2] + ray[:2] * length
    lengths = np.arange(0.0, 1500.0, 1.0)
    north, east = place[0] + ray[0] * lengths, place[1] + ray[1] * lengths
    up = place[2] - ray[2] * lengths
    corner = frame.to_latlon(1.0, 1.0)
    lat = PAD.lat_deg + north * (corner.lat_deg - PAD.lat_deg)
    lon = PAD.lon_deg + east * (corner.lon_deg - PAD.lon_deg)
    heights = terrain.heights_at(lat, lon) + ground_error_m
    under = np.flatnonzero(up <= heights)
    return np.array([north[under[0]], east[under[0]]]) if under.size else None


def flown_once(rng: np.random.Generator, locator: Locator, terrain: Terrain | None) -> tuple[bool, float] | None:
    """One look with a measured pose that differs by the stated errors from the true one: does the ellipse hold the truth?"""
    height_m, pitch, yaw, roll = rng.uniform(60, 150), rng.uniform(-90, -25), rng.uniform(0, 360), rng.normal(0, 3)
    speed, turn = rng.normal(0, 5, 3), np.radians(rng.normal(0, 5, 3))
    measured = np.array([rng.uniform(-300, 300), rng.uniform(-300, 300), PAD_AMSL_M + 80 * (terrain is not None) + height_m])
    pixel = (rng.uniform(100, 1180), rng.uniform(60, 660))
    sigma_px = (rng.uniform(1, 15), rng.uniform(1, 15))
    hdop = rng.uniform(0.6, 1.8)
    late_s = rng.normal(0, TIME_ERROR_S)
    tilt, heading = math.radians(ERRORS.tilt_deg), math.radians(ERRORS.heading_deg)
    small = rng.normal(0, [tilt, tilt, heading]) + turn * late_s
    across = ERRORS.position_m * max(1.0, hdop)
    true_place = measured + rng.normal(0, [across, across, ERRORS.altitude_m]) + speed * [1, 1, -1] * late_s
    true_turn = turned(rotation(roll, pitch, yaw), small)
    true_pixel = np.array(pixel) + rng.normal(0, np.hypot(ERRORS.pixel_px, sigma_px))
    ray = CAMERA.rays(true_pixel)[0] @ true_turn.T
    ground_error_m = rng.normal(0, ERRORS.terrain_m if terrain else ERRORS.flat_ground_m)
    truth = ground_truth(true_place, ray, terrain, ground_error_m)
    frame = LocalFrame(PAD)
    pose = CameraPose(
        unix_s=0.0,
        place=frame.to_latlon(measured[0], measured[1]),
        alt_amsl_m=measured[2],
        home_amsl_m=PAD_AMSL_M,
        camera_to_ned=rotation(roll, pitch, yaw),
        velocity_ned_m_s=tuple(speed),
        turn_ned_rad_s=tuple(turn),
        hdop=hdop,
    )
    fix = locator.locate(pose, pixel, sigma_px)
    if fix.bearing_only or truth is None:
        return None
    offset = truth - np.array(frame.to_local(fix.place))
    inside = offset @ np.linalg.solve(fix.covariance_m2, offset) <= CHI2_95
    return bool(inside), fix.ellipse.semi_major_m


@pytest.mark.parametrize(("terrain", "flights"), [(None, 2000), (hills(), 400)], ids=["flat", "hills"])
def test_ellipse_holds_the_truth_as_often_as_it_says(terrain, flights):
    rng = np.random.default_rng(2026)
    locator = Locator(CAMERA, ERRORS, TIME_ERROR_S, terrain, 3000.0)
    looks = [look for _ in range(flights) if (look := flown_once(rng, locator, terrain)) is not None]
    coverage = np.mean([inside for inside, _ in looks])
    assert len(looks) > 0.9 * flights
    assert 0.93 <= coverage <= 0.97, f"{coverage:.4f} of {len(looks)}"


@given(
    height_m=st.floats(20, 200),
    pitch=st.floats(-90, -20),
    yaw=st.floats(0, 360),
    x=st.floats(0, 1280),
    y=st.floats(0, 720),
)
@settings(max_examples=60, deadline=None)
def test_a_place_seen_in_a_pixel_is_seen_in_that_pixel_again(height_m, pitch, yaw, x, y):
    locator = Locator(CAMERA, ERRORS, TIME_ERROR_S, None, 5000.0)
    pose = CameraPose(0.0, PAD, PAD_AMSL_M + height_m, PAD_AMSL_M, rotation(0, pitch, yaw))
    ground = locator.ground_of(pose, np.array([[x, y]]))
    if np.isnan(ground).any():
        return
    back = locator.pixels_of(pose, ground[:, :2], ground[:, 2])[0]
    assert back == pytest.approx((x, y), abs=1e-4)


@given(pitch=st.floats(-85, -20), factor=st.floats(1.5, 4.0))
@settings(max_examples=25, deadline=None)
def test_greater_errors_never_make_a_smaller_ellipse(pitch, factor):
    pose = CameraPose(0.0, PAD, PAD_AMSL_M + 100.0, PAD_AMSL_M, rotation(0, pitch, 30))
    greater = ErrorSection(**{name: value * factor for name, value in ERRORS.model_dump().items() if name != "box_fraction"})
    small = Locator(CAMERA, ERRORS, TIME_ERROR_S, None, 1e5).locate(pose, (640, 400), (2, 2))
    large = Locator(CAMERA, greater, TIME_ERROR_S * factor, None, 1e5).locate(pose, (640, 400), (2 * factor, 2 * factor))
    assert large.bearing_only or large.ellipse.semi_major_m > small.ellipse.semi_major_m


def test_beyond_the_range_there_is_a_bearing_and_the_ellipse_is_long():
    pose = CameraPose(0.0, PAD, PAD_AMSL_M + 100.0, PAD_AMSL_M, rotation(0, 0, 90))
    fix = Locator(CAMERA, ERRORS, TIME_ERROR_S, None, 3000.0).locate(pose, (640, 300), (5, 5))
    assert fix.bearing_only
    assert fix.ellipse.semi_major_m > 3000
    assert fix.ellipse.azimuth_deg == pytest.approx(90, abs=3)
