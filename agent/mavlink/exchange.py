"""Requests and answers over a link that loses packets: who waits how long, and when it is sent again.

The time-out follows the measured round trip as TCP's does (RFC 6298): smoothed mean plus four deviations, doubled with a
repetition. It is doubled twice at most: a radio loses packets without being full, and longer waiting does not help. An answer
to a repeated request is not measured (Karn's rule), since nobody knows which sending it answers.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from agent.mavlink.codec import Body, Frame
from agent.mavlink.link import Link
from agent.mavlink.messages import timesync

_GAIN_MEAN = 1 / 8  # RFC 6298, section 2.3
_GAIN_DEVIATION = 1 / 4
_TIMEOUT_FIRST_S = 1.0
_TIMEOUT_LEAST_S = 0.2  # beside the round trip it covers an autopilot that is at something else
_TIMEOUT_MOST_S = 8.0
_DOUBLINGS_MOST = 2
_ATTEMPTS = 8  # where one packet in five is lost, one request in 3,500 gets no answer
_TIMESYNC_INTERVAL_S = 2.0
_TIMESYNC_KEPT = 16
_NS_PER_S = 1e9


class RoundTrip:
    """An estimate of a round trip in seconds.

    Args:
        least_s: the shortest time-out.
    """

    def __init__(self, least_s: float = _TIMEOUT_LEAST_S) -> None:
        self._least_s = least_s
        self.mean_s: float | None = None
        self._deviation_s = 0.0

    def measured(self, sample_s: float) -> None:
        """Takes one measurement in."""
        if self.mean_s is None:
            self.mean_s, self._deviation_s = sample_s, sample_s / 2
            return
        self._deviation_s += _GAIN_DEVIATION * (abs(sample_s - self.mean_s) - self._deviation_s)
        self.mean_s += _GAIN_MEAN * (sample_s - self.mean_s)

    def timeout_s(self, attempt: int = 0, work_s: float = 0.0) -> float:
        """How long to wait for an answer.

        Args:
            attempt: how often it was already repeated.
            work_s: time that the peer needs for the work itself.
        """
        base = _TIMEOUT_FIRST_S if self.mean_s is None else max(self._least_s, self.mean_s + 4 * self._deviation_s)
        return float(min(_TIMEOUT_MOST_S, base * 2 ** min(attempt, _DOUBLINGS_MOST)) + work_s)


class Exchange:
    """Sends requests over a link and waits for their answers.

    Args:
        link: the link.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self._round_trips: defaultdict[int, RoundTrip] = defaultdict(RoundTrip)  # one for each of the link's channels
        self._timesyncs: dict[int, float] = {}
        link.add_handler(self._on_timesync, ("TIMESYNC",))

    @property
    def now_s(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    @property
    def round_trip(self) -> RoundTrip:
        """The estimate for the channel in use."""
        return self._round_trips[self.link.used]

    def round_trip_of(self, number: int) -> RoundTrip:
        """The estimate for one channel."""
        return self._round_trips[number]

    async def ask(
        self,
        body: Body,
        answer: str | tuple[str, ...],
        matches: Callable[[Frame], bool],
        *,
        attempts: int = _ATTEMPTS,
        work_s: float = 0.0,
    ) -> Frame | None:
        """Sends a request, again if nothing comes, and returns the first frame that matches; None if none does.

        Args:
            body: the request. It must be harmless to receive twice.
            answer: message name of the answer, or several where there are several kinds.
            matches: tells whether such a frame is the answer.
            attempts: how often it is sent at most.
            work_s: time that the peer needs for the work itself.
        """
        switches = self.link.switches
        names = (answer,) if isinstance(answer, str) else answer
        with self.link.listen(*names) as inbox:
            for attempt in range(attempts):
                sent_s = self.now_s
                self.link.send(body)
                deadline_s = sent_s + self.round_trip.timeout_s(attempt, work_s)
                while (frame := await inbox.get(deadline_s - self.now_s)) is not None:
                    if matches(frame):
                        if attempt == 0 and work_s == 0.0:
                            self.round_trip.measured(max(0.0, frame.at_s - sent_s))
                        return frame
        if self.link.switches != switches:  # the link died meanwhile: ask over the other one
            return await self.ask(body, answer, matches, attempts=attempts, work_s=work_s)
        return None

    async def measure_forever(self) -> None:
        """Measures the round trip by TIMESYNC."""
        while True:
            # The stamp must come back as it was; the loop's time in nanoseconds tells our requests apart.
            stamp = int(self.now_s * _NS_PER_S)
            self._timesyncs[stamp] = self.now_s
            while len(self._timesyncs) > _TIMESYNC_KEPT:
                del self._timesyncs[next(iter(self._timesyncs))]
            self.link.send(timesync(stamp))
            await asyncio.sleep(_TIMESYNC_INTERVAL_S)

    def _on_timesync(self, frame: Frame) -> None:
        if frame.body.tc1 == 0:
            return  # a question, not an answer
        sent_s = self._timesyncs.pop(frame.body.ts1, None)
        if sent_s is not None:
            self.round_trip.measured(max(0.0, frame.at_s - sent_s))
