"""The pinhole camera: laws, and places that must land on known pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.camera.projection import Camera, Lens
from simulator.camera.raycast import cast, make_canopy
from simulator.world.scene import World

LENS = Lens(1280, 720, 60.0)


@given(
    yaw=st.floats(0, 360),
    pitch=st.floats(-90, 20),
    roll=st.floats(-30, 30),
    u=st.floats(0, 1280),
    v=st.floats(0, 720),
    depth=st.floats(2, 5000),
)
def test_projecting_an_unprojected_pixel_gives_it_back(yaw: float, pitch: float, roll: float, u: float, v: float, depth: float):
    camera = Camera.aimed(LENS, (12.0, -7.0, 140.0), yaw, pitch, roll)

    points = camera.unproject(np.array([[u, v]]), np.array([depth]))
    pixel, depth_again = camera.project(points)

    assert pixel[0] == pytest.approx([u, v], abs=1e-6)
    assert depth_again[0] == pytest.approx(depth)


@pytest.mark.parametrize("yaw", [0.0, 90.0, 213.0])
def test_the_axes_are_orthonormal_and_right_handed(yaw: float):
    axes = Camera.aimed(LENS, (0, 0, 0), yaw, -40.0, 9.0).axes

    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.cross(axes[0], axes[1]) == pytest.approx(axes[2])


def test_straight_down_east_is_right_and_north_is_up_in_the_picture():
    camera = Camera.aimed(LENS, (100.0, 200.0, 150.0), 0.0, -90.0)

    pixel, depth = camera.project(np.array([[110.0, 200.0, 50.0], [100.0, 210.0, 50.0]]))

    shift = LENS.focal_px * 10.0 / 100.0
    assert depth == pytest.approx([100.0, 100.0])
    assert pixel[0] == pytest.approx([640.0 + shift, 360.0])
    assert pixel[1] == pytest.approx([640.0, 360.0 - shift])


@pytest.mark.parametrize("pitch", [-5.0, -15.0])
def test_the_horizon_lies_above_the_middle_by_the_tangent_of_the_pitch(pitch: float):
    camera = Camera.aimed(LENS, (0.0, 0.0, 100.0), 90.0, pitch)

    pixel, _ = camera.project(np.array([[1e7, 0.0, 100.0]]))

    assert pixel[0, 1] == pytest.approx(360.0 - LENS.focal_px * math.tan(math.radians(-pitch)), abs=0.01)


def test_roll_clockwise_lowers_what_is_on_the_right():
    level, rolled = (Camera.aimed(LENS, (0, 0, 100.0), 0.0, 0.0, roll) for roll in (0.0, 10.0))
    right_of_ahead = np.array([[30.0, 100.0, 100.0]])

    before, after = (camera.project(right_of_ahead)[0][0] for camera in (level, rolled))

    assert after[1] < before[1] - 10.0


def test_rays_meet_the_ground_where_the_ground_projects(small_world: World):
    world = small_world
    camera = Camera.aimed(LENS, (0.0, -60.0, world.ground_amsl_m(0, -60) + 60.0), 0.0, -45.0)
    canopy = make_canopy(world.surface.grid, world.surface.canopy)

    hits = cast(camera, world.ground.height_amsl_m, world.ground.grid, canopy)

    rows, columns = np.mgrid[300:440:20, 540:740:20]
    east, north = hits.east_m[rows, columns].ravel(), hits.north_m[rows, columns].ravel()
    ground = [world.ground_amsl_m(float(e), float(n)) for e, n in zip(east, north, strict=True)]
    above = hits.above_m[rows // 2, columns // 2].ravel()
    pixel, _ = camera.project(np.stack([east, north, np.array(ground)], axis=1))
    wanted = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    open_ground = above < 0.05
    assert open_ground.mean() > 0.8
    assert np.abs(pixel - wanted)[open_ground].max() < 1.0


def test_the_sky_begins_at_the_horizon(small_world: World):
    world = small_world
    camera = Camera.aimed(LENS, (0.0, 0.0, world.ground_amsl_m(0, 0) + 120.0), 250.0, -8.0)
    canopy = make_canopy(world.surface.grid, world.surface.canopy)

    hits = cast(camera, world.ground.height_amsl_m, world.ground.grid, canopy)

    horizon_row = (360.0 - LENS.focal_px * math.tan(math.radians(8.0))) / 2
    first_ground_row = np.argmin(hits.sky[:, 320] > 0)
    assert first_ground_row == pytest.approx(horizon_row, abs=14)
    assert not hits.sky[220:].any()
