"""What is due, each once, whatever the clock does."""

import asyncio
from datetime import UTC, datetime, time, timedelta

from agent.config.flight import ScheduleEntry
from agent.core.clock import Clock
from agent.missions.service import Missions
from tests.doubles.flight import loop_s, run_virtual

DAWN = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # a Monday
AT_TEN = ScheduleEntry(route="loop", at_utc=time(10, 0), latest_after_s=1800)


class WallClock:
    """A wall clock that runs with the loop and can be set."""

    def __init__(self, start):
        self.offset_s = start.timestamp() - loop_s()

    def __call__(self):
        return loop_s() + self.offset_s


def fly(work, start=DAWN):
    async def run():
        wall = WallClock(start)
        await work(Clock(computer_unix_s=wall), wall)

    run_virtual(run())


async def taken(missions, within_s):
    """What is given within a time; None where nothing is."""
    try:
        async with asyncio.timeout(within_s):
            return await missions.next()
    except TimeoutError:
        return None


def test_an_entry_is_given_once_at_its_time():
    async def work(clock, _):
        missions = Missions((AT_TEN,), clock, None)
        given = await missions.next()
        assert (given.route, given.due) == ("loop", DAWN.replace(hour=10))
        assert timedelta(0) <= clock.utc() - given.due < timedelta(seconds=1)
        assert (await missions.next()).due == DAWN.replace(day=24, hour=10)

    fly(work)


def test_a_restart_at_the_due_time_flies_it_neither_twice_nor_never():
    async def work(clock, _):
        due = DAWN.replace(hour=10)
        assert await taken(Missions((AT_TEN,), clock, due), 3600.0) is None
        clock_is_at = clock.utc()
        assert clock_is_at > due
        late = await taken(Missions((AT_TEN,), clock, due - timedelta(days=1)), 10.0)
        assert late is None, "an hour late is past its latest start"

    fly(work, DAWN.replace(hour=10, minute=0, second=5))


def test_a_restart_shortly_after_the_due_time_flies_it_late():
    async def work(clock, _):
        given = await taken(Missions((AT_TEN,), clock, DAWN.replace(day=22, hour=10)), 10.0)
        assert given is not None
        assert given.due == DAWN.replace(hour=10)

    fly(work, DAWN.replace(hour=10, minute=20))


def test_a_clock_that_is_set_back_a_little_flies_nothing_twice():
    async def work(clock, wall):
        missions = Missions((AT_TEN,), clock, None)
        await missions.next()
        wall.offset_s -= 600.0
        assert (await missions.next()).due == DAWN.replace(day=24, hour=10)

    fly(work)


def test_a_clock_that_ran_a_year_ahead_does_not_ground_the_nest_for_a_year():
    async def work(clock, wall):
        missions = Missions((AT_TEN,), clock, None)
        wall.offset_s += 365 * 86_400.0
        assert missions.upcoming is not None
        assert await taken(missions, 86_400.0) is not None
        wall.offset_s -= 365 * 86_400.0
        given = await taken(missions, 2 * 86_400.0)
        assert given is not None
        assert given.due.year == 2026

    fly(work)


def test_a_clock_that_is_not_set_yet_forgets_nothing():
    async def work(clock, wall):
        done = DAWN.replace(hour=10)
        missions = Missions((AT_TEN,), clock, done)
        assert await taken(missions, 60.0) is None
        wall.offset_s += (done + timedelta(minutes=5)).timestamp()
        assert await taken(missions, 600.0) is None, "it was flown before the reboot"

    fly(work, datetime(1970, 1, 1, tzinfo=UTC))


def test_days_of_the_week_are_kept():
    async def work(clock, _):
        missions = Missions((AT_TEN.model_copy(update={"days": ("wed",)}),), clock, None)
        assert (await missions.next()).due == DAWN.replace(day=25, hour=10)

    fly(work)
