"""Reads picture files that somebody else wrote: damaged, huge, grey, CMYK, turned by EXIF.

Every fault is a :class:`PictureError` with a code; OpenCV's own exceptions do not leave this module. Knows files and pixels,
nothing of video.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from agent.core.errors import NestError
from agent.vision.frame import Pixels

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

_FILE_BYTES_MAX = 200_000_000
_PIXELS_MAX = 100_000_000
_SIDE_MIN_PX, _SIDE_MAX_PX = 8, 20_000
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Start-of-frame markers of JPEG: SOF0..SOF15 without DHT, JPG and DAC."""
_JPEG_SCAN = 0xDA


class PictureError(NestError):
    """A picture or a video cannot be looked at."""


def read_picture(path: Path) -> Pixels:
    """The picture as it should be seen: three channels, 8 bit, turned upright.

    Raises:
        PictureError: ``vision.picture_unreadable`` or ``vision.picture_too_large``; the message names the file.
    """
    try:
        size = path.stat().st_size
        if size > _FILE_BYTES_MAX:
            raise PictureError("vision.picture_too_large", f"{path}: {size} bytes, the limit is {_FILE_BYTES_MAX}")
        data = path.read_bytes()
    except OSError as error:
        raise PictureError("vision.picture_unreadable", f"{path}: {error.strerror}") from error
    return decode_picture(data, str(path))


def decode_picture(data: bytes, name: str) -> Pixels:
    """As :func:`read_picture`, from bytes. ``name`` is for the message."""
    if not data:
        raise PictureError("vision.picture_unreadable", f"{name}: the file is empty")
    stated = stated_size(data)
    if stated:
        _check_size(*stated, name)
    if data[:2] == b"\xff\xd8" and not _jpeg_is_complete(data):
        # The decoder would fill the missing part with grey and say nothing.
        raise PictureError("vision.picture_unreadable", f"{name}: the JPEG is cut off before its end")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise PictureError("vision.picture_unreadable", f"{name}: {' '.join(str(error.err).split())}") from error
    if pixels is None:
        raise PictureError("vision.picture_unreadable", f"{name}: no picture of a known kind, or damaged")
    _check_size(pixels.shape[1], pixels.shape[0], name)
    return np.asarray(pixels, dtype=np.uint8)


def _check_size(width: int, height: int, name: str) -> None:
    if min(width, height) < _SIDE_MIN_PX:
        words = f"{name}: {width} x {height} pixels; sides from {_SIDE_MIN_PX} are taken"
        raise PictureError("vision.picture_unreadable", words)
    if max(width, height) > _SIDE_MAX_PX or width * height > _PIXELS_MAX:
        limits = f"sides up to {_SIDE_MAX_PX} and {_PIXELS_MAX // 1_000_000} million pixels are taken"
        raise PictureError("vision.picture_too_large", f"{name}: {width} x {height} pixels; {limits}")


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that the file's header states, before anything is decoded; None for kinds not known here."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment up to the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        yield marker, at
        if marker == _JPEG_SCAN:
            return
        at += 1 if marker == 0xFF else 2 if 0xD0 <= marker <= 0xD8 else 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, at in _jpeg_segments(data):
        if marker in _JPEG_FRAMES and at + 9 <= len(data):
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
    return None


def _jpeg_is_complete(data: bytes) -> bool:
    """Whether the end marker follows the first scan. Coded picture data never holds its two bytes."""
    scan = next((at for marker, at in _jpeg_segments(data) if marker == _JPEG_SCAN), None)
    return scan is not None and data.find(b"\xff\xd9", scan) >= 0


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sorts frame2 before frame10."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]
