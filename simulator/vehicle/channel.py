"""One link as the autopilot sees it: who is on it, what it was asked to stream, what waits to be sent.

Knows times and message ids; must not know sockets.
"""

from dataclasses import dataclass, field
from typing import Final

from simulator.vehicle.parameters import ParameterReplies, Parameters
from simulator.vehicle.wire import Message

HEARTBEAT_ID: Final = 0


@dataclass(slots=True)
class Stream:
    """A message sent at an interval (s)."""

    interval_s: float
    due_s: float


@dataclass(eq=False)
class Channel:
    """A link with its own stream rates.

    Attributes:
        name: for logs.
        active: something was heard on it; until then it gets heartbeats only.
        usb: the first port, which a missing signature does not lock out.
        seen: systems and components heard here, so that messages for them are passed on.
        outbox: messages of the autopilot and raw forwarded frames, in order.
    """

    name: str
    parameters: Parameters
    active: bool = False
    usb: bool = False
    seen: set[tuple[int, int]] = field(default_factory=set)
    streams: dict[int, Stream] = field(default_factory=dict)
    outbox: list[Message | bytes] = field(default_factory=list)
    replies: ParameterReplies = field(init=False)

    def __post_init__(self) -> None:
        self.replies = ParameterReplies(self.parameters)
        self.streams[HEARTBEAT_ID] = Stream(1.0, 0.0)

    def send(self, message: Message | bytes) -> None:
        """Queues a message."""
        self.outbox.append(message)

    def take(self) -> list[Message | bytes]:
        """All that waits, in order; the queue is empty afterwards."""
        waiting, self.outbox = self.outbox, []
        return waiting

    def set_rate(self, message_id: int, interval_s: float, now_s: float) -> None:
        """Streams a message; 0 or less stops it."""
        if interval_s <= 0.0:
            self.streams.pop(message_id, None)
        else:
            self.streams[message_id] = Stream(interval_s, now_s + interval_s)

    def due(self, now_s: float) -> list[int]:
        """Ids to be sent now."""
        ids = []
        for message_id, stream in self.streams.items():
            if now_s >= stream.due_s:
                ids.append(message_id)
                # A late step does not make the next interval shorter than half.
                stream.due_s = max(stream.due_s + stream.interval_s, now_s + stream.interval_s / 2)
        return ids
