"""Bytes to frames and back: MAVLink 1 and 2 framing with resynchronisation.

Knows the wire format; knows nothing of sockets, time or who speaks. Malformed input never raises: it is counted. A frame whose
checksum is wrong costs one byte, not its claimed length, so that a damaged length does not swallow the good frames behind it.
Fields are taken out of a frame only when somebody reads them: most frames have no reader.
"""

import re
from collections.abc import Callable

from pymavlink.dialects.v20 import ardupilotmega as dialect

from agent.mavlink.kinds import KINDS, Body, Kind, checksum, text_of

__all__ = ["Body", "Decoder", "Encoder", "Frame", "text_of"]

_V1, _V2 = 0xFE, 0xFD
_MARKERS = re.compile(b"[\xfd\xfe]")
_SIGNED = 0x01
_CRC_BYTES = 2
_SIGNATURE_BYTES = 13
_HEADER_BYTES = {_V1: 6, _V2: 10}


class Frame:
    """One received message.

    Attributes:
        name: message name, e.g. ``HEARTBEAT``; empty for a kind that the dialect does not know.
        system: MAVLink system id of the sender.
        component: component id of the sender.
        sequence: the sender's frame counter, 0..255.
        at_s: event loop time at which it was read.
        raw: all its bytes.
    """

    __slots__ = ("_body", "_kind", "at_s", "component", "name", "raw", "sequence", "system")

    def __init__(
        self,
        name: str,
        system: int,
        component: int,
        sequence: int,
        at_s: float,
        body: Body = None,
        raw: bytes = b"",
        kind: Kind | None = None,
    ) -> None:
        self.name = name
        self.system = system
        self.component = component
        self.sequence = sequence
        self.at_s = at_s
        self.raw = raw
        self._body = body
        self._kind = kind

    def __repr__(self) -> str:
        return f"Frame({self.name} {self.system}/{self.component} #{self.sequence} at {self.at_s:.3f} s)"

    @property
    def body(self) -> Body:
        """The fields by name; None where the name is empty."""
        if self._body is None and self._kind is not None:
            self._body = self._kind.body(self.payload)
        return self._body

    @property
    def payload(self) -> bytes:
        """The bytes of the fields as they were sent."""
        first = _HEADER_BYTES[self.raw[0]]
        return self.raw[first : first + self.raw[1]]

    @property
    def signed(self) -> bool:
        """Whether it carries a signature, right or wrong."""
        return self.raw[0] == _V2 and bool(self.raw[2] & _SIGNED)


class Decoder:
    """Turns one stream of bytes into frames; keeps what is incomplete for the next call.

    Attributes:
        malformed: runs of bytes that are no frame.
        unknown: frames of kinds that the dialect does not know.
    """

    def __init__(self) -> None:
        self.malformed = 0
        self.unknown = 0
        self._rest = b""  # less than the longest frame
        self._in_junk = False

    def feed(self, data: bytes, at_s: float) -> list[Frame]:
        """All frames that are complete with these bytes, in order."""
        data = self._rest + data
        frames: list[Frame] = []
        position, end = 0, len(data)
        while position < end:
            length = _frame_length(data, position)
            if length is None:
                break
            frame = self._decode(data[position : position + length], at_s) if length else None
            if frame is not None and not frame.name and not _plausible_end(data, position + length):
                frame = None
            if frame is None:
                self._count_junk()
                marker = _MARKERS.search(data, position + 1)
                position = marker.start() if marker else end
                continue
            self.unknown += not frame.name
            self._in_junk = False
            position += length
            frames.append(frame)
        self._rest = data[position:]
        return frames

    def _count_junk(self) -> None:
        """Counts a run of undecodable bytes once."""
        if not self._in_junk:
            self.malformed += 1
        self._in_junk = True

    @staticmethod
    def _decode(raw: bytes, at_s: float) -> Frame | None:
        """The frame; one with an empty name for a sound frame of an unknown kind; None if the bytes are no frame."""
        if raw[0] == _V2:
            sequence, system, component = raw[4], raw[5], raw[6]
            number, end = int.from_bytes(raw[7:10], "little"), 10 + raw[1]
        else:
            sequence, system, component, number, end = raw[2], raw[3], raw[4], raw[5], 6 + raw[1]
        kind = KINDS.get(number)
        if kind is None:
            # Without its definition the checksum of such a frame cannot be verified; take it as framed.
            return Frame("", system, component, sequence, at_s, None, raw)
        if checksum(raw[1:end] + kind.crc_extra) != raw[end] | raw[end + 1] << 8:
            return None
        return Frame(kind.name, system, component, sequence, at_s, None, raw, kind)


def _frame_length(data: bytes, position: int) -> int | None:
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


def _plausible_end(data: bytes, end: int) -> bool:
    """Whether a frame may end here: at the end of what was read, or before another frame's marker."""
    return end == len(data) or data[end] in _HEADER_BYTES


class Encoder:
    """Packs messages as MAVLink 2 with a running sequence number.

    Args:
        system: own system id.
        component: own component id.
        sign: adds the signature to a frame whose flags say that it has one; None to send without.
    """

    def __init__(self, system: int, component: int, sign: Callable[[bytes], bytes] | None = None) -> None:
        self._dialect = dialect.MAVLink(None, srcSystem=system, srcComponent=component)
        self._sign = sign

    def pack(self, body: Body) -> bytes:
        """The bytes of a message of the generated dialect."""
        packed: bytes = body.pack(self._dialect)
        self._dialect.seq = (self._dialect.seq + 1) % 256
        return packed if self._sign is None else self._sign(_flagged(packed, bytes([body.crc_extra])))


def _flagged(frame: bytes, crc_extra: bytes) -> bytes:
    """The same frame with the flag that a signature follows, which the checksum covers."""
    covered = bytes([frame[1], frame[2] | _SIGNED]) + frame[3:-_CRC_BYTES]
    return frame[:1] + covered + checksum(covered + crc_extra).to_bytes(_CRC_BYTES, "little")
