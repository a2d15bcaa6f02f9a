"""Databases that older products wrote: opened, brought up to date, and nothing of them lost."""

import hashlib
import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from agent.config.store import StoreSection
from agent.store.database import Database, _statements
from agent.store.outbox import Priority
from agent.store.store import Store, open_store
from tests.doubles.hub import HandClock

# A script that was delivered is never changed: databases that it made are out there. A change is a new script.
DELIVERED = {
    "hub/0001_outbox.sql": "39d8f20c",
    "hub/0002_incidents.sql": "6384a43a",
    "hub/0003_media.sql": "6a79681a",
    "hub/0004_cleared.sql": "dd26c4e5",
    "hub/0005_requests.sql": "10904fa2",
    "hub/0006_heads.sql": "142dbb2f",
    "hub/0007_again.sql": "d69eebe3",
    "hub/0008_flown.sql": "57343ddf",
    "journal/0001_journal.sql": "2a18a050",
}
_SQL = files("agent.store").joinpath("sql")
_HUB = sorted(name for name in DELIVERED if name.startswith("hub/"))


@pytest.mark.parametrize("name", DELIVERED)
def test_what_was_delivered_is_not_changed(name: str) -> None:
    digest = hashlib.sha256(_SQL.joinpath(name).read_bytes()).hexdigest()
    assert digest[:8] == DELIVERED[name]


def test_every_script_is_listed() -> None:
    found = {f"{folder.name}/{f.name}" for folder in _SQL.iterdir() if folder.is_dir() for f in folder.iterdir()}
    assert {name for name in found if name.endswith(".sql")} == set(DELIVERED)


def _old(path: Path, version: int) -> None:
    """A database as that version left it: three messages of one alert, one of them set aside, a picture and a report."""
    connection = sqlite3.connect(path)
    for name in _HUB[:version]:
        for statement in _statements(_SQL.joinpath(name).read_text()):
            connection.execute(statement)
    row = (
        "INSERT INTO outbox (message_id, priority, order_key, topic, payload, content_type, event_type, subject, event_unix_s,"
        " retain, committed_unix_s, set_aside) VALUES (?, ?, ?, ?, ?, ?, 't', 's', 0, 1, 0, ?)"
    )
    picture, report = (0, 1) if version < 6 else (5, 10)
    json, jpeg = "application/json", "image/jpeg"
    connection.execute(row, ("aside", 0, "alert", "t/a", b"0", json, "not authorised"))
    connection.execute(row, ("first", 0, "alert", "t/a", b"1", json, None))
    connection.execute(row, ("second", 0, "alert", "t/a", b"2", json, None))
    connection.execute(row, ("report", report, "flight", "t/f", b"3", json, None))
    connection.execute(row, ("picture", picture, "picture", "t/p", b"4" * 5000, jpeg, None))
    connection.execute(
        "INSERT INTO retained VALUES ('t/old', 'old', 0, '', x'', 'application/json', '', '', 0, NULL, NULL, NULL)"
    )
    if version >= 2:
        connection.execute("INSERT INTO incident VALUES ('alert', 0, 0, '{}')")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("version", range(1, len(_HUB)))
async def test_an_old_database_goes_on_where_it_was(tmp_path: Path, version: int) -> None:
    _old(tmp_path / "hub.sqlite", version)
    with open_store(StoreSection(directory=tmp_path), HandClock().clock) as store:
        assert store.reasons == ()
        await _as_it_was(store)
        with store.database.transaction() as connection:
            assert connection.execute("SELECT count(*) FROM incident").fetchone()[0] == int(version >= 2)


async def _as_it_was(store: Store) -> None:
    heads = await store.outbox.heads(9)
    assert [(q.message.message_id, q.message.priority) for q in heads] == [
        ("first", Priority.ALERT),
        ("picture", Priority.PICTURE),
        ("report", Priority.FLIGHT_REPORT),
    ]
    await store.outbox.delivered(heads[:1])
    assert [q.message.message_id for q in await store.outbox.heads(1)] == ["second"]
    assert await store.outbox.retry_set_aside() == 1
    assert [q.message.message_id for q in await store.outbox.heads(1)] == ["aside"]
    assert await store.outbox.told() == {"t/old": "old"}


@pytest.mark.parametrize("version", [1, 5])
async def test_what_is_saved_of_a_damaged_old_database_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    path = tmp_path / "hub.sqlite"
    _old(path, version)
    with sqlite3.connect(path) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'outbox_by_priority'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : page * size] = b"\xa5" * size  # an index; the rows themselves can be read
    path.write_bytes(data)
    with open_store(StoreSection(directory=tmp_path), HandClock().clock) as store:
        assert [r.code for r in store.reasons] == ["store.damaged"]
        await _as_it_was(store)


async def test_an_index_that_lacks_a_row_is_found_at_start(tmp_path: Path) -> None:
    """Such a message would never be sent: the queue is read through its index."""
    Database.open(tmp_path / "hub.sqlite", "hub").close()
    connection = sqlite3.connect(tmp_path / "hub.sqlite")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'head = 1', 'head = 7') WHERE name = 'outbox_heads'")
    connection.commit()
    connection.close()
    connection = sqlite3.connect(tmp_path / "hub.sqlite")
    connection.execute(
        "INSERT INTO outbox (message_id, priority, order_key, topic, payload, content_type, event_type, subject, event_unix_s,"
        " retain, committed_unix_s) VALUES ('hidden', 0, 'k', 't', x'00', 'application/json', 't', 's', 0, 1, 0)"
    )
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'head = 7', 'head = 1') WHERE name = 'outbox_heads'")
    connection.commit()
    connection.close()
    with open_store(StoreSection(directory=tmp_path), HandClock().clock) as store:
        assert [r.code for r in store.reasons] == ["store.damaged"]
        assert [q.message.message_id for q in await store.outbox.heads(9)] == ["hidden"]
