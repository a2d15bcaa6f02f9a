"""May this department ask for this flight now? One table of pure checks; every one that fails is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from agent.config.requests import RequestRights
from agent.core.geo import LatLon, inside_margin_m
from agent.core.outcome import Refused
from agent.domain.request import FlightRequest
from agent.domain.route import Ring

RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
"""Before this release a clock can only be wrong."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a request is judged by.

    Attributes:
        rights: of the department on whose topic it came.
        horizon: how far in the future a request may reach.
        accepted_today: requests of the department that were accepted in this UTC day.
        waiting: accepted requests of all departments that wait.
        queue_max: most of them.
    """

    rights: RequestRights
    now: datetime
    horizon: timedelta
    accepted_today: int
    waiting: int
    queue_max: int


Judge = Callable[[FlightRequest, Facts], str | None]
"""What is wrong, in words; None where nothing is."""


def _clock(request: FlightRequest, facts: Facts) -> str | None:  # noqa: ARG001 a judge's signature
    return None if facts.now >= RELEASED else f"the nest's clock shows {facts.now:%Y-%m-%d}"


def _expired(request: FlightRequest, facts: Facts) -> str | None:
    return f"it expired at {request.expires:%Y-%m-%d %H:%M:%S %Z}" if request.expires <= facts.now else None


def _too_far(request: FlightRequest, facts: Facts) -> str | None:
    latest = facts.now + facts.horizon
    return f"it reaches beyond {latest:%Y-%m-%d %H:%M %Z}" if max(request.expires, _begin(request, facts)) > latest else None


def _times(request: FlightRequest, facts: Facts) -> str | None:
    return "not_before is not earlier than expires" if _begin(request, facts) >= request.expires > facts.now else None


def _scenario(request: FlightRequest, facts: Facts) -> str | None:
    allowed = facts.rights.scenarios
    return None if not allowed or request.scenario in allowed else f"allowed: {', '.join(allowed)}"


def _priority(request: FlightRequest, facts: Facts) -> str | None:
    highest = facts.rights.priority_max
    return f"highest allowed: {highest.value}" if request.priority.rank > highest.rank else None


def _hours(request: FlightRequest, facts: Facts) -> str | None:
    rights = facts.rights
    if earliest_start(request, rights, facts.now) < request.expires or request.expires <= _begin(request, facts):
        return None
    return f"flights start from {rights.from_utc} until {rights.until_utc} UTC; the request expires before"


def _quota(request: FlightRequest, facts: Facts) -> str | None:  # noqa: ARG001 a judge's signature
    used, quota = facts.accepted_today, facts.rights.daily_quota
    return f"{used} of {quota} are used today" if used >= quota else None


def _queue(request: FlightRequest, facts: Facts) -> str | None:  # noqa: ARG001 a judge's signature
    return f"{facts.waiting} requests wait" if facts.waiting >= facts.queue_max else None


CHECKS: tuple[tuple[str, Judge], ...] = (
    ("request.no_clock", _clock),
    ("request.expired", _expired),
    ("request.too_far", _too_far),
    ("request.times", _times),
    ("request.scenario_not_allowed", _scenario),
    ("request.priority_not_allowed", _priority),
    ("request.hours", _hours),
    ("request.quota", _quota),
    ("request.queue_full", _queue),
)


def refusals(request: FlightRequest, facts: Facts) -> list[Refused]:
    """Everything that the department may not; empty where it may."""
    return [Refused(code, words) for code, judge in CHECKS if (words := judge(request, facts)) is not None]


def earliest_start(request: FlightRequest, rights: RequestRights, now: datetime) -> datetime:
    """When it may start at the earliest, by its own words and the department's hours."""
    begin = max(now, request.not_before) if request.not_before else now
    if rights.from_utc is None or rights.until_utc is None or _within(begin, rights.from_utc, rights.until_utc):
        return begin
    utc = begin.astimezone(UTC)
    opens = datetime.combine(utc.date(), rights.from_utc.replace(tzinfo=None), UTC)
    return opens if opens >= utc else opens + timedelta(days=1)


def within_hours(rights: RequestRights, at: datetime) -> bool:
    """Whether the department's flights may start at a moment."""
    return rights.from_utc is None or rights.until_utc is None or _within(at, rights.from_utc, rights.until_utc)


def _within(at: datetime, start: time, end: time) -> bool:
    clock, start, end = at.astimezone(UTC).time(), start.replace(tzinfo=None), end.replace(tzinfo=None)
    return start <= clock < end if start < end else clock >= start or clock < end


def _begin(request: FlightRequest, facts: Facts) -> datetime:
    return request.not_before or facts.now


def check_area(places: Sequence[LatLon], area: Ring | None) -> Refused | None:
    """Whether everything that is looked at lies in the department's area; None where it does."""
    outside = [-margin for place in places if area is not None and (margin := inside_margin_m(place, area)) < 0]
    if not outside:
        return None
    return Refused(
        "request.outside_area", f"{len(outside)} of {len(places)} places; the farthest is {max(outside):.0f} m outside"
    )
