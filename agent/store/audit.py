"""The audit log: what was asked of the nest, what it decided and what it did. Each entry holds the digest of the one before it.

Whoever changes or takes out an entry must change all that follow it, and then no longer has the digest that departments got
with their answers (docs/decisions/0052-audit-log.md). Functions that take a connection are steps of the caller's transaction.
"""

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from agent.domain.wire import Utc, Wire
from agent.store.database import store_error

_FIRST = "0" * 64


class AuditEntry(Wire):
    """One thing that happened.

    Attributes:
        what: request, cancel, dropped, or a reply's kind such as started or done.
        department: by the topic it came on.
        request: id of the request it is about.
        by: the person that the message names.
        codes: why, as codes of the table.
        words: the same for a person.
        data_sha256: digest of the message as it came.
        signed: whether it had a signature that was right.
        flight: the flight it is about.
    """

    at: Utc
    what: str
    department: str
    request: str | None = None
    by: str | None = None
    codes: tuple[str, ...] = ()
    words: str = ""
    data_sha256: str | None = None
    signed: bool | None = None
    flight: str | None = None


class Row(NamedTuple):
    """An entry as it is kept."""

    seq: int
    previous: str
    body: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the log found.

    Attributes:
        entries: how many were right, from the first one on.
        head: digest of the last of them.
        broken: what is wrong with the next one; empty where all are right.
    """

    entries: int
    head: str
    broken: str = ""


def append(connection: sqlite3.Connection, entry: AuditEntry) -> str:
    """Adds an entry. Returns its digest."""
    last = connection.execute("SELECT seq, sha256 FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (last["seq"] + 1, last["sha256"]) if last else (1, _FIRST)
    body = entry.model_dump_json(exclude_none=True)
    sha256 = digest(seq, previous, body)
    connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?)", (seq, previous, body, sha256))
    return sha256


def digest(seq: int, previous: str, body: str) -> str:
    """SHA-256 of an entry and all before it."""
    return hashlib.sha256(f"{seq}\n{previous}\n{body}".encode()).hexdigest()


def verify(rows: Iterable[Row]) -> Verdict:
    """Checks the chain from its first entry. Pure."""
    previous, entries = _FIRST, 0
    for row in rows:
        if row.seq != entries + 1:
            return Verdict(entries, previous, f"entry {entries + 1} is missing; entry {row.seq} follows")
        if row.previous != previous:
            return Verdict(entries, previous, f"entry {row.seq} does not follow the one before it")
        if digest(*row[:3]) != row.sha256:
            return Verdict(entries, previous, f"entry {row.seq} was changed")
        previous, entries = row.sha256, entries + 1
    return Verdict(entries, previous)


def read(path: Path) -> list[Row]:
    """All entries of a database, which an agent may be using.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return [Row(*row) for row in connection.execute("SELECT seq, previous, body, sha256 FROM audit ORDER BY seq")]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise store_error(path, error) from error
