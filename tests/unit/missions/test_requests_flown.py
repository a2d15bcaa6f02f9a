"""From a request to a closed lid in virtual time: intake, arbiter, director and states are real, with a real store."""

import asyncio
from datetime import time

import pytest

from agent.config.flight import ScheduleEntry
from agent.core.clock import Clock
from agent.domain.nest_state import LidState
from agent.flight.table import State
from agent.missions.requests import LastFlight
from tests.doubles.flight import FRAME, run_virtual
from tests.doubles.flight_nest import Journal
from tests.doubles.requests import MORNING, WallClock, asked, office


def fly(tmp_path, make_nest, work, nest=None, **settings):
    """Runs ``work(nest, office)`` with a nest that flies what is asked for."""

    async def main():
        flown = nest or make_nest(assigned=False)
        clock = Clock(computer_unix_s=WallClock())
        flown.ctx.clock = flown.eyes.clock = clock
        last = flown.journal.latest()
        async with office(
            tmp_path, clock, LastFlight(last.at, last.report) if last else LastFlight(), config=flown.ctx.config, **settings
        ) as opened:
            flown.ctx.missions, flown.ctx.routes = opened.missions, opened.missions.routes
            await work(flown, opened)

    run_virtual(main())


def kinds(answers, request=None):
    return [a["answer"] for a in answers if request in {None, a.get("request")}]


def home_after(*flights):
    """The nest is closed again after so many flights."""
    count = flights[0] if flights else 1
    return lambda nest: nest.states.count(State.SECURING) >= count and nest.director.state is State.IDLE


def test_a_requested_route_is_flown_and_told_from_acceptance_to_the_end(tmp_path, make_nest):
    async def work(nest, desk):
        body = asked(desk.clock)
        await desk.ask(body)
        await nest.run(home_after(1))
        await asyncio.sleep(10.0)
        answers = await desk.answers()
        assert kinds(answers) == ["accepted", "started", "done"]
        assert [a["sequence"] for a in answers] == [1, 2, 3]
        assert answers[0]["queue_place"] == 1
        assert (answers[2]["outcome"], answers[2]["points_seen"], answers[2]["points_total"]) == ("completed", 3, 3)
        assert answers[1]["flight"] == nest.reports.reports[-1].flight
        assert (nest.reports.reports[-1].request, nest.reports.reports[-1].department) == (body["request"], "forestry")
        assert nest.dock.lid is LidState.CLOSED
        assert nest.drone.orders.count("launch") == 1
        assert [e.what for e in await desk.log()] == ["request", "taken", "started", "done"]

    fly(tmp_path, make_nest, work)


def test_a_requested_point_is_looked_at_from_its_stand_off(tmp_path, make_nest):
    async def work(nest, desk):
        place = FRAME.to_latlon(250.0, 100.0)
        point = {"lat": place.lat_deg, "lon": place.lon_deg, "from_deg": 180.0, "stand_off_m": 50.0, "height_agl_m": 50.0}
        answer = await desk.ask(asked(desk.clock, route=None, point=point))
        assert answer["answer"] == "accepted", answer
        await nest.run(home_after(1))
        (target,) = [item for item in nest.drone.plan.items if item.inspection_point and item.place]
        at = FRAME.to_local(target.place)
        assert (at.north_m, at.east_m) == (pytest.approx(200.0, abs=0.5), pytest.approx(100.0, abs=0.5))
        assert (target.alt_rel_m, target.heading_deg, target.hold_s) == (50.0, 0.0, 30.0)
        assert [i.camera_pitch_deg for i in nest.drone.plan.items if i.camera_pitch_deg is not None] == [-45.0]

    fly(tmp_path, make_nest, work)


@pytest.mark.parametrize("kind", ["area", "line"])
def test_a_requested_area_or_line_is_flown_to_its_end(tmp_path, make_nest, kind):
    places = [FRAME.to_latlon(*c) for c in ((100, -60), (100, 60), (180, 60), (180, -60), (100, -60))]
    corners = [[p.lon_deg, p.lat_deg] for p in places]
    target = {
        "area": {"polygon": {"type": "Polygon", "coordinates": [corners]}},
        "line": {"line": {"type": "LineString", "coordinates": corners[:3]}, "offset_m": 20.0},
    }[kind]

    async def work(nest, desk):
        answer = await desk.ask(asked(desk.clock, route=None, **{kind: target}))
        assert answer["answer"] == "accepted", answer
        await nest.run(home_after(1))
        await asyncio.sleep(10.0)
        done = (await desk.answers())[-1]
        assert (done["outcome"], done["points_seen"]) == ("completed", done["points_total"])
        assert done["route"] == f"{kind}-{done['request'].lower()}"

    fly(tmp_path, make_nest, work)


def in_the_air(nest):
    return nest.director.state is State.PATROLLING and nest.drone.alt_m > 20


