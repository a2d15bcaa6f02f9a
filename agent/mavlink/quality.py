"""How well the link works, from the frames' sequence numbers."""

from collections import deque

from agent.mavlink.codec import Frame

_WINDOW_S = 10.0
_GAP_MOST = 100  # a larger jump is a restart of the sender, not loss


class LossMeter:
    """Share of the autopilot's frames that were lost over the last seconds."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._seen: deque[tuple[float, int]] = deque()  # time, frames expected with it (1 and the gap before)

    def on_frame(self, frame: Frame) -> None:
        """Takes a frame in; only component 1 counts, since each component has its own sequence."""
        if frame.component != 1:
            return
        gap = 0 if self._last is None else (frame.sequence - self._last - 1) % 256
        self._last = frame.sequence
        self._seen.append((frame.at_s, 1 + (gap if gap < _GAP_MOST else 0)))

    def loss(self, now_s: float) -> float:
        """0..1 over the last ten seconds; 0 where nothing was heard."""
        while self._seen and self._seen[0][0] < now_s - _WINDOW_S:
            self._seen.popleft()
        expected = sum(count for _, count in self._seen)
        return 1.0 - len(self._seen) / expected if expected else 0.0
