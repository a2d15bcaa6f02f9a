"""A database file that is whole, damaged, too new, full, read-only, or slow."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from agent.config.store import StoreSection
from agent.core.errors import StoreError
from agent.store.database import Database
from agent.store.store import open_store
from tests.doubles.hub import HandClock, message

_BIG = b"x" * 3000


def _filled(path: Path, rows: int) -> None:
    database = Database.open(path, "hub")
    with database.transaction() as connection:
        connection.executemany(
            "INSERT INTO retained VALUES (?, ?, 0, '', ?, '', '', '', 0, NULL, NULL, NULL)",
            [(f"topic-{n}", f"id-{n}", _BIG) for n in range(rows)],
        )
    database.close()


def test_it_is_durable_before_it_is_anything_else(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "hub.sqlite", "hub")
    with database.transaction() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    database.close()


def _begin_well_and_fail(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO incident VALUES ('a', 0, 0, '{}')")
    connection.execute("INSERT INTO nowhere VALUES (1)")


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "hub.sqlite", "hub")
    with pytest.raises(StoreError), database.transaction() as connection:
        _begin_well_and_fail(connection)
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM incident").fetchone()[0] == 0
    database.close()


def test_a_second_opening_finds_the_schema_as_it_is(tmp_path: Path) -> None:
    _filled(tmp_path / "hub.sqlite", 3)
    database = Database.open(tmp_path / "hub.sqlite", "hub")
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM retained").fetchone()[0] == 3
    assert database.damaged is None
    database.close()


def test_a_file_of_a_newer_product_is_refused(tmp_path: Path) -> None:
    _filled(tmp_path / "hub.sqlite", 1)
    with sqlite3.connect(tmp_path / "hub.sqlite") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StoreError) as caught:
        Database.open(tmp_path / "hub.sqlite", "hub")
    assert caught.value.code == "store.newer"
    assert "999" in caught.value.message


@pytest.mark.parametrize("rows", [300])
def test_a_damaged_page_costs_its_rows_and_no_more(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "hub.sqlite"
    _filled(path, rows)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(data)

    database = Database.open(path, "hub")

    assert database.damaged is not None
    assert database.damaged.exists()
    with database.transaction() as connection:
        kept = connection.execute("SELECT count(*) FROM retained").fetchone()[0]
    assert rows * 0.9 < kept < rows
    assert database.saved_rows >= kept
    database.close()


@pytest.mark.parametrize("content", [b"this is no database at all" * 500, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hub.sqlite"
    path.write_bytes(content)
    database = Database.open(path, "hub")
    assert database.damaged == tmp_path / "hub.sqlite.damaged-1"
    assert database.damaged.read_bytes() == content
    database.close()


def test_the_store_says_that_a_file_was_damaged(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"nonsense" * 1000)
    with open_store(StoreSection(directory=tmp_path), HandClock().clock) as store:
        assert [r.code for r in store.reasons] == ["store.damaged"]
        assert "journal.sqlite.damaged-1" in store.reasons[0].words
        assert store.journal.latest() is None


async def test_a_full_disk_is_an_error_with_its_code_and_undone(tmp_path: Path) -> None:
    with open_store(StoreSection(directory=tmp_path), HandClock().clock) as store:
        with store.database.transaction() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError) as caught:
            await store.outbox.submit(message("first"), message("second", payload=b"x" * 100_000))
        assert caught.value.code == "store.full"
        assert (await store.outbox.depth()).waiting == {}
        with store.database.transaction() as connection:
            connection.execute("PRAGMA max_page_count = 100000")
        await store.outbox.submit(message("third"))
        assert [q.message.message_id for q in await store.outbox.heads(5)] == ["third"]


async def test_a_disk_that_turned_read_only_is_an_error_with_its_code(tmp_path: Path) -> None:
    with open_store(StoreSection(directory=tmp_path), HandClock().clock) as store:
        with store.database.transaction() as connection:
            connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError) as caught:
            await store.outbox.submit(message("first"))
        assert caught.value.code == "store.read_only"


def test_a_folder_that_cannot_be_made_is_an_error_with_its_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError) as caught, open_store(StoreSection(directory=tmp_path / "file" / "x"), HandClock().clock):
        pass
    assert caught.value.code == "store.unusable"


def test_two_agents_do_not_share_a_folder(tmp_path: Path) -> None:
    section = StoreSection(directory=tmp_path)
    with open_store(section, HandClock().clock):
        with pytest.raises(StoreError) as caught, open_store(section, HandClock().clock):
            pass
        assert caught.value.code == "store.in_use"
    with open_store(section, HandClock().clock):
        pass


async def test_a_slow_commit_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "hub.sqlite", "hub")

    def slow(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO incident VALUES ('a', 0, 0, '{}')")
        time.sleep(0.3)  # a card that stalls

    gaps = []
    work = asyncio.create_task(database.run(slow))
    before = time.perf_counter()
    while not work.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        gaps.append(now - before)
        before = now
    await work
    assert sum(gaps) > 0.25
    assert sorted(gaps)[int(len(gaps) * 0.95)] < 0.02
    database.close()
