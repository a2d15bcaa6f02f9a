"""The clock of the video against the clock of the telemetry, from pictures of a painted plain."""

import math

import cv2
import numpy as np
import pytest

from agent.config.camera import CameraSection
from agent.core.attitude import rotation
from agent.core.geo import LatLon, LocalFrame
from agent.domain.telemetry import PoseSample
from agent.vision.camera_model import CameraModel
from agent.vision.poses import PoseHistory
from agent.vision.time_offset import TimeOffset

PAD = LatLon(30.39, 119.84)
LOCAL = LocalFrame(PAD)
CAMERA = CameraModel.of(CameraSection(width_px=320, height_px=180))
HEIGHT_M = 60.0


def plain() -> np.ndarray:
    """One pixel a quarter of a metre, detail of several sizes."""
    rng = np.random.default_rng(8)
    parts = [cv2.resize(rng.uniform(0, 255, (n, n)).astype(np.float32), (1600, 1600)) for n in (50, 150, 400, 1600)]
    return np.mean(parts, axis=0)


PLAIN = plain()


class Flight:
    """Where the drone is and looks; turns and speeds as a search does, or straight on."""

    def __init__(self, turning: bool) -> None:
        self.turning = turning

    def at(self, t: float) -> tuple[float, float, float, float]:
        """North, east, yaw, pitch."""
        if not self.turning:
            return -60.0 + 6.0 * t, 0.0, 0.0, -50.0
        return 20.0 * math.sin(t / 3.0), 15.0 * math.sin(t / 4.0), 25.0 * math.sin(t * 1.1), -50.0 + 6.0 * math.sin(t * 0.8)

    def sample(self, t: float) -> PoseSample:
        north, east, yaw, pitch = self.at(t)
        ahead, place = self.at(t + 0.01), LOCAL.to_latlon(north, east)
        return PoseSample(
            unix_s=t,
            lat_deg=place.lat_deg,
            lon_deg=place.lon_deg,
            alt_amsl_m=30.0 + HEIGHT_M,
            alt_rel_m=HEIGHT_M,
            velocity_ned_m_s=((ahead[0] - north) / 0.01, (ahead[1] - east) / 0.01, 0.0),
            roll_deg=0.0,
            pitch_deg=0.0,
            yaw_deg=yaw,
            gimbal_roll_deg=0.0,
            gimbal_pitch_deg=pitch,
            gimbal_yaw_deg=yaw,
        )

    def picture(self, t: float) -> np.ndarray:
        north, east, yaw, pitch = self.at(t)
        xs, ys = np.meshgrid(np.arange(320) + 0.5, np.arange(180) + 0.5)
        rays = CAMERA.rays(np.column_stack([xs.ravel(), ys.ravel()])) @ rotation(0, pitch, yaw).T
        ground = rays[:, :2] / rays[:, 2:] * HEIGHT_M + (north, east)
        where = (ground * 4 + 800).astype(np.float32).reshape(180, 320, 2)
        grey = cv2.remap(PLAIN, where[..., 1], where[..., 0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def estimated(flight: Flight, late_s: float, seconds: float = 14.0):
    """Frames stamped too early by ``late_s``: what they show was there so much later."""
    history, offset = PoseHistory(-45.0), TimeOffset(CAMERA)
    for i in range(int(seconds / 0.1)):
        history.add(flight.sample(i * 0.1))
        if i % 2 == 0 and i > 10:
            stamp = i * 0.1
            offset.add(flight.picture(stamp + late_s), stamp)
        offset.compare(history.at, history.newest_unix_s)
    return offset.estimate()


@pytest.mark.parametrize("late_s", [-0.35, 0.0, 0.2, 0.5])
def test_the_offset_of_the_clocks_is_found_while_the_drone_turns(late_s):
    found = estimated(Flight(turning=True), late_s)
    assert found.seconds == pytest.approx(late_s, abs=0.04)
    assert found.sigma_s < 0.05


def test_from_straight_flight_nothing_follows():
    assert estimated(Flight(turning=False), 0.4) is None


def test_an_offset_beyond_reach_is_not_guessed():
    assert estimated(Flight(turning=True), 2.5) is None


def test_noise_says_nothing():
    history, offset, rng = PoseHistory(-45.0), TimeOffset(CAMERA), np.random.default_rng(2)
    flight = Flight(turning=True)
    for i in range(120):
        history.add(flight.sample(i * 0.1))
        offset.add(rng.integers(0, 255, (90, 160, 3), dtype=np.uint8), i * 0.1)
        offset.compare(history.at, history.newest_unix_s)
    assert offset.estimate() is None
