"""What is hot, what only looks so, and heat joined with what the other camera sees."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.thermal import ThermalSection
from agent.config.vision import ErrorSection, VisionSection
from agent.core.attitude import rotation
from agent.core.geo import LatLon, LocalFrame
from agent.domain.hazard import Hazard
from agent.domain.sighting import SightingLevel
from agent.vision.confirmation import AGREEMENT
from agent.vision.frame import Detection, Frame, Observation
from agent.vision.heat import Circumstances, HotSpot, confidence, hot_spots, look_alike
from agent.vision.pictures import PictureError
from agent.vision.poses import CameraPose
from agent.vision.situation import Situation
from agent.vision.thermal import NAME, ThermalEye

LIMITS = ThermalSection(source="http://127.0.0.1/t")
DAY, NIGHT = Circumstances(0.1, 40.0), Circumstances(0.1, -20.0)
PAD = LatLon(30.39, 119.84)
NOON_UTC_S = 1_750_305_600.0  # 2025-06-19 04:00 UTC, noon at the pad


def ground_c() -> np.ndarray:
    """Meadow and wood, 640 x 512, 12 to 28 degrees."""
    rng = np.random.default_rng(3)
    coarse = cv2.resize(rng.normal(20, 2.5, (16, 20)).astype(np.float32), (640, 512), interpolation=cv2.INTER_CUBIC)
    return coarse + rng.normal(0, 0.2, coarse.shape).astype(np.float32)


def with_flames(celsius: np.ndarray) -> np.ndarray:
    """A ragged front, hottest in a few places."""
    rng, out = np.random.default_rng(4), celsius.copy()
    for _ in range(25):
        x, y = rng.integers(280, 360), rng.integers(240, 270)
        out[y : y + rng.integers(2, 6), x : x + rng.integers(2, 6)] = rng.uniform(150, 600)
    return out


def with_plate(celsius: np.ndarray, peak_c: float, width: int, height: int) -> np.ndarray:
    out = celsius.copy()
    out[200 : 200 + height, 300 : 300 + width] = peak_c + np.random.default_rng(5).normal(0, 0.5, (height, width))
    return out


def judged(celsius: np.ndarray, at: Circumstances) -> list[str | None]:
    return [look_alike(spot, at, LIMITS) for spot in hot_spots(celsius.astype(np.float32), LIMITS)]


def test_cool_ground_has_no_spots():
    assert hot_spots(ground_c(), LIMITS) == []


@pytest.mark.parametrize("at", [DAY, NIGHT])
def test_flames_are_told_by_day_and_night(at):
    assert None in judged(with_flames(ground_c()), at)


@pytest.mark.parametrize(
    ("peak_c", "width", "height", "at", "kind"),
    [
        (65, 80, 50, DAY, "sun-heated surface"),  # a metal roof of 40 m2
        (65, 80, 50, NIGHT, None),  # at night nothing heats a roof but what is under it
        (150, 80, 50, DAY, None),  # nor does the sun heat it so
        (70, 12, 10, DAY, "engine"),  # a bonnet of 1.2 m2
        (110, 12, 10, NIGHT, "engine"),
        (180, 12, 10, NIGHT, None),
        (300, 12, 10, DAY, None),
        (70, 12, 10, Circumstances(float("nan"), -20.0), None),  # how large it is nobody knows
        (65, 80, 50, Circumstances(0.1, None), None),  # nor whether it is day
    ],
)
def test_what_looks_alike_is_told_by_shape_size_heat_and_hour(peak_c, width, height, at, kind):
    assert judged(with_plate(ground_c(), peak_c, width, height), at) == [kind]


def test_a_glint_is_one_doubtful_look_and_a_small_fire_at_night_is_not():
    (spot,) = hot_spots(with_plate(ground_c(), 400, 2, 2).astype(np.float32), LIMITS)
    assert confidence(spot, DAY, LIMITS) == 0.5
    assert confidence(spot, NIGHT, LIMITS) > 0.9


def test_pixels_that_are_no_numbers_are_no_spots():
    broken = with_flames(ground_c()).astype(np.float32)
    broken[:100] = np.nan
    broken[100:110] = np.inf
    assert all(spot.box_px[1] > 200 for spot in hot_spots(broken, LIMITS))
    assert hot_spots(np.full((64, 80), np.nan, np.float32), LIMITS) == []


@given(peak_c=st.floats(60, 800), more_c=st.floats(0, 300), around_c=st.floats(-20, 50))
@settings(max_examples=80, deadline=None)
def test_hotter_is_never_less_sure(peak_c, more_c, around_c):
    def sure(peak: float) -> float:
        return confidence(HotSpot((0, 0, 9, 9), peak, around_c, 50, 0.6, 0.2), NIGHT, LIMITS)

    assert 0.5 <= sure(peak_c) <= sure(peak_c + more_c) < 1.0


def counts_of(celsius: np.ndarray) -> bytes:
    return cv2.imencode(".png", np.round((celsius + 273.15) / 0.01).astype(np.uint16))[1].tobytes()


def test_counts_become_temperatures():
    frame = ThermalEye(LIMITS).frame_of(counts_of(with_plate(ground_c(), 300, 20, 20)), "x", 0, 1.0)
    assert frame.celsius[210, 310] == pytest.approx(300, abs=2)
    assert frame.pixels.shape == (512, 640, 3)


@pytest.mark.parametrize(
    "picture", [np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3), np.uint16)]
)
def test_a_picture_without_temperatures_is_refused(picture):
    with pytest.raises(PictureError, match="16 bit"):
        ThermalEye(LIMITS).frame_of(cv2.imencode(".png", picture)[1].tobytes(), "x", 0, 1.0)


def pose_at(i: int) -> CameraPose:
    """Flies north over the pad at 90 m, straight down."""
    place = LocalFrame(PAD).to_latlon(4.0 * i - 16.0, 0.0)
    return CameraPose(NOON_UTC_S + i, place, 120.0, 30.0, rotation(0, -90, 0), (4.0, 0.0, 0.0))


def heat_frame(pose: CameraPose, celsius: np.ndarray) -> Frame:
    return Frame(np.zeros((512, 640, 3), np.uint8), "t", 0, pose.unix_s, celsius=celsius.astype(np.float32))


def patch_in_view(eye: ThermalEye, pose: CameraPose) -> np.ndarray:
    """A fire of a few metres at the pad."""
    north = LocalFrame(PAD).to_local(pose.place).north_m
    y = int(256 + north / 90.0 * eye.camera.focal_px)
    celsius = ground_c()
    celsius[y - 15 : y + 15, 305:335] = np.random.default_rng(1).uniform(60, 700, (30, 30))
    return celsius


def flown(always_hot: tuple = (), rgb_north_m: float | None = None) -> Situation:
    eye = ThermalEye(LIMITS, always_hot)
    told = Situation(VisionSection(errors=ErrorSection(flat_ground_m=1.0)), None, (), {})
    for i in range(9):
        pose = pose_at(i)
        frame = heat_frame(pose, patch_in_view(eye, pose))
        told.update(frame, eye.look(frame, pose, told.locator(frame, eye.camera)), pose, steady=True, camera=eye.camera)
        if rgb_north_m is not None:
            colour = Frame(np.zeros((720, 1280, 3), np.uint8), "x", i, pose.unix_s)
            y = 360 - (rgb_north_m - LocalFrame(PAD).to_local(pose.place).north_m) / 90.0 * 1108.5
            box = Detection(Hazard.FIRE, 0.55, (620, y - 20, 660, y + 20), "m")
            seen = Observation(detections=(box,), looked_for=frozenset({Hazard.FIRE}))
            told.update(colour, seen, pose, steady=True)
    return told


def test_heat_becomes_a_confirmed_hot_spot_at_its_place():
    told = flown()
    (track,) = told.tracks
    assert (track.hazard, track.last.model, track.evidence.level) == (Hazard.HOT_SPOT, NAME, SightingLevel.CONFIRMED)
    place = LocalFrame(PAD).to_local(track.position(told.frame))
    assert np.hypot(place.north_m, place.east_m) < 6


CHIMNEY = tuple(LocalFrame(PAD).to_latlon(n, e) for n, e in ((-12, -12), (-12, 12), (12, 12), (12, -12), (-12, -12)))


def test_what_is_always_hot_is_not_told():
    assert flown(always_hot=(CHIMNEY,)).tracks == ()


def log_odds(told: Situation) -> float:
    (fire,) = [track for track in told.tracks if track.hazard is Hazard.FIRE]
    return fire.evidence.log_odds


def test_flame_and_heat_at_one_place_confirm_each_other_once():
    with_heat, without = log_odds(flown(rgb_north_m=0.0)), log_odds(flown((CHIMNEY,), rgb_north_m=0.0))
    assert with_heat - without == pytest.approx(AGREEMENT)


def test_heat_elsewhere_confirms_no_flame():
    elsewhere, without = log_odds(flown(rgb_north_m=35.0)), log_odds(flown((CHIMNEY,), rgb_north_m=35.0))
    assert elsewhere == without


def test_a_thermal_frame_does_not_speak_against_what_it_cannot_see():
    told = flown(rgb_north_m=0.0)
    eye, before = ThermalEye(LIMITS), log_odds(told)
    for i in range(9, 14):
        pose = CameraPose(NOON_UTC_S + i, PAD, 120.0, 30.0, rotation(0, -90, 0))
        frame = heat_frame(pose, ground_c())
        told.update(frame, eye.look(frame, pose, told.locator(frame, eye.camera)), pose, steady=True, camera=eye.camera)
    assert log_odds(told) == before
