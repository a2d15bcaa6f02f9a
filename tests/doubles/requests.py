"""Requests with a real store, without a broker: messages go in as the link gives them, answers are taken from the outbox."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ulid import ULID

from agent.config import Config
from agent.config.requests import RequestRights, RequestsSection
from agent.config.store import StoreSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.domain.route import Route, Site
from agent.domain.topics import Topics
from agent.messaging.link import Incoming
from agent.messaging.requests import RequestReader
from agent.missions.planner import Ground
from agent.missions.requests import LastFlight, Requests, open_requests
from agent.missions.service import Missions
from agent.store import audit
from agent.store.audit import AuditEntry
from agent.store.outbox import Message
from agent.store.store import Store, open_store
from tests.doubles.flight import PAD, ROUTE, SITE

MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
RIGHTS = {
    "forestry": RequestRights(),
    "emergency": RequestRights(priority_max="emergency"),
}


class WallClock:
    """A wall clock that runs with the loop."""

    def __init__(self, start: datetime = MORNING) -> None:
        self._loop = asyncio.get_running_loop()  # the database's thread asks too
        self.offset_s = start.timestamp() - self._loop.time()

    def __call__(self) -> float:
        return self._loop.time() + self.offset_s


def asked(clock: Clock, **more: Any) -> dict[str, Any]:
    """A request for the route of the flight tests that nothing is wrong with; None takes a field out."""
    body = {
        "request": str(ULID()),
        "department": "forestry",
        "by": "Anna Li",
        "scenario": "fire",
        "route": "loop",
        "expires": (clock.utc() + timedelta(hours=6)).isoformat(),
        **more,
    }
    return {key: value for key, value in body.items() if value is not None}


def nest_config(tmp_path: Path, **more: Any) -> Config:
    """A nest on the pad of the flight tests."""
    pad = {"lat": PAD.lat_deg, "lon": PAD.lon_deg, "alt_amsl_m": 30.0}
    nest = {"id": "n1", "pad": pad, "site_file": tmp_path / "site.geojson", "routes_dir": tmp_path}
    return Config(nest=nest, store={"directory": tmp_path}, **more)


@dataclass
class Office:
    """The requests of one nest."""

    requests: Requests
    missions: Missions
    store: Store
    clock: Clock
    reader: RequestReader
    topics: Topics
    bus: Bus
    said: list[Message] = field(default_factory=list)

    def receive(self, body: Any, department: str = "forestry", **more: Any) -> None:
        """Something comes in as the broker hands it over."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        topic = f"nest/v1/requests/{department}/n1"
        self.reader.read(Incoming(topic, payload, more.pop("retained", False), more.pop("attributes", {}), **more))

    async def ask(self, body: Any, department: str = "forestry", **more: Any) -> dict[str, Any]:
        """Sends and waits for an answer on the usual topic."""
        before = len(await self.answers())
        self.receive(body, department, **more)
        return (await self.until(lambda answers: len(answers) > before))[-1]

    async def until(self, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Waits until the answers so far fulfil a condition."""
        async with asyncio.timeout(3600.0):
            while not holds(answers := await self.answers()):
                self.store.outbox.changed.clear()
                await self.store.outbox.changed.wait()
        return answers

    async def messages(self) -> list[Message]:
        """Everything that was said so far; what is in the outbox counts as delivered."""
        while heads := await self.store.outbox.heads(100):
            self.said += [q.message for q in heads]
            await self.store.outbox.delivered(heads)
        return self.said

    async def answers(self) -> list[dict[str, Any]]:
        """All answers on the usual topics, repetitions too."""
        return [json.loads(m.payload) for m in await self.messages() if len(m.topic.split("/")) == 5]

    async def log(self) -> list[AuditEntry]:
        """The audit log; it must be whole."""
        rows = audit.read(self.store.database.path)
        assert audit.verify(rows).broken == ""
        return [AuditEntry.model_validate_json(row.body) for row in rows]


@asynccontextmanager
async def office(
    directory: Path,
    clock: Clock,
    last: LastFlight = LastFlight(),  # noqa: B008 a frozen value
    routes: dict[str, Route] | None = None,
    site: Site = SITE,
    schedule: Any = (),
    config: Config | None = None,
    **settings: Any,
) -> AsyncIterator[Office]:
    """Opens it; a second time in the same directory it is a restart."""
    section = RequestsSection(**{"departments": RIGHTS, "per_minute_max": 600, **settings})
    routes = {"loop": ROUTE} if routes is None else routes
    ground = Ground(config or nest_config(directory), site, None, routes)
    topics, bus = Topics("nest/v1", "n1"), Bus()
    with open_store(StoreSection(directory=directory / "store"), clock) as store:
        async with open_requests(section, ground, topics, store, bus, clock, last) as requests:
            missions = Missions(schedule, clock, None, requests, routes)
            yield Office(requests, missions, store, clock, RequestReader(topics, bus), topics, bus)
