"""Alerts on a real store, with a clock that is set by hand; the publisher is absent, the outbox is looked at."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.alerts.service import AlertService, Check, open_alerts
from agent.config.hub import AlertsSection
from agent.config.store import StoreSection
from agent.core.bus import Bus, Subscription
from agent.domain.hub import AlertChange
from agent.domain.topics import Topics
from agent.store.outbox import Message
from agent.store.store import Store, open_store
from tests.doubles.hub import HandClock


class Desk:
    """Alerts with a view into their outbox.

    Attributes:
        taken: messages taken out of the outbox so far, in order.
        changes: what the service says on the bus.
    """

    def __init__(self, service: AlertService, store: Store, changes: Subscription[AlertChange]) -> None:
        self.service = service
        self.changes = changes
        self.store = store
        self.taken: list[Message] = []

    async def next_change(self) -> AlertChange:
        """The next thing that the service says of itself."""
        async with asyncio.timeout(5.0):
            return await self.changes.get()

    async def take(self) -> list[Message]:
        """Everything that would be published now, in order; it counts as delivered."""
        out: list[Message] = []
        while heads := await self.store.outbox.heads(100):
            out += [q.message for q in heads]
            await self.store.outbox.delivered(heads)
        self.taken += out
        return out

    async def alerts(self, department: str = "forestry") -> list[dict[str, Any]]:
        """The alert payloads for one department that would be published now."""
        messages = [m for m in await self.take() if f"/alerts/{department}/" in m.topic]
        return [json.loads(m.payload) for m in messages if m.payload and m.content_type == "application/json"]

    def retained(self) -> set[str]:
        """Topics that the broker would retain after all that was taken."""
        topics: dict[str, bytes] = {}
        for message in self.taken:
            if message.retain:
                topics[message.topic] = message.payload
        return {topic for topic, payload in topics.items() if payload}


Opening = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def time() -> HandClock:
    return HandClock()


@pytest.fixture
def open_desk(tmp_path: Path, time: HandClock) -> Opening:
    """Opens store and alerts, like the start of an agent; a second opening is a restart."""

    @asynccontextmanager
    async def opening(check: Check = lambda _: None, **settings: Any) -> AsyncIterator[Desk]:
        with open_store(StoreSection(directory=tmp_path / "store"), time.clock) as store:
            topics = Topics("nest/v1", "n1")
            config = AlertsSection(**settings)
            bus = Bus()
            with bus.subscribe(AlertChange) as changes:
                async with open_alerts(config, topics, store, bus, time.clock, simulated=True, check=check) as service:
                    yield Desk(service, store, changes)

    return opening
