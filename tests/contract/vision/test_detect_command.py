"""The command line's eyes, as a person or a script uses them: a real process, real files."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.doubles.tiny_model import red_square


def detect(*args: object) -> tuple[int, list[dict], list[str]]:
    command = [sys.executable, "-m", "agent", "detect", "--threads", "1", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.splitlines()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for name in ("f10.jpg", "f2.png", "deep/f1.jpg"):
        cv2.imwrite(str(folder / name), red_square(640, 384, (256, 128, 384, 256)))
    green = np.full((200, 300, 3), (60, 140, 60), np.uint8)
    cv2.imwrite(str(folder / "green.png"), green)
    lake = green.copy()
    lake[:, 150:] = (230, 60, 40)
    cv2.imwrite(str(folder / "lake.png"), lake)
    return folder


def test_one_line_a_picture_with_its_keys_in_natural_order(pictures, tiny_folder):
    status, lines, errors = detect("--models", tiny_folder, pictures)
    assert (status, errors) == (0, [])
    assert [Path(line["source"]).name for line in lines] == ["f1.jpg", "f2.png", "f10.jpg", "green.png", "lake.png"]
    first = lines[0]
    assert first.keys() == {"source", "frame", "scores", "detections", "alarms"}
    assert first["frame"] == 0
    assert first["alarms"] == ["fire"]
    assert first["scores"].keys() == {"fire", "flood"}
    found = first["detections"][0]
    assert found.keys() == {"hazard", "confidence", "box_px"}
    x0, y0, x1, y1 = found["box_px"]
    assert 200 < x0 < x1 < 440
    assert 80 < y0 < y1 < 300
    assert lines[3]["alarms"] == []
    assert lines[4]["alarms"] == ["flood"]


def test_masks_have_the_pictures_size_and_stem(pictures, tiny_folder, tmp_path):
    status, _, _ = detect("--models", tiny_folder, "--masks", tmp_path / "m", "--annotate", tmp_path / "a", pictures)
    assert status == 0
    mask = cv2.imread(str(tmp_path / "m" / "lake.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (200, 300)
    assert set(np.unique(mask)) == {0, 255}
    assert np.mean(mask[:, 165:] == 255) > 0.98
    assert np.mean(mask[:, :135] == 0) > 0.98
    assert cv2.imread(str(tmp_path / "m" / "f10.png"), cv2.IMREAD_UNCHANGED).shape == (384, 640)
    assert len(list((tmp_path / "a").glob("*.jpg"))) == 5


def test_damaged_files_are_one_line_each_and_the_rest_goes_on(pictures, tiny_folder):
    jpeg = (pictures / "f10.jpg").read_bytes()
    (pictures / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "bad.mp4").write_bytes(bytes(3000))
    (pictures / "cut.png").write_bytes((pictures / "f2.png").read_bytes()[:5000])
    status, lines, errors = detect("--models", tiny_folder, pictures, pictures / "gone.jpg")
    assert status == 1
    assert len(lines) == 5
    assert [
        (line.split(": ")[0], Path(line.split(": ")[1]).name) for line in sorted(errors, key=lambda e: e.split(": ")[1])
    ] == [
        ("vision.video_unreadable", "bad.mp4"),
        ("vision.picture_unreadable", "cut.jpg"),
        ("vision.picture_unreadable", "cut.png"),
        ("vision.picture_unreadable", "empty.png"),
        ("vision.picture_unreadable", "gone.jpg"),
    ]


def test_a_video_is_looked_at_frame_by_frame_and_its_alarm_needs_more_than_one(tmp_path, tiny_folder):
    path = tmp_path / "clip.avi"
    clip = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 384))
    green = np.full((384, 640, 3), (60, 140, 60), np.uint8)
    red = red_square(640, 384, (256, 128, 384, 256))
    for pixels in [green] * 8 + [red] + [green] * 8 + [red] * 8:
        clip.write(pixels)
    clip.release()
    status, lines, errors = detect("--models", tiny_folder, path)
    assert (status, errors) == (0, [])
    assert [line["frame"] for line in lines] == list(range(25))
    assert [line["scores"]["fire"] > 0.9 for line in lines] == [False] * 8 + [True] + [False] * 8 + [True] * 8
    alarmed = [line["frame"] for line in lines if line["alarms"]]
    assert alarmed
    assert alarmed[0] >= 18
    assert alarmed[-1] == 24


def test_a_video_that_breaks_off_is_told_after_its_last_frame(tmp_path, tiny_folder):
    path = tmp_path / "clip.avi"
    clip = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 384))
    for _ in range(40):
        clip.write(red_square(640, 384))
    clip.release()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    status, lines, errors = detect("--models", tiny_folder, path)
    assert status == 1
    assert 5 < len(lines) < 40
    assert errors[0].startswith("vision.video_unreadable: ")
    assert "breaks off" in errors[0]


@pytest.mark.parametrize("args", [[], ["empty", "gone.jpg"]])
def test_nothing_to_look_at_is_status_2(tmp_path, tiny_folder, args):
    (tmp_path / "empty").mkdir()
    status, lines, errors = detect("--models", tiny_folder, *(tmp_path / a for a in args))
    assert (status, lines) == (2, [])
    assert "vision.no_input" in errors[-1]


def test_a_missing_model_is_one_line(pictures, tmp_path):
    status, lines, errors = detect("--models", tmp_path / "nowhere", pictures)
    assert (status, lines) == (2, [])
    assert len(errors) == 1
    assert "model.missing" in errors[0]


def test_bench_measures_every_stage(tiny_folder):
    command = [sys.executable, "-m", "agent", "detect", "--threads", "1", "--models", str(tiny_folder), "--bench"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert {"decode JPEG", "tiny: inference", "whole frame"} <= figures["p50_ms"].keys()
    assert figures["peak_mib"] > 50


def test_options_for_streams_leave_files_alone(tmp_path):
    """FFmpeg's low-delay options lose the first frames of a file; opening a stream must not leave them behind."""
    import os

    from agent.vision.sources import _open_stream

    _open_stream(str(tmp_path / "no stream")).release()
    assert "OPENCV_FFMPEG_CAPTURE_OPTIONS" not in os.environ
