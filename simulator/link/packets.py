"""Cuts a stream of bytes into the packets that a telemetry radio sends.

Such radios pack whole MAVLink frames, so that what is lost on the air is a frame and not a piece of two. The cutter looks at
markers and lengths only. Bytes that belong to no frame pass as they come; a frame that does not end is passed on after a while.
"""

from typing import Final

_HEADER_BYTES: Final = {0xFE: 6, 0xFD: 10}
_CRC_BYTES, _SIGNATURE_BYTES, _SIGNED = 2, 13, 0x01
WAIT_S: Final = 0.1
"""How long the rest of a frame may take to come."""


class Packets:
    """The cutter of one direction."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._since_s = 0.0

    @property
    def waiting(self) -> bool:
        """Whether part of a frame waits for its rest."""
        return bool(self._rest)

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        """The packets that are complete with these bytes."""
        if not self._rest:
            self._since_s = now_s
        self._rest += data
        found: list[bytes] = []
        while self._rest:
            size = _size(self._rest)
            if size is None:
                break
            found.append(bytes(self._rest[:size]))
            del self._rest[:size]
            self._since_s = now_s
        return found

    def stale(self, now_s: float) -> bytes:
        """The begin of a frame whose rest has not come in time; else empty."""
        if not self._rest or now_s - self._since_s < WAIT_S:
            return b""
        stale, self._rest = bytes(self._rest), bytearray()
        return stale


def _size(data: bytearray) -> int | None:
    """Bytes of the first packet; None where more must come to know."""
    header = _HEADER_BYTES.get(data[0])
    if header is None:
        markers = [at for at in (data.find(0xFD), data.find(0xFE)) if at > 0]
        return min(markers, default=len(data))
    if len(data) < 3:
        return None
    size = header + data[1] + _CRC_BYTES
    if header == _HEADER_BYTES[0xFD] and data[2] & _SIGNED:
        size += _SIGNATURE_BYTES
    return size if len(data) >= size else None
