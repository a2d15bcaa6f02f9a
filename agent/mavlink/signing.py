"""MAVLink 2 message signing: signs what is sent, judges what is received. Pure but for the keeper of time stamps it is given.

A signature is link id, time stamp and the first six bytes of SHA-256 over key, frame, link id and time stamp. The time stamp
counts 10 us since 2015 and must grow on every stream, so that a recorded frame is worth nothing.
Source: https://mavlink.io/en/guide/message_signing.html .
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

KEY_BYTES = 32
SIGNATURE_BYTES = 13
TICKS_PER_S = 100_000
EPOCH_UNIX_S = 1_420_070_400  # 2015-01-01 00:00 UTC
_HASH_BYTES = 6
_NEW_STREAM_BEHIND_TICKS = 60 * TICKS_PER_S
_STAMP_LIMIT = 1 << 48
UNSIGNED_TAKEN = frozenset({"RADIO_STATUS", "RADIO"})
"""Taken without a signature even where one is required: radios make these themselves and have no key."""


class Policy(StrEnum):
    """Which frames are taken."""

    ALL = "all"  # while a key is set up: the drone may have another, or none
    UNSIGNED_TOO = "unsigned too"
    SIGNED_ONLY = "signed only"


class Verdict(StrEnum):
    """What a frame's signature is worth."""

    GOOD = "good"
    UNSIGNED = "unsigned"
    WRONG_KEY = "wrong key"
    REPLAYED = "replayed"  # not newer than the last one of its stream
    OLD = "old"  # the first of its stream, and more than a minute behind


def ticks_of(unix_s: float) -> int:
    """A moment as a time stamp: 10 us since 2015; 0 for a clock that stands before that."""
    return max(0, int((unix_s - EPOCH_UNIX_S) * TICKS_PER_S))


def digest(key: bytes, block: bytes) -> bytes:
    """The six bytes for a frame with its link id and time stamp."""
    return hashlib.sha256(key + block).digest()[:_HASH_BYTES]


class Stamps:
    """Time stamps that only grow: over clocks that jump, over restarts, and over a kill at any moment.

    A stamp is used only while it is below a reserve that is on disk. After a restart the first stamp is above that reserve.

    Args:
        unix_s: the wall clock.
        reserved: the reserve as it is on disk; 0 where there is none.
        reserve: puts a higher one on disk and returns when it is there.
    """

    AHEAD_TICKS = 40 * TICKS_PER_S
    """How far ahead is reserved. Well below the minute by which a new stream may be behind, so that a restarted agent, which
    begins that far ahead, still takes the drone's stamps."""

    def __init__(self, unix_s: Callable[[], float], reserved: int, reserve: Callable[[int], None]) -> None:
        self._unix_s = unix_s
        self._reserve = reserve
        self._reserved = reserved
        self.last = reserved

    def next(self) -> int:
        """The next stamp to send with: the time, or one more than the last where the clock stands behind that."""
        self.last = max(self.last + 1, ticks_of(self._unix_s()))
        if self.last > self._reserved:
            self.reserve_ahead()
        return self.last

    def heard(self, stamp: int) -> None:
        """The other side is ahead: follow it, or it would not listen."""
        self.last = max(self.last, stamp)

    @property
    def now(self) -> int:
        """Our own time as a stamp."""
        return max(self.last, ticks_of(self._unix_s()))

    def reserve_ahead(self) -> None:
        """Reserves anew. Called in good time, no sending waits for the disk."""
        limit = min(_STAMP_LIMIT - 1, self.now + self.AHEAD_TICKS)
        self._reserve(limit)
        self._reserved = limit


class Signing:
    """Signs and judges the frames of all links to one drone.

    Args:
        key: 32 bytes that both sides share.
        policy: which frames are taken.
        stamps: our time stamps.

    Attributes:
        judged: how many frames were found of which worth.
    """

    def __init__(self, key: bytes, policy: Policy, stamps: Stamps) -> None:
        self._key = key
        self.policy = policy
        self.stamps = stamps
        self.judged: Counter[Verdict] = Counter()
        self._streams: dict[tuple[int, int, int], int] = {}  # system, component, link id to the last stamp

    def sign(self, frame: bytes, link_id: int) -> bytes:
        """A frame, whose flags already say that it is signed, with its signature."""
        block = frame + bytes([link_id]) + self.stamps.next().to_bytes(6, "little")
        return block + digest(self._key, block)

    def judge(self, raw: bytes, system: int, component: int) -> Verdict:
        """What the signature of a whole frame is worth. One that is good moves its stream's stamp on."""
        verdict = self._judge(raw, system, component)
        self.judged[verdict] += 1
        return verdict

    def _judge(self, raw: bytes, system: int, component: int) -> Verdict:
        if raw[0] != 0xFD or not raw[2] & 1:
            return Verdict.UNSIGNED
        if not hmac.compare_digest(digest(self._key, raw[:-_HASH_BYTES]), raw[-_HASH_BYTES:]):
            return Verdict.WRONG_KEY
        stream = (system, component, raw[-SIGNATURE_BYTES])
        stamp = int.from_bytes(raw[-12:-_HASH_BYTES], "little")
        last = self._streams.get(stream)
        if last is not None and stamp <= last:
            return Verdict.REPLAYED
        if last is None and stamp + _NEW_STREAM_BEHIND_TICKS < self.stamps.now:
            return Verdict.OLD
        self._streams[stream] = stamp
        self.stamps.heard(stamp)
        return Verdict.GOOD

    def takes(self, verdict: Verdict, name: str) -> bool:
        """Whether a frame of this kind and worth is taken."""
        if verdict is Verdict.GOOD or self.policy is Policy.ALL:
            return True
        return verdict is Verdict.UNSIGNED and (self.policy is Policy.UNSIGNED_TOO or name in UNSIGNED_TAKEN)
