"""Messages that must reach the hub. A message is in here from the transaction that decided on it until the broker's PUBACK.

Knows order, priority and what the broker is believed to retain. Must not know MQTT, nor what a message says.
All functions that take a connection are steps of the caller's transaction.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from itertools import islice, zip_longest

from agent.core.clock import Clock
from agent.store.database import Database

_REPORT_KEPT_S = 7 * 86_400.0
_CLEARED_KEPT_S = 30 * 86_400.0


class Priority(IntEnum):
    """Which message goes first; lower goes first. The numbers stand in the database."""

    ALERT = 0
    PICTURE = 5
    FLIGHT_REPORT = 10
    STATUS = 20


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as it will be published.

    Attributes:
        message_id: CloudEvents id; the same however often it is sent.
        order_key: messages of one key are delivered in the order of their commitment.
        payload: the bytes; empty on a retained topic clears it.
        event_type: CloudEvents type.
        subject: CloudEvents subject.
        event_unix_s: CloudEvents time.
        expiry_s: worth nothing so long after it was published; None: never.
        captured_unix_s: capture time of the frame that led to it, where one did.
        correlation: MQTT 5 correlation data of the request that it answers.
    """

    message_id: str
    priority: Priority
    order_key: str
    topic: str
    payload: bytes
    content_type: str
    event_type: str
    subject: str
    event_unix_s: float
    retain: bool
    expiry_s: float | None = None
    captured_unix_s: float | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """A message in its place in the queue."""

    seq: int
    message: Message
    committed_unix_s: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits: messages by priority, and how many were set aside."""

    waiting: dict[Priority, int]
    set_aside: int


_MESSAGE = tuple(f.name for f in fields(Message))
_RETAINED = tuple(name for name in _MESSAGE if name not in {"retain", "correlation"})
_INSERT = f"""
INSERT OR IGNORE INTO outbox ({", ".join(_MESSAGE)}, committed_unix_s) VALUES ({", ".join("?" * (len(_MESSAGE) + 1))})
"""  # noqa: S608 column names are our own
_OLDEST = "SELECT * FROM outbox WHERE head = 1 ORDER BY priority, again, seq"
_NEWEST = "SELECT * FROM outbox WHERE head = 1 AND priority = 0 AND again = 0 ORDER BY seq DESC"
_KEEP_RETAINED = f"""
INSERT OR REPLACE INTO retained ({", ".join(_RETAINED)}, until_unix_s) VALUES ({", ".join("?" * (len(_RETAINED) + 1))})
"""  # noqa: S608 column names are our own
_RESEND = f"""
INSERT OR IGNORE INTO outbox ({", ".join(_RETAINED)}, retain, committed_unix_s, again)
SELECT {", ".join(_RETAINED)}, 1, :now, 1 FROM retained
WHERE (until_unix_s IS NULL OR until_unix_s > :now) AND (:under IS NULL OR topic = :under OR topic LIKE :under || '/%')
  AND topic NOT IN (SELECT topic FROM outbox WHERE set_aside IS NULL)
