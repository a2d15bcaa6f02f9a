"""Takes a motion JPEG stream over HTTP apart: bytes in, picture files with their capture time out.

Pure: it is fed with what the socket gave and never waits. The stream is multipart/x-mixed-replace; each part may state its
capture time as ``X-Timestamp`` in Unix seconds, as mjpg-streamer does. Sizes are bounded; what does not decode is skipped.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER_BYTES_MAX = 16_384
_PART_BYTES_MAX = 32_000_000
_PICTURE_STARTS = (b"\xff\xd8", b"\x89PNG")


@dataclass(frozen=True, slots=True)
class Part:
    """One picture file: a JPEG, or a PNG of a thermal camera. ``captured_unix_s`` is None where the stream does not say."""

    picture: bytes
    captured_unix_s: float | None


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type states; None when it is no multipart stream."""
    kind, *parameters = content_type.split(";")
    if not kind.strip().lower().startswith("multipart/"):
        return None
    for parameter in parameters:
        key, _, value = parameter.strip().partition("=")
        if key.lower() == "boundary":
            # Some servers state the boundary with its two leading hyphens.
            return value.strip().strip('"').removeprefix("--").encode("latin-1") or None
    return None


class MultipartReader:
    """Feed it with bytes; it gives the parts that are complete. ``skipped`` counts parts that were no use."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"--" + boundary
        self._buffer = bytearray()
        self._headers: dict[str, str] | None = None
        self.skipped = 0

    def feed(self, data: bytes) -> Iterator[Part]:
        """The parts that these bytes complete."""
        self._buffer += data
        while True:
            if self._headers is None and not self._take_headers():
                return
            body = self._take_body()
            if body is None:
                return
            headers, self._headers = self._headers or {}, None
            if body.startswith(_PICTURE_STARTS):
                yield Part(body, _timestamp(headers))
            else:
                self.skipped += 1

    def _take_headers(self) -> bool:
        """Reads a boundary and the headers after it. False when more bytes are needed."""
        start = self._buffer.find(self._mark)
        if start < 0:
            del self._buffer[: -len(self._mark)]
            return False
        end = self._buffer.find(b"\r\n\r\n", start)
        if end < 0:
            if len(self._buffer) - start > _HEADER_BYTES_MAX:
                self._skip(start + len(self._mark))
            return False
        lines = bytes(self._buffer[start + len(self._mark) : end]).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if ":" in line)
        self._headers = {key.strip().lower(): value.strip() for key, _, value in pairs}
        del self._buffer[: end + 4]
        return True

    def _take_body(self) -> bytes | None:
        """The part's body; None when more bytes are needed."""
        stated = (self._headers or {}).get("content-length", "")
        if stated.isdecimal() and int(stated) <= _PART_BYTES_MAX:
            size = int(stated)
            if len(self._buffer) < size:
                return None
            body = bytes(self._buffer[:size])
            del self._buffer[:size]
            return body
        end = self._buffer.find(self._mark)
        if end < 0:
            if len(self._buffer) > _PART_BYTES_MAX:
                self._headers = None
                self._skip(len(self._buffer))
            return None
        body = bytes(self._buffer[:end]).removesuffix(b"\r\n")
        del self._buffer[:end]
        return body

    def _skip(self, size: int) -> None:
        del self._buffer[:size]
        self.skipped += 1


def _timestamp(headers: dict[str, str]) -> float | None:
    try:
        value = float(headers.get("x-timestamp", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
