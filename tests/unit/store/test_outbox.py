"""The queue: what goes first, what waits, what is remembered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
    await store.outbox.postpone((await store.outbox.heads(1))[0], 60.0)
    assert await _ids(store) == ["b1"]
    time.pass_s(61.0)
    heads = await store.outbox.heads(9)
    assert [(q.message.message_id, q.attempts) for q in heads] == [("a1", 1), ("b1", 0)]


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
