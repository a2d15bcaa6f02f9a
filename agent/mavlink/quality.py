"""How well the link works, from the frames' sequence numbers."""

from collections import deque

from agent.mavlink.codec import Frame

_WINDOW_S = 10.0
_GAP_MOST = 100  # a larger jump is a restart of the sender, not loss


class LossMeter:
    """Share of the autopilot's frames that were lost over the last seconds."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._lost: deque[tuple[float, int]] = deque()  # time, frames missing before the one that came then
        self._heard: deque[float] = deque()

    def on_frame(self, frame: Frame) -> None:
        """Takes a frame in; only component 1 counts, since each component has its own sequence."""
        if frame.component != 1:
            return
        gap = 0 if self._last is None else (frame.sequence - self._last - 1) % 256
        self._last = frame.sequence
        self._heard.append(frame.at_s)
        if 0 < gap < _GAP_MOST:
            self._lost.append((frame.at_s, gap))

    def loss(self, now_s: float) -> float:
        """0..1 over the last ten seconds; 0 where nothing was heard."""
        while self._heard and self._heard[0] < now_s - _WINDOW_S:
            self._heard.popleft()
        while self._lost and self._lost[0][0] < now_s - _WINDOW_S:
            self._lost.popleft()
        lost, heard = sum(gap for _, gap in self._lost), len(self._heard)
        return lost / (lost + heard) if heard else 0.0
