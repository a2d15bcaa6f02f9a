"""Pictures on disk, named by their SHA-256, within a quota.

Knows files and what may go first. Must not know why a picture matters: the caller gives its importance.
"""

import asyncio
import contextlib
import hashlib
import sqlite3
import stat
import time
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from agent.core.errors import StoreError
from agent.core.files import write_whole
from agent.store.database import Database

_ORPHAN_AFTER_S = 3600.0


class Importance(IntEnum):
    """What goes first when space is short: lower goes first, and among equals the oldest."""

    ROUTINE = 0
    CLOSED_ALERT = 1
    OPEN_ALERT = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is to be kept.

    Attributes:
        data: the encoded file.
        suffix: of the file name, e.g. ``.jpg``.
        captured_unix_s: when it was taken.
        alert: whose evidence it is.
    """

    data: bytes
    suffix: str
    importance: Importance
    captured_unix_s: float
    alert: str | None = None


_UPSERT = """
INSERT INTO media (sha256, suffix, bytes, importance, captured_unix_s, alert) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (sha256) DO UPDATE SET importance = max(importance, excluded.importance), alert = coalesce(excluded.alert, alert)
"""


class Media:
    """The pictures of a nest.

    Args:
        directory: where the files lie.
        database: where their list lies.
        quota_bytes: most space for all of them.
    """

    def __init__(self, directory: Path, database: Database, quota_bytes: int) -> None:
        self.directory = directory
        self.quota_bytes = quota_bytes
        self._database = database

    def path_of(self, sha256: str, suffix: str) -> Path:
        """Where a picture lies."""
        return self.directory / sha256[:2] / f"{sha256}{suffix}"

    async def add(self, picture: Picture) -> str:
        """Keeps a picture and makes room for it. Returns its SHA-256.

        Raises:
            StoreError: the disk does not take it.
        """
        return await self._database.run(self._add, picture)

    def _add(self, connection: sqlite3.Connection, picture: Picture) -> str:
        sha256 = hashlib.sha256(picture.data).hexdigest()
        path = self.path_of(sha256, picture.suffix)
        if not path.exists():
            _write(path, picture.data)
        row = (sha256, picture.suffix, len(picture.data), picture.importance, picture.captured_unix_s, picture.alert)
        connection.execute(_UPSERT, row)
        self._evict(connection, self.quota_bytes, spare=sha256)
        return sha256

    async def make_room(self, free_bytes: int) -> int:
        """Frees so much space if it can, for what matters more than pictures. Returns how many files went."""
        used = await self.used_bytes()
        return await self._database.run(self._evict, max(0, used - free_bytes))

    async def keep_house(self, evidence: Path) -> int:
        """Removes files that nobody lists, and the oldest evidence that does not fit beside the pictures. Returns how many.

        Args:
            evidence: where the vision process leaves its pictures; those of alerts are copied from there.
        """
        listed, used = await self._database.read(_listed), await self.used_bytes()
        limit_bytes = max(self.quota_bytes // 10, self.quota_bytes - used)
        return await asyncio.to_thread(_tidy, self.directory, listed, evidence, limit_bytes)

    async def used_bytes(self) -> int:
        """Space that the listed pictures take."""
        return await self._database.read(_used)

    def _evict(self, connection: sqlite3.Connection, limit_bytes: int, spare: str = "") -> int:
        over = _used(connection) - limit_bytes
        gone = 0
        if over <= 0:
            return gone
        query = "SELECT sha256, suffix, bytes FROM media WHERE sha256 != ? ORDER BY importance, captured_unix_s"
        for row in connection.execute(query, (spare,)).fetchall():
            if over <= 0:
                break
            _remove(self.path_of(row["sha256"], row["suffix"]))
            connection.execute("DELETE FROM media WHERE sha256 = ?", (row["sha256"],))
            over -= row["bytes"]
            gone += 1
        return gone


def _used(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(sum(bytes), 0) FROM media").fetchone()[0])


def _listed(connection: sqlite3.Connection) -> set[str]:
    return {row["sha256"] for row in connection.execute("SELECT sha256 FROM media")}


def _tidy(directory: Path, listed: set[str], evidence: Path, limit_bytes: int) -> int:
    before = time.time() - _ORPHAN_AFTER_S  # a file that is being written has no row yet
    orphans = [f for f in _files(directory) if f.path.stem not in listed and f.changed_unix_s < before]
    files = sorted(_files(evidence), key=lambda f: f.changed_unix_s)
    over = sum(f.size_bytes for f in files) - limit_bytes
    too_much = []
    for file in files:
        if over <= 0:
            break
        too_much.append(file)
        over -= file.size_bytes
    for file in (*orphans, *too_much):
        _remove(file.path)
    return len(orphans) + len(too_much)


class _File(NamedTuple):
    path: Path
    size_bytes: int
    changed_unix_s: float


def _files(directory: Path) -> list[_File]:
    """All files below a folder; one that goes meanwhile is left out."""
    found = []
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            state = path.stat()
            if stat.S_ISREG(state.st_mode):
                found.append(_File(path, state.st_size, state.st_mtime))
    return found


def alert_closed(connection: sqlite3.Connection, alert: str) -> None:
    """The alert is closed: its pictures may go before those of open ones. A step of the caller's transaction."""
    connection.execute("UPDATE media SET importance = ? WHERE alert = ?", (Importance.CLOSED_ALERT, alert))


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise StoreError("store.picture", f"{path}: cannot be written ({error})") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError("store.picture", f"{path}: cannot be removed ({error})") from error
