"""Holds the incidents, decides what is told and when, and commits incident and messages in one transaction.

Knows sightings, time and the store. Must not know MQTT: what it commits to the outbox is delivered by somebody else. In
memory stands only what the disk holds; a step that cannot be stored has not happened and is tried again.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog
from ulid import ULID

from agent.alerts import repository
from agent.alerts.answers import follow, listen
from agent.alerts.compose import Composer, Step
from agent.alerts.incident import PICTURE_KINDS, Incident, PictureKind, SightingContext, absorbed, doubted, gone, opened, said
from agent.alerts.lifecycle import AlertEvent, next_status
from agent.alerts.material import hushes, material, urgent
from agent.alerts.merge import incident_of
from agent.alerts.snapshots import Snapshots
from agent.config.hub import AlertsSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import StoreError
from agent.core.outcome import Accepted, Outcome, Refused
from agent.core.tasks import background
from agent.domain.alert import Alert, AlertStatus
from agent.domain.codes import words_of
from agent.domain.hazard import Hazard
from agent.domain.hub import ActionReceived, AlertChange, LookedAgain
from agent.domain.sighting import Sighting, SightingLevel
from agent.domain.status import Reason
from agent.domain.topics import Topics
from agent.store.media import alert_closed
from agent.store.outbox import Message
from agent.store.store import Store

log = structlog.get_logger(__name__)

_TICK_S = 1.0
_ROOM_FOR_ALERTS_BYTES = 50_000_000
_UNSAVED_MAX = 100
_TIDY_EVERY_S = 600.0


Check = Callable[[ActionReceived], Refused | None]


class AlertService:
    """The nest's alerts. Use :func:`open_alerts`.

    Args:
        config: limits and departments.
        topics: the nest's topic names.
        simulated: whether this nest exercises.
        store: where incidents and messages become safe.
        bus: gets an AlertChange for every message.
        clock: the wall clock.
        check: what is wrong with an answer's signature.
    """

    def __init__(
        self,
        config: AlertsSection,
        topics: Topics,
        store: Store,
        bus: Bus,
        clock: Clock,
        *,
        simulated: bool,
        check: Check = lambda _: None,
    ) -> None:
        self._check = check
        self._config = config
        self._store = store
        self._bus = bus
        self._clock = clock
        self._simulated = simulated
        self._nest = topics.source
        self._snapshots = Snapshots(store.media, config.snapshot_max_bytes)
        self._composer = Composer(topics, config, self._new_id)
        self._incidents: dict[str, Incident] = {}
        self._unsaved: dict[str, tuple[Sighting, SightingContext]] = {}
        self._reason: Reason | None = None
        self._tidied_unix_s = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        """The open alerts as they were last told."""
        return tuple(i.published for i in self._incidents.values() if i.published and not i.closed)

    def departments_of(self, alert: str) -> tuple[str, ...] | None:
        """Who is told of an alert; None where there is no such alert."""
        incident = self._incidents.get(alert)
        return incident.departments if incident else None

    def problem_of(self, received: ActionReceived) -> Refused | None:
        """Why an answer is not looked into: it is too late, or not from whom it says. None where it may be."""
        expires = received.action.expires
        if expires is not None and expires <= self._clock.utc():
            return Refused("request.expired", f"the answer expired at {expires:%Y-%m-%d %H:%M:%S %Z}")
        return self._check(received)

    def alert_of(self, alert: str) -> Alert | None:
        """How an alert stands; None where there is no such alert."""
        incident = self._incidents.get(alert)
        return incident.current if incident else None

    def fresh_id(self) -> tuple[str, datetime]:
        """A new ULID, and its time."""
        return self._new_id(), self._clock.utc()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What is wrong with the alerts, for the nest's status."""
        return (self._reason,) if self._reason else ()

    async def load(self) -> None:
        """Reads the incidents of earlier runs."""
        quiet_s = max(self._quiet_s(status) for status in AlertStatus)
        since = self._clock.unix_s() - quiet_s
        self._incidents = {i.id: i for i in await self._store.database.read(repository.load, since)}

    async def on_sighting(self, sighting: Sighting, context: SightingContext) -> Alert | None:
        """Takes a sighting in.

        Returns:
            The alert as it was told because of it; None where there was nothing to tell. A sighting that could not be stored
            is kept and tried again, and ``reasons`` says so.
        """
        async with self._one_at_a_time:
            try:
                told = await self._take(sighting, context)
            except StoreError as error:
                self._keep_unsaved(sighting, context, error)
                return None
            self._unsaved.pop(sighting.track, None)
            if not self._unsaved:
                self._reason = None
            return told

    async def on_action(self, alert: str, event: AlertEvent, by: str, reason: str = "") -> Outcome:
        """People answer an alert.

        Raises:
            StoreError: the answer is not safe on disk, nothing has changed.
        """
        async with self._one_at_a_time:
            incident = self._incidents.get(alert)
            if incident is None:
                return Refused("alert.unknown", words_of("alert.unknown"))
            if next_status(incident.current.status, event) is None:
                return Refused("alert.no_such_step", f"{event} does nothing to an alert that is {incident.current.status}")
            await self._tell(incident, event, by, reason)
            return Accepted()

    async def on_look(self, looked: LookedAgain) -> None:
        """A flight has looked at the whole of an alert's place. Where it saw nothing, the alert says so.

        Raises:
            StoreError: that is not safe on disk, nothing has changed.
        """
        async with self._one_at_a_time:
            incident = self._incidents.get(looked.alert)
            if incident is None or incident.current.last_seen >= looked.since:
                return  # what was seen has been told
            words = f"{words_of('alert.nothing_there')} Asked for by {looked.by}."
            await self._tell(doubted(incident), AlertEvent.CLEARED, self._nest, words)

    async def run(self) -> None:
        """Repeats, expiry, updates that waited, and sightings that could not be stored. Runs until it is cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            async with self._one_at_a_time:
                try:
                    await self._due()
                except StoreError as error:
                    self._report(error)
            await self._retry_unsaved()
            await self._keep_house()

    async def _take(self, sighting: Sighting, context: SightingContext) -> Alert | None:
        still_open = [i for i in self._incidents.values() if not i.closed]
        incident = incident_of(sighting, still_open, self._config.merge_distance_m)
        if incident is not None:
            return await self._absorb(incident, sighting, context)
        if sighting.level is not SightingLevel.CONFIRMED:
            return None
        hushed = incident_of(sighting, [i for i in self._quiet() if hushes(i.current, sighting)], self._config.merge_distance_m)
        if hushed is not None:
            log.info("sighting kept quiet", track=sighting.track, closed_alert=hushed.id, status=hushed.current.status.value)
            return None
        new = opened(self._new_id(), sighting, context, self._departments(sighting.hazard), simulated=self._simulated)
        return await self._tell(new, None, self._nest, "", sighting)

    async def _absorb(self, incident: Incident, sighting: Sighting, context: SightingContext) -> Alert | None:
        known = absorbed(incident, sighting, context)
        departments = dict.fromkeys((*incident.departments, *self._departments(known.current.hazard)))
        known = known.model_copy(update={"departments": tuple(departments)})
        if sighting.level is SightingLevel.CLEARED and gone(known):
            return await self._tell(known, AlertEvent.CLEARED, self._nest, words_of("alert.nothing_there"), sighting)
        if self._may_tell(known):
            return await self._tell(known, AlertEvent.CHANGED, self._nest, "", sighting)
        await self._commit(known, (), self._clock.utc())  # that it was seen again outlives a restart
        return None

    def _may_tell(self, incident: Incident) -> bool:
        """Whether there is news, and it may be told now."""
        said_before, sent_at = incident.published, incident.sent_at
        if said_before is None or sent_at is None:
            return True
        if urgent(said_before, incident.current):
            return True
        pause = timedelta(seconds=self._config.update_min_interval_s)
        return material(said_before, incident.current) and self._clock.utc() - sent_at >= pause

    async def _tell(
        self, incident: Incident, event: AlertEvent | None, by: str, reason: str, sighting: Sighting | None = None
    ) -> Alert | None:
        """One step of an incident: the new state and all its messages, in one transaction; then memory, bus and publisher."""
        now = self._clock.utc()
        status = incident.current.status if event is None else next_status(incident.current.status, event)
        if status is None:
            return None
        incident, jpegs = await self._with_pictures(incident, status)
        before = incident.published
        after = said(incident, status, now, by, reason)
        step = Step(
            incident=after,
            old_hazard=before.hazard if before else None,
            jpegs=jpegs,
            captured_unix_s=sighting.captured_at.timestamp() if sighting else None,
        )
        await self._commit(self._composer.remembering(after), self._composer.messages(step), now)
        self._bus.publish(AlertChange(after.current, before))
        return after.current

    async def _commit(self, incident: Incident, messages: Iterable[Message], now: datetime) -> None:
        def work(connection: sqlite3.Connection) -> None:
            repository.save(connection, incident, now)
            self._store.outbox.put(connection, messages)
            if incident.closed:
                alert_closed(connection, incident.id)

        await self._store.database.run(work)
        self._incidents[incident.id] = incident
        self._store.outbox.changed.set()

    async def _with_pictures(self, incident: Incident, status: AlertStatus) -> tuple[Incident, dict[PictureKind, bytes]]:
        """The incident with its newest pictures, and those that must be published: they are new, or go to other topics."""
        jpegs: dict[PictureKind, bytes] = {}
        moves = incident.published is not None and incident.published.hazard is not incident.current.hazard
        for kind in () if status.closed else PICTURE_KINDS:
            new = await self._snapshots.new(incident, kind)
            if new is not None:
                incident = incident.with_picture(kind, new.record)
                jpegs[kind] = new.jpeg
            elif moves and (old := await self._snapshots.published(incident, kind)) is not None:
                jpegs[kind] = old
        return incident, jpegs

    async def _due(self) -> None:
        now = self._clock.utc()
        for incident in [i for i in self._incidents.values() if not i.closed]:
            event = self._event_due(incident, now)
            if event is not None:
                await self._tell(incident, event, self._nest, _WORDS_OF_TIMERS.get(event, ""))

    def _event_due(self, incident: Incident, now: datetime) -> AlertEvent | None:
        alert, sent_at = incident.current, incident.sent_at
        if now - alert.last_seen >= timedelta(seconds=self._config.expire_after_s):
            return AlertEvent.EXPIRE
        if self._may_tell(incident):
            return AlertEvent.CHANGED
        repeat = sent_at is not None and now - sent_at >= timedelta(seconds=self._config.repeat_after_s)
        return AlertEvent.REPEAT if repeat and next_status(alert.status, AlertEvent.REPEAT) else None

    async def _retry_unsaved(self) -> None:
        if self._unsaved and self._reason and self._reason.code == "store.full":
            with contextlib.suppress(StoreError):  # the retry below says what is wrong
                await self._store.media.make_room(_ROOM_FOR_ALERTS_BYTES)
        for sighting, context in list(self._unsaved.values()):
            await self.on_sighting(sighting, context)

    async def _keep_house(self) -> None:
        now = self._clock.unix_s()
        if now - self._tidied_unix_s < _TIDY_EVERY_S:
            return
        self._tidied_unix_s = now
        try:
            await self._store.media.keep_house(self._store.evidence_dir)
        except StoreError as error:
            log.warning("pictures cannot be tidied", code=error.code, message=error.message)

    def _keep_unsaved(self, sighting: Sighting, context: SightingContext, error: StoreError) -> None:
        self._unsaved[sighting.track] = (sighting, context)
        while len(self._unsaved) > _UNSAVED_MAX:
            del self._unsaved[next(iter(self._unsaved))]
        self._report(error)

    def _report(self, error: StoreError) -> None:
        if self._reason is None or self._reason.code != error.code:
            log.error("alert cannot be stored", code=error.code, message=error.message)
        self._reason = Reason(code=error.code, words=error.message)

    def _departments(self, hazard: Hazard) -> tuple[str, ...]:
        """Who is told of a hazard. One that nobody asked for is told to all: an alert to nobody helps nobody."""
        departments = self._config.departments
        return tuple(name for name, department in departments.items() if hazard in department.hazards) or tuple(departments)

    def _quiet(self) -> list[Incident]:
        """Closed incidents whose place stays quiet for a while."""
        now = self._clock.utc()
        return [
            i
            for i in self._incidents.values()
            if i.closed_at and now - i.closed_at < timedelta(seconds=self._quiet_s(i.current.status))
        ]

    def _quiet_s(self, status: AlertStatus) -> float:
        quiet = {
            AlertStatus.FALSE_ALARM: self._config.false_alarm_quiet_s,
            AlertStatus.RESOLVED: self._config.resolved_quiet_s,
        }
        return quiet.get(status, 0.0)

    def _new_id(self) -> str:
        return str(ULID.from_timestamp(self._clock.unix_s()))


_WORDS_OF_TIMERS = {
    AlertEvent.EXPIRE: words_of("alert.expired"),
    AlertEvent.REPEAT: words_of("alert.repeated"),
}


@asynccontextmanager
async def open_alerts(
    config: AlertsSection,
    topics: Topics,
    store: Store,
    bus: Bus,
    clock: Clock,
    *,
    simulated: bool,
    check: Check = lambda _: None,
) -> AsyncIterator[AlertService]:
    """The alert service with its timers, for as long as the block lasts.

    Open it before the hub: answers that waited at the broker come in as soon as the hub is connected.

    Raises:
        StoreError: the incidents of earlier runs cannot be read.
    """
    service = AlertService(config, topics, store, bus, clock, simulated=simulated, check=check)
    await service.load()
    with bus.subscribe(ActionReceived) as answers, bus.subscribe(LookedAgain) as looks:
        async with (
            background(service.run(), "alerts"),
            background(listen(service, answers, bus), "answers"),
            background(follow(service, looks), "looks"),
        ):
            yield service
