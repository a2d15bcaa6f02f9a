"""Tells frames that were delivered already from new ones. Pure, bounded.

Two ways lead to a repeated frame. A network may deliver the same bytes twice on one link. And an autopilot sends what is for
everybody on all its links; then the sequence numbers differ, since each link counts its own frames, and only the content tells.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass

from agent.mavlink.codec import Frame

_BYTES_KEPT = 32  # far fewer than the 256 frames after which a sequence number comes again
_BYTES_WINDOW_S = 2.0  # later the same bytes are a drone that was started anew
_CONTENT_WINDOW_S = 5.0
_CONTENT_KEPT = 256
BROADCAST = frozenset({"STATUSTEXT", "MISSION_ITEM_REACHED", "CAMERA_IMAGE_CAPTURED", "CAMERA_FEEDBACK"})
"""Events that a drone tells on every link. Taken from whichever brings them first: the one in use may just have died."""


class SameBytes:
    """The newest frames of one link."""

    def __init__(self) -> None:
        self._newest: OrderedDict[bytes, float] = OrderedDict()

    def seen(self, raw: bytes, at_s: float) -> bool:
        """Whether the very same bytes came just before; remembers them."""
        before_s = self._newest.get(raw)
        if before_s is not None and at_s - before_s <= _BYTES_WINDOW_S:
            return True
        self._newest[raw] = at_s
        if len(self._newest) > _BYTES_KEPT:
            self._newest.popitem(last=False)
        return False


@dataclass(slots=True)
class _Told:
    """One delivery: when, and on which links the same came."""

    at_s: float
    links: set[int]


class SameContent:
    """What was told on several links.

    A frame is the repetition of an earlier one if that was delivered in the last seconds and this link has not brought it yet.
    So a sentence that the drone says twice is delivered twice, on however many links it comes.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[int, str, bytes], deque[_Told]] = OrderedDict()

    def seen(self, frame: Frame, link: int) -> bool:
        """Whether this was delivered from another link; remembers it."""
        key = (frame.component, frame.name, frame.payload)
        tellings = self._told.pop(key, None) or deque()
        self._told[key] = tellings
        if len(self._told) > _CONTENT_KEPT:
            self._told.popitem(last=False)
        while tellings and frame.at_s - tellings[0].at_s > _CONTENT_WINDOW_S:
            tellings.popleft()
        for told in tellings:
            if link not in told.links:
                told.links.add(link)
                return True
        tellings.append(_Told(frame.at_s, {link}))
        return False
