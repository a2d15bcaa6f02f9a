"""Keeps the public notice on the hub, and remembers the flights that it counts. What it says is decided in ``notice``."""

import asyncio
from collections.abc import Mapping

import structlog
from ulid import ULID

from agent.alerts.public import facts
from agent.alerts.public.notice import as_of, notice
from agent.config.public import PublicSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import StoreError
from agent.domain.public import PublicNotice
from agent.domain.route import Route
from agent.domain.status import FlightReport
from agent.domain.topics import TOPICS, Topics
from agent.store.outbox import Message, Priority
from agent.store.store import Store

_log = structlog.get_logger(__name__)

_LOOK_S = 900.0
_SPARE_S = 31 * 86_400.0


class PublicService:
    """The notice of one nest. Nothing is told while there is no configuration, but flights are counted all the same.

    Args:
        config: None: nothing is told.
        routes: the nest's routes, and those of requests, by id.
        simulated: whether this nest exercises.
    """

    def __init__(
        self,
        config: PublicSection | None,
        topics: Topics,
        store: Store,
        routes: Mapping[str, Route],
        clock: Clock,
        *,
        simulated: bool,
    ) -> None:
        self._config = config
        self._topics = topics
        self._store = store
        self._routes = routes
        self._clock = clock
        self._simulated = simulated
        self._told: PublicNotice | None = None

    async def run(self, bus: Bus) -> None:
        """Counts and tells until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._count(bus), name="public-count")
            if self._config is not None:
                tasks.create_task(self._tell_regularly(self._config), name="public-tell")

    async def _count(self, bus: Bus) -> None:
        route: Route | None = None  # one that was drawn for a request is forgotten when its flight has ended
        with bus.subscribe(FlightReport) as reports:
            async for report in reports:
                if route is None or route.id != report.route:
                    route = self._routes.get(report.route)
                if report.ended_at is not None and report.points_seen > 0:
                    await self._keep(report, route)

    async def _keep(self, report: FlightReport, route: Route | None) -> None:
        hectares = await asyncio.to_thread(facts.hectares_seen, report, route)
        try:
            await self._store.database.run(facts.keep, report, hectares, self._simulated)
        except StoreError as error:  # one flight less in the figures
            _log.warning("flight is not counted", code=error.code, message=error.message, flight=report.flight)

    async def _tell_regularly(self, config: PublicSection) -> None:
        while True:
            try:
                await self.tell(config)
            except StoreError as error:
                _log.warning("public notice is not renewed", code=error.code, message=error.message)
            await asyncio.sleep(_LOOK_S)

    async def tell(self, config: PublicSection) -> None:
        """Publishes the notice if it has changed, or was not yet told since the start.

        Raises:
            StoreError: the store cannot be read, or the notice is not safe.
        """
        at = as_of(self._clock.unix_s(), config.delay_s)
        since_unix_s = at.timestamp() - config.months * _SPARE_S
        incidents, flights = await self._store.database.read(facts.load, since_unix_s, self._simulated)
        new = notice(incidents, flights, at, config, simulated=self._simulated)
        if new == self._told:
            return
        await self._store.outbox.submit(self._message(new), newest_only=True)
        self._told = new

    def _message(self, body: PublicNotice) -> Message:
        row = TOPICS["public"]
        topic = self._topics.public()
        return Message(
            message_id=str(ULID.from_timestamp(self._clock.unix_s())),
            priority=Priority.STATUS,
            order_key=topic,
            topic=topic,
            payload=body.model_dump_json(exclude_none=True).encode(),
            content_type=row.content_type,
            event_type=row.event_type,
            subject=self._topics.nest,
            event_unix_s=body.as_of.timestamp(),
            retain=row.retain,
        )
