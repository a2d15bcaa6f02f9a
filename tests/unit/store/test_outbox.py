"""The queue: what goes first, what waits, what is remembered."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.store import StoreSection
from agent.store.outbox import Priority
from agent.store.store import Store, open_store
from tests.doubles.hub import HandClock, message


@pytest.fixture
def time() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, time: HandClock) -> Iterator[Store]:
    with open_store(StoreSection(directory=tmp_path), time.clock) as opened:
        yield opened


async def _ids(store: Store, limit: int = 50) -> list[str]:
    return [q.message.message_id for q in await store.outbox.heads(limit)]


async def test_a_new_alert_overtakes_days_of_backlog(store: Store) -> None:
    await store.outbox.submit(*(message(f"report-{n}", Priority.FLIGHT_REPORT) for n in range(500)))
    await store.outbox.submit(message("alert"))
    assert await _ids(store, 3) == ["alert", "report-0", "report-1"]


async def test_one_message_of_an_order_key_at_a_time_in_order_of_commitment(store: Store) -> None:
    await store.outbox.submit(*(message(f"{key}{n}", order_key=key) for n in (1, 2, 3) for key in "ab"))
    assert await _ids(store) == ["a1", "b1"]
    heads = await store.outbox.heads(50)
    await store.outbox.delivered(heads[:1])
    assert await _ids(store) == ["b1", "a2"]


async def test_what_is_postponed_holds_its_own_key_and_nobody_else(store: Store, time: HandClock) -> None:
    await store.outbox.submit(message("a1", order_key="a"), message("a2", order_key="a"), message("b1"))
    await store.outbox.postpone((await store.outbox.heads(1))[0], 0.1)
    time.pass_s(-86_400.0)  # whatever happens to the wall clock
    assert await _ids(store) == ["b1"]
    await asyncio.sleep(0.12)
    heads = await store.outbox.heads(9)
    assert [(q.message.message_id, q.attempts) for q in heads] == [("a1", 1), ("b1", 0)]


async def test_among_alerts_the_newest_and_the_longest_waiting_take_turns(store: Store) -> None:
    await store.outbox.submit(message("report", Priority.FLIGHT_REPORT), message("picture", Priority.PICTURE))
    await store.outbox.submit(*(message(f"a{n}") for n in range(4)))
    assert await _ids(store) == ["a0", "a3", "a1", "a2", "picture", "report"]
    found = [q.message.message_id for q in await store.outbox.heads(50, newest_first=True)]
    assert found == ["a3", "a0", "a2", "a1", "picture", "report"]
    assert [[q.message.message_id for q in await store.outbox.heads(1, newest_first=first)] for first in (True, False)] == [
        ["a3"],
        ["a0"],
    ]


async def test_beyond_the_quota_the_least_important_and_oldest_goes_and_alerts_stay(tmp_path: Path, time: HandClock) -> None:
    with open_store(StoreSection(directory=tmp_path, outbox_quota_mb=1.0), time.clock) as store:
        size = 100_000
        for name, priority in (("alert", Priority.ALERT), ("picture", Priority.PICTURE), ("report", Priority.FLIGHT_REPORT)):
            await store.outbox.submit(*(message(f"{name}{n}", priority, payload=b"x" * size) for n in range(4)))
        assert (await store.outbox.keep_quota(), store.outbox.evicted) == (2, 2)
        assert set(await _ids(store)) == {f"{n}{i}" for n in ("alert", "picture") for i in range(4)} | {"report2", "report3"}
        await store.outbox.submit(*(message(f"more{n}", payload=b"x" * size) for n in range(20)))
        assert await store.outbox.keep_quota() == 6
        assert all(name.startswith(("alert", "more")) for name in await _ids(store))
        assert await store.outbox.keep_quota() == 0


_KEYS, _PRIORITIES = st.sampled_from("abc"), st.sampled_from([Priority.ALERT, Priority.FLIGHT_REPORT])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _KEYS, _PRIORITIES),
        st.tuples(st.just("deliver"), st.integers(0, 5), st.none()),
        st.tuples(st.just("aside"), st.integers(0, 5), st.none()),
        st.tuples(st.just("retry"), st.none(), st.none()),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(steps=_STEPS)
def test_whatever_happens_the_first_of_each_key_is_next(steps: list[tuple[str, Any, Any]]) -> None:
    """Against the plain definition: the first message of each key that waits."""

    async def play(store: Store) -> None:
        rows: list[list[Any]] = []  # name, key, priority, whether set aside
        for n, (what, which, priority) in enumerate(steps):
            heads = await store.outbox.heads(50)
            if what == "put":
                await store.outbox.submit(message(f"m{n}", priority, order_key=which))
                rows.append([f"m{n}", which, priority, False])
            elif what == "retry":
                await store.outbox.retry_set_aside()
                rows = [[*row[:3], row[3] and row[2] is not Priority.ALERT] for row in rows]
            elif which < len(heads):
                name = heads[which].message.message_id
                if what == "deliver":
                    await store.outbox.delivered([heads[which]])
                    rows = [row for row in rows if row[0] != name]
                else:
                    await store.outbox.set_aside(heads[which], "no")
                    rows = [[*row[:3], row[3] or row[0] == name] for row in rows]
            waiting = [row for row in rows if not row[3]]
            first = {key: next(row[0] for row in waiting if row[1] == key) for key in {row[1] for row in waiting}}
            assert set(await _ids(store)) == set(first.values())

    with TemporaryDirectory() as directory, open_store(StoreSection(directory=Path(directory)), HandClock().clock) as store:
        asyncio.run(play(store))


async def test_poison_is_set_aside_with_its_reason_and_blocks_nothing(store: Store) -> None:
    await store.outbox.submit(message("poison", order_key="a"), message("next", order_key="a"))
    await store.outbox.set_aside((await store.outbox.heads(1))[0], "not authorised")
    assert await _ids(store) == ["next"]
    assert (await store.outbox.depth()).set_aside == 1
    with store.database.transaction() as connection:
        row = connection.execute("SELECT message_id, set_aside FROM outbox WHERE set_aside NOT NULL").fetchone()
    assert tuple(row) == ("poison", "not authorised")


async def test_alerts_that_were_set_aside_get_another_chance_at_the_next_start(store: Store) -> None:
    await store.outbox.submit(message("alert"), message("report", Priority.FLIGHT_REPORT))
    for queued in await store.outbox.heads(2):
        await store.outbox.set_aside(queued, "not authorised")
    assert await store.outbox.retry_set_aside() == 1
    assert await _ids(store) == ["alert"]


async def test_a_broker_that_forgot_gets_the_retained_messages_again_with_the_same_ids(store: Store) -> None:
    kept = message("kept", topic="t/kept")
    cleared, clearing = message("opened", topic="t/gone"), message("closed", topic="t/gone", payload=b"")
    await store.outbox.submit(kept, cleared, message("passing", retain=False))
    await store.outbox.delivered(await store.outbox.heads(9))
    await store.outbox.submit(clearing)
    await store.outbox.delivered(await store.outbox.heads(9))

    assert await store.outbox.resend_retained() == 1
    (again,) = await store.outbox.heads(9)
    assert again.message == kept


async def test_what_goes_again_waits_behind_what_is_new(store: Store) -> None:
    await store.outbox.submit(*(message(f"old{n}", topic=f"t/old{n}") for n in range(3)))
    await store.outbox.delivered(await store.outbox.heads(9))
    await store.outbox.submit(message("new0"), message("new1"))
    await store.outbox.resend_retained()
    await store.outbox.submit(message("new2"))
    found = await _ids(store)
    assert (found[:3], set(found[3:])) == (["new0", "new2", "new1"], {"old0", "old1", "old2"})


async def test_a_newer_message_of_the_same_topic_makes_the_resending_needless(store: Store) -> None:
    await store.outbox.submit(message("old", topic="t/x"))
    await store.outbox.delivered(await store.outbox.heads(9))
    await store.outbox.submit(message("new", topic="t/x"))
    assert await store.outbox.resend_retained() == 0
    assert await _ids(store) == ["new"]


async def test_only_the_newest_report_of_a_flight_waits(store: Store) -> None:
    for n in range(5):
        await store.outbox.submit(message(f"report-{n}", Priority.FLIGHT_REPORT, topic="t/flight"), newest_only=True)
    assert await _ids(store) == ["report-4"]


async def test_reports_are_kept_for_seven_days_and_alerts_for_ever(store: Store, time: HandClock) -> None:
    await store.outbox.submit(message("report", Priority.FLIGHT_REPORT), message("alert"))
    time.pass_s(6.9 * 86_400)
    assert await store.outbox.prune() == 0
    time.pass_s(0.2 * 86_400)
    assert await store.outbox.prune() == 1
    time.pass_s(1000 * 86_400)
    assert await store.outbox.prune() == 0
    assert await _ids(store) == ["alert"]


async def test_the_queue_is_the_same_after_a_restart(tmp_path: Path, time: HandClock) -> None:
    with open_store(StoreSection(directory=tmp_path / "x"), time.clock) as store:
        await store.outbox.submit(message("a"), message("b", payload=b"\x00\xff"))
        before = await store.outbox.heads(9)
    with open_store(StoreSection(directory=tmp_path / "x"), time.clock) as store:
        assert await store.outbox.heads(9) == before
