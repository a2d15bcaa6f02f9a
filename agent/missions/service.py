"""What the nest shall fly: calendar and requests, one at a time, as the arbiter decides."""

import asyncio
from collections import ChainMap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from agent.config.flight import ScheduleEntry
from agent.core.clock import Clock, rfc3339
from agent.domain.request import OnDetection, Priority
from agent.domain.route import Route
from agent.domain.status import FlightReport, Reason
from agent.missions import arbiter
from agent.missions.arbiter import CALENDAR, Candidate, Flying
from agent.missions.book import reason
from agent.missions.calendar import Due, next_due
from agent.missions.orders import Order
from agent.missions.planner import rest_of
from agent.missions.requests import Requests
from agent.missions.rights import RELEASED

_log = structlog.get_logger(__name__)
_NAP_S = 30.0  # a clock that is set while the nest waits is noticed within this time
_LOOK_S = 5.0  # a request becomes ready by its hours, its not_before or a pause after a refusal
_SET_BACK_S = 12 * 3600.0  # a flight that was taken so far in the future was taken by a clock that ran wrong
_REST_WITHIN = timedelta(hours=6)  # the rest of a calendar flight that gave way to an emergency


@dataclass(frozen=True, slots=True)
class Assignment:
    """A flight to fly. ``latest``: dropped if it could not start until then.

    Attributes:
        due: up to which moment the calendar is done with; a flight on request does not change that.
        request: which request it answers; None: the calendar's.
        department: whose request.
        on_detection: what the request wants; None: as the nest is configured.
    """

    route: str
    due: datetime
    latest: datetime
    request: str | None = None
    department: str | None = None
    on_detection: OnDetection | None = None


@dataclass
class _Current:
    """The flight that was given out last and has not ended."""

    candidate: Candidate
    route: str
    since: datetime
    flight: str | None = None
    recall: Reason | None = None


