"""Over whole flights, with errors that stay the same from frame to frame, the tracked place's ellipse still holds the truth.

NEST_COVERAGE_FLIGHTS sets how many flights are flown; with a thousand and more the bounds are those of the promise, 93 to 97 %.
"""

import math
import os

import numpy as np
import pytest

from agent.config.camera import CameraSection
from agent.config.vision import ErrorSection
from agent.core.attitude import rotation
from agent.core.geo import LatLon, LocalFrame
from agent.core.terrain import Terrain
from agent.domain.hazard import Hazard
from agent.vision.camera_model import CameraModel
from agent.vision.frame import Detection
from agent.vision.geolocation import CHI2_95, Locator
from agent.vision.placing import Placer
from agent.vision.poses import CameraPose
from agent.vision.tracker import Track, begun, updated

PAD = LatLon(30.39, 119.84)
LOCAL = LocalFrame(PAD)
CAMERA = CameraModel.of(CameraSection())
ERRORS = ErrorSection()
HOME_AMSL_M = 30.0
FLIGHTS = int(os.environ.get("NEST_COVERAGE_FLIGHTS", "90"))


def hills() -> Terrain:
    """Rolling ground, 30 m up and down within 300 m."""
    n, step = 121, 0.0002
    rows, cols = np.mgrid[0:n, 0:n]
    heights = HOME_AMSL_M + 15.0 * np.sin(cols / 2.5) * np.cos(rows / 3.0)
    return Terrain(heights, PAD.lat_deg - step * n / 2, PAD.lon_deg - step * n / 2, step, step)


def ground_amsl_m(terrain: Terrain | None, north_m: float, east_m: float) -> float:
    if terrain is None:
        return HOME_AMSL_M
    place = LOCAL.to_latlon(north_m, east_m)
    return float(terrain.heights_at(np.array([place.lat_deg]), np.array([place.lon_deg]))[0])


def flown(rng: np.random.Generator, locator: Locator, placer: Placer, terrain: Terrain | None) -> bool | None:
    """One flight past a fire of 3 m with constant errors: does the last ellipse hold it? None when it was not seen."""
    tilt, heading = math.radians(ERRORS.tilt_deg), math.radians(ERRORS.heading_deg)
    wrong_turn = rng.normal(0, [tilt, tilt, heading])
    wrong_place = rng.normal(0, [ERRORS.position_m, ERRORS.position_m, ERRORS.altitude_m])
    ground_error_m = rng.normal(0, ERRORS.terrain_m if terrain else ERRORS.flat_ground_m)
    north, east = rng.uniform(0, 60), rng.uniform(-60, 60)
    fire = np.array([north, east, ground_amsl_m(terrain, north, east) + ground_error_m])
    height_m, pitch, yaw = rng.uniform(90, 140), rng.uniform(-80, -40), rng.uniform(-20, 20)
    track: Track | None = None
    for i in range(10):
        true_place = np.array([-120 + 16.0 * i, 0.0, HOME_AMSL_M + height_m])
        x, y, z = wrong_turn
        true_turn = (np.eye(3) + np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])) @ rotation(0, pitch, yaw)
        offset = fire - true_place
        pixel = CAMERA.pixels(np.array([[offset[0], offset[1], -offset[2]]]) @ true_turn)[0] + rng.normal(0, ERRORS.pixel_px, 2)
        if not ((pixel > 0) & (pixel < (1280, 720))).all():
            continue
        said = true_place + wrong_place
        pose = CameraPose(
            100.0 + i, LOCAL.to_latlon(said[0], said[1]), said[2], HOME_AMSL_M, rotation(0, pitch, yaw), (8.0, 0, 0)
        )
        half = 1.5 / np.linalg.norm(offset) * CAMERA.focal_px
        # The foot of the box is where the fire stands, so that only the stated errors are at work.
        share = np.clip(pose.forward_ned[2], 0, 1) / 2
        top = pixel[1] - 2 * half * (1 - share)
        box = Detection(Hazard.FIRE, 0.9, (pixel[0] - half, top, pixel[0] + half, top + 2 * half), "m")
        for seen in placer.things([box], pose, locator, LOCAL, None):
            track = begun(1, seen, 100.0 + i) if track is None else updated(track, [seen], 100.0 + i)
    if track is None:
        return None
    miss = fire[:2] - np.array(track.place)
    return bool(miss @ np.linalg.solve(track.stated_covariance_m2, miss) <= CHI2_95)


@pytest.mark.parametrize(("terrain", "part"), [(None, 1), (hills(), 3)], ids=["flat", "raster"])
def test_the_tracked_ellipse_holds_the_truth(terrain, part):
    flights = FLIGHTS // part  # a raster costs ten times as much
    rng = np.random.default_rng(15)
    locator = Locator(CAMERA, ERRORS, 0.01, terrain, 3000.0)
    placer = Placer({("m", Hazard.FIRE): 0.5}, box_fraction=0.0)
    held = [inside for _ in range(flights) if (inside := flown(rng, locator, placer, terrain)) is not None]
    assert len(held) > 0.5 * flights
    # So few flights say the coverage to within its own sampling error only.
    slack = 2.6 * math.sqrt(0.95 * 0.05 / len(held)) if flights < 1000 else 0.0
    coverage = float(np.mean(held))
    assert 0.93 - slack <= coverage <= 0.97 + slack, f"{coverage:.4f} of {len(held)} flights"
