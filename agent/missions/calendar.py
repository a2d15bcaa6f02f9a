"""The calendar: which entry is due next. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.config.flight import ScheduleEntry

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Due:
    """An entry at one moment. After ``latest`` it is no longer flown."""

    route: str
    at: datetime
    latest: datetime


def next_due(schedule: Sequence[ScheduleEntry], after: datetime) -> Due | None:
    """The first entry strictly after a moment; None for an empty calendar. Equal times keep the calendar's order."""
    found = [due for entry in schedule if (due := _next_of(entry, after)) is not None]
    return min(found, key=lambda due: due.at, default=None)


def _next_of(entry: ScheduleEntry, after: datetime) -> Due | None:
    for days in range(8):
        day = (after.astimezone(UTC) + timedelta(days=days)).date()
        at = datetime.combine(day, entry.at_utc.replace(tzinfo=None), UTC)
        if at > after and _DAYS[at.weekday()] in entry.days:
            return Due(entry.route, at, at + timedelta(seconds=entry.latest_after_s))
    return None
