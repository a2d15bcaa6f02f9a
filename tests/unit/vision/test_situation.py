"""From boxes and masks to tracks that are told: what counts, what does not, and where it is said to be."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from agent.config.vision import VisionSection
from agent.core.attitude import rotation
from agent.core.geo import LatLon, LocalFrame, distance_m
from agent.domain.hazard import Hazard
from agent.domain.sighting import SightingLevel
from agent.vision.camera_model import CameraModel
from agent.vision.frame import Detection, Frame, Observation
from agent.vision.poses import CameraPose
from agent.vision.reporter import extent_of, outline_of
from agent.vision.situation import Change, Situation

PAD = LatLon(30.39, 119.84)
LOCAL = LocalFrame(PAD)
HOME_AMSL_M = 30.0
CONFIG = VisionSection()
PIXELS = np.zeros((720, 1280, 3), np.uint8)
SURE_GROUND = CONFIG.errors.model_copy(update={"flat_ground_m": 2.0})
THRESHOLDS = {("m", Hazard.FIRE): 0.5, ("m", Hazard.SMOKE): 0.5, ("w", Hazard.FLOOD): 0.5}


def pose_at(north: float, east: float, unix_s: float, pitch: float = -45.0, yaw: float = 0.0) -> CameraPose:
    place = LOCAL.to_latlon(north, east)
    return CameraPose(unix_s, place, HOME_AMSL_M + 70, HOME_AMSL_M, rotation(0, pitch, yaw), (5.0, 0.0, 0.0))


def box_around(pose: CameraPose, north: float, east: float, size_m: float, hazard: Hazard = Hazard.FIRE) -> Detection | None:
    """The box of a thing on the ground; None when the frame does not show it."""
    here = LOCAL.to_local(pose.place)
    offset = np.array([north - here.north_m, east - here.east_m, pose.alt_amsl_m - HOME_AMSL_M])
    camera = CameraModel.of(CONFIG.camera)
    x, y = camera.pixels(offset[None] @ pose.camera_to_ned)[0]
    if math.isnan(x) or not (0 < x < 1280 and 0 < y < 720):
        return None
    half = size_m / np.linalg.norm(offset) * camera.focal_px / 2
    return Detection(hazard, 0.8, (x - half, y - half, x + half, y + half), "m")


def situation(**changes: object) -> Situation:
    water = changes.pop("normal_water", ())
    return Situation(CONFIG.model_copy(update=changes), None, water, THRESHOLDS)


def flown_past(
    told: Situation,
    things: Iterable[tuple[float, float, float]],
    hazard: Hazard = Hazard.FIRE,
    steady: bool = True,
    start_unix_s: float = 1000.0,
) -> list[Change]:
    """Flies north over 100 m with the camera 45 degrees down, and sees the things whenever they are in the frame."""
    changes = []
    for i in range(30):
        pose = pose_at(-100 + i * 5.0, 0.0, start_unix_s + i)
        found = tuple(box for n, e, s in things if (box := box_around(pose, n, e, s, hazard)))
        frame = Frame(PIXELS, "x", i, pose.unix_s)
        changes += told.update(frame, Observation({}, found), pose, steady=steady)
    return changes


def test_a_fire_flown_past_is_suspect_then_confirmed_at_its_place():
    told = situation()
    changes = flown_past(told, [(40, 10, 4)])
    levels = [c.track.evidence.level for c in changes if c.level_changed]
    assert levels == [SightingLevel.SUSPECT, SightingLevel.CONFIRMED]
    last = changes[-1].track
    place = last.position(told.frame)
    assert distance_m(place, LOCAL.to_latlon(40, 10)) < 8
    assert len({c.track.number for c in changes}) == 1


def test_what_does_not_change_is_not_told_again():
    told = situation(errors=SURE_GROUND)
    flown_past(told, [(40, 10, 4)])
    again = []
    for i in range(20):
        pose = pose_at(-30, 0, 1100.0 + i)
        box = box_around(pose, 40, 10, 4)
        again += told.update(Frame(PIXELS, "x", i, pose.unix_s), Observation({}, (box,)), pose, steady=True)
    assert len(again) <= 2


def test_two_fires_are_two_tracks():
    told = situation(errors=SURE_GROUND)
    changes = flown_past(told, [(20, -50, 4), (60, 45, 4)])
    confirmed = {c.track.number for c in changes if c.track.evidence.level is SightingLevel.CONFIRMED}
    assert len(confirmed) == 2


def test_a_front_of_many_flames_is_one_fire_with_an_outline():
    told = situation(errors=SURE_GROUND)
    front = [(30 + 6 * math.sin(i), -30 + 6 * i, 4) for i in range(11)]
    changes = flown_past(told, front)
    assert len({c.track.number for c in changes}) == 1
    last = changes[-1].track
    ring = outline_of(last.parts, told.frame)
    assert ring[0] == ring[-1]
    assert 300 < extent_of(last) < 1500
    assert distance_m(last.position(told.frame), LOCAL.to_latlon(30, 0)) < 15


@pytest.mark.parametrize("steady", [True, False])
def test_frames_in_which_everything_changed_do_not_count(steady):
    assert bool(flown_past(situation(), [(40, 10, 4)], steady=steady)) is steady


@pytest.mark.parametrize(("size_m", "told"), [(0.1, False), (4, True), (900, False)])
def test_sizes_that_no_flame_has_do_not_count(size_m, told):
    sit, changes = situation(), []
    for i in range(12):
        pose = pose_at(-40 + 5 * i, 0, 1000.0 + i)
        half = size_m / (70 * math.sqrt(2)) * CameraModel.of(CONFIG.camera).focal_px / 2
        box = Detection(Hazard.FIRE, 0.9, (640 - half, 360 - half, 640 + half, 360 + half), "m")
        changes += sit.update(Frame(PIXELS, "x", i, pose.unix_s), Observation({}, (box,)), pose, steady=True)
    assert bool(sit.tracks or changes) is told


@pytest.mark.parametrize(("hazard", "counts"), [(Hazard.FIRE, False), (Hazard.SMOKE, True)])
def test_above_the_horizon_there_is_smoke_but_no_flame(hazard, counts):
    sit = situation()
    pose = pose_at(0, 0, 1000.0, pitch=0.0, yaw=90.0)
    box = Detection(hazard, 0.9, (600, 200, 680, 300), "m")
    sit.update(Frame(PIXELS, "x", 0, pose.unix_s), Observation({}, (box,)), pose, steady=True)
    assert bool(sit.tracks) is counts


def test_bearings_to_far_smoke_cross():
    sit = situation()
    smoke = (1500.0, 4000.0)
    for i in range(40):
        north = i * 80.0
        yaw = math.degrees(math.atan2(smoke[1], smoke[0] - north))
        pose = pose_at(north, 0.0, 1000.0 + 8 * i, pitch=0.0, yaw=yaw)
        box = Detection(Hazard.SMOKE, 0.9, (600, 200, 680, 300), "m")
        sit.update(Frame(PIXELS, "x", i, pose.unix_s), Observation({}, (box,)), pose, steady=True)
    (track,) = sit.tracks
    first_sigma_m = 0.75 * CONFIG.range_max_m
    assert track.evidence.level is SightingLevel.CONFIRMED
    assert np.sqrt(np.linalg.eigvalsh(track.covariance_m2)[1]) < first_sigma_m / 2
    assert distance_m(track.position(sit.frame), LOCAL.to_latlon(*smoke)) < 900


def test_a_place_looked_at_again_and_found_empty_is_cleared():
    sit = situation()
    assert flown_past(sit, [(40, 10, 4)])
    changes = [change for n in range(3) for change in flown_past(sit, [], start_unix_s=1100.0 + 100 * n)]
    assert changes[-1].track.evidence.level is SightingLevel.CLEARED
    assert not sit.tracks


def test_a_place_out_of_the_picture_is_not_cleared():
    sit = situation()
    flown_past(sit, [(40, 10, 4)])
    for i in range(60):
        pose = pose_at(0, 0, 1100.0 + i, yaw=180)
        assert not sit.update(Frame(PIXELS, "x", i, pose.unix_s), Observation(), pose, steady=True)
    assert sit.tracks[0].evidence.level is SightingLevel.CONFIRMED


def water_seen(pose: CameraPose, is_wet: object) -> np.ndarray:
    """The mask of a perfect segmenter, 160 x 90, of water where ``is_wet`` (north, east) says."""
    camera = CameraModel.of(CONFIG.camera)
    xs, ys = np.meshgrid((np.arange(160) + 0.5) * 8, (np.arange(90) + 0.5) * 8)
    rays = camera.rays(np.column_stack([xs.ravel(), ys.ravel()])) @ pose.camera_to_ned.T
    length = (pose.alt_amsl_m - HOME_AMSL_M) / np.maximum(rays[:, 2], 1e-3)
    here = LOCAL.to_local(pose.place)
    north, east = here.north_m + rays[:, 0] * length, here.east_m + rays[:, 1] * length
    return np.where(is_wet(north, east) & (rays[:, 2] > 0), 0.9, 0.05).astype(np.float32).reshape(90, 160)


def ring(north: tuple[float, float], east: tuple[float, float]) -> list[LatLon]:
    corners = [(north[0], east[0]), (north[0], east[1]), (north[1], east[1]), (north[1], east[0])]
    return [LOCAL.to_latlon(n, e) for n, e in corners]


def river(north: np.ndarray, east: np.ndarray) -> np.ndarray:
    return (east > 20) & (east < 60)


def flooded(north: np.ndarray, east: np.ndarray) -> np.ndarray:
    return river(north, east) | ((east > -60) & (east <= 20) & (north > 0) & (north < 120))


def flown_over_water(sit: Situation, is_wet: object, shift_px: int = 0, alarms: tuple[Hazard, ...] = ()) -> list[Change]:
    changes = []
    for i in range(25):
        pose = pose_at(-80 + i * 6.0, 0.0, 1000.0 + i)
        mask = np.roll(water_seen(pose, is_wet), shift_px, axis=1)
        seen = Observation({}, (), alarms, mask, 0.5, "w")
        changes += sit.update(Frame(PIXELS, "x", i, pose.unix_s), seen, pose, steady=True)
    return changes


RIVER_RING = ring((-500, 500), (20, 60))


def test_a_river_in_its_bed_is_no_flood():
    sit = situation(errors=SURE_GROUND, normal_water=[RIVER_RING])
    assert not flown_over_water(sit, river)
    assert not sit.tracks


@pytest.mark.parametrize("shift_px", [-2, -1, 1, 2])
def test_a_mask_that_is_pixels_off_along_the_bank_is_no_flood(shift_px):
    sit = situation(errors=SURE_GROUND, normal_water=[RIVER_RING])
    assert not flown_over_water(sit, river, shift_px)


def test_water_outside_its_bed_is_a_flood_with_its_area_and_place():
    sit = situation(errors=SURE_GROUND, normal_water=[RIVER_RING])
    changes = flown_over_water(sit, flooded)
    last = changes[-1].track
    assert last.hazard is Hazard.FLOOD
    assert last.evidence.level is SightingLevel.CONFIRMED
    # The strip along the bank that the margin and the error take is not counted: 80 x 120 m less some of it.
    assert 4000 < last.last.area_m2 < 9600
    assert distance_m(last.position(sit.frame), LOCAL.to_latlon(60, -25)) < 25
    assert len(last.last.ring) >= 5


def test_a_mask_of_a_picture_with_sky_says_nothing_neither_for_a_flood_nor_against_one():
    """Given a flood that was seen; when the camera then looks level, what its mask says of the ground is not believed."""
    sit = situation(errors=SURE_GROUND, normal_water=[RIVER_RING])
    known = flown_over_water(sit, flooded)[-1].track
    for wet in (np.ones, np.zeros):
        for i in range(40):
            pose = pose_at(-250.0, -25.0, 1100.0 + i, pitch=0.0)
            seen = Observation({}, (), (), wet((90, 160), np.float32), 0.5, "w")
            sit.update(Frame(PIXELS, "x", i, pose.unix_s), seen, pose, steady=True)
    (track,) = sit.tracks
    assert track.evidence.log_odds == known.evidence.log_odds


@pytest.mark.parametrize(("alarms", "told"), [((), False), ((Hazard.FLOOD,), True)])
def test_where_no_normal_water_is_known_the_picture_must_look_like_a_flood_too(alarms, told):
    sit = situation(errors=SURE_GROUND)
    assert bool(flown_over_water(sit, river, alarms=alarms)) is told
