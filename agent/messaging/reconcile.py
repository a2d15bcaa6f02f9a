"""After each connection: does the broker retain the alerts that this nest told it? Puts right what differs.

A broker that was killed can come back with an old state: it knows our session, but not the alert that it acknowledged a minute
ago, or still retains one that is closed. So the nest subscribes to its own alerts for a moment and compares. Alerts that it
never heard of are left alone: they may be of an earlier life of the nest, and dispatchers may rely on them.
"""

import asyncio
import json
from collections.abc import Callable, Iterable

import structlog

from agent.domain.topics import RETAINED_TAILS, Topics
from agent.messaging.broker import Broker
from agent.messaging.link import Incoming
from agent.store.outbox import Message, Outbox

log = structlog.get_logger(__name__)

_COLLECT_S = 3.0
_SOME = "?"  # something stands there; on 3.1.1 other forms than the alert itself carry no id


class Reconciler:
    """One comparison for each connection.

    Args:
        broker: to subscribe.
        outbox: what was told, and where corrections go.
        topics: the nest's topic names.
        clearing: makes the message that clears a retained topic.
    """

    def __init__(self, broker: Broker, outbox: Outbox, topics: Topics, clearing: Callable[[str], Message]) -> None:
        self._broker = broker
        self._outbox = outbox
        self._filters = topics.own_alerts()
        self._clearing = clearing
        self._wanted = False
        self._told: dict[str, str] = {}
        self._there: dict[str, str] = {}
        self._collect_until_s: float | None = None

    def connected(self) -> None:
        """A new connection: compare anew."""
        self._wanted = True
        self._collect_until_s = None

    def is_own(self, topic: str) -> bool:
        """Whether a message on this topic is one of the nest's own alerts, in any form."""
        return any(_fits(topic, wanted) for wanted in self._filters)

    def take(self, message: Incoming) -> None:
        """One of the nest's own alerts, as the broker has it."""
        if message.retained and self._collect_until_s is not None:
            known = bool(message.attributes) or _fits(message.topic, self._filters[0])
            self._there[message.topic] = _id_of(message) if known else _SOME

    async def step(self) -> None:
        """Begins or ends the comparison when its time has come.

        Raises:
            StoreError: the outbox cannot be used.
        """
        now_s = asyncio.get_running_loop().time()
        if self._wanted:
            self._told, self._there = await self._outbox.told(), {}
            self._wanted = False
            self._collect_until_s = now_s + _COLLECT_S
            for wanted in self._filters:
                self._broker.subscribe(wanted)
        elif self._collect_until_s is not None and now_s >= self._collect_until_s:
            self._collect_until_s = None
            for wanted in self._filters:
                self._broker.unsubscribe(wanted)
            await self._put_right()

    async def _put_right(self) -> None:
        told_now = await self._outbox.told()
        missing = [t for t, i in self._told.items() if self._there.get(t) not in {i, _SOME} and told_now.get(t) == i]
        stale = await self._outbox.cleared_among(set(self._there) - set(told_now))
        if missing:
            log.warning("broker lost alerts, they go again", topics=len(missing))
            await self._outbox.resend(missing)
        if stale:
            log.warning("broker still retains closed alerts, they are cleared again", topics=len(stale))
            await self._outbox.submit(*(self._clearing(topic) for topic in self._with_what_stands_below(stale)))

    def _with_what_stands_below(self, stale: list[str]) -> Iterable[str]:
        """Of an alert all that the broker keeps of it: pictures are not read back."""
        alerts = [topic for topic in stale if _fits(topic, self._filters[0])]
        return dict.fromkeys((*stale, *(f"{topic}{tail}" for topic in alerts for tail in RETAINED_TAILS)))


def _fits(topic: str, wanted: str) -> bool:
    """Whether a filter with single-level wildcards matches."""
    levels, parts = topic.split("/"), wanted.split("/")
    return len(levels) == len(parts) and all(part in {"+", level} for part, level in zip(parts, levels, strict=True))


def _id_of(message: Incoming) -> str:
    """CloudEvents id, from the user properties or the structured event; empty where there is none."""
    if "id" in message.attributes:
        return message.attributes["id"]
    try:
        event = json.loads(message.payload)
    except (ValueError, RecursionError):
        return ""
    return str(event.get("id", "")) if isinstance(event, dict) else ""
