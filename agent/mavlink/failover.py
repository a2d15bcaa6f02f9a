"""Which of several links to one drone is used. Pure.

The first link of the configuration is preferred. A link is left when it is silent, or loses much while another does not; it is
taken again when it has been well for a while, so that a link at its limit does not make the agent change to and fro.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SILENT_S = 2.5
"""A drone sends its heartbeat each second on every link: so long allows for one that is lost."""
_LOSSY = 0.5
_CLEAN = 0.1
_STEADY_S = 5.0
_RETURN_S = 10.0


@dataclass(frozen=True, slots=True)
class LinkView:
    """How one link does.

    Attributes:
        heard_s: when the drone was last heard on it; minus infinity for never.
        since_s: since when it is heard without a break longer than ``SILENT_S``.
        loss: share of the drone's frames that are lost on it, 0..1.
    """

    heard_s: float
    since_s: float
    loss: float

    def alive(self, now_s: float) -> bool:
        """Whether the drone is heard on it now."""
        return now_s - self.heard_s <= SILENT_S

    def steady(self, now_s: float, wanted_s: float) -> bool:
        """Whether it has been heard for so long."""
        return self.alive(now_s) and now_s - self.since_s >= wanted_s


def choose(links: Sequence[LinkView], used: int, now_s: float) -> tuple[int, str]:
    """The link to use, by index, and why in words; empty where nothing changes."""
    now = links[used]
    if not now.alive(now_s):
        other = next((i for i, link in enumerate(links) if link.alive(now_s)), used)
        return other, "" if other == used else "the drone is silent on the other"
    for index, link in enumerate(links[:used]):
        if link.steady(now_s, _RETURN_S) and link.loss <= _CLEAN:
            return index, "it is well again"
    for index, link in enumerate(links):
        if now.loss > _LOSSY and link.steady(now_s, _STEADY_S) and link.loss <= _CLEAN:
            return index, f"the other loses {now.loss:.0%}"
    return used, ""
