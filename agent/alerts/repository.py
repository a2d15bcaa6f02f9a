"""Incidents in the database. Steps of the caller's transaction, so that an incident and its messages are safe together."""

import sqlite3
from datetime import datetime

from agent.alerts.incident import Incident

_SAVE = "INSERT OR REPLACE INTO incident (alert, closed, changed_unix_s, body) VALUES (?, ?, ?, ?)"
_LOAD = "SELECT body FROM incident WHERE closed = 0 OR changed_unix_s >= ? ORDER BY changed_unix_s"


def save(connection: sqlite3.Connection, incident: Incident, at: datetime) -> None:
    """Writes an incident over its former state."""
    connection.execute(_SAVE, (incident.id, incident.closed, at.timestamp(), incident.model_dump_json()))


def load(connection: sqlite3.Connection, closed_since_unix_s: float) -> list[Incident]:
    """All open incidents, and those closed since a moment; oldest change first."""
    return [Incident.model_validate_json(row["body"]) for row in connection.execute(_LOAD, (closed_since_unix_s,))]
