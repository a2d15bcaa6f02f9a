"""Who flies next: calendar and departments compete for one drone. Pure.

The rule, in this order:

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
    """

    key: str
    owner: str
    priority: Priority
    asked: datetime
    earliest: datetime
    latest: datetime


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
    ready = ranked([c for c in candidates if c.earliest <= now <= c.latest], now, served)
    return Choice(ready[0], _why(ready, now, served)) if ready else None


def ranked(candidates: Sequence[Candidate], now: datetime, served: Mapping[str, int]) -> list[Candidate]:
    """The candidates in the order in which they would fly if all could start now."""
    return sorted(candidates, key=lambda c: _rank(c, now, served))


def preempts(candidates: Sequence[Candidate], flying: Priority, now: datetime) -> Candidate | None:
    """The emergency for which a flight of lower priority is called home; None where it flies on."""
    ready = [c for c in candidates if c.priority is Priority.EMERGENCY and c.earliest <= now <= c.latest]
    return min(ready, key=lambda c: (c.asked, c.key), default=None) if flying is not Priority.EMERGENCY else None


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
