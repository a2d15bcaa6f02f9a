"""Requests while something is broken: no clock, a handler that fails, a disk that is full."""

import asyncio

from tests.doubles.intake import hear
from tests.doubles.requests import MORNING, asked


def test_a_clock_that_is_not_set_lets_nobody_fly(tmp_path):
    async def work(desk):
        answer = await desk.ask(asked(desk.clock))
        assert "request.no_clock" in [r["code"] for r in answer["reasons"]]

    hear(tmp_path, work, start=MORNING.replace(year=1990))


def test_a_failure_that_nobody_foresaw_is_not_the_end_of_the_handler(tmp_path, monkeypatch):
    async def work(desk):
        with monkeypatch.context() as broken:
            broken.setattr("agent.missions.planner.plan", lambda *_: 1 / 0)
            desk.receive(asked(desk.clock))
            await asyncio.sleep(5.0)
        assert await desk.answers() == []
        assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"

    hear(tmp_path, work)


def test_a_flight_that_cannot_be_written_down_is_not_given_out(tmp_path):
    async def work(desk):
        await desk.ask(asked(desk.clock))
        with desk.store.database.transaction() as connection:
            connection.execute("PRAGMA query_only = ON")
        giving = asyncio.create_task(desk.missions.next())
        await asyncio.sleep(60.0)
        assert not giving.done()
        with desk.store.database.transaction(write=False) as connection:
            connection.execute("PRAGMA query_only = OFF")
        given = await giving
        assert given.request == (await desk.answers())[0]["request"]
        assert [e.what for e in await desk.log()] == ["request", "taken"]

    hear(tmp_path, work)


def test_a_full_disk_accepts_nothing(tmp_path):
    async def work(desk):
        with desk.store.database.transaction() as connection:
            connection.execute("PRAGMA query_only = ON")
        desk.receive(asked(desk.clock))
        await asyncio.sleep(10.0)
        with desk.store.database.transaction(write=False) as connection:
            connection.execute("PRAGMA query_only = OFF")
        assert await desk.answers() == []
        assert desk.requests.book.open == {}
        assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"

    hear(tmp_path, work)
