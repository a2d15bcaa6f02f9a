"""STATUSTEXT: puts the parts of long sentences together and keeps the newest for who needs the words around an answer."""

import re
from collections import deque
from collections.abc import Callable

from agent.domain.telemetry import StatusText
from agent.mavlink.codec import Frame, text_of

_PART_CHARACTERS = 50
_KEPT = 100
_OPEN_SENTENCES = 8
_DENIAL = re.compile(
    r"^(PreArm|Arm|Mode change|Mission|Disarm|Arming|Takeoff|Resolve|Preflight|Geofence|Fence)\b", re.IGNORECASE
)


class StatusTexts:
    """Whole sentences of the autopilot, newest last.

    Args:
        publish: called with each sentence.
    """

    def __init__(self, publish: Callable[[StatusText], None]) -> None:
        self._publish = publish
        self._parts: dict[tuple[int, int], list[str]] = {}
        self.newest: deque[StatusText] = deque(maxlen=_KEPT)

    def on_frame(self, frame: Frame) -> None:
        """Takes a frame of any kind in."""
        if frame.name != "STATUSTEXT":
            return
        text = text_of(frame.body.text)
        number = int(getattr(frame.body, "id", 0))
        if number:
            whole = self._joined((frame.component, number), int(frame.body.chunk_seq), text)
            if whole is None:
                return
            text = whole
        sentence = StatusText(frame.at_s, int(frame.body.severity), text.strip())
        self.newest.append(sentence)
        self._publish(sentence)

    def _joined(self, key: tuple[int, int], part: int, text: str) -> str | None:
        """The sentence, once its last part is there. A part that is shorter than a message can carry is the last."""
        if part == 0:
            self._parts[key] = []
        parts = self._parts.get(key)
        if parts is None or len(parts) != part:
            self._parts.pop(key, None)
            return text.strip() or None  # an earlier part is lost: say what there is
        parts.append(text)
        if len(text.encode()) < _PART_CHARACTERS:
            del self._parts[key]
            return "".join(parts)
        while len(self._parts) > _OPEN_SENTENCES:
            del self._parts[next(iter(self._parts))]
        return None

    def since(self, at_s: float) -> list[StatusText]:
        """Sentences heard since then."""
        return [sentence for sentence in self.newest if sentence.at_s >= at_s]

    def reasons_since(self, at_s: float) -> str:
        """Why something was denied, in the autopilot's words; empty where it said nothing."""
        heard = [s for s in self.since(at_s) if s.severity <= 4 or _DENIAL.match(s.text)]
        return "; ".join(dict.fromkeys(s.text for s in heard))
