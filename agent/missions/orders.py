"""A request as the nest keeps it, and where it is kept.

Functions that take a connection are steps of the caller's transaction, so that a request, its answer and its entry in the audit
log are safe together.
"""

import hashlib
import sqlite3
from datetime import datetime
from enum import StrEnum

from agent.domain.request import FlightReply, FlightRequest
from agent.domain.route import Route
from agent.domain.status import Reason
from agent.domain.wire import Utc, Wire
from agent.missions.arbiter import Candidate

_KEPT_S = 7 * 86_400.0  # after the expiry; an expired request is refused whether it is known or not
_SAVE = "INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class OrderState(StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    TAKEN = "taken"
    FLYING = "flying"
    CLOSED = "closed"


class ReplyPlace(Wire):
    """A further place for the answers; correlation data in hexadecimal."""

    topic: str
    correlation: str | None = None


class Order(Wire):
    """A request and what became of it.

    Attributes:
        digest: of the request's content, to know it again.
        earliest: not to be started before.
        again_at: not to be tried again before.
        route: what is flown next; None for a request that was refused.
        reply_to: further place for its answers.
        reply: the last answer, and under which message id it went.
        taken_at: when it was last given to the flight.
        flight: the flight that it became.
        flights: how many times it was airborne.
        flown_at: when it last became airborne.
        points_seen: in all its flights.
        points_total: of the route as it was asked for.
        cancelled_by: who took it back.
        alert: the alert whose place is looked at again.
    """

    request: FlightRequest
    digest: str
    state: OrderState
    received_at: Utc
    earliest: Utc
    again_at: Utc | None = None
    route: Route | None = None
    reply_to: ReplyPlace | None = None
    reply: FlightReply
    reply_id: str
    taken_at: Utc | None = None
    flight: str | None = None
    flights: int = 0
    flown_at: Utc | None = None
    points_seen: tuple[str, ...] = ()
    points_total: int = 0
    cancelled_by: Reason | None = None
    alert: str | None = None

    @property
    def key(self) -> str:
        """Names it among all: two departments may use one id."""
        return f"{self.request.department}/{self.request.request}"

    @property
    def candidate(self) -> Candidate:
        """As the arbiter sees it."""
        asked = self.request
        return Candidate(
            self.key, asked.department, asked.priority, self.received_at, self.earliest, asked.expires, self.again_at
        )


def digest_of(request: FlightRequest) -> str:
    """SHA-256 of what is asked for, however it was written."""
    return hashlib.sha256(request.model_dump_json().encode()).hexdigest()


def save(connection: sqlite3.Connection, order: Order) -> None:
    """Writes an order over its former state."""
    asked = order.request
    row = (asked.department, asked.request, order.state is not OrderState.CLOSED, order.reply.answer != "refused")
    times = (order.received_at.timestamp(), asked.expires.timestamp(), order.flown_at.timestamp() if order.flown_at else None)
    connection.execute(_SAVE, (*row, *times, order.model_dump_json()))


def find(connection: sqlite3.Connection, department: str, request: str) -> Order | None:
    """The order of a request; None where it was never heard of."""
    query = "SELECT body FROM request WHERE department = ? AND request = ?"
    row = connection.execute(query, (department, request)).fetchone()
    return Order.model_validate_json(row["body"]) if row else None


def load_open(connection: sqlite3.Connection) -> list[Order]:
    """All that are not closed, oldest first."""
    rows = connection.execute("SELECT body FROM request WHERE open = 1 ORDER BY received_unix_s, request")
    return [Order.model_validate_json(row["body"]) for row in rows]


def accepted_since(connection: sqlite3.Connection, department: str, since: datetime) -> int:
    """How many requests of a department were accepted since a moment."""
    query = "SELECT COUNT(*) FROM request WHERE department = ? AND accepted = 1 AND received_unix_s >= ?"
    return int(connection.execute(query, (department, since.timestamp())).fetchone()[0])


def flown_since(connection: sqlite3.Connection, since: datetime) -> list[tuple[str, float]]:
    """Department and Unix time of the last flight of each request that flew since a moment."""
    rows = connection.execute("SELECT department, flown_unix_s FROM request WHERE flown_unix_s >= ?", (since.timestamp(),))
    return [(row[0], row[1]) for row in rows]


def prune(connection: sqlite3.Connection, now: datetime) -> None:
    """Forgets closed requests that could not be played again any more."""
    connection.execute("DELETE FROM request WHERE open = 0 AND expires_unix_s < ?", (now.timestamp() - _KEPT_S,))