def test_an_emergency_calls_a_flight_home_and_the_rest_is_flown_afterwards(tmp_path, make_nest):
    async def work(nest, desk):
        routine = asked(desk.clock)
        urgent = asked(desk.clock, department="emergency", priority="emergency")
        await desk.ask(routine)
        await nest.run(lambda n: in_the_air(n) and len(n.ctx.flight.points) == 1)
        flying = asyncio.create_task(desk.ask(urgent, "emergency"))
        await nest.run(home_after(3), limit_s=4000.0)
        assert [r["code"] for r in (await flying)["reasons"]] == ["request.calls_home"]
        await asyncio.sleep(10.0)
        answers = await desk.answers()
        assert kinds(answers, routine["request"]) == ["accepted", "started", "preempted", "resumed", "done"]
        assert kinds(answers, urgent["request"]) == ["accepted", "started", "done"]
        order = [a["flight"] for a in answers if a["answer"] in {"started", "resumed"}]
        assert len(set(order)) == 3
        done = [a for a in answers if a["answer"] == "done"]
        assert [(a["outcome"], a["points_seen"]) for a in done] == [("completed", 3), ("completed", 3)]
        assert done[0]["request"] == urgent["request"], "the emergency ends before the rest begins"
        assert len(nest.reports.reports[-1].points) == 2, "what was seen is not flown again"

    fly(tmp_path, make_nest, work)


def test_a_flight_that_is_taken_back_comes_home(tmp_path, make_nest):
    async def work(nest, desk):
        body = asked(desk.clock)
        await desk.ask(body)
        await nest.run(in_the_air)
        cancel = {"request": body["request"][:-1] + "0", "department": "forestry", "by": "Anna", "cancel": body["request"]}
        answering = asyncio.create_task(desk.ask(cancel))
        await nest.run(home_after(1))
        assert (await answering)["answer"] == "accepted"
        await asyncio.sleep(10.0)
        done = (await desk.answers())[-1]
        assert (done["answer"], done["outcome"]) == ("done", "cancelled")
        assert nest.drone.orders.count("launch") == 1
        assert nest.reports.reports[-1].outcome == "cut_short"

    fly(tmp_path, make_nest, work)


def test_another_department_cannot_call_it_home(tmp_path, make_nest):
    async def work(nest, desk):
        body = asked(desk.clock)
        await desk.ask(body)
        await nest.run(in_the_air)
        cancel = {"request": body["request"][:-1] + "0", "department": "emergency", "by": "Bo", "cancel": body["request"]}
        answering = asyncio.create_task(desk.ask(cancel, "emergency"))
        await nest.run(home_after(1))
        assert [r["code"] for r in (await answering)["reasons"]] == ["request.unknown"]
        assert nest.reports.reports[-1].outcome == "completed"

    fly(tmp_path, make_nest, work)


def test_what_may_not_start_now_is_tried_again_until_it_may(tmp_path, make_nest):
    async def work(nest, desk):
        nest.drone.charge = 0.5
        await desk.ask(asked(desk.clock))

        def until(n):
            if n.states.count(State.PREPARING) == 2:
                n.drone.charge = 0.95
            return "launch" in n.drone.orders and n.director.state is State.IDLE

        await nest.run(until, limit_s=3000.0)
        await asyncio.sleep(10.0)
        answers = await desk.answers()
        assert kinds(answers) == ["accepted", "accepted", "started", "done"]
        assert "preflight.battery" in {r["code"] for r in answers[1]["reasons"]}

    fly(tmp_path, make_nest, work)


def test_calendar_and_request_share_the_drone_and_neither_is_lost(tmp_path, make_nest):
    async def work(nest, desk):
        due = ScheduleEntry(route="loop", at_utc=time(MORNING.hour, MORNING.minute + 1), latest_after_s=7200)
        desk.missions._schedule = (due,)
        await desk.ask(asked(desk.clock, priority="elevated"))
        await nest.run(home_after(2), limit_s=4000.0)
        flown = [r for r in nest.reports.reports if r.ended_at is not None]
        assert [r.request is None for r in flown] == [False, True]
        assert {r.outcome for r in flown} == {"completed"}

    fly(tmp_path, make_nest, work)


def test_a_flight_of_the_calendar_gives_way_and_its_rest_is_flown_after_the_emergency(tmp_path, make_nest):
    async def work(nest, desk):
        desk.missions._schedule = (ScheduleEntry(route="loop", at_utc=time(MORNING.hour, MORNING.minute + 1)),)
        await nest.run(lambda n: in_the_air(n) and len(n.ctx.flight.points) == 1)
        await desk.ask(asked(desk.clock, department="emergency", priority="emergency"), "emergency")
        await nest.run(home_after(3), limit_s=4000.0)
        flown = [r for r in nest.reports.reports if r.ended_at is not None]
        assert [(r.route, r.outcome, r.department) for r in flown] == [
            ("loop", "cut_short", None),
            ("loop", "completed", "emergency"),
            ("loop-rest-1", "completed", None),
        ]
        assert len(flown[2].points) == 3 - len(flown[0].points)

    fly(tmp_path, make_nest, work)


