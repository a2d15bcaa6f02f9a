"""What a picture file states of itself before anything is decoded: its kind and size, and whether a JPEG is whole.

A few hundred bytes can state a picture of gigabytes. Pure; sizes stand where the formats' specifications say: PNG (RFC 2083),
JPEG (ITU T.81), WebP (RFC 9649), TIFF 6.0, BMP.
"""

import struct
from collections.abc import Callable, Iterator

Size = tuple[int, int]
"""Width and height."""

_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Start-of-frame markers of JPEG: SOF0..SOF15 without DHT, JPG and DAC."""
_JPEG_SCAN = 0xDA
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_INTEGERS = {3: "H", 4: "I"}
_TIFF_ENTRIES_MAX = 4096


def stated_size(data: bytes) -> Size | None:
    """Width and height that the header states; None where it is of no known kind, or too damaged to say."""
    for begins, size_of in _KINDS:
        if begins(data):
            try:
                return size_of(data)
            except (struct.error, IndexError):
                return None
    return None


def is_jpeg(data: bytes) -> bool:
    """By its first bytes."""
    return data[:2] == b"\xff\xd8"


def jpeg_is_complete(data: bytes) -> bool:
    """Whether the end marker follows the first scan. Coded picture data never holds its two bytes."""
    scan = next((at for marker, at in _jpeg_segments(data) if marker == _JPEG_SCAN), None)
    return scan is not None and data.find(b"\xff\xd9", scan) >= 0


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment up to the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        yield marker, at
        if marker == _JPEG_SCAN:
            return
        at += 1 if marker == 0xFF else 2 if 0xD0 <= marker <= 0xD8 else 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _jpeg(data: bytes) -> Size | None:
    for marker, at in _jpeg_segments(data):
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
    return None


def _png(data: bytes) -> Size | None:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _bmp(data: bytes) -> Size | None:
    if struct.unpack_from("<I", data, 14)[0] == 12:  # the old core header
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: bytes) -> Size | None:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    sides: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * min(count, _TIFF_ENTRIES_MAX), 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        if tag in {_TIFF_WIDTH, _TIFF_HEIGHT} and kind in _TIFF_INTEGERS:
            (sides[tag],) = struct.unpack_from(f"{order}{_TIFF_INTEGERS[kind]}", data, entry + 8)
    return (sides[_TIFF_WIDTH], sides[_TIFF_HEIGHT]) if len(sides) == 2 else None


_KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Size | None]], ...] = (
    (is_jpeg, _jpeg),
    (lambda data: data[:8] == b"\x89PNG\r\n\x1a\n", _png),
    (lambda data: data[:2] == b"BM", _bmp),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp),
    (lambda data: data[:4] in {b"II*\0", b"MM\0*"}, _tiff),
)
