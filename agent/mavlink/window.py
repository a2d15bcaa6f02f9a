"""How many packets may be under way at once, from when their answers come. Pure: times in, a number out.

A window that is too small waits for answers. One that is too large fills the radio's buffer, where each packet waits behind
all others, and where a lost one makes all behind it worthless. What fits is what the slowest stretch carries during the
shortest round trip. Both are measured: the pace at which answers follow each other within a round is that of the slowest
stretch, however few they are. BBR measures the same two (Cardwell et al., "BBR: congestion-based congestion control", 2016).

Losses do not shrink the window by themselves, since a radio loses packets without being full. But where each packet behind a
lost one is sent again, no more are sent ahead than usually get through between two losses.
"""

import statistics
from collections import deque

from agent.mavlink.exchange import RoundTrip

_FIRST = 16
_MOST = 256
_LEAST = 4  # what is sent again reaches past the item asked for, which may have arrived though its answer was lost
_LEAST_TIMEOUT_S = 0.03  # ten turns of an autopilot's loop; less than the 0.26 s after which PX4 asks again by itself
_LOOP_S = 0.02  # answers wait so long for the autopilot's own loop; packets under way meanwhile keep it busy
_ROUNDS_KEPT = 5
_TRAIN_LEAST = 3  # answers that a pace is measured by
_RUN_GAIN = 1 / 4
_RUNS_AHEAD = 3.0
_AHEAD_LEAST = 16


class Window:
    """The window of one transfer.

    Args:
        outer: what is known of the round trip before the first answer.
        one_by_one: never more than one packet.
        spare: share beyond what fits. Where each lost packet is repaired by itself, those whose loss is not known yet count as
            under way, and a queue costs little.
    """

    def __init__(self, outer: RoundTrip, *, one_by_one: bool = False, spare: float = 0.0) -> None:
        self._spare = spare
        self.one_by_one = one_by_one
        self.number = 0  # of the last sending
        self._outer = outer
        self._trip = RoundTrip(_LEAST_TIMEOUT_S)
        self._fits = float(_FIRST)
        self._sent: dict[int, tuple[float, bool]] = {}
        self.least_s = float("inf")  # the shortest round trip that was measured
        self._round = _Round(1)
        self._paces: deque[float] = deque(maxlen=_ROUNDS_KEPT)  # packets a second
        self._run = 0  # packets since the last loss
        self._run_mean: float | None = None

    @property
    def size(self) -> int:
        """How many packets may be under way now."""
        if self.one_by_one:
            return 1
        if self._run_mean is None:
            return int(self._fits)
        return int(min(self._fits, max(_AHEAD_LEAST, _RUNS_AHEAD * max(self._run_mean, self._run))))

    def timeout_s(self, silences: int = 0) -> float:
        """How long to wait for the next answer. What waits in our own buffers is in it, since it delays the answers too."""
        return (self._outer if self._trip.mean_s is None else self._trip).timeout_s(silences)

    @property
    def trip_s(self) -> float:
        """How long an answer takes now."""
        return self.timeout_s() if self._trip.mean_s is None else self._trip.mean_s

    def sent(self, now_s: float, *, first: bool = True) -> int:
        """A packet is sent.

        Args:
            now_s: when.
            first: whether its answer can only be an answer to this sending. Else only an answer that is slow enough is taken
                for one (Karn's rule, relaxed).

        Returns:
            The number of the sending, to be given to :meth:`answered`.
        """
        self.number += 1
        self._sent[self.number] = (now_s, first)
        return self.number

    def answered(self, number: int, now_s: float, *, packets: int = 1) -> bool:
        """The answer to a sending came, and with it word that so many more packets got through.

        Returns:
            Whether it surely answers this sending, and not an earlier one of the same packet.
        """
        self._run += packets
        sent_s, first = self._sent.pop(number, (now_s, False))
        trip_s = now_s - sent_s
        if first:
            self.least_s = min(self.least_s, trip_s)
        sure = first or trip_s >= self.least_s
        if sure:
            self._trip.measured(trip_s)
        if number >= self._round.end:
            self._end_round()
            self._sent = {n: sending for n, sending in self._sent.items() if n > number}
        self._round.heard(now_s, number)
        return sure

    def _end_round(self) -> None:
        pace = self._round.pace
        self._round = _Round(self.number + 1)
        if pace is None or self.least_s == float("inf"):
            return
        self._paces.append(pace)
        fits = statistics.median(self._paces) * (self.least_s + _LOOP_S) * (1.0 + self._spare)
        self._fits = min(_MOST, 2.0 * self._fits, max(_LEAST, fits))

    def went_back(self) -> None:
        """A packet was lost and all behind it are sent again."""
        run = float(self._run)
        self._run_mean = run if self._run_mean is None else self._run_mean + _RUN_GAIN * (run - self._run_mean)
        self._run = 0
        self._end_round()

    def halve(self) -> None:
        """Nothing at all came back, again and again."""
        self._fits = max(_LEAST, self._fits / 2.0)
        self._round = _Round(self.number + 1)


class _Round:
    """The answers of one round, which lasts until something is answered that was sent after the round began.

    Where the window is too small the link pauses between two rounds, never within one.

    Args:
        end: number of the first sending after it began.
    """

    def __init__(self, end: int) -> None:
        self.end = end
        self._first: tuple[float, int] | None = None
        self._last = (0.0, 0)

    def heard(self, now_s: float, number: int) -> None:
        """A sending was answered; those before it were too, or are lost: either way the link has carried them."""
        self._last = (now_s, number)
        if self._first is None:
            self._first = self._last

    @property
    def pace(self) -> float | None:
        """Packets a second while answers came; None where they were too few. Infinite where all came at once."""
        if self._first is None or self._last[1] - self._first[1] < _TRAIN_LEAST:
            return None
        took_s = self._last[0] - self._first[0]
        return (self._last[1] - self._first[1]) / took_s if took_s > 0.0 else float("inf")
