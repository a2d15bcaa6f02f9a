"""The flight journal, and pictures within their quota."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.config.store import StoreSection
from agent.core.errors import StoreError
from agent.store.journal import JournalEntry
from agent.store.media import Importance, Media, Picture, alert_closed
from agent.store.store import Store, open_store
from tests.doubles.hub import NOON, HandClock


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(StoreSection(directory=tmp_path), HandClock().clock) as opened:
        yield opened


def _entry(state: str, n: int = 0, flight: str = "f1") -> JournalEntry:
    return JournalEntry(
        flight=flight, route="r1", state=state, at=NOON + timedelta(seconds=n), points_seen=("p1",), detail={"goal": [1, 2]}
    )


def test_a_restarted_agent_finds_the_last_state(tmp_path: Path) -> None:
    section = StoreSection(directory=tmp_path)
    with open_store(section, HandClock().clock) as store:
        store.journal.append(_entry("LAUNCHING"))
        store.journal.append(_entry("PATROLLING", 1))
    with open_store(section, HandClock().clock) as store:
        assert store.journal.latest() == _entry("PATROLLING", 1)


def test_the_rows_of_a_flight_come_in_order(store: Store) -> None:
    for n, state in enumerate(("PREPARING", "LAUNCHING", "PATROLLING")):
        store.journal.append(_entry(state, n))
        store.journal.append(_entry("OTHER", n, flight="f2"))
    assert [e.state for e in store.journal.of_flight("f1")] == ["PREPARING", "LAUNCHING", "PATROLLING"]


def test_a_journal_that_cannot_be_written_says_so(store: Store) -> None:
    with store.journal.database.transaction() as connection:
        connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError) as caught:
        store.journal.append(_entry("LAUNCHING"))
    assert caught.value.code == "store.read_only"


def _picture(name: str, importance: Importance, age_s: float, alert: str | None = None) -> Picture:
    return Picture(name.encode().ljust(1000, b"."), ".jpg", importance, NOON.timestamp() - age_s, alert)


async def test_the_least_important_goes_first_then_the_oldest_and_open_alerts_last(store: Store, tmp_path: Path) -> None:
    media = Media(tmp_path / "pictures", store.database, quota_bytes=4000)
    names = {}
    for name, importance, age_s in (
        ("open", Importance.OPEN_ALERT, 900.0),
        ("closed", Importance.CLOSED_ALERT, 800.0),
        ("old", Importance.ROUTINE, 700.0),
        ("young", Importance.ROUTINE, 100.0),
    ):
        names[name] = await media.add(_picture(name, importance, age_s))

    def there() -> set[str]:
        return {name for name, sha in names.items() if media.path_of(sha, ".jpg").exists()}

    for newcomer, left in (("n1", {"open", "closed", "young"}), ("n2", {"open", "closed"}), ("n3", {"open"})):
        await media.add(_picture(newcomer, Importance.OPEN_ALERT, 0.0))
        assert there() == left
        assert await media.used_bytes() <= 4000


async def test_a_closed_alert_gives_up_its_rank(store: Store, tmp_path: Path) -> None:
    media = Media(tmp_path / "pictures", store.database, quota_bytes=2000)
    first = await media.add(_picture("first", Importance.OPEN_ALERT, 10.0, alert="A"))
    second = await media.add(_picture("second", Importance.OPEN_ALERT, 20.0, alert="B"))
    await store.database.run(alert_closed, "A")
    await media.add(_picture("third", Importance.OPEN_ALERT, 0.0, alert="C"))
    assert not media.path_of(first, ".jpg").exists()
    assert media.path_of(second, ".jpg").exists()


async def test_the_same_picture_is_kept_once(store: Store) -> None:
    same = _picture("same", Importance.ROUTINE, 0.0)
    assert await store.media.add(same) == await store.media.add(same)
    assert await store.media.used_bytes() == 1000


async def test_room_can_be_made_for_what_matters_more(store: Store) -> None:
    for n in range(5):
        await store.media.add(_picture(f"p{n}", Importance.ROUTINE, 100.0 - n))
    assert await store.media.make_room(2500) == 3
    assert await store.media.used_bytes() == 2000


async def test_a_picture_that_cannot_be_written_is_an_error_with_its_code(store: Store, tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("a file, not a folder")
    media = Media(tmp_path / "in-the-way", store.database, quota_bytes=4000)
    with pytest.raises(StoreError) as caught:
        await media.add(_picture("p", Importance.ROUTINE, 0.0))
    assert caught.value.code == "store.picture"
    assert await media.used_bytes() == 0


async def test_forgotten_files_and_the_oldest_evidence_go(store: Store, tmp_path: Path) -> None:
    media = Media(tmp_path / "pictures", store.database, quota_bytes=4000)
    kept = await media.add(_picture("kept", Importance.OPEN_ALERT, 0.0))
    orphan = media.path_of("ab" * 32, ".jpg")
    evidence = tmp_path / "evidence" / "flight"
    for path, age_s in (
        (orphan, 7200.0),
        (evidence / "old", 900.0),
        (evidence / "new", 1.0),
        (media.directory / "fresh.part", 1.0),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1600)
        moment = time.time() - age_s
        os.utime(path, (moment, moment))
    assert await media.keep_house(evidence.parent) == 2
    assert media.path_of(kept, ".jpg").exists()
    assert (media.directory / "fresh.part").exists()
    assert [path.name for path in evidence.iterdir()] == ["new"]
