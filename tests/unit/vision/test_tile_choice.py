"""Tiles are looked at where height, lens and distance make things too small in the whole picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.camera import CameraSection
from agent.config.vision import ErrorSection
from agent.core.attitude import rotation
from agent.core.geo import LatLon
from agent.vision.camera_model import CameraModel
from agent.vision.frame import Frame
from agent.vision.geolocation import Locator
from agent.vision.manifest import InputSpec, TilePolicy
from agent.vision.perception import Perception, View, load_networks
from agent.vision.poses import CameraPose
from agent.vision.tile_choice import ranges_by, worthwhile
from agent.vision.tiles import Tile, tiles_for
from tests.doubles.tiny_model import red_square, write_model_folder

SPEC, POLICY = InputSpec(name="i", width=384, height=384), TilePolicy()
TILES = tiles_for(1280, 720, SPEC, POLICY)
SHRINK = 1280 / 384


def locator(fov_deg: float = 60.0) -> Locator:
    camera = CameraModel.of(CameraSection(horizontal_fov_deg=fov_deg))
    return Locator(camera, ErrorSection(), 0.05, None, 3000.0)


def pose(height_m: float, pitch_deg: float) -> CameraPose:
    return CameraPose(0.0, LatLon(30.39, 119.84), 30.0 + height_m, 30.0, rotation(0, pitch_deg, 0))


def chosen(height_m: float, pitch_deg: float, fov_deg: float = 60.0) -> tuple[Tile, ...]:
    there = locator(fov_deg)
    return worthwhile(TILES, SHRINK, there.camera.focal_px, POLICY, ranges_by(pose(height_m, pitch_deg), there))


def test_low_over_the_ground_the_whole_shows_enough():
    assert chosen(15.0, -90.0) == ()


def test_high_over_the_ground_every_tile_is_wanted():
    assert set(chosen(100.0, -90.0)) == set(TILES)


def test_a_longer_lens_needs_fewer_tiles():
    assert len(chosen(40.0, -90.0, 60.0)) > len(chosen(40.0, -90.0, 15.0)) == 0


def test_looking_ahead_from_low_only_the_far_tiles_are_wanted_the_farthest_first():
    tiles = chosen(12.0, -30.0)
    assert 0 < len(tiles) < len(TILES)
    assert tiles[0].y0 == 0
    assert [tile.y0 for tile in tiles] == sorted(tile.y0 for tile in tiles)


def test_what_lies_over_the_horizon_is_far():
    assert set(chosen(60.0, 5.0)) == set(TILES)


@given(height_m=st.floats(5, 120), more_m=st.floats(0, 200), pitch=st.floats(-90, 10))
@settings(max_examples=60, deadline=None)
def test_from_higher_never_fewer_tiles(height_m, more_m, pitch):
    assert set(chosen(height_m, pitch)) <= set(chosen(height_m + more_m, pitch))


def test_perception_looks_at_the_wanted_tiles_only(tmp_path, monkeypatch):
    perception = Perception(load_networks([write_model_folder(tmp_path)]), "always")
    looked = []
    (network,) = perception.networks
    look = network.look
    monkeypatch.setattr(type(network), "look", lambda _, pixels: looked.append(pixels.shape) or look(pixels))
    frame = Frame(red_square(1280, 768), "x", 0)
    near, far = (View(1100.0, lambda pixels, r=r: np.full(len(pixels), r)) for r in (10.0, 500.0))
    perception.look(frame, near)
    assert len(looked) == 1
    perception.look(frame, far)
    assert len(looked) == 2 + len(tiles_for(1280, 768, network.manifest.input, network.manifest.tiles))


def test_no_tiles_no_choice():
    assert worthwhile((), 1.0, 1000.0, POLICY, lambda _: pytest.fail("asked for nothing")) == ()
