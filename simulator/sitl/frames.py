"""Cuts MAVLink frames out of datagrams without decoding them. Pure.

Lengths: https://mavlink.io/en/guide/serialization.html .
"""

from collections.abc import Iterator

_V1, _V2 = 0xFE, 0xFD
_SIGNED = 0x01


def frames(data: bytes) -> Iterator[bytes]:
    """The whole frames in a datagram, in order; what is between them or cut off is left out."""
    at = 0
    while at < len(data):
        length = _length(data, at)
        if length is None or at + length > len(data):
            at += 1
            continue
        yield data[at : at + length]
        at += length


def message_id(frame: bytes) -> int:
    """The message id of a whole frame."""
    return frame[5] if frame[0] == _V1 else int.from_bytes(frame[7:10], "little")


def _length(data: bytes, at: int) -> int | None:
    """Length of the frame that begins here; None where none does."""
    if at + 12 > len(data) and (data[at] != _V1 or at + 8 > len(data)):
        return None
    if data[at] == _V1:
        return int(data[at + 1]) + 8
    if data[at] == _V2:
        return int(data[at + 1]) + 12 + (13 if data[at + 2] & _SIGNED else 0)
    return None
