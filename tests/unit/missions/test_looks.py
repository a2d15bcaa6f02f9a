"""Looks at an alert's place that departments ask for: flown like other requests, one at a time, and told to the alerts."""

import asyncio
from datetime import timedelta

import pytest
from ulid import ULID

from agent.config.requests import RequestRights
from agent.core.clock import Clock
from agent.core.outcome import Refused
from agent.domain.hub import LookedAgain, RequestReceived
from agent.domain.request import AreaTarget, FlightRequest, GeoJsonArea, PointTarget, Priority
from tests.doubles.flight import FRAME, run_virtual
from tests.doubles.requests import WallClock, asked, office
from tests.unit.missions.test_requests_flown import fly, home_after, in_the_air, kinds

ALERT = "01M88RMCFSSA70TEPXV9YY2S1Q"
PLACE = FRAME.to_latlon(250.0, 100.0)


def look(desk, department="forestry", **more):
    body = FlightRequest(
        request=str(ULID()),
        department=department,
        by="Anna Li",
        scenario="look_again",
        point=PointTarget(lat=PLACE.lat_deg, lon=PLACE.lon_deg),
        priority=Priority.EMERGENCY,
        expires=desk.clock.utc() + timedelta(hours=1),
    )
    body = more.pop("body", body)
    request = body.request if isinstance(body, FlightRequest) else None
    return RequestReceived(department, body, request, b"{}", b"signed", alert=ALERT, **more)


async def told(desk, received):
    before = len(await desk.answers())
    desk.bus.publish(received)
    return (await desk.until(lambda answers: len(answers) > before))[-1]


def with_desk(tmp_path, work, **settings):
    async def main():
        async with office(tmp_path, Clock(computer_unix_s=WallClock()), **settings) as desk:
            await work(desk)

    run_virtual(main())


def test_a_look_is_flown_and_the_alerts_hear_that_it_saw_the_whole_place(tmp_path, make_nest):
    async def work(nest, desk):
        with desk.bus.subscribe(LookedAgain) as looks:
            wanted = look(desk)
            assert (await told(desk, wanted))["answer"] == "accepted"
            began = desk.clock.utc()
            await nest.run(home_after(1))
            await asyncio.sleep(10.0)
            looked = await looks.get()
        answers = await desk.answers()
        assert kinds(answers) == ["accepted", "started", "done"]
        assert {a["alert"] for a in answers} == {ALERT}
        assert (looked.alert, looked.by, looked.flight) == (ALERT, "Anna Li@forestry", answers[-1]["flight"])
        assert looked.since > began

    fly(tmp_path, make_nest, work)


def test_one_look_at_an_alert_is_enough(tmp_path):
    async def work(desk):
        first = await told(desk, look(desk))
        again = await told(desk, look(desk))
        other = await told(desk, look(desk, "emergency"))
        assert (first["answer"], again["request"], again["sequence"]) == ("accepted", first["request"], first["sequence"])
        assert (other["answer"], other["reasons"][0]["code"]) == ("refused", "alert.looked_at")
        assert len(desk.requests.book.open) == 1

    with_desk(tmp_path, work)


def test_a_look_matters_no_more_than_its_department_may(tmp_path):
    async def work(desk):
        assert (await told(desk, look(desk)))["answer"] == "accepted"
        (order,) = desk.requests.book.open.values()
        assert (order.request.priority, order.alert) == (Priority.ELEVATED, ALERT)

    with_desk(tmp_path, work)


@pytest.mark.parametrize(
    ("department", "more", "settings", "code"),
    [
        ("water", {}, {}, "request.no_rights"),
        ("forestry", {"body": Refused("alert.unknown", "none")}, {}, "alert.unknown"),
        ("forestry", {}, {"departments": {"forestry": RequestRights(scenarios=("patrol",))}}, "request.scenario_not_allowed"),
        ("forestry", {"signature": "AAAA"}, {}, "request.no_key"),
    ],
)
def test_a_look_is_bound_by_the_rights_of_its_department(tmp_path, department, more, settings, code):
    async def work(desk):
        answer = await told(desk, look(desk, department, **more))
        assert (answer["answer"], answer["alert"]) == ("refused", ALERT)
        assert code in [r["code"] for r in answer["reasons"]]
        assert [e.what for e in await desk.log()] == ["request"]

    with_desk(tmp_path, work, **settings)


def test_a_look_that_nobody_watched_says_nothing(tmp_path, make_nest):
    async def work(nest, desk):
        with desk.bus.subscribe(LookedAgain) as looks:
            assert (await told(desk, look(desk)))["answer"] == "accepted"
            await nest.run(in_the_air)
            nest.eyes.blind = True
            await nest.run(home_after(1))
            await asyncio.sleep(10.0)
            assert nest.reports.reports[-1].missed
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(looks.get(), 5.0)

    fly(tmp_path, make_nest, work)


def test_a_look_in_two_parts_says_nothing_of_what_its_first_part_saw(tmp_path, make_nest):
    async def work(nest, desk):
        corners = [FRAME.to_latlon(*c) for c in ((100, -60), (100, 60), (180, 60), (180, -60), (100, -60))]
        area = AreaTarget(polygon=GeoJsonArea(coordinates=(tuple((c.lon_deg, c.lat_deg) for c in corners),)))
        body = FlightRequest(
            request=str(ULID()),
            department="forestry",
            by="Anna Li",
            scenario="look_again",
            area=area,
            priority=Priority.ELEVATED,
            expires=desk.clock.utc() + timedelta(hours=6),
        )
        with desk.bus.subscribe(LookedAgain) as looks:
            assert (await told(desk, look(desk, body=body)))["answer"] == "accepted"
            await nest.run(lambda n: in_the_air(n) and len(n.ctx.flight.points) == 1)
            urgent = asyncio.create_task(desk.ask(asked(desk.clock, department="emergency", priority="emergency"), "emergency"))
            await nest.run(home_after(3), limit_s=4000.0)
            await urgent
            await asyncio.sleep(10.0)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(looks.get(), 5.0)

    fly(tmp_path, make_nest, work)