ORDER BY priority, rowid
"""  # noqa: S608 column names are our own


class Outbox:
    """The queue in a database.

    Args:
        database: the file it lives in.
        clock: gives the time of commitment.
        quota_bytes: most bytes of messages; beyond it the least important and oldest go, alerts never.

    Attributes:
        evicted: how many messages went because of the quota, since the start.
        changed: set after every commitment; who drains the queue clears it and waits for it. Whoever uses :meth:`put` in a
            transaction of its own sets it afterwards, on the event loop.
    """

    def __init__(self, database: Database, clock: Clock, quota_bytes: int = 1_000_000_000) -> None:
        self.database = database
        self._clock = clock
        self._quota_bytes = quota_bytes
        self._resting: dict[int, float] = {}
        self.changed = asyncio.Event()
        self.evicted = 0

    def put(self, connection: sqlite3.Connection, messages: Iterable[Message], *, newest_only: bool = False) -> None:
        """Adds messages in the caller's transaction.

        Args:
            connection: the caller's transaction.
            messages: in the order in which they shall be delivered.
            newest_only: a waiting message of the same topic is replaced, for what only counts in its newest form.
        """
        now = self._clock.unix_s()
        for message in messages:
            if newest_only:
                connection.execute("DELETE FROM outbox WHERE topic = ? AND set_aside IS NULL", (message.topic,))
            connection.execute(_INSERT, (*(getattr(message, name) for name in _MESSAGE), now))

    async def submit(self, *messages: Message, newest_only: bool = False) -> None:
        """Adds messages in a transaction of their own; returns when they are safe.

        Raises:
            StoreError: they are not safe.
        """
        await self.database.run(self.put, messages, newest_only=newest_only)
        self.changed.set()

    async def heads(self, limit: int, *, newest_first: bool = False) -> list[Queued]:
        """What may go next: the first of each order key, the most urgent first.

        Among alerts, the newest and the longest waiting by turns: a new alert overtakes a backlog of alerts, and none starves.

        Args:
            limit: how many at most.
            newest_first: whose turn it is.
        """
        now_s = asyncio.get_running_loop().time()
        self._resting = {seq: until_s for seq, until_s in self._resting.items() if until_s > now_s}
        return await self.database.read(_heads, limit, frozenset(self._resting), newest_first=newest_first)

    async def delivered(self, done: Sequence[Queued]) -> None:
        """The broker has them: out of the queue, and remembered where it retains them."""
        await self.database.run(self._delivered, done)

    def _delivered(self, connection: sqlite3.Connection, done: Sequence[Queued]) -> None:
        for queued in done:
            connection.execute("DELETE FROM outbox WHERE seq = ?", (queued.seq,))
            message = queued.message
            if message.retain and message.payload:
                until = None if message.expiry_s is None else self._clock.unix_s() + message.expiry_s
                connection.execute(_KEEP_RETAINED, (*(getattr(message, name) for name in _RETAINED), until))
                connection.execute("DELETE FROM cleared WHERE topic = ?", (message.topic,))
            elif message.retain:
                connection.execute("DELETE FROM retained WHERE topic = ?", (message.topic,))
                connection.execute("INSERT OR REPLACE INTO cleared VALUES (?, ?)", (message.topic, self._clock.unix_s()))

    async def postpone(self, queued: Queued, delay_s: float) -> None:
        """Tries the message again later, or at the next start; those behind it in its order wait with it."""
        self._resting[queued.seq] = asyncio.get_running_loop().time() + delay_s
        await self.database.run(_update, "attempts = attempts + 1", (queued.seq,))

    async def set_aside(self, queued: Queued, reason: str) -> None:
        """Takes a message that will never be accepted out of the way; it stays in the file with its reason."""
        await self.database.run(_update, "set_aside = ?", (reason, queued.seq))

    async def retry_set_aside(self) -> int:
        """Puts alerts and pictures that were set aside back into the queue: the reason may be gone since. Returns how many."""
        count = await self.database.run(_retry_set_aside)
        self.changed.set()
        return count

    async def resend_retained(self) -> int:
        """Queues all that the broker should retain, with the same ids, for a broker that forgot. Returns how many."""
        count = await self.database.run(self._resend_retained)
        self.changed.set()
        return count

    def _resend_retained(self, connection: sqlite3.Connection) -> int:
        return connection.execute(_RESEND, {"now": self._clock.unix_s(), "under": None}).rowcount

    async def resend(self, topics: Sequence[str]) -> None:
        """Queues what the broker should retain on these topics and below them, with the same ids."""
        await self.database.run(self._resend, topics)
        self.changed.set()

    def _resend(self, connection: sqlite3.Connection, topics: Sequence[str]) -> None:
        now = self._clock.unix_s()
        connection.executemany(_RESEND, [{"now": now, "under": topic} for topic in topics])

    async def told(self) -> dict[str, str]:
        """Topics where the broker should retain alerts, in any form -> message id; without those for which something waits."""
        return await self.database.read(_told)

    async def cleared_among(self, topics: set[str]) -> list[str]:
        """Which of these topics were cleared and not used since."""
        return await self.database.read(_cleared_among, topics)

    async def prune(self) -> int:
        """Drops what is worth nothing any more. Alerts are never dropped. Returns how many messages went."""
        return await self.database.run(self._prune)

    def _prune(self, connection: sqlite3.Connection) -> int:
        now = self._clock.unix_s()
        connection.execute("DELETE FROM retained WHERE until_unix_s <= ?", (now,))
        connection.execute("DELETE FROM cleared WHERE at_unix_s <= ?", (now - _CLEARED_KEPT_S,))
        old = "DELETE FROM outbox WHERE priority >= ? AND committed_unix_s <= ?"
        return connection.execute(old, (Priority.FLIGHT_REPORT, now - _REPORT_KEPT_S)).rowcount

    async def keep_quota(self) -> int:
        """Evicts what is too much: the least important first, of these the oldest. Alerts stay. Returns how many went."""
        count = await self.database.run(_evict, self._quota_bytes)
        self.evicted += count
        return count

    async def depth(self) -> Depth:
        """How much waits."""
        return await self.database.read(_depth)


def _heads(connection: sqlite3.Connection, limit: int, resting: frozenset[int], *, newest_first: bool) -> list[Queued]:
    sides = [_rows(connection, query, limit, resting) for query in (_NEWEST, _OLDEST)]
    by_turns = zip_longest(*(sides if newest_first else reversed(sides)))
    found = {queued.seq: queued for pair in by_turns for queued in pair if queued is not None}
    return list(found.values())[:limit]


def _rows(connection: sqlite3.Connection, query: str, limit: int, resting: frozenset[int]) -> list[Queued]:
    rows = (row for row in connection.execute(query) if row["seq"] not in resting)
    return [Queued(row["seq"], _message(row), row["committed_unix_s"], row["attempts"]) for row in islice(rows, limit)]


def _evict(connection: sqlite3.Connection, quota_bytes: int) -> int:
    too_much = connection.execute("SELECT SUM(LENGTH(payload)) FROM outbox").fetchone()[0] or 0
    too_much -= quota_bytes
    count = 0
    if too_much <= 0:
        return count
    order = "SELECT seq, LENGTH(payload) FROM outbox WHERE priority > ? ORDER BY priority DESC, seq"
    for seq, size in connection.execute(order, (Priority.ALERT,)).fetchall():
        connection.execute("DELETE FROM outbox WHERE seq = ?", (seq,))
        too_much, count = too_much - size, count + 1
        if too_much <= 0:
            break
    return count


def _update(connection: sqlite3.Connection, what: str, values: tuple[object, ...]) -> None:
    connection.execute(f"UPDATE outbox SET {what} WHERE seq = ?", values)  # noqa: S608 fixed text


def _retry_set_aside(connection: sqlite3.Connection) -> int:
    back = "UPDATE outbox SET set_aside = NULL, attempts = 0 WHERE set_aside IS NOT NULL AND priority <= ?"
    return connection.execute(back, (Priority.PICTURE,)).rowcount


def _told(connection: sqlite3.Connection) -> dict[str, str]:
    query = """
    SELECT topic, message_id FROM retained
    WHERE priority = ? AND topic NOT IN (SELECT topic FROM outbox WHERE set_aside IS NULL)
    """
    return {row["topic"]: row["message_id"] for row in connection.execute(query, (Priority.ALERT,))}


def _cleared_among(connection: sqlite3.Connection, topics: set[str]) -> list[str]:
    known = {row["topic"] for row in connection.execute("SELECT topic FROM cleared")}
    return sorted(known & topics)


def _depth(connection: sqlite3.Connection) -> Depth:
    rows = connection.execute("SELECT priority, COUNT(*) FROM outbox WHERE set_aside IS NULL GROUP BY priority")
    waiting = {Priority(row[0]): int(row[1]) for row in rows}
    aside = connection.execute("SELECT COUNT(*) FROM outbox WHERE set_aside IS NOT NULL").fetchone()[0]
    return Depth(waiting, int(aside))


def _message(row: sqlite3.Row) -> Message:
    values = {name: row[name] for name in _MESSAGE}
    return Message(**{**values, "priority": Priority(row["priority"]), "retain": bool(row["retain"])})
