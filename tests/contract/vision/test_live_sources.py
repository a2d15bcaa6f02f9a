"""Real streams, real sockets, real files: what comes out, when it was taken, and what a failure is called."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import pytest

from agent.core.clock import Clock, TimeBase
from agent.core.errors import LinkError
from agent.vision.frame import Frame
from agent.vision.sources import LiveSource, SourceSettings, reader_for
from tests.doubles.tiny_model import red_square


def settings(url: object, rate: float = 1.0, latency_s: float = 0.2) -> SourceSettings:
    return SourceSettings(str(url), Clock(TimeBase(rate, time.time())), latency_s)


def taken(source: LiveSource, count: int, timeout_s: float = 20.0) -> list[Frame]:
    """So many frames, as they come."""
    frames: list[Frame] = []
    end_s = time.monotonic() + timeout_s
    while len(frames) < count:
        assert time.monotonic() < end_s, f"{len(frames)} of {count} frames"
        frame = source.slot.take(0.5)
        if frame is not None:
            frames.append(frame)
    return frames


def video(path: Path, frames: int = 30) -> Path:
    clip = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 20, (320, 192))
    for _ in range(frames):
        clip.write(red_square())
    clip.release()
    return path


def test_motion_jpeg_states_its_capture_time(camera):
    with LiveSource(settings(camera.url)) as source:
        frames = taken(source, 3)
    assert all(frame.captured_unix_s == pytest.approx(near, abs=1e-5) for frame in frames for near in [nearest(camera, frame)])
    assert frames[0].pixels.shape == (192, 320, 3)


def nearest(camera, frame: Frame) -> float:
    return min(camera.served, key=lambda moment: abs(moment - frame.captured_unix_s))


def test_a_stream_without_capture_times_counts_its_latency(camera):
    camera.stamps = False
    with LiveSource(settings(camera.url, latency_s=3.0)) as source:
        frame = taken(source, 1)[0]
        age_s = time.time() - frame.captured_unix_s
    assert 3.0 <= age_s < 5.0


def test_a_lost_stream_is_opened_again(camera):
    with LiveSource(settings(camera.url)) as source:
        taken(source, 2)
        camera.cut.set()
        while source.slot.take(0.5) is not None:
            pass
        camera.cut.clear()
        taken(source, 2)


@contextmanager
def sent_over_udp(path: Path) -> Iterator[str]:
    """A transport stream sent over and over, as an encoder on a drone does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, stop = path.read_bytes(), threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not stop.is_set():
                for at in range(0, len(data), 1316):
                    out.sendto(data[at : at + 1316], ("127.0.0.1", port))
                    if stop.wait(0.002):
                        return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield f"udp://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join()


def test_a_transport_stream_over_udp(tmp_path):
    with sent_over_udp(video(tmp_path / "clip.ts", 60)) as url, LiveSource(settings(url)) as source:
        frames = taken(source, 40)
    assert frames[0].pixels.shape == (192, 320, 3)
    # Who comes into the middle of a stream sees grey until the next whole picture.
    assert max(frame.pixels[96, 160, 2] for frame in frames) > 180


def test_a_file_plays_at_its_own_speed_on_the_products_clock_and_again(tmp_path):
    with LiveSource(settings(video(tmp_path / "clip.mp4"), rate=4.0)) as source:
        frames = taken(source, 40)
    assert {frame.index for frame in frames} <= set(range(30))
    assert frames[-1].index < 29  # it began again
    spans = [b.captured_unix_s - a.captured_unix_s for a, b in pairwise(frames)]
    assert min(spans) > 0.02  # 20 a second


def test_a_folder_is_shown_in_natural_order(tmp_path):
    for name in ("b10.png", "b2.png"):
        cv2.imwrite(str(tmp_path / name), red_square())
    (tmp_path / "b3.jpg").write_bytes(b"damaged")
    with LiveSource(settings(tmp_path, rate=20.0)) as source:
        frames = taken(source, 2)
    assert [Path(frame.source).name for frame in frames] == ["b2.png", "b10.png"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/stream", "rtsp://127.0.0.1:9/x", "/dev/video-none"])
def test_what_cannot_be_reached_is_no_video(url):
    with pytest.raises(LinkError) as caught:
        next(iter(reader_for(url)(settings(url), threading.Event())))
    assert caught.value.code == "vision.no_video"


def test_a_password_does_not_reach_the_log():
    url = "http://pilot:secret@127.0.0.1:9/stream"
    with pytest.raises(LinkError) as caught:
        next(iter(reader_for(url)(settings(url), threading.Event())))
    assert "secret" not in caught.value.message
