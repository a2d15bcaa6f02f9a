"""The thermal picture: repeatable, plausible, and found by the agent's own eye at the place where the world burns."""

import cv2
import numpy as np
import pytest

from agent.config.camera import CameraSection
from agent.config.thermal import ThermalSection
from agent.config.vision import ErrorSection
from agent.core.attitude import rotation
from agent.core.clock import Clock
from agent.core.geo import LatLon
from agent.domain.hazard import Hazard
from agent.vision.frame import Frame
from agent.vision.geolocation import Locator
from agent.vision.mjpeg import MultipartReader
from agent.vision.pictures import decode_counts
from agent.vision.poses import CameraPose
from agent.vision.thermal import ThermalEye
from simulator.camera.pose import PoseTrack
from simulator.camera.projection import Camera
from simulator.camera.stream import Channel, _part
from simulator.camera.thermal import LENS, ThermalRenderer, ThermalSource, counts_of
from simulator.world.scene import World

NOON_UTC_S = 1_750_305_600.0  # 2025-06-19 04:00 UTC, noon at the place
UP_M, AWAY_M = 70.0, 40.0


@pytest.fixture(scope="module")
def renderer(small_world: World) -> ThermalRenderer:
    return ThermalRenderer(small_world)


@pytest.fixture(scope="module")
def eye() -> ThermalEye:
    camera = CameraSection(width_px=LENS.width_px, height_px=LENS.height_px, horizontal_fov_deg=45.0, colour=False)
    return ThermalEye(ThermalSection(camera=camera))


def camera_at(world: World, east_m: float, north_m: float) -> tuple[Camera, CameraPose]:
    """The same view told to both sides: they share no geometry."""
    alt = world.ground_amsl_m(east_m, north_m) + UP_M
    pitch = -float(np.degrees(np.arctan2(UP_M, AWAY_M)))
    place = world.frame.to_latlon(north_m - AWAY_M, east_m)
    pose = CameraPose(NOON_UTC_S, LatLon(place.lat_deg, place.lon_deg), alt, alt - UP_M, rotation(0.0, pitch, 0.0))
    return Camera.aimed(LENS, (east_m, north_m - AWAY_M, alt), 0.0, pitch), pose


def seen(eye: ThermalEye, celsius: np.ndarray, pose: CameraPose) -> tuple[list, Locator]:
    locator = Locator(eye.camera, ErrorSection(), 0.05, None, 3000.0)
    frame = eye.frame_of(cv2.imencode(".png", counts_of(celsius))[1].tobytes(), "t", 0, NOON_UTC_S)
    assert isinstance(frame, Frame)
    return list(eye.look(frame, pose, locator).detections), locator


def test_the_same_moment_gives_the_same_temperatures(small_world: World, renderer: ThermalRenderer):
    camera, _ = camera_at(small_world, 50.0, 50.0)
    assert np.array_equal(renderer.render(camera, 60.0, 3), renderer.render(camera, 60.0, 3))


def test_a_landscape_without_fire_has_no_hot_spot(small_world: World, renderer: ThermalRenderer, eye: ThermalEye):
    for east_m, north_m in ((0.0, 0.0), (-200.0, 150.0), (150.0, -200.0), (-150.0, -250.0)):
        camera, pose = camera_at(small_world, east_m, north_m)
        celsius = renderer.render(camera, 0.0)
        assert 5.0 < np.median(celsius) < 45.0
        assert seen(eye, celsius, pose)[0] == []


def test_the_fire_is_found_where_it_burns(small_world: World, renderer: ThermalRenderer, eye: ThermalEye):
    fire = small_world.fires[0]
    camera, pose = camera_at(small_world, fire.east_m, fire.north_m)
    found, locator = seen(eye, renderer.render(camera, 90.0), pose)
    assert {spot.hazard for spot in found} == {Hazard.HOT_SPOT}
    surest = max(found, key=lambda spot: spot.confidence)
    assert surest.confidence > 0.9
    x0, y0, x1, y1 = surest.box_px
    north_m, east_m, _ = locator.ground_of(pose, np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]))[0]
    rows, columns = np.nonzero(fire.burning(90.0))
    east, north = fire.places(rows, columns)
    off_m = np.hypot(east - (fire.east_m + east_m), north - (fire.north_m - AWAY_M + north_m)).min()
    assert off_m < 15.0  # the agent assumes flat ground here, the world is hilly


def test_the_stream_carries_it_as_png_and_breaks_it_as_such(small_world: World, renderer: ThermalRenderer):
    clock = Clock()
    source = ThermalSource(renderer, PoseTrack(), clock, clock.unix_s())
    channel = Channel()
    channel.publish(source.capture())
    (part,) = MultipartReader(b"frame").feed(_part(channel.newest) + b"--frame")
    counts = decode_counts(part.picture, "t")
    assert counts.shape == (LENS.height_px, LENS.width_px)
    assert b"Content-Type: image/png" in _part(channel.newest)
    channel.set_fault("black")
    channel.publish(source.capture())
    assert decode_counts(channel.newest.jpeg, "t").max() == 0
