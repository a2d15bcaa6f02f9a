"""One SQLite file: durable, checked at start, migrated by numbered SQL files.

Knows SQLite and its errors. Must not know what is stored. Every failure of the disk leaves as StoreError with a code.
A transaction may be used from any thread, one at a time; ``run`` moves it to the file's own worker thread, so that an fsync
never holds up the event loop (docs/decisions/0010-sqlite-on-a-worker-thread.md).
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from agent.core.errors import StoreError
from agent.store.salvage import salvage, schema_of, set_aside

P = ParamSpec("P")
T = TypeVar("T")

_BUSY_TIMEOUT_S = 5.0

# Prefix of SQLite's error name -> our code; the first that fits.
_CODES: tuple[tuple[str, str], ...] = (
    ("SQLITE_FULL", "store.full"),
    ("SQLITE_READONLY", "store.read_only"),
    ("SQLITE_CANTOPEN", "store.unusable"),
    ("SQLITE_PERM", "store.unusable"),
    ("SQLITE_CORRUPT", "store.damaged"),
    ("SQLITE_NOTADB", "store.damaged"),
    ("SQLITE_BUSY", "store.busy"),
    ("SQLITE_LOCKED", "store.busy"),
)


def store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """The error as the product names it."""
    name = getattr(error, "sqlite_errorname", "")
    code = next((code for prefix, code in _CODES if name.startswith(prefix)), "store.failed")
    return StoreError(code, f"{path}: {error} ({name or type(error).__name__})")


class Database:
    """An open database file. Use :meth:`open`.

    Attributes:
        path: the file.
        damaged: where a damaged predecessor was put at start; None when all was well.
        saved_rows: rows that were read out of the damaged file.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.damaged: Path | None = None
        self.saved_rows = 0
        self._connection = connection
        self._lock = threading.RLock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=path.stem)

    @classmethod
    def open(cls, path: Path, migrations: str) -> Self:
        """Opens or makes the file, checks it and brings it to the newest schema.

        A damaged file is set aside beside it and its readable rows are carried into a new one.

        Args:
            path: the file.
            migrations: folder of numbered SQL files in ``agent.store.sql``.

        Raises:
            StoreError: the disk does not let us, or the file is of a newer product.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError("store.unusable", f"{path.parent}: cannot be made ({error})") from error
        steps = _steps(migrations)
        try:
            connection = _connect(path)
        except StoreError as error:
            if error.code != "store.damaged":
                raise
            return cls._renewed(path, steps)
        if not _sound(connection):
            connection.close()
            return cls._renewed(path, steps)
        database = cls(path, connection)
        try:
            database._migrate(steps)
        except StoreError:
            database.close()
            raise
        return database

    @classmethod
    def _renewed(cls, path: Path, steps: tuple[tuple[str, ...], ...]) -> Self:
        """A new file with what can be read of the old one; its rows are saved as the schema they were written in has them."""
        aside = set_aside(path)
        database = cls(path, _connect(path))
        database._migrate(steps[: schema_of(aside) or len(steps)])
        database.damaged = aside
        with database.transaction() as connection:
            database.saved_rows = salvage(aside, connection)
        database._migrate(steps)
        return database

    def _migrate(self, steps: tuple[tuple[str, ...], ...]) -> None:
        with self.transaction() as connection:
            at = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if at > len(steps):
                raise StoreError("store.newer", f"{self.path}: schema {at}, this product knows {len(steps)}")
            for number, statements in enumerate(steps[at:], at + 1):
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[sqlite3.Connection]:
        """All or nothing: on disk when the block is left, undone when it raises.

        Args:
            write: False for a block that only reads; it works on a disk that takes no writes.

        Raises:
            StoreError: the disk or the file does not do what it must.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                finally:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise store_error(self.path, error) from error

    async def run(self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs ``function(connection, ...)`` as one transaction on the worker thread."""

        def work() -> T:
            with self.transaction() as connection:
                return function(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def read(self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for a function that only reads."""

        def work() -> T:
            with self.transaction(write=False) as connection:
                return function(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def close(self) -> None:
        """Waits for what is under way and closes the file."""
        self._worker.shutdown()
        with self._lock:
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "wal_autocheckpoint = 500"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.Error:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    return connection


def _sound(connection: sqlite3.Connection) -> bool:
    try:
        return [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] == ["ok"]
    except sqlite3.DatabaseError:
        return False


def _steps(folder: str) -> tuple[tuple[str, ...], ...]:
    """The statements of the migration scripts, in order of the scripts' numbers."""
    found = (f for f in files("agent.store").joinpath("sql", folder).iterdir() if f.name.endswith(".sql"))
    scripts = sorted(found, key=lambda script: script.name)
    return tuple(tuple(_statements(script.read_text(encoding="utf-8"))) for script in scripts)


def _statements(script: str) -> Iterator[str]:
    """A trigger holds semicolons too, so SQLite says where a statement ends."""
    statement = ""
    for line in script.splitlines():
        statement += "" if line.lstrip().startswith("--") else line + "\n"
        if statement.strip() and sqlite3.complete_statement(statement):
            yield statement
            statement = ""
