"""Pictures, folders and videos named on a command line, as one stream of frames.

Knows files. A thing that cannot be read is reported by code and path and the rest goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from agent.vision.frame import Frame, Pixels
from agent.vision.pictures import PICTURE_SUFFIXES, PictureError, natural_key, read_picture

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".m4v", ".ts", ".webm", ".mjpg", ".mjpeg", ".mpg", ".mpeg"})

_SIDE_MAX_PX = 16_384
_SKIPPED_MAX = 4

Report = Callable[[PictureError], None]


def files_of(paths: Sequence[Path], report: Report) -> list[Path]:
    """All pictures and videos in the order given; folders whole, in natural order. What is not there is reported."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES]
            found += sorted(inside, key=natural_key)
        elif path.is_file():
            found.append(path)
        else:
            report(PictureError("vision.picture_unreadable", f"{path}: there is no such file"))
    return found


def is_video(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def frames_of(path: Path, report: Report) -> Iterator[Frame]:
    """The frames of one file. Faults are reported, also in the middle of a video."""
    try:
        if is_video(path):
            yield from _video_frames(path)
        else:
            yield Frame(read_picture(path), str(path), 0)
    except PictureError as error:
        report(error)


def _next_picture(capture: cv2.VideoCapture, *, more: bool) -> Pixels | None:
    """The next frame; where there should be more, a damaged one is skipped. None at the end."""
    for _ in range(_SKIPPED_MAX if more else 1):
        good, pixels = capture.read()
        if good:
            return np.asarray(pixels, dtype=np.uint8)
    return None


def _video_frames(path: Path) -> Iterator[Frame]:
    """Frames with their time in the video as capture time.

    Raises:
        PictureError: ``vision.video_unreadable``, before the first frame or where the video breaks off.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        width, height = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not capture.isOpened() or width <= 0 or height <= 0:
            raise PictureError("vision.video_unreadable", f"{path}: no video of a known kind, or damaged")
        if max(width, height) > _SIDE_MAX_PX:
            words = f"{width} x {height} pixels; sides up to {_SIDE_MAX_PX} are taken"
            raise PictureError("vision.picture_too_large", f"{path}: {words}")
        rate, stated = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        interval_s = 1.0 / rate if 0.01 < rate < 1000 else 0.04
        index = 0
        while (pixels := _next_picture(capture, more=index < stated)) is not None:
            yield Frame(pixels, str(path), index, index * interval_s)
            index += 1
        # Containers state the count to within a few frames; many streams do not state it at all.
        if index == 0 or (stated > 0 and index < 0.9 * stated - 3):
            words = f"breaks off after {index} of {int(stated)} frames" if index else "no frame can be decoded"
            raise PictureError("vision.video_unreadable", f"{path}: {words}")
    finally:
        capture.release()
