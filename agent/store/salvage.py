"""What to do with a damaged database: keep it, and read out of it what can be read.

Knows SQLite files. Must not know what the rows mean: a row that fits its table in the new file is taken.
"""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

_GIVE_UP_AFTER = 2000  # unreadable row numbers in a row


def set_aside(path: Path) -> Path:
    """Renames the file and its WAL; the first free name ``NAME.damaged-N``. Returns the new path."""
    target = next(t for n in itertools.count(1) if not (t := path.with_name(f"{path.name}.damaged-{n}")).exists())
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(target.with_name(target.name + suffix))
    path.rename(target)
    return target


def salvage(damaged: Path, into: sqlite3.Connection) -> int:
    """Copies every readable row of every table known to the new file. Returns how many."""
    try:
        source = sqlite3.connect(f"file:{quote(str(damaged))}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error:
        return 0
    with contextlib.closing(source):
        return sum(_copy_table(source, into, table) for table in _tables(into))


def schema_of(damaged: Path) -> int | None:
    """The version of the schema, where its page can be read; None also for a file that never had one."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(damaged))}?mode=ro", uri=True)) as source:
            return int(source.execute("PRAGMA user_version").fetchone()[0]) or None
    except sqlite3.Error:
        return None


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [str(row[0]) for row in connection.execute(query)]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]


def _copy_table(source: sqlite3.Connection, into: sqlite3.Connection, table: str) -> int:
    try:
        there = _columns(source, table)
    except sqlite3.Error:
        return 0
    columns = [name for name in _columns(into, table) if name in there]
    if not columns:
        return 0
    marks = ", ".join("?" * len(columns))
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 names from our own schema
    return sum(_insert(into, insert, tuple(row)) for row in _rows(source, table, columns))


def _insert(into: sqlite3.Connection, statement: str, row: tuple[object, ...]) -> int:
    try:
        return into.execute(statement, row).rowcount
    except sqlite3.IntegrityError:
        return 0


def _rows(source: sqlite3.Connection, table: str, columns: list[str]) -> Iterator[tuple[object, ...]]:
    """Rows by row number, stepping over what cannot be read."""
    select = f"SELECT rowid, {', '.join(columns)} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT 1"  # noqa: S608 as above
    at, misses = 0, 0
    while misses < _GIVE_UP_AFTER:
        try:
            row = source.execute(select, (at,)).fetchone()
        except sqlite3.DatabaseError:
            at, misses = at + 1, misses + 1
            continue
        if row is None:
            return
        at, misses = int(row[0]), 0
        yield tuple(row[1:])
