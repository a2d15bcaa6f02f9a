"""Message signing as ArduCopter 4.6 does it: a key in storage, a time stamp that is saved now and then, streams that only grow.

Written apart from the agent's. Knows whole frames as bytes; must not know what they mean, nor sockets. As on the real autopilot
the first port (USB) takes anything, and there is no answer of any kind to what is refused.
"""

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Final

from simulator.vehicle.wire import Message, mavlink

_EPOCH_S: Final = 1_420_070_400  # 2015-01-01
_TICKS: Final = 100_000  # in a second
_MINUTE: Final = 60 * _TICKS
_SAVE_S: Final = 30.0
_FLAG: Final = 1
_TAIL: Final = 13  # link id, six bytes of time, six of the digest
_FREE: Final = (mavlink.MAVLINK_MSG_ID_RADIO_STATUS, mavlink.MAVLINK_MSG_ID_RADIO)


def _digest(key: bytes, signed: bytes) -> bytes:
    return hashlib.sha256(key + signed).digest()[:6]


@dataclass
class Signing:
    """The state that all links share.

    Attributes:
        key: None while nothing is signed.
        stored: time stamp in storage.
        stamp: the next one to send with.
        streams: last time stamp of each (link id, system, component).
        refused: frames that were ignored.
    """

    key: bytes | None = None
    stored: int = 0
    stamp: int = 0
    streams: dict[tuple[int, int, int], int] = field(default_factory=dict)
    refused: int = 0
    _saved_s: float = 0.0
    _links: int = 0

    def new_link(self) -> int:
        """A link id."""
        self._links += 1
        return (self._links - 1) % 256

    def set_up(self, message: Message) -> None:
        """SETUP_SIGNING: takes the key at once, on all links; one of zeros with a time of zero ends signing."""
        key, self.stored = bytes(message.secret_key), int(message.initial_timestamp)
        self.key = key if any(key) or self.stored else None
        self.load()

    def load(self) -> None:
        """At start and after a key was set: a minute past what is stored, so that nothing recorded since then is taken."""
        self.stamp = self.stored + _MINUTE
        self.streams.clear()

    def gps_time(self, unix_s: float) -> None:
        """The time is known."""
        self.stamp = max(self.stamp, int(unix_s - _EPOCH_S) * _TICKS)
        self.stored = max(self.stored, self.stamp)

    def step(self, now_s: float) -> None:
        """Saves the time stamp now and then."""
        if now_s - self._saved_s >= _SAVE_S or now_s < self._saved_s:
            self._saved_s = now_s
            self.stored = max(self.stored, self.stamp)

    def accepts(self, frame: bytes, message: Message, *, usb: bool) -> bool:
        """Whether a received frame is taken."""
        if self.key is None or self._good(frame, message):
            return True
        if usb or message.get_msgId() in _FREE:
            return True
        self.refused += 1
        return False

    def _good(self, frame: bytes, message: Message) -> bool:
        if self.key is None or frame[0] != mavlink.PROTOCOL_MARKER_V2 or not frame[2] & _FLAG:
            return False
        if _digest(self.key, frame[:-6]) != frame[-6:]:
            return False
        stamp = int.from_bytes(frame[-12:-6], "little")
        stream = (frame[-_TAIL], message.get_srcSystem(), message.get_srcComponent())
        if stream in self.streams:
            if stamp <= self.streams[stream]:
                return False
        elif stamp + _MINUTE < self.stamp:
            return False
        self.streams[stream] = stamp
        self.stamp = max(self.stamp, stamp)
        return True

    def sign(self, frame: bytes, crc_extra: int, link_id: int) -> bytes:
        """A frame to send, signed where there is a key."""
        if self.key is None:
            return frame
        body = bytearray(frame[:-2])
        body[2] |= _FLAG
        checksum = mavlink.x25crc(body[1:])
        checksum.accumulate(bytes([crc_extra]))
        signed = bytes(body) + struct.pack("<HBQ", checksum.crc, link_id, self.stamp)[:-2]
        self.stamp += 1
        return signed + _digest(self.key, signed)
