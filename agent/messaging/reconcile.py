"""After each connection: does the broker retain the alerts that this nest told it? Puts right what differs.

A broker that was killed can come back with an old state: it knows our session, but not the alert that it acknowledged a minute
ago, or still retains one that is closed. So the nest subscribes to its own alerts for a moment and compares. Alerts that it
never heard of are left alone: they may be of an earlier life of the nest, and dispatchers may rely on them.
"""

import asyncio
import json
from collections.abc import Callable

import structlog

from agent.domain.topics import RETAINED_TAILS, Topics
from agent.messaging.broker import Broker
from agent.messaging.link import Incoming
from agent.store.outbox import Message, Outbox

log = structlog.get_logger(__name__)

_COLLECT_S = 3.0


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
        self._filter = topics.own_alerts()
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
        """Whether a message on this topic is one of the nest's own alerts."""
        levels, wanted = topic.split("/"), self._filter.split("/")
        return len(levels) == len(wanted) and all(w in {"+", level} for w, level in zip(wanted, levels, strict=True))

    def take(self, message: Incoming) -> None:
        """One of the nest's own alerts, as the broker has it."""
        if message.retained and self._collect_until_s is not None:
            self._there[message.topic] = _id_of(message)

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
            self._broker.subscribe(self._filter)
        elif self._collect_until_s is not None and now_s >= self._collect_until_s:
            self._collect_until_s = None
            self._broker.unsubscribe(self._filter)
            await self._put_right()

    async def _put_right(self) -> None:
        told_now = await self._outbox.told()
        missing = [t for t, i in self._told.items() if self._there.get(t) != i and told_now.get(t) == i]
        stale = await self._outbox.cleared_among(set(self._there) - set(told_now))
        if missing:
            log.warning("broker lost alerts, they go again", topics=len(missing))
            await self._outbox.resend(missing)
        if stale:
            log.warning("broker still retains closed alerts, they are cleared again", topics=len(stale))
            await self._outbox.submit(*(self._clearing(f"{topic}{tail}") for topic in stale for tail in RETAINED_TAILS))


def _id_of(message: Incoming) -> str:
    """CloudEvents id, from the user properties or the structured event; empty where there is none."""
    if "id" in message.attributes:
        return message.attributes["id"]
    try:
        event = json.loads(message.payload)
    except (ValueError, RecursionError):
        return ""
    return str(event.get("id", "")) if isinstance(event, dict) else ""
