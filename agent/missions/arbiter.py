"""Who flies next: calendar and departments compete for one drone. Pure.

The rule, in this order:

0. While an emergency waits to be tried again, because charge or weather did not allow it, nothing of lower priority starts: it
   would fly away the charge that the emergency waits for. That holds for ``HOLD_S`` after the emergency was asked for.
1. Higher priority goes first. Nothing else outweighs it; how much high priority a department may ask for is bounded by its
   rights and its daily quota.
2. Within a priority, what would miss its latest start by waiting for one more flight goes before what can still wait.
3. Among those, the department that has flown least in the last day goes first; the nest's own calendar counts as one.
4. Then the earlier latest start, then who asked earlier, then the key.

What this promises: a department that has flown less than the others gets its flight before its latest start, if all that is
waiting has the same priority, no flight outlasts ``PRESSING_S`` and the nest may fly. It does not promise that routine flights
are ever flown beside an endless stream of emergencies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.domain.request import Priority

PRESSING_S = 1800.0
HOLD_S = 3600.0
CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A flight that somebody wants.

    Attributes:
        key: names it.
        owner: a department, or :data:`CALENDAR`.
        asked: when it was asked for, or due.
        earliest: not to be started before.
        latest: not to be started after.
        again: not to be tried again before, after it could not start; None: not tried yet.
    """

    key: str
    owner: str
    priority: Priority
    asked: datetime
    earliest: datetime
    latest: datetime
    again: datetime | None = None

    def open(self, now: datetime) -> bool:
        """Whether its time is now."""
        return self.earliest <= now <= self.latest

    def ready(self, now: datetime) -> bool:
        """Whether it may be tried now."""
        return self.open(now) and (self.again is None or self.again <= now)


@dataclass(frozen=True, slots=True)
class Choice:
    """What flies next, and why in words."""

    candidate: Candidate
    words: str


def choose(candidates: Sequence[Candidate], now: datetime, served: Mapping[str, int]) -> Choice | None:
    """What shall fly now; None where nothing may.

    Args:
        candidates: all that wait.
        now: the time.
        served: flights of each owner in the last day.
    """
    ready = ranked([c for c in candidates if c.ready(now)], now, served)
    if not ready or (ready[0].priority is not Priority.EMERGENCY and any(_holds(c, now) for c in candidates)):
        return None
    return Choice(ready[0], _why(ready, now, served))


def _holds(candidate: Candidate, now: datetime) -> bool:
    """Whether it is an emergency for which the others wait."""
    urgent = candidate.priority is Priority.EMERGENCY and candidate.open(now)
    return urgent and now - candidate.asked <= timedelta(seconds=HOLD_S)


def ranked(candidates: Sequence[Candidate], now: datetime, served: Mapping[str, int]) -> list[Candidate]:
    """The candidates in the order in which they would fly if all could start now."""
    return sorted(candidates, key=lambda c: _rank(c, now, served))


@dataclass(frozen=True, slots=True)
class Flying:
    """The flight under way: how much it matters, and since when it is."""

    priority: Priority
    since: datetime


def preempts(candidate: Candidate, flying: Flying, now: datetime) -> bool:
    """Whether a flight is called home for a candidate.

    An emergency calls home what matters less and was under way when it was asked for. What started later started because the
    emergency could not: to call it home again and again would fly neither.
    """
    urgent = candidate.priority is Priority.EMERGENCY and flying.priority is not Priority.EMERGENCY
    return urgent and candidate.ready(now) and candidate.asked >= flying.since


def _pressing(candidate: Candidate, now: datetime) -> bool:
    return candidate.latest - now <= timedelta(seconds=PRESSING_S)


def _rank(candidate: Candidate, now: datetime, served: Mapping[str, int]) -> tuple[int, bool, int, datetime, datetime, str]:
    c = candidate
    return (-c.priority.rank, not _pressing(c, now), served.get(c.owner, 0), c.latest, c.asked, c.key)


def _why(ready: Sequence[Candidate], now: datetime, served: Mapping[str, int]) -> str:
    """The first rule by which the first one stands before the second."""
    if len(ready) == 1:
        return "nothing else is waiting"
    first, second = ready[0], ready[1]
    flown = [served.get(c.owner, 0) for c in (first, second)]
    rules = (
        (first.priority is not second.priority, f"{first.priority.value} goes before {second.priority.value}"),
        (_pressing(first, now) is not _pressing(second, now), "it would be too late after one more flight"),
        (
            flown[0] != flown[1],
            f"{first.owner} flew {flown[0]} times in the last day, {second.owner} {flown[1]} times",
        ),
        (first.latest != second.latest, "its latest start is earlier"),
        (first.asked != second.asked, "it was asked for earlier"),
    )
    return next((words for holds, words in rules if holds), "it stands first by name")
