"""How many messages of one name are taken in a minute."""

import math
from collections import deque

_WINDOW_S = 60.0


class Rate:
    """A sliding window for each name.

    Args:
        most: messages in a minute.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[str, deque[float]] = {}
        self._said_s: dict[str, float] = {}

    def allows(self, name: str, now_s: float) -> bool:
        """Whether one more is taken now; it is counted if so."""
        taken = self._taken.setdefault(name, deque())
        while taken and now_s - taken[0] >= _WINDOW_S:
            taken.popleft()
        if len(taken) >= self._most:
            return False
        taken.append(now_s)
        return True

    def worth_saying(self, name: str, now_s: float) -> bool:
        """Whether it is time to say again that messages of a name are dropped: once in a window."""
        if now_s - self._said_s.get(name, -math.inf) < _WINDOW_S:
            return False
        self._said_s[name] = now_s
        return True
