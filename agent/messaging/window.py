"""What is under way to the broker, and how much more may go. Knows numbers, bytes and the loop's time."""

from collections import Counter
from dataclasses import dataclass

from agent.config.hub import WINDOW_BYTES
from agent.store.outbox import Queued

_SMALL_BYTES = 16_384
_AT_ONCE_S = 5.0
_DROPS_SUSPECT = 2  # from here on one message at a time, to find the one that breaks the connection
_DROPS_GUILTY = 3


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A message that was handed to the network and not yet answered."""

    queued: Queued
    size_bytes: int
    sent_loop_s: float
    sent_unix_s: float


class Window:
    """The messages under way.

    Args:
        patience_s: an acknowledgement of a small message that takes longer is no longer waited for.
        uplink_bytes_per_s: the slowest line; many bytes may take longer.
    """

    def __init__(self, patience_s: float, uplink_bytes_per_s: float) -> None:
        self._patience_s = patience_s
        self._uplink_bytes_per_s = uplink_bytes_per_s
        self._under_way: dict[int, UnderWay] = {}
        self._drops: Counter[int] = Counter()
        self._most = 0
        self._held_until_s = float("-inf")
        self._probing = False

    def opened(self, inflight_max: int) -> None:
        """A connection whose broker takes so many at once."""
        self._most = inflight_max

    def closed(self, now_s: float) -> None:
        """The connection is lost, all under way counts as not sent. What had just been sent may be what broke it."""
        for under_way in self._under_way.values():
            if now_s - under_way.sent_loop_s < _AT_ONCE_S:
                self._drops[under_way.queued.seq] += 1
        self._under_way.clear()
        self._most = 0

    def sent(self, mid: int, under_way: UnderWay) -> None:
        """Handed to the network."""
        self._under_way[mid] = under_way

    def answered(self, mid: int) -> UnderWay | None:
        """The broker answered it."""
        return self._under_way.pop(mid, None)

    def taken(self, seq: int) -> None:
        """It was taken: no suspect, and the broker takes messages again."""
        self._drops.pop(seq, None)
        self._probing = False

    def forget(self, seq: int) -> None:
        """It is out of the queue."""
        self._drops.pop(seq, None)

    def hold(self, until_s: float) -> None:
        """The broker takes no more for now: nothing goes until then, and then one message to see."""
        self._held_until_s = until_s
        self._probing = True

    @property
    def holding(self) -> bool:
        """Whether the broker said that it takes no more, and has taken nothing since."""
        return self._probing

    @property
    def seqs(self) -> set[int]:
        """Rows that are under way."""
        return {under_way.queued.seq for under_way in self._under_way.values()}

    def room(self, now_s: float) -> int:
        """How many more may go. One at a time while the broker is probed, or while something seems to break the connection."""
        if now_s < self._held_until_s:
            return 0
        single = self._probing or any(n >= _DROPS_SUSPECT for n in self._drops.values())
        return max(0, (min(1, self._most) if single else self._most) - len(self._under_way))

    def fits(self, size_bytes: int) -> bool:
        """Whether so many bytes may join. Small packets always: no alert waits for pictures to leave the line."""
        large = sum(u.size_bytes for u in self._under_way.values() if u.size_bytes > _SMALL_BYTES)
        return size_bytes <= _SMALL_BYTES or large == 0 or large + size_bytes <= WINDOW_BYTES

    def is_guilty(self, seq: int) -> bool:
        """Whether the connection broke on it again and again; it stays a suspect."""
        guilty = self._drops[seq] >= _DROPS_GUILTY
        if guilty:
            self._drops[seq] = _DROPS_SUSPECT
        return guilty

    def overdue_s(self, now_s: float) -> float | None:
        """How long the oldest waits for its acknowledgement, where that is too long for all that is under way."""
        if not self._under_way:
            return None
        waited_s = now_s - min(u.sent_loop_s for u in self._under_way.values())
        allowed_s = self._patience_s + sum(u.size_bytes for u in self._under_way.values()) / self._uplink_bytes_per_s
        return waited_s if waited_s > allowed_s else None
