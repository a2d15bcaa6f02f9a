"""The nest's folder with everything that must survive, opened once by one agent."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.config.store import StoreSection
from agent.core.clock import Clock
from agent.core.errors import StoreError
from agent.domain.codes import words_of
from agent.domain.status import Reason
from agent.store.database import Database
from agent.store.journal import Journal
from agent.store.media import Media
from agent.store.outbox import Outbox


@dataclass(frozen=True)
class Store:
    """All parts of the store.

    Attributes:
        directory: the folder.
        database: the file of outbox, incidents and the list of pictures.
        reasons: what was found wrong at start, for the nest's status.
    """

    directory: Path
    database: Database
    outbox: Outbox
    journal: Journal
    media: Media
    reasons: tuple[Reason, ...]

    @property
    def evidence_dir(self) -> Path:
        """Where the vision process leaves its pictures."""
        return self.directory / "evidence"


@contextmanager
def open_store(config: StoreSection, clock: Clock) -> Iterator[Store]:
    """Opens the store for as long as the block lasts.

    Raises:
        StoreError: the folder cannot be used, or another agent uses it.
    """
    directory = config.directory
    with ExitStack() as stack:
        stack.enter_context(_sole_user(directory))
        hub = Database.open(directory / "hub.sqlite", "hub")
        stack.callback(hub.close)
        flights = Database.open(directory / "journal.sqlite", "journal")
        stack.callback(flights.close)
        media = Media(directory / "media", hub, int(config.media_quota_mb * 1_000_000))
        reasons = tuple(_damage(database) for database in (hub, flights) if database.damaged)
        yield Store(
            directory, hub, Outbox(hub, clock, int(config.outbox_quota_mb * 1_000_000)), Journal(flights), media, reasons
        )


def _damage(database: Database) -> Reason:
    kept = f"{database.path.name} is kept as {database.damaged.name if database.damaged else ''}"
    return Reason(code="store.damaged", words=f"{words_of('store.damaged')} {kept}, {database.saved_rows} rows were saved.")


@contextmanager
def no_agent(directory: Path) -> Iterator[None]:
    """Makes sure that no agent runs on this nest, and that none starts, while the block lasts.

    Leaves no file behind: a folder without a lock is one that no agent has used yet.

    Raises:
        StoreError: an agent runs.
    """
    path = directory / "lock"
    if not path.is_file():
        yield
        return
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            words = f"{directory}: an agent runs on this nest; stop it first (systemctl stop nest-agent)"
            raise StoreError("store.in_use", words) from error
        yield


@contextmanager
def _sole_user(directory: Path) -> Iterator[None]:
    """Holds the folder's lock: two agents in one folder would send everything twice."""
    path = directory / "lock"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise StoreError("store.unusable", f"{directory}: cannot be used ({error})") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError("store.in_use", f"{directory}: another agent works in this folder") from error
        yield
