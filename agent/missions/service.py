"""Turns the calendar into assignments, one at a time, when they are due."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from agent.config.flight import ScheduleEntry
from agent.core.clock import Clock, rfc3339
from agent.missions.calendar import Due, next_due

_log = structlog.get_logger(__name__)
_NAP_S = 30.0  # a clock that is set while the nest waits is noticed within this time
_SET_BACK_S = 12 * 3600.0  # a flight that was taken so far in the future was taken by a clock that ran wrong
_RELEASED = datetime(2026, 1, 1, tzinfo=UTC)  # before this release a clock can only be wrong


@dataclass(frozen=True, slots=True)
class Assignment:
    """A flight to fly. ``latest``: dropped if it could not start until then."""

    route: str
    due: datetime
    latest: datetime


class Missions:
    """Knows what is due. Says nothing about whether it can be flown.

    Args:
        schedule: the calendar.
        clock: the wall clock.
        done_until: due time of the last assignment that was taken; None in a new nest.
    """

    def __init__(self, schedule: Sequence[ScheduleEntry], clock: Clock, done_until: datetime | None) -> None:
        self._schedule = tuple(schedule)
        self._clock = clock
        self._done_until = done_until or clock.utc()

    @property
    def upcoming(self) -> Due | None:
        """The next entry that is not past its latest start."""
        now = self._clock.utc()
        if now >= _RELEASED and (self._done_until - now).total_seconds() > _SET_BACK_S:
            _log.warning("mission.clock_set_back", done_until=rfc3339(self._done_until), now=rfc3339(now))
            self._done_until = now
        due = next_due(self._schedule, self._done_until)
        while due is not None and due.latest < self._clock.utc():
            _log.warning("mission.dropped", route=due.route, due=rfc3339(due.at), latest=rfc3339(due.latest))
            self._done_until = due.at
            due = next_due(self._schedule, self._done_until)
        return due

    async def next(self) -> Assignment:
        """Waits until something is due and takes it. It is given once only."""
        while True:
            due = self.upcoming
            wait_s = _NAP_S if due is None else (due.at - self._clock.utc()).total_seconds()
            if due is not None and wait_s <= 0:
                self._done_until = due.at
                return Assignment(due.route, due.at, due.latest)
            await asyncio.sleep(min(wait_s, _NAP_S))
