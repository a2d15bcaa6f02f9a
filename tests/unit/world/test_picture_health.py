"""Pictures of the simulated world, sound and spoilt: what each is called."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from agent.vision.frame import Frame
from agent.vision.lens import LensWatch
from agent.vision.scene import Expected, PictureHealth
from simulator.camera.projection import Camera, Lens
from simulator.camera.rgb import Renderer
from simulator.world.scene import World

LENS = Lens(640, 360, 60.0)
EXPECTED = Expected(16 / 9, colour=True)


@pytest.fixture(scope="module")
def flight(small_world: World) -> list[np.ndarray]:
    """Views of one patrol, each of another place."""
    renderer = Renderer(small_world)
    views = []
    for i in range(14):
        east_m, north_m = -220.0 + 35.0 * i, 40.0 * (i % 3) - 60.0
        ground = small_world.ground_amsl_m(east_m, north_m)
        camera = Camera.aimed(LENS, (east_m, north_m, ground + 80.0), 70.0 * i, -50.0)
        views.append(renderer.render(camera, 30.0, frame=i).picture)
    return views


def grey(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


SPOILT: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "black": (lambda p: (p * 0.02).astype(np.uint8), "vision.black"),
    "out of focus": (lambda p: cv2.GaussianBlur(p, (0, 0), 5), "vision.blurred"),
    "washed out": (lambda p: (235 + p * 0.07).astype(np.uint8), "vision.washed_out"),
    "the thermal camera's": (grey, "vision.wrong_camera"),
    "the old camera's": (lambda p: cv2.resize(p, (640, 480)), "vision.wrong_camera"),
}


def codes(pictures: list[np.ndarray]) -> tuple[str, ...]:
    health = PictureHealth(EXPECTED)
    for i, picture in enumerate(pictures):
        health.update(Frame(picture, "x", i), float(i))
    return health.codes()


def test_a_sound_picture_has_no_fault(flight):
    assert codes(flight) == ()


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_picture_has_its_code(flight, name):
    spoil, code = SPOILT[name]
    assert codes([spoil(picture) for picture in flight[:6]]) == (code,)


def test_a_frozen_picture_has_its_code(flight):
    assert codes([flight[0]] * 6) == ("vision.frozen",)


def test_a_grey_camera_is_right_where_it_is_configured(flight):
    health = PictureHealth(Expected(16 / 9, colour=False))
    for i, picture in enumerate(flight[:6]):
        health.update(Frame(grey(picture), "x", i), float(i))
    assert health.codes() == ()


def test_a_smooth_scene_is_no_blur():
    rng = np.random.default_rng(7)
    pad = [np.clip(rng.normal((120, 125, 128), 2.0, (360, 640, 3)), 0, 255).astype(np.uint8) for _ in range(6)]
    assert codes(pad) == ()


def test_light_and_shade_on_a_pad_are_no_blur_but_in_the_air_they_are():
    rng, shade = np.random.default_rng(7), np.linspace(60, 180, 640)[None, :, None]
    views = [np.clip(shade + rng.normal((5, 0, -5), 1.0, (360, 640, 3)), 0, 255).astype(np.uint8) for _ in range(6)]
    ground = PictureHealth(EXPECTED)
    for i, view in enumerate(views):
        ground.update(Frame(view, "x", i), float(i), aloft=False)
    assert ground.codes() == ()
    assert codes(views) == ("vision.blurred",)


def with_drop(picture: np.ndarray, x: int, y: int, radius: int) -> np.ndarray:
    """A water drop: through it everything is far out of focus."""
    mask = cv2.circle(np.zeros(picture.shape[:2], np.float32), (x, y), radius, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), radius * 0.12)[..., None]
    return (picture * (1 - mask) + cv2.GaussianBlur(picture, (0, 0), radius * 0.4) * mask).astype(np.uint8)


@pytest.mark.parametrize(("x", "y", "radius"), [(320, 180, 45), (140, 240, 60), (500, 110, 70)])
def test_a_drop_on_the_lens_is_noticed_over_a_flight(flight, x, y, radius):
    watch = LensWatch()
    assert [watch.update(with_drop(picture, x, y, radius)) for picture in flight][-1]


def test_a_clean_lens_is_clean(flight):
    watch = LensWatch()
    assert not any(watch.update(picture) for picture in flight)


def test_of_a_camera_that_stands_still_nothing_is_said(flight):
    watch, rng = LensWatch(), np.random.default_rng(1)
    spoilt = with_drop(flight[0], 320, 180, 60)
    assert not any(watch.update(np.clip(spoilt + rng.normal(0, 2, spoilt.shape), 0, 255).astype(np.uint8)) for _ in range(40))
