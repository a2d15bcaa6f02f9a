"""Pictures that must not be believed, and a stream taken apart."""

import threading

import numpy as np
import pytest

from agent.core.clock import Clock
from agent.core.errors import ConfigError
from agent.domain.hazard import Hazard
from agent.vision.frame import Detection, Frame, Observation
from agent.vision.manifest import InputSpec, TilePolicy
from agent.vision.mjpeg import MultipartReader, boundary_of
from agent.vision.pictures import PictureError
from agent.vision.scene import PictureHealth, SceneGate
from agent.vision.sources import FrameSlot, SourceSettings, reader_for
from agent.vision.tiles import Tile, combined_logits, joined_boxes, joined_mask, moved, tiles_for
from agent.vision.watchfulness import StillCamera, Watchfulness

RNG = np.random.default_rng(5)


def landscape() -> np.ndarray:
    """Detail of every size, as fields and woods have; more of it below, and in colour."""
    total = np.full((360, 640, 3), 110.0)
    for cell in (1, 4, 20, 40):
        part = RNG.uniform(-30, 30, (360 // cell, 640 // cell, 3))
        total += np.kron(part, np.ones((cell, cell, 1))) * np.linspace(0.3, 1.0, 360)[:, None, None]
    return np.clip(total, 0, 255).astype(np.uint8)


LANDSCAPE = landscape()


def frame(pixels: np.ndarray, index: int = 0) -> Frame:
    return Frame(pixels, "x", index)


def noisy(pixels: np.ndarray, offset: float = 0.0) -> np.ndarray:
    noise = RNG.normal(0, 2, pixels.shape)
    return np.clip(pixels + noise + offset, 0, 255).astype(np.uint8)


def codes_after(pictures: list[np.ndarray], step_s: float = 1.0) -> tuple[str, ...]:
    health = PictureHealth()
    for i, pixels in enumerate(pictures):
        health.update(frame(pixels), i * step_s)
    return health.codes()


def blurred() -> np.ndarray:
    ramp = np.linspace(20, 200, 640)[None, :, None] * np.ones((360, 1, 3))
    return (ramp + RNG.uniform(0, 20)).astype(np.uint8)


@pytest.mark.parametrize(
    ("picture", "codes"),
    [
        (lambda: noisy(LANDSCAPE), ()),
        (lambda: LANDSCAPE, ("vision.frozen",)),
        (lambda: noisy(np.full_like(LANDSCAPE, 3)), ("vision.black",)),
        (lambda: noisy(np.full_like(LANDSCAPE, 250)), ("vision.washed_out",)),
        (blurred, ("vision.blurred",)),
    ],
)
def test_a_fault_that_lasts_is_told(picture, codes):
    assert codes_after([picture() for _ in range(6)]) == codes


def test_a_fault_that_passes_is_not_told():
    assert codes_after([np.zeros_like(LANDSCAPE)] * 2 + [noisy(LANDSCAPE)]) == ()
    assert codes_after([LANDSCAPE] * 3, step_s=0.2) == ()


def test_light_that_changes_everywhere_at_once_is_no_observation():
    gate = SceneGate()
    assert gate.steady(frame(LANDSCAPE), None)
    assert gate.steady(frame(noisy(LANDSCAPE, 5)), None)
    assert not gate.steady(frame(noisy(LANDSCAPE, 40)), None)
    assert gate.steady(frame(noisy(LANDSCAPE, 40)), None)
    assert not gate.steady(frame(noisy(LANDSCAPE, -10)), None)


def test_a_swing_of_the_gimbal_is_no_observation_and_flying_is():
    gate = SceneGate()
    gate.steady(frame(LANDSCAPE), 0.0)
    assert not gate.steady(frame(LANDSCAPE), 60.0)
    assert gate.steady(frame(np.roll(LANDSCAPE, 200, axis=1)), 5.0)


JPEG = b"\xff\xd8" + bytes(range(200)) + b"\xff\xd9"


def stream(parts: int = 3, length: bool = True, stamp: bool = True) -> bytes:
    out = b"preamble\r\n"
    for i in range(parts):
        out += b"--b\r\nContent-Type: image/jpeg\r\n"
        out += f"Content-Length: {len(JPEG)}\r\n".encode() if length else b""
        out += f"X-Timestamp: {1000 + i}.25\r\n".encode() if stamp else b""
        out += b"\r\n" + JPEG + b"\r\n"
    return out + b"--b\r\n"


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("chunk", [1, 7, 64, 100_000])
def test_any_cut_of_the_stream_gives_the_same_parts(length, chunk):
    reader, data = MultipartReader(b"b"), stream(length=length)
    parts = [part for at in range(0, len(data), chunk) for part in reader.feed(data[at : at + chunk])]
    assert [part.picture for part in parts] == [JPEG] * 3
    assert [part.captured_unix_s for part in parts] == [1000.25, 1001.25, 1002.25]


@pytest.mark.parametrize("stamp", [b"soon", b"nan", b"-5", b"inf", b""])
def test_a_capture_time_that_is_none_is_none(stamp):
    data = b"--b\r\nX-Timestamp: " + stamp + b"\r\nContent-Length: 2\r\n\r\n\xff\xd8\r\n--b"
    (part,) = MultipartReader(b"b").feed(data)
    assert part.captured_unix_s is None


def test_parts_that_are_no_jpeg_are_skipped():
    reader = MultipartReader(b"b")
    html = b"--b\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello\r\n"
    assert len(list(reader.feed(html + stream(1)))) == 1
    assert reader.skipped == 1


def test_noise_never_raises_and_never_grows():
    reader, rng = MultipartReader(b"b"), np.random.default_rng(1)
    for _ in range(200):
        list(reader.feed(rng.bytes(5000) + b"--b\r\nContent-Length: 99999999999\r\n"))
    assert reader.skipped > 0
    assert len(reader._buffer) < 33_000_000


@pytest.mark.parametrize(
    ("text", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=frame", b"frame"),
        ('Multipart/X-Mixed-Replace;boundary="--frame"', b"frame"),
        ("image/jpeg", None),
        ("multipart/x-mixed-replace", None),
    ],
)
def test_boundaries(text, boundary):
    assert boundary_of(text) == boundary


def test_the_newest_frame_wins_and_drops_are_counted():
    slot = FrameSlot()
    for i in range(5):
        slot.put(lambda i=i: frame(LANDSCAPE, i))
    assert slot.take(0.0).index == 4
    assert slot.dropped == 4
    assert slot.take(0.0) is None


def test_a_damaged_frame_is_counted_and_skipped():
    def damaged() -> Frame:
        raise PictureError("vision.picture_unreadable", "x")

    slot = FrameSlot()
    slot.put(damaged)
    assert slot.take(0.0) is None
    assert slot.damaged == 1


def test_who_waits_for_a_frame_gets_it():
    slot = FrameSlot()
    threading.Timer(0.05, lambda: slot.put(lambda: frame(LANDSCAPE, 7))).start()
    assert slot.take(5.0).index == 7


@pytest.mark.parametrize("url", ["ftp://x/y", "nowhere.mp4", "gopher://x"])
def test_a_source_that_is_none_is_refused(url):
    with pytest.raises(ConfigError) as caught:
        reader_for(SourceSettings(url, Clock(), 0.2).url)
    assert caught.value.code == "vision.source_invalid"


SPEC = InputSpec(name="i", width=384, height=384)


@pytest.mark.parametrize("size", [(1280, 720), (4000, 3000), (800, 450), (500, 2000)])
def test_tiles_cover_the_frame_and_overlap(size):
    policy = TilePolicy()
    tiles = tiles_for(*size, SPEC, policy)
    assert 2 <= len(tiles) <= policy.most
    covered = np.zeros((size[1], size[0]), np.uint8)
    for tile in tiles:
        assert 0 <= tile.x0 < tile.x1 <= size[0]
        assert 0 <= tile.y0 < tile.y1 <= size[1]
        covered[tile.y0 : tile.y1, tile.x0 : tile.x1] += 1
    assert covered.min() == 1


def test_small_frames_have_no_tiles():
    assert tiles_for(400, 300, SPEC, TilePolicy()) == ()
    assert tiles_for(1280, 720, SPEC, TilePolicy(enabled=False)) == ()


LEFT, RIGHT = Tile(0, 0, 400, 400), Tile(300, 0, 700, 400)


def box(confidence: float, *corners: float, hazard: Hazard = Hazard.FIRE) -> Detection:
    return Detection(hazard, confidence, corners, "m")


def test_a_thing_seen_whole_and_in_tiles_is_one():
    (in_tile,) = moved([box(0.9, 10, 10, 30, 30)], Tile(100, 50, 484, 434))
    assert in_tile.box_px == (110, 60, 130, 80)
    tile = Tile(100, 0, 484, 384)
    much_surer, part = box(0.9, 10, 60, 30, 80), box(0.6, 12, 62, 20, 70)
    smoke = box(0.5, 10, 60, 30, 80, hazard=Hazard.SMOKE)
    found = joined_boxes([box(0.7, 108, 58, 131, 82)], [(tile, [much_surer, part, smoke])], 700, 400, 0.5)
    assert [(f.hazard, f.box_px) for f in found] == [
        (Hazard.FIRE, (110, 60, 130, 80)),
        (Hazard.SMOKE, (110, 60, 130, 80)),
    ]


def test_a_piece_in_a_tile_does_not_replace_the_thing_in_the_whole():
    thing = box(0.6, 200, 100, 380, 300)
    sure_piece, sure_cut_piece = box(0.7, 220, 120, 300, 200), box(0.95, 200, 100, 399, 300)
    assert joined_boxes([thing], [(LEFT, [sure_piece, sure_cut_piece])], 700, 400, 0.5) == (thing,)


def test_a_box_cut_off_by_its_tile_counts_only_where_nothing_else_was_seen():
    cut, complete = box(0.9, 350, 100, 400, 150), box(0.4, 50, 100, 110, 150)
    assert joined_boxes([], [(LEFT, [cut]), (RIGHT, [complete])], 700, 400, 0.5) == tuple(moved([complete], RIGHT))
    assert joined_boxes([], [(LEFT, [cut])], 700, 400, 0.5) == (cut,)
    at_the_edge_of_the_frame = box(0.9, 0, 100, 50, 150)
    assert joined_boxes([box(0.7, 1, 100, 52, 150)], [(LEFT, [at_the_edge_of_the_frame])], 700, 400, 0.5) == (
        at_the_edge_of_the_frame,
    )


def test_tiles_can_raise_a_score_but_pay_for_their_number():
    whole = {Hazard.SMOKE: -1.0}
    tiles = [{Hazard.SMOKE: 3.0}, {Hazard.SMOKE: -4.0}, None]
    assert combined_logits(whole, tiles, 0.5, 8)[Hazard.SMOKE] == 2.5
    assert combined_logits(whole, tiles, None, 8)[Hazard.SMOKE] == pytest.approx(3 - np.log(8))
    assert combined_logits({Hazard.SMOKE: 5.0}, tiles, 0.0, 8)[Hazard.SMOKE] == 5.0


def test_masks_of_tiles_refine_the_whole():
    whole = np.full((96, 96), 0.5, np.float32)
    out = joined_mask(whole, [(Tile(0, 0, 640, 720), np.ones((48, 48), np.float32))], 1280, 720)
    assert out.shape == (180, 320)
    assert out[:, :150] == pytest.approx(np.full((180, 150), 0.75))
    assert out[:, 170:] == pytest.approx(np.full((180, 150), 0.5))


def scored(watch: Watchfulness, scores: list[float], pictures: list[np.ndarray] | None = None) -> list[int]:
    """Indices of the frames with an alarm."""
    shown = pictures or [LANDSCAPE] * len(scores)
    return [i for i, s in enumerate(scores) if watch.update(frame(shown[i], i), Observation({Hazard.SMOKE: s}))]


def test_one_odd_frame_is_no_alarm():
    assert scored(Watchfulness({Hazard.SMOKE: 0.7}), [0.1] * 10 + [0.95] + [0.1] * 10) == []


def test_scores_over_the_threshold_are_an_alarm_after_some_frames():
    alarms = scored(Watchfulness({Hazard.SMOKE: 0.7}), [0.1] * 5 + [0.9] * 10)
    assert alarms
    assert 6 <= alarms[0] <= 10


def test_a_rise_in_a_still_scene_is_an_alarm_below_the_threshold():
    usual = [0.05, 0.08, 0.06, 0.07] * 8
    alarms = scored(Watchfulness({Hazard.SMOKE: 0.8}), usual + [0.55] * 10)
    assert alarms
    assert len(usual) <= alarms[0] <= len(usual) + 5


def test_the_same_rise_before_a_camera_that_moves_is_none():
    pictures = [RNG.integers(0, 255, (90, 160, 3), dtype=np.uint8) for _ in range(42)]
    pictures = [np.kron(p[::15, ::20], np.ones((15, 20, 1))).astype(np.uint8) for p in pictures]
    assert scored(Watchfulness({Hazard.SMOKE: 0.8}), [0.06] * 32 + [0.55] * 10, pictures) == []


def test_tiles_that_flicker_do_not_hide_a_rise_of_the_whole():
    watch, alarms = Watchfulness({Hazard.SMOKE: 0.8}), []
    for i in range(60):
        seen = Observation({Hazard.SMOKE: 0.6 if i % 3 == 0 else 0.1}, whole_scores={Hazard.SMOKE: 0.02 if i < 40 else 0.5})
        alarms += [i] * bool(watch.update(frame(LANDSCAPE, i), seen))
    assert alarms
    assert 40 <= alarms[0] <= 45


def test_still_is_told_from_moving():
    coarse = np.kron(RNG.integers(0, 255, (9, 16, 3)), np.ones((40, 40, 1))).astype(np.uint8)
    still = StillCamera()
    assert all(still.update((coarse * light).astype(np.uint8)) for light in np.linspace(1.0, 0.4, 20))
    assert not still.update(np.roll(coarse, 280, axis=1))
