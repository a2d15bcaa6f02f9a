"""The part of an agent that talks to the hub: store, alerts, publisher. Also a program, so that a test can kill it.

As a program it raises one alert, says ``committed ALERT_ID`` and waits for its end.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.alerts.incident import SightingContext
from agent.alerts.service import AlertService, open_alerts
from agent.config.hub import AlertsSection, HubSection
from agent.config.store import StoreSection
from agent.core.bus import Bus, Subscription
from agent.core.clock import Clock
from agent.domain.alert import Alert
from agent.domain.hub import Delivered, HubLink, SetAside
from agent.domain.status import NestStatus, NestSummary
from agent.domain.topics import Topics
from agent.messaging.hub import Hub, open_hub
from agent.store.store import Store, open_store
from tests.doubles.hub import sighting


@dataclass
class NestOnHub:
    """The parts, and what they said on the bus."""

    hub: Hub
    alerts: AlertService
    store: Store
    clock: Clock
    said: list[Any] = field(default_factory=list)
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self, inbox: Subscription[Any]) -> None:
        """Keeps what is said on the bus."""
        async for value in inbox:
            async with self.heard:
                self.said.append(value)
                self.heard.notify_all()

    async def until(self, condition: Callable[[list[Any]], bool], timeout_s: float = 10.0) -> None:
        """Waits until what was said on the bus fulfils a condition."""
        async with asyncio.timeout(timeout_s), self.heard:
            await self.heard.wait_for(lambda: condition(self.said))

    async def until_delivered(self, count: int, kind: str = "nest.alert.v1") -> list[Delivered]:
        """Waits until so many messages of a kind were acknowledged."""
        await self.until(lambda _: len(self.delivered(kind)) >= count)
        return self.delivered(kind)

    async def until_empty(self) -> None:
        """Waits until nothing waits in the outbox; looks again after each acknowledgement."""
        async with asyncio.timeout(10.0), self.heard:
            while (await self.store.outbox.depth()).waiting:
                await self.heard.wait()

    def delivered(self, kind: str) -> list[Delivered]:
        return [v for v in self.said if isinstance(v, Delivered) and v.kind == kind]

    async def until_refused(self) -> HubLink:
        """Waits until a connection failed, and tells how."""
        await self.until(lambda said: any(isinstance(v, HubLink) and not v.connected for v in said))
        return next(v for v in self.said if isinstance(v, HubLink) and not v.connected)

    async def raise_alert(self, track: str = "track-1", north_m: float = 0.0, **more: Any) -> Alert:
        """A sighting that becomes an alert."""
        at = self.clock.utc()
        told = await self.alerts.on_sighting(sighting(track, at=at, north_m=north_m, **more), SightingContext())
        assert told is not None
        return told


@asynccontextmanager
async def nest_on_hub(directory: Path, hub: HubSection, nest: str = "n1") -> AsyncIterator[NestOnHub]:
    """Starts the parts as the agent does; a second time in the same directory it is a restart."""
    clock, bus = Clock(), Bus()
    with open_store(StoreSection(directory=directory), clock) as store, bus.subscribe(Delivered, HubLink, SetAside) as inbox:
        topics = Topics("nest/v1", nest)
        async with (
            open_alerts(AlertsSection(), topics, store, bus, clock, simulated=True) as alerts,
            open_hub(hub, nest, store.outbox, bus, clock) as opened,
        ):
            parts = NestOnHub(opened, alerts, store, clock)
            listening = asyncio.create_task(parts.listen(inbox))
            opened.publish_status(NestStatus(state=NestSummary.READY, at=clock.utc()))
            try:
                yield parts
            finally:
                listening.cancel()


async def _program(directory: Path, port: int, protocol: str) -> None:
    config = HubSection.model_validate({"port": port, "tls": None, "protocol": protocol, "will_delay_s": 0})
    async with nest_on_hub(directory, config) as nest:
        await nest.until_delivered(1, "nest.status.v1")
        _say("online")
        await asyncio.to_thread(sys.stdin.readline)
        alert = await nest.raise_alert()
        _say(f"committed {alert.alert}")
        await asyncio.Event().wait()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_program(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
