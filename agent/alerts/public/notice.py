"""From what happened to what the public is told. Pure.

The notice is a function of what happened before ``as_of`` only, with two exceptions: what turned out to be nothing is not told
at all, however late that was found, and kind and cell are as they are known today. Within a day, a cell and a kind of hazard it
does not depend on how many there were, where, when, or under which name: tests change these and get the same notice.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.config.public import PublicSection
from agent.core.clock import utc_from_unix
from agent.domain.alert import AlertStatus
from agent.domain.hazard import Hazard
from agent.domain.public import PublicCell, PublicIncident, PublicMonth, PublicNotice

_DAY_S = 86_400.0
_HECTARES_STEP = 10
_NOTHING = {AlertStatus.FALSE_ALARM, AlertStatus.WITHDRAWN}
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """One incident as the store has it."""

    hazard: Hazard
    status: AlertStatus
    lat: float
    lon: float
    first_seen: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class FlightFact:
    """One flight that was flown, and how much ground it looked at."""

    ended_at: datetime
    hectares: float


def as_of(now_unix_s: float, delay_s: float) -> datetime:
    """The last beginning of a day, UTC, that lies the delay back."""
    return utc_from_unix(math.floor((now_unix_s - delay_s) / _DAY_S) * _DAY_S)


def notice(
    incidents: Iterable[IncidentFact],
    flights: Iterable[FlightFact],
    at: datetime,
    config: PublicSection,
    *,
    simulated: bool,
) -> PublicNotice:
    """What is told at a moment that :func:`as_of` gave."""
    real = [i for i in incidents if i.first_seen < at and i.hazard in config.hazards and i.status not in _NOTHING]
    flown = [f for f in flights if f.ended_at < at]
    return PublicNotice(
        as_of=at,
        district=config.district,
        incidents=_incidents(real, at, config),
        months=tuple(_months(real, flown, at, config)),
        fewer_than=config.fewer_than,
        simulated=simulated,
    )


def _incidents(real: Iterable[IncidentFact], at: datetime, config: PublicSection) -> tuple[PublicIncident, ...]:
    """Those of the last days, each kind, day and cell once. It is over when all of them are."""
    since = at - timedelta(days=config.days)
    over: dict[tuple[str, Hazard, float, float], bool] = {}
    for incident in real:
        if incident.first_seen >= since:
            day = incident.first_seen.astimezone(UTC).date().isoformat()
            key = (day, incident.hazard, *((0.0, 0.0) if config.district else _centre(incident, config.cell_deg)))
            ended = incident.closed_at is not None and incident.closed_at < at
            over[key] = ended and over.get(key, True)
    return tuple(
        PublicIncident(
            hazard=hazard,
            day=datetime.fromisoformat(day).date(),
            state="over" if over[day, hazard, lat, lon] else "reported",
            cell=None if config.district else PublicCell(lat=lat, lon=lon, size_deg=config.cell_deg),
        )
        for day, hazard, lat, lon in sorted(over)
    )


def _centre(incident: IncidentFact, cell_deg: float) -> tuple[float, float]:
    lat, lon = ((math.floor(degrees / cell_deg) + 0.5) * cell_deg for degrees in (incident.lat, incident.lon))
    return round(min(lat, 90.0), _DECIMALS), round(min(lon, 180.0), _DECIMALS)


def _months(
    real: Sequence[IncidentFact], flown: Sequence[FlightFact], at: datetime, config: PublicSection
) -> Iterable[PublicMonth]:
    """Figures of each month, the newest first."""
    flights = Counter(_month(flight.ended_at) for flight in flown)
    incidents = Counter(_month(incident.first_seen) for incident in real)
    hectares: defaultdict[str, float] = defaultdict(float)
    for flight in flown:
        hectares[_month(flight.ended_at)] += flight.hectares
    last = at - timedelta(days=1)  # the last day of which everything is known
    for back in range(config.months):
        months = last.year * 12 + last.month - 1 - back
        month = f"{months // 12:04d}-{months % 12 + 1:02d}"
        seen = flights[month] >= config.fewer_than
        yield PublicMonth(
            month=month,
            complete=month < _month(at),
            flights=flights[month] if seen else None,
            hectares=round(hectares[month] / _HECTARES_STEP) * _HECTARES_STEP if seen else None,
            incidents=incidents[month] if incidents[month] >= config.fewer_than else None,
        )


def _month(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m")
