"""What the store knows of incidents and flights, for the public notice. Steps of the caller's transaction."""

import sqlite3
from datetime import datetime

from shapely.geometry import Point
from shapely.ops import unary_union

from agent.alerts.public.notice import FlightFact, IncidentFact
from agent.core.clock import utc_from_unix
from agent.core.geo import LocalFrame
from agent.domain.alert import AlertStatus
from agent.domain.hazard import Hazard
from agent.domain.route import Route
from agent.domain.status import FlightReport

_M2_PER_HECTARE = 10_000.0

# The bodies are large, so the few members that matter are picked out by the database.
_INCIDENTS = """
SELECT json_extract(body, '$.current.hazard'), json_extract(body, '$.current.status'),
    json_extract(body, '$.current.position.lat'), json_extract(body, '$.current.position.lon'),
    json_extract(body, '$.current.first_seen'), json_extract(body, '$.closed_at')
FROM incident WHERE changed_unix_s >= ? AND json_extract(body, '$.current.simulated') = ?
"""
_FLIGHTS = "SELECT ended_unix_s, hectares FROM flown WHERE ended_unix_s >= ? AND simulated = ?"
_FLOWN = "INSERT OR REPLACE INTO flown (flight, ended_unix_s, hectares, simulated) VALUES (?, ?, ?, ?)"


def load(connection: sqlite3.Connection, since_unix_s: float, simulated: bool) -> tuple[list[IncidentFact], list[FlightFact]]:  # noqa: FBT001 a column
    """Incidents that changed and flights that ended since then; exercises, or real ones."""
    values = (since_unix_s, simulated)
    incidents = [
        IncidentFact(Hazard(hazard), AlertStatus(status), lat, lon, _moment(first_seen), _moment(closed) if closed else None)
        for hazard, status, lat, lon, first_seen, closed in connection.execute(_INCIDENTS, values)
    ]
    flights = [FlightFact(utc_from_unix(ended), hectares) for ended, hectares in connection.execute(_FLIGHTS, values)]
    return incidents, flights


def keep(connection: sqlite3.Connection, report: FlightReport, hectares: float, simulated: bool) -> None:  # noqa: FBT001 a column
    """Remembers a flight that has ended."""
    assert report.ended_at is not None  # noqa: S101 the caller asks for the end
    connection.execute(_FLOWN, (report.flight, report.ended_at.timestamp(), hectares, simulated))


def hectares_seen(report: FlightReport, route: Route | None) -> float:
    """Ground that a flight looked at: within the drone's height around each imaged point, overlaps counted once.

    That is what a camera with a view of 90 degrees sees when it looks straight down; an oblique one sees farther, less well.
    """
    imaged = {point.id for point in report.points if point.imaged}
    points = [p for p in route.points if p.id in imaged] if route else []
    if not points:
        return 0.0
    frame = LocalFrame(points[0].place)
    places = [(frame.to_local(p.place), p.height_agl_m) for p in points]
    seen = unary_union([Point(place.east_m, place.north_m).buffer(height_m) for place, height_m in places])
    return float(seen.area) / _M2_PER_HECTARE


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
