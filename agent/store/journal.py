"""The flight journal: one row for every change of state, so that a restarted agent knows what is in the air and why.

Rows are only added. ``append`` returns when the row is on the disk; it is called on the event loop, because what follows a
change of state must not begin before the change is safe, and a row is small. The journal has a file of its own, so it never
waits behind a picture that the outbox is writing.
"""

import sqlite3
from typing import Any

from pydantic import Field

from agent.domain.wire import Utc, Wire
from agent.store.database import Database

_KEPT_ROWS = 50_000


class JournalEntry(Wire):
    """Where a flight stands.

    Attributes:
        flight: the flight's id.
        route: the route's id.
        state: state of the flight table.
        at: when it was entered.
        event: what led there.
        plan_sha256: digest of the uploaded plan; None before the upload.
        breakpoint_index: where to go on; None: nothing to go on with.
        points_seen: ids of inspection points that were reached and imaged.
        detail: whatever else the flight must find again; plain JSON values.
    """

    flight: str
    route: str
    state: str
    at: Utc
    event: str = ""
    plan_sha256: str | None = None
    breakpoint_index: int | None = None
    points_seen: tuple[str, ...] = ()
    detail: dict[str, Any] = Field(default_factory=dict)


class Journal:
    """The journal in its database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def append(self, entry: JournalEntry) -> int:
        """Adds a row and returns its number once it is on the disk.

        Raises:
            StoreError: it is not on the disk.
        """
        with self.database.transaction() as connection:
            row = (entry.flight, entry.at.timestamp(), entry.model_dump_json())
            seq = connection.execute("INSERT INTO journal (flight, at_unix_s, body) VALUES (?, ?, ?)", row).lastrowid
            assert seq is not None  # noqa: S101 an INSERT has a row number
            if seq % 1000 == 0:
                connection.execute("DELETE FROM journal WHERE seq <= ?", (seq - _KEPT_ROWS,))
            return seq

    def latest(self) -> JournalEntry | None:
        """The newest row; None in a new nest."""
        return self._one("SELECT body FROM journal ORDER BY seq DESC LIMIT 1", ())

    def of_flight(self, flight: str) -> tuple[JournalEntry, ...]:
        """All rows of a flight, oldest first."""
        with self.database.transaction(write=False) as connection:
            rows = connection.execute("SELECT body FROM journal WHERE flight = ? ORDER BY seq", (flight,)).fetchall()
        return tuple(_entry(row) for row in rows)

    def _one(self, query: str, values: tuple[object, ...]) -> JournalEntry | None:
        with self.database.transaction(write=False) as connection:
            row = connection.execute(query, values).fetchone()
        return _entry(row) if row else None


def _entry(row: sqlite3.Row) -> JournalEntry:
    return JournalEntry.model_validate_json(row["body"])
