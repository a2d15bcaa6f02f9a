"""Videos as they come from strangers: each frame is a picture, each fault is told, nothing else is raised."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.vision.inputs import frames_of
from agent.vision.pictures import PictureError
from tests.doubles.tiny_model import red_square

CODINGS = {".avi": "MJPG", ".mp4": "mp4v", ".ts": "mp4v"}
FRAMES = 24


def video(path: Path, *, colour: bool = True) -> Path:
    clip = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*CODINGS[path.suffix]), 20, (160, 96), colour)
    for i in range(FRAMES):
        picture = red_square(160, 96, (16 + i, 32, 48 + i, 64))
        clip.write(picture if colour else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    clip.release()
    return path


def read(path: Path) -> tuple[list[np.ndarray], list[str]]:
    faults: list[PictureError] = []
    pictures = [frame.pixels for frame in frames_of(path, faults.append)]
    return pictures, [fault.code for fault in faults]


@pytest.mark.parametrize("colour", [True, False], ids=["colour", "grey"])
@pytest.mark.parametrize("suffix", CODINGS)
def test_every_coding_is_three_channels_of_eight_bits(tmp_path, suffix, colour):
    pictures, faults = read(video(tmp_path / f"clip{suffix}", colour=colour))
    assert faults == []
    assert abs(len(pictures) - FRAMES) <= 1
    assert {(picture.shape, str(picture.dtype)) for picture in pictures} == {((96, 160, 3), "uint8")}


@pytest.mark.parametrize("suffix", CODINGS)
def test_damage_anywhere_gives_pictures_or_a_told_fault(tmp_path, suffix):
    whole, rng = video(tmp_path / f"clip{suffix}").read_bytes(), np.random.default_rng(31)
    for number in range(12):
        spoilt = bytearray(whole)
        start = int(rng.integers(0, len(spoilt) - 40))
        spoilt[start : start + int(rng.integers(1, 400))] = rng.bytes(int(rng.integers(1, 400)))
        path = tmp_path / f"spoilt{number}{suffix}"
        path.write_bytes(spoilt)
        pictures, faults = read(path)  # any other exception than a told fault fails the test
        assert all(picture.shape[2] == 3 for picture in pictures)
        assert set(faults) <= {"vision.video_unreadable", "vision.picture_too_large"}
        assert pictures or faults


@pytest.mark.parametrize("suffix", CODINGS)
@pytest.mark.parametrize("part", [0.0, 0.02, 0.6])
def test_a_truncated_video_is_told(tmp_path, suffix, part):
    path = video(tmp_path / f"clip{suffix}")
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    pictures, faults = read(path)
    assert len(pictures) < FRAMES
    # A transport stream does not say how long it is: its beginning is a shorter whole one.
    assert faults == ["vision.video_unreadable"] or (suffix == ".ts" and pictures)