def test_an_emergency_gets_the_charge_and_what_it_called_home_is_not_called_home_twice(tmp_path, make_nest):
    """It comes home with too little to start again: the rest must not go first, nor be called home for ever."""

    async def work(nest, desk):
        routine = asked(desk.clock)
        urgent = asked(desk.clock, department="emergency", priority="emergency")
        await desk.ask(routine)
        asking, refused = [], []

        def until(n):
            if not asking and in_the_air(n) and len(n.ctx.flight.points) == 1:
                asking.append(asyncio.create_task(desk.ask(urgent, "emergency")))
                n.drone.charge = 0.6
            refused[:] = [r for r in n.reports.reports if r.outcome == "refused" and r.ended_at is not None]
            if len(refused) >= 3:
                n.drone.charge = max(n.drone.charge, 0.9)
            return n.drone.orders.count("launch") == 3 and n.director.state is State.IDLE

        await nest.run(until, limit_s=6000.0)
        await asyncio.sleep(10.0)
        assert {r.department for r in refused} == {"emergency"}, "nothing else was even tried meanwhile"
        flown = [r for r in nest.reports.reports if r.ended_at is not None and r.outcome != "refused"]
        assert [(r.outcome, r.department) for r in flown] == [
            ("cut_short", "forestry"),
            ("completed", "emergency"),
            ("completed", "forestry"),
        ]

    fly(tmp_path, make_nest, work, retry_after_s=120.0)


def test_a_nest_that_lets_nobody_interrupt_flies_the_emergency_next(tmp_path, make_nest):
    async def work(nest, desk):
        await desk.ask(asked(desk.clock))
        await desk.ask(asked(desk.clock))
        await nest.run(in_the_air)
        urgent = asked(desk.clock, department="emergency", priority="emergency")
        answer = await desk.ask(urgent, "emergency")
        assert (answer["queue_place"], answer["reasons"][0]["code"]) == (1, "request.queued")
        await nest.run(home_after(2), limit_s=4000.0)
        flown = [r for r in nest.reports.reports if r.ended_at is not None]
        assert [(r.outcome, r.department) for r in flown] == [("completed", "forestry"), ("completed", "emergency")]

    fly(tmp_path, make_nest, work, emergency="wait")


def test_a_request_that_is_called_back_while_it_is_prepared_never_leaves_the_nest(tmp_path, make_nest):
    async def work(nest, desk):
        nest.dock.silent = True  # the checks wait for it
        body = asked(desk.clock)
        await desk.ask(body)
        cancel = {"request": body["request"][:-1] + "0", "department": "forestry", "by": "Anna", "cancel": body["request"]}
        asking = []

        def until(n):
            if not asking and n.director.state is State.PREPARING:
                asking.append(asyncio.create_task(desk.ask(cancel)))
            n.dock.silent = not (asking and asking[0].done())
            return home_after(1)(n)

        await nest.run(until)
        await asyncio.sleep(10.0)
        assert "preflight.wanted" in {reason.code for reason in nest.reports.reports[-1].reasons}
        done = next(a for a in await desk.answers() if a["answer"] == "done")
        assert done["outcome"] == "cancelled"
        assert "launch" not in nest.drone.orders

    fly(tmp_path, make_nest, work)


@pytest.mark.parametrize("killed_in", [State.PREPARING, State.PATROLLING])
def test_an_agent_that_is_killed_flies_no_request_twice(tmp_path, make_nest, killed_in):
    before = make_nest(assigned=False)
    seen = {}

    async def until_killed(nest, desk):
        seen["body"] = asked(desk.clock)
        nest.dock.silent = killed_in is State.PREPARING  # the checks wait for the dock
        await desk.ask(seen["body"])
        await nest.run(lambda n: n.director.state is killed_in and (killed_in is State.PREPARING or n.drone.alt_m > 20))

    fly(tmp_path, make_nest, until_killed, before)
    after = make_nest(journal=Journal(list(before.journal.records)), assigned=False)
    after.drone.__dict__.update({k: v for k, v in before.drone.__dict__.items() if k != "orders"})
    after.dock.lid, after.dock.clamps, after.dock.charger = before.dock.lid, before.dock.clamps, before.dock.charger

    async def restarted(nest, desk):
        await nest.run(home_after(before.states.count(State.SECURING) + 1 + (killed_in is State.PREPARING)))
        await asyncio.sleep(10.0)
        again = await desk.ask(seen["body"])
        assert again["answer"] == "done"
        assert again["outcome"] == "completed"
        assert before.drone.orders.count("launch") + nest.drone.orders.count("launch") == 1

    fly(tmp_path, make_nest, restarted, after)


def test_a_request_that_waits_too_long_expires(tmp_path, make_nest):
    async def work(nest, desk):
        nest.drone.charge = 0.5
        expires = desk.clock.utc().replace(minute=4).isoformat()
        await desk.ask(asked(desk.clock, expires=expires))
        await nest.run(lambda _: desk.clock.utc().minute >= 5)
        answer = (await desk.answers())[-1]
        assert (answer["answer"], answer["outcome"]) == ("done", "expired")
        assert "preflight.battery" in {r["code"] for r in answer["reasons"]}
        assert "launch" not in nest.drone.orders

    fly(tmp_path, make_nest, work, retry_after_s=60.0)