class Missions:
    """Knows what is due. Says nothing about whether it can be flown.

    Args:
        schedule: the calendar.
        clock: the wall clock.
        done_until: due time of the last assignment that was taken; None in a new nest.
        requests: what departments ask for; None: nobody may.
        library: routes by id.
    """

    def __init__(
        self,
        schedule: Sequence[ScheduleEntry],
        clock: Clock,
        done_until: datetime | None,
        requests: Requests | None = None,
        library: Mapping[str, Route] | None = None,
    ) -> None:
        self._schedule = tuple(schedule)
        self._clock = clock
        self._done_until = done_until or clock.utc()
        self._requests = requests
        self._rests: dict[str, tuple[Candidate, Route]] = {}
        self._rest_routes: dict[str, Route] = {}
        self._current: _Current | None = None
        drawn = requests.book.routes if requests else {}
        self.routes: Mapping[str, Route] = ChainMap(dict(library or {}), drawn, self._rest_routes)

    @property
    def upcoming(self) -> Due | None:
        """The next entry of the calendar that is not past its latest start."""
        now = self._clock.utc()
        if now >= RELEASED and (self._done_until - now).total_seconds() > _SET_BACK_S:
            _log.warning("mission.clock_set_back", done_until=rfc3339(self._done_until), now=rfc3339(now))
            self._done_until = now
        due = next_due(self._schedule, self._done_until)
        while due is not None and due.latest < self._clock.utc():
            _log.warning("mission.dropped", route=due.route, due=rfc3339(due.at), latest=rfc3339(due.latest))
            self._done_until = due.at
            due = next_due(self._schedule, self._done_until)
        return due

    async def next(self) -> Assignment:
        """Waits until something shall fly and takes it. It is given once only."""
        self._release()
        while True:
            due, now = self.upcoming, self._clock.utc()
            choice = arbiter.choose(self._candidates(due, now), now, self._served(now))
            if choice is not None and (taken := await self._take(choice, due)) is not None:
                return taken
            await self._nap(due, now)

    def _candidates(self, due: Due | None, now: datetime) -> list[Candidate]:
        calendar = [Candidate(CALENDAR, CALENDAR, Priority.ROUTINE, due.at, due.at, due.latest)] if due else []
        asked = self._requests.candidates(now) if self._requests else []
        return [*calendar, *(candidate for candidate, _ in self._rests.values()), *asked]

    def _served(self, now: datetime) -> Mapping[str, int]:
        return self._requests.book.served(now) if self._requests else {}

    async def _take(self, choice: arbiter.Choice, due: Due | None) -> Assignment | None:
        candidate = choice.candidate
        _log.info("mission.chosen", key=candidate.key, why=choice.words)
        if candidate.key == CALENDAR and due is not None:
            self._done_until = due.at
            self._set_current(_Current(candidate, due.route, self._clock.utc()))
            return Assignment(due.route, due.at, due.latest)
        if candidate.key in self._rests:
            _, route = self._rests.pop(candidate.key)
            self._set_current(_Current(candidate, route.id, self._clock.utc()))
            return Assignment(route.id, self._done_until, candidate.latest)
        order = await self._requests.take(candidate.key, choice.words) if self._requests else None
        if order is None or order.route is None:
            return None
        self._set_current(_Current(candidate, order.route.id, self._clock.utc()))
        return _assignment(order, order.route.id, self._done_until)

    async def _nap(self, due: Due | None, now: datetime) -> None:
        """Until the calendar's next entry, a new request, or a short while."""
        wait_s = _NAP_S if due is None or due.at <= now else (due.at - self._clock.utc()).total_seconds()
        wait_s = max(0.0, min(wait_s, _NAP_S))
        if self._requests is None:
            await asyncio.sleep(wait_s)
            return
        news = self._requests.book.news
        news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(wait_s, _LOOK_S) if self._requests.book.open else wait_s):
                await news.wait()

    def _release(self) -> None:
        """The drone is in its nest. What was given out and never begun, as when somebody else flew just then, waits again."""
        self._set_current(None)
        if self._requests is not None:
            self._requests.settle()

    def _set_current(self, current: _Current | None) -> None:
        self._current = current
        if self._requests is not None:
            self._requests.flying = Flying(current.candidate.priority, current.since) if current else None

    # What the flight tells, and asks.

    def follow(self, report: FlightReport) -> None:
        """Takes in how the flight under way stands. Called at each of its steps."""
        current = self._current
        if current is None or current.flight not in {None, report.flight}:
            return
        current.flight = report.flight
        if report.ended_at is not None:
            self._set_current(None)
        if self._requests is not None:
            self._requests.follow(current.candidate.key, report, current.recall)
        if report.ended_at is not None:
            self._ended(current, report)

    def _ended(self, current: _Current, report: FlightReport) -> None:
        """A flight of the calendar that gave way to an emergency is flown on later."""
        if current.candidate.owner != CALENDAR:
            return
        if self._requests is not None and report.outcome != "refused":
            self._requests.book.note_flown(CALENDAR, self._clock.utc())
        route = self.routes.get(current.route)
        if current.recall is None or route is None or report.outcome == "completed":
            return
        rest = rest_of(route, frozenset(point.id for point in report.points), len(self._rest_routes) + 1)
        if rest is not None:
            now = self._clock.utc()
            candidate = Candidate(rest.id, CALENDAR, Priority.ROUTINE, now, now, now + _REST_WITHIN)
            self._rest_routes[rest.id] = rest
            self._rests[rest.id] = (candidate, rest)

    @property
    def recalled(self) -> str | None:
        """Why the flight under way shall come home, in words; None while it may fly on."""
        current, requests = self._current, self._requests
        if current is None or requests is None:
            return None
        if current.recall is None:
            order = requests.book.open.get(current.candidate.key)
            current.recall = (order.cancelled_by if order else None) or self._emergency(current, requests)
        return current.recall.words if current.recall else None

    def _emergency(self, current: _Current, requests: Requests) -> Reason | None:
        now, flying = self._clock.utc(), Flying(current.candidate.priority, current.since)
        urgent = next((c for c in requests.candidates(now) if requests.calls_home(c, flying)), None)
        return reason("request.preempted", f"It is {urgent.key}.") if urgent else None

    def restored(self, report: FlightReport | None, route: str, due: datetime) -> Assignment:
        """The assignment of a flight that a restarted agent finds in its journal; it is the flight under way again."""
        began = report.started_at if report else due
        order = self._requests.order_of(report) if self._requests and report else None
        if order is None:
            candidate = Candidate(CALENDAR, CALENDAR, Priority.ROUTINE, due, due, due)
            assignment = Assignment(route, due, due)
        else:
            candidate, assignment = order.candidate, _assignment(order, route, due)
        self._set_current(_Current(candidate, route, began, report.flight if report else None))
        return assignment


def _assignment(order: Order, route: str, due: datetime) -> Assignment:
    asked = order.request
    return Assignment(route, due, asked.expires, asked.request, asked.department, asked.on_detection)
