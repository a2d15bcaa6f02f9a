"""Bytes to frames and back: MAVLink 1 and 2 framing with resynchronisation, pymavlink's generated dialect for the payloads.

Knows the wire format; knows nothing of sockets, time or who speaks. Malformed input never raises: it is counted. A frame whose
checksum is wrong costs one byte, not its claimed length, so that a damaged length does not swallow the good frames behind it.
"""

import struct
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

Body = Any
"""A message of the generated dialect. Stays inside this package."""

_V1, _V2 = 0xFE, 0xFD
_SIGNED = 0x01
_CRC_BYTES = 2
_SIGNATURE_BYTES = 13
_HEADER_BYTES = {_V1: 6, _V2: 10}
_BUFFER_LIMIT_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Frame:
    """One received message.

    Attributes:
        name: message name, e.g. ``HEARTBEAT``; empty for a kind that the dialect does not know.
        system: MAVLink system id of the sender.
        component: component id of the sender.
        sequence: the sender's frame counter, 0..255.
        at_s: event loop time at which it was read.
        body: the decoded fields; None where the name is empty.
    """

    name: str
    system: int
    component: int
    sequence: int
    at_s: float
    body: Body


class Decoder:
    """Turns one stream of bytes into frames; keeps what is incomplete for the next call."""

    def __init__(self) -> None:
        self.malformed = 0
        self.unknown = 0
        self._rest = bytearray()
        self._in_junk = False
        self._dialect = dialect.MAVLink(None)

    def feed(self, data: bytes, at_s: float) -> list[Frame]:
        """All frames that are complete with these bytes, in order."""
        rest = self._rest
        rest += data
        frames: list[Frame] = []
        position = 0
        while position < len(rest):
            length = _frame_length(rest, position)
            if length is None:
                break
            frame = self._decode(bytes(rest[position : position + length]), at_s) if length else None
            if frame is not None and not frame.name and not _plausible_end(rest, position + length):
                frame = None
            if frame is None:
                self._count_junk()
                position += 1
                continue
            self._in_junk = False
            position += length
            frames.append(frame)
        del rest[:position]
        if len(rest) > _BUFFER_LIMIT_BYTES:
            rest.clear()
        return frames

    def _count_junk(self) -> None:
        """Counts a run of undecodable bytes once."""
        if not self._in_junk:
            self.malformed += 1
        self._in_junk = True

    def _decode(self, raw: bytes, at_s: float) -> Frame | None:
        """The frame; one with an empty name for a sound frame of an unknown kind; None if the bytes are no frame."""
        try:
            body = self._dialect.decode(bytearray(raw))
        except (dialect.MAVError, struct.error, ValueError, IndexError, TypeError, UnicodeDecodeError):
            return None
        header = body.get_header()
        name = body.get_type()
        if name.startswith("UNKNOWN_"):
            # Without its definition the checksum of such a frame cannot be verified; take it as framed.
            self.unknown += 1
            first = 2 if raw[0] == _V1 else 4
            return Frame("", raw[first + 1], raw[first + 2], raw[first], at_s, None)
        return Frame(name, header.srcSystem, header.srcComponent, header.seq, at_s, body)


def _frame_length(data: bytearray, position: int) -> int | None:
    """Bytes of the frame that begins here; 0 if none begins here; None if more bytes are needed to know or to decode it."""
    marker = data[position]
    header = _HEADER_BYTES.get(marker)
    if header is None:
        return 0
    available = len(data) - position
    if available < 3:
        return None
    length = header + data[position + 1] + _CRC_BYTES
    if marker == _V2:
        flags = data[position + 2]
        if flags & ~_SIGNED:
            return 0
        if flags & _SIGNED:
            length += _SIGNATURE_BYTES
    return length if available >= length else None


def _plausible_end(data: bytearray, end: int) -> bool:
    """Whether a frame may end here: at the end of what was read, or before another frame's marker."""
    return end == len(data) or data[end] in _HEADER_BYTES


class Encoder:
    """Packs messages as MAVLink 2 with a running sequence number.

    Args:
        system: own system id.
        component: own component id.
    """

    def __init__(self, system: int, component: int) -> None:
        self._dialect = dialect.MAVLink(None, srcSystem=system, srcComponent=component)

    def pack(self, body: Body) -> bytes:
        """The bytes of a message."""
        packed: bytes = body.pack(self._dialect)
        self._dialect.seq = (self._dialect.seq + 1) % 256
        return packed


def text_of(value: bytes | str) -> str:
    """A character array as text: up to the first NUL, undecodable bytes replaced."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return value.split("\0", 1)[0]
