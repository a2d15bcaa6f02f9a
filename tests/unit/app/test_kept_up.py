"""What only tells may fail without taking the flight with it; a journal that cannot be read does not keep the agent down."""

import asyncio

import pytest

from agent.app.compose import _last
from agent.core.errors import StoreError
from agent.core.tasks import kept_up
from agent.flight.record import FlightJournal
from agent.store.database import Database
from agent.store.journal import Journal
from tests.doubles.flight import run_virtual


def test_a_service_that_fails_is_begun_again():
    runs = []

    async def service():
        runs.append(asyncio.get_running_loop().time())
        if len(runs) < 3:
            raise ValueError("a battery of -3 %")

    run_virtual(kept_up(service, "telling"))
    assert len(runs) == 3
    assert runs[2] - runs[1] >= 1.0, "it does not spin"


def test_a_service_that_is_told_to_end_ends():
    async def main():
        task = asyncio.create_task(kept_up(lambda: asyncio.sleep(1e6), "telling"))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())


@pytest.mark.parametrize("body", ["{}", '{"flight": "F", "route": "r", "state": "x", "at": "2026-11-23T07:00:00Z"}'])
def test_a_journal_of_another_version_is_an_error_of_the_store_and_no_crash(tmp_path, body):
    database = Database.open(tmp_path / "journal.sqlite", "journal")
    try:
        with database.transaction() as connection:
            connection.execute("INSERT INTO journal (flight, at_unix_s, body) VALUES ('F', 0, ?)", (body,))
        journal = FlightJournal(Journal(database))
        with pytest.raises(StoreError):
            journal.latest()
        assert _last(journal) is None
    finally:
        database.close()
