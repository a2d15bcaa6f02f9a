"""Reads picture files that somebody else wrote: damaged, huge, grey, CMYK, turned by EXIF.

Every fault is a :class:`PictureError` with a code; OpenCV's own exceptions do not leave this module. Knows files and pixels,
nothing of video.
"""

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.core.errors import NestError
from agent.vision.frame import Pixels
from agent.vision.picture_header import is_jpeg, jpeg_is_complete, stated_size

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

_FILE_BYTES_MAX = 200_000_000
_PIXELS_MAX = 100_000_000
_SIDE_MIN_PX, _SIDE_MAX_PX = 8, 20_000
LIVE_PIXELS_MAX = 34_000_000
"""Of one frame of a stream: 8K. A larger one would push a process out of its memory; a file may be."""


class PictureError(NestError):
    """A picture or a video cannot be looked at."""


def read_picture(path: Path) -> Pixels:
    """The picture as it should be seen: three channels, 8 bit, turned upright.

    Raises:
        PictureError: ``vision.picture_unreadable`` or ``vision.picture_too_large``; the message names the file.
    """
    return decode_picture(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """A picture file's bytes.

    Raises:
        PictureError: ``vision.picture_unreadable`` or ``vision.picture_too_large``.
    """
    try:
        size = path.stat().st_size
        if size > _FILE_BYTES_MAX:
            raise PictureError("vision.picture_too_large", f"{path}: {size} bytes, the limit is {_FILE_BYTES_MAX}")
        return path.read_bytes()
    except OSError as error:
        raise PictureError("vision.picture_unreadable", f"{path}: {error.strerror}") from error


def decode_picture(data: bytes, name: str, pixels_max: int = _PIXELS_MAX) -> Pixels:
    """As :func:`read_picture`, from bytes. ``name`` is for the message."""
    if not data:
        raise PictureError("vision.picture_unreadable", f"{name}: the file is empty")
    stated = stated_size(data)
    if stated is None:
        raise PictureError("vision.picture_unreadable", f"{name}: no picture of a known kind, or damaged")
    _check_size(*stated, name, pixels_max)
    if is_jpeg(data) and not jpeg_is_complete(data):
        # The decoder would fill the missing part with grey and say nothing.
        raise PictureError("vision.picture_unreadable", f"{name}: the JPEG is cut off before its end")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise PictureError("vision.picture_unreadable", f"{name}: {' '.join(str(error.err).split())}") from error
    if pixels is None:
        raise PictureError("vision.picture_unreadable", f"{name}: no picture of a known kind, or damaged")
    _check_size(pixels.shape[1], pixels.shape[0], name, pixels_max)
    return np.asarray(pixels, dtype=np.uint8)


def decode_counts(data: bytes, name: str) -> NDArray[np.uint16]:
    """A radiometric picture: one channel of 16 bit, height x width, as the camera counted.

    Raises:
        PictureError: as :func:`decode_picture`, and where it has another form.
    """
    stated = stated_size(data)
    if stated is None or is_jpeg(data):
        raise PictureError("vision.picture_unreadable", f"{name}: no 16-bit PNG or TIFF, or damaged")
    _check_size(*stated, name, LIVE_PIXELS_MAX)
    try:
        counts = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise PictureError("vision.picture_unreadable", f"{name}: {' '.join(str(error.err).split())}") from error
    if counts is None or counts.dtype != np.uint16 or counts.ndim != 2:
        found = "damaged" if counts is None else f"{counts.dtype} with the shape {counts.shape}"
        raise PictureError(
            "vision.picture_unreadable", f"{name}: a radiometric picture is one channel of 16 bit; this is {found}"
        )
    return np.asarray(counts, dtype=np.uint16)


def _check_size(width: int, height: int, name: str, pixels_max: int) -> None:
    if min(width, height) < _SIDE_MIN_PX:
        words = f"{name}: {width} x {height} pixels; sides from {_SIDE_MIN_PX} are taken"
        raise PictureError("vision.picture_unreadable", words)
    if max(width, height) > _SIDE_MAX_PX or width * height > pixels_max:
        limits = f"sides up to {_SIDE_MAX_PX} and {pixels_max // 1_000_000} million pixels are taken"
        raise PictureError("vision.picture_too_large", f"{name}: {width} x {height} pixels; {limits}")


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sorts frame2 before frame10."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]
