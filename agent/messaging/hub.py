"""The nest on the hub: what it says of itself, and the tasks that carry it there. Use :func:`open_hub`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from ulid import ULID

from agent.config.hub import HubSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.tasks import background
from agent.domain.status import DroneTelemetry, FlightReport, NestStatus, NestSummary, Reason
from agent.domain.topics import TOPICS, Topics
from agent.domain.wire import Wire
from agent.messaging.actions import ActionReader
from agent.messaging.broker import Broker
from agent.messaging.envelope import Packet, packet
from agent.messaging.link import Incoming
from agent.messaging.publisher import Publisher
from agent.messaging.reconcile import Reconciler
from agent.messaging.requests import RequestReader
from agent.messaging.window import Window
from agent.store.outbox import Message, Outbox, Priority

log = structlog.get_logger(__name__)

_GOOD_BYE_S = 5.0


class Hub:
    """What the nest tells of itself.

    Args:
        config: the broker.
        topics: the nest's topic names.
        outbox: where what must not be lost waits.
        bus: gets HubLink, Delivered, SetAside, ActionReceived and RequestReceived.
        clock: the wall clock.
    """

    def __init__(self, config: HubSection, topics: Topics, outbox: Outbox, bus: Bus, clock: Clock) -> None:
        self._topics = topics
        self._outbox = outbox
        self._clock = clock
        self._last: NestStatus | None = None
        self._broker = Broker(config, f"nest-{topics.nest}", self._will, (topics.actions(), topics.requests()))
        self._actions = ActionReader(topics, bus)
        self._requests = RequestReader(topics, bus)
        reconciler = Reconciler(self._broker, outbox, topics, self._clearing)
        window = Window(config.puback_timeout_s, config.uplink_bytes_per_s)
        self._publisher = Publisher(self._broker, outbox, reconciler, topics.source, bus, clock, self._read, window)

    def publish_status(self, status: NestStatus) -> None:
        """Tells the nest's status, now or as soon as there is a connection. Only the newest counts."""
        self._last = status
        self._publisher.set_status(self._message("status", self._topics.status(), status, status.at, Priority.STATUS))

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What is wrong with the delivery and with certificates, for the nest's status."""
        return (*self._publisher.reasons, *self._broker.reasons(self._clock.utc()))

    async def publish_report(self, report: FlightReport) -> None:
        """Tells how a flight goes; returns when the report is safe on disk. An unsent older one of the flight is replaced.

        Raises:
            StoreError: it is not safe.
        """
        topic = self._topics.flight(report.flight)
        message = self._message("flight", topic, report, self._clock.utc(), Priority.FLIGHT_REPORT, report.flight)
        await self._outbox.submit(message, newest_only=True)

    def publish_telemetry(self, telemetry: DroneTelemetry) -> bool:
        """Tells where the drone is, if there is a connection right now. Never stored. Returns whether it went."""
        topic = self._topics.telemetry()
        message = self._message("telemetry", topic, telemetry, telemetry.at, Priority.STATUS)
        out = packet(message, self._topics.source, version_5=self._broker.version_5, qos=TOPICS["telemetry"].qos)
        return self._broker.publish(out) is not None

    async def run(self) -> None:
        """Connection and delivery, until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._broker.run(self._publisher), name="hub-connection")
            tasks.create_task(self._publisher.run(), name="hub-delivery")

    async def say_stopped(self) -> None:
        """The last word of a nest that is stopped on purpose, if it gets through within a few seconds."""
        at = self._clock.utc()
        last = self._last or NestStatus(state=NestSummary.STOPPED, at=at)
        self.publish_status(last.model_copy(update={"state": NestSummary.STOPPED, "at": at}))
        if self._publisher.online:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOOD_BYE_S):
                    await self._publisher.status_delivered.wait()

    @property
    def online(self) -> bool:
        """Whether the broker is connected."""
        return self._publisher.online

    def _read(self, message: Incoming) -> None:
        if self._topics.is_request(message.topic):
            self._requests.read(message)
        elif self._topics.is_action(message.topic):
            self._actions.read(message)
        else:
            log.warning("message on a topic that was not asked for", code="hub.stray", topic=message.topic[:200])

    def _will(self) -> Packet:
        at = self._clock.utc()
        last = self._last or NestStatus(state=NestSummary.LOST, at=at)
        lost = last.model_copy(update={"state": NestSummary.LOST, "at": at, "reasons": ()})
        message = self._message("status", self._topics.status(), lost, at, Priority.STATUS)
        return packet(message, self._topics.source, version_5=self._broker.version_5)

    def _clearing(self, topic: str) -> Message:
        """Clears a retained topic of a closed alert."""
        kind, now = TOPICS["alert"], self._clock.unix_s()
        return Message(
            message_id=str(ULID.from_timestamp(now)),
            priority=Priority.ALERT,
            order_key=topic,
            topic=topic,
            payload=b"",
            content_type=kind.content_type,
            event_type=kind.event_type,
            subject=self._topics.nest,
            event_unix_s=now,
            retain=True,
        )

    def _message(
        self, row: str, topic: str, body: Wire, at: datetime, priority: Priority, subject: str | None = None
    ) -> Message:
        kind = TOPICS[row]
        return Message(
            message_id=str(ULID.from_timestamp(self._clock.unix_s())),
            priority=priority,
            order_key=topic,
            topic=topic,
            payload=body.model_dump_json(exclude_none=True).encode(),
            content_type=kind.content_type,
            event_type=kind.event_type,
            subject=subject or self._topics.nest,
            event_unix_s=at.timestamp(),
            retain=kind.retain,
            expiry_s=kind.expiry_s,
        )


@asynccontextmanager
async def open_hub(config: HubSection, nest: str, outbox: Outbox, bus: Bus, clock: Clock) -> AsyncIterator[Hub]:
    """The hub for as long as the block lasts; on leaving it, the nest says that it stops.

    Nothing is raised because the broker is away: what is told waits in the outbox, and HubLink on the bus says why.

    Raises:
        ConfigError: the TLS files cannot be used.
        StoreError: the outbox cannot be used.
    """
    hub = Hub(config, Topics(config.topic_root, nest), outbox, bus, clock)
    async with background(hub.run(), "hub"):
        try:
            yield hub
        finally:
            await hub.say_stopped()
