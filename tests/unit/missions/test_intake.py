"""Every way in which a request is refused or dropped: the code, the answer, the audit log, and that nothing is queued."""

import asyncio
import base64
import json
from datetime import time, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config.requests import RequestKey, RequestRights
from agent.core.clock import Clock
from agent.domain.mission import Fence
from agent.domain.route import Site
from agent.messaging.requests import LARGEST_BYTES, signed_bytes
from tests.doubles.flight import FRAME, run_virtual, square
from tests.doubles.requests import MORNING, WallClock, asked, office

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
BOUNDED = RequestRights(
    scenarios=("fire",),
    priority_max="routine",
    from_utc=time(1, 0),
    until_utc=time(3, 0),
    daily_quota=3,
    keys=(RequestKey(public=PUBLIC),),
)


def hear(tmp_path, work, start=MORNING, **settings):
    """Runs ``work(office)`` on an office without a drone."""

    async def main():
        async with office(tmp_path, Clock(computer_unix_s=WallClock(start)), **settings) as opened:
            await work(opened)

    run_virtual(main())


def point(north_m=200.0, east_m=100.0, **more):
    place = FRAME.to_latlon(north_m, east_m)
    return {"lat": place.lat_deg, "lon": place.lon_deg, **more}


def later(hours):
    return (MORNING + timedelta(hours=hours)).isoformat()


def nested(levels):
    return b"[" * levels + b"]" * levels


REFUSED = {
    "no JSON": (b"fly!", {}, "request.unreadable"),
    "not UTF-8": (b"\xff\xfe{}", {}, "request.unreadable"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), {}, "request.unreadable"),
    "too large": (b'{"by": "' + b"x" * LARGEST_BYTES + b'"}', {}, "request.too_large"),
    "too deep": (nested(17), {}, "request.too_deep"),
    "far too deep": (nested(10_000), {}, "request.too_deep"),
    "a key twice": (b'{"priority": "routine", "priority": "emergency"}', {}, "request.unreadable"),
    "no object": (b"[1, 2]", {}, "request.invalid"),
    "empty": (b"{}", {}, "request.invalid"),
    "unknown field": ({"lid": "open"}, {}, "request.invalid"),
    "number in quotes": ({"route": None, "point": point(lat="30.39")}, {}, "request.invalid"),
    "not a number": ({"route": None, "point": point(dwell_s=float("nan"))}, {}, "request.invalid"),
    "beyond the pole": ({"route": None, "point": point(lat=91.0)}, {}, "request.invalid"),
    "no target": ({"route": None}, {}, "request.invalid"),
    "two targets": ({"point": point()}, {}, "request.invalid"),
    "no ULID": ({"request": "1"}, {}, "request.invalid"),
    "time without zone": ({"expires": "2026-11-23T10:00:00"}, {}, "request.invalid"),
    "a name that turns the reading direction": ({"by": "anna\u202egpj"}, {}, "request.invalid"),
    "a name with a line feed": ({"by": "anna\nroot"}, {}, "request.invalid"),
    "no expiry": ({"expires": None}, {}, "request.invalid"),
    "another department in the message": ({"department": "emergency"}, {}, "request.department_differs"),
    "expired": ({"expires": later(-1)}, {}, "request.expired"),
    "expires this moment": ({"expires": MORNING.isoformat()}, {}, "request.expired"),
    "too far ahead": ({"expires": later(24 * 3)}, {}, "request.too_far"),
    "not yet for too long": ({"not_before": later(24 * 3), "expires": later(24 * 4)}, {}, "request.too_far"),
    "ends before it begins": ({"not_before": later(5), "expires": later(4)}, {}, "request.times"),
    "scenario": ({"scenario": "sewage"}, {"rights": BOUNDED}, "request.scenario_not_allowed"),
    "priority": ({"priority": "emergency"}, {}, "request.priority_not_allowed"),
    "hours": ({"not_before": later(2), "expires": later(8)}, {"rights": BOUNDED}, "request.hours"),
    "no quota": ({}, {"rights": RequestRights(daily_quota=0)}, "request.quota"),
    "unknown route": ({"route": "nowhere"}, {}, "route.unknown"),
    "route of another scenario": ({"scenario": "flood"}, {}, "request.scenario_differs"),
    "speed for a route that has its own": ({"speed_m_s": 20.0}, {}, "request.invalid"),
    "outside the fence": ({"route": None, "point": point(900.0, 0.0)}, {}, "route.outside_fence"),
    "on the other side of the world": ({"route": None, "point": point(lat=-30.0, lon=-60.0)}, {}, "route.outside_fence"),
    "too high": ({"route": None, "point": point(height_agl_m=150.0)}, {}, "route.outside_fence"),
    "too low": ({"route": None, "point": point(height_agl_m=12.0)}, {}, "route.too_low"),
    "what the drone does not do on a lost link": ({"on_link_loss": "finish"}, {}, "request.link_loss"),
    "not signed": ({}, {"rights": BOUNDED, "signature_required": True}, "request.not_signed"),
    "signed with nothing": ({}, {"signature": "!"}, "request.no_key"),
    "signature of another": ({}, {"rights": BOUNDED, "signature": "AAAA" * 21 + "AA=="}, "request.bad_signature"),
    "signature that is none": ({}, {"rights": BOUNDED, "signature": "@"}, "request.bad_signature"),
    "answer under another's name": ({}, {"response_topic": "nest/v1/nests/n1/status"}, "request.response_topic"),
    "answer to another department": ({}, {"response_topic": "nest/v1/replies/water/n1"}, "request.response_topic"),
    "answer under another nest's name": ({}, {"response_topic": "nest/v1/replies/forestry/n2/x"}, "request.response_topic"),
    "answer to a wildcard": ({}, {"response_topic": "nest/v1/replies/forestry/n1/#"}, "request.response_topic"),
    "endless correlation": (
        {},
        {"response_topic": "nest/v1/replies/forestry/n1/x", "correlation": b"x" * 257},
        "request.response_topic",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_has_its_code_and_moves_nothing(tmp_path, case):
    body, how, code = REFUSED[case]
    how = dict(how)
    departments = {"forestry": how.pop("rights", RequestRights())}
    required = how.pop("signature_required", False)
    attributes = {"signature": how.pop("signature")} if "signature" in how else {}

    async def work(desk):
        sent = body if isinstance(body, bytes) else asked(desk.clock, **body)
        answer = await desk.ask(sent, attributes=attributes, **how)
        assert (answer["answer"], answer["sequence"]) == ("refused", 1)
        assert code in [r["code"] for r in answer["reasons"]]
        assert all(r["words"] for r in answer["reasons"])
        assert desk.requests.book.open == {}
        assert desk.requests.candidates(desk.clock.utc()) == []
        (entry,) = await desk.log()
        assert (entry.department, entry.codes[0]) == ("forestry", answer["reasons"][0]["code"])
        assert answer["audit"]

    hear(tmp_path, work, departments=departments, signature_required=required)


def test_a_department_that_is_not_in_the_configuration_is_told_so(tmp_path):
    async def work(desk):
        answer = await desk.ask(asked(desk.clock, department="water"), "water")
        assert [r["code"] for r in answer["reasons"]] == ["request.no_rights"]

    hear(tmp_path, work)


@pytest.mark.parametrize("name", ["", "For+estry", "../forestry", "x" * 200, "förster"])
def test_a_name_that_no_department_can_have_is_dropped_and_audited(tmp_path, name):
    async def work(desk):
        desk.receive(asked(desk.clock), name)
        await asyncio.sleep(1.0)
        assert await desk.answers() == []
        assert [(e.what, e.codes) for e in await desk.log()] == [("dropped", ("request.no_rights",))]

    hear(tmp_path, work)


def test_a_retained_request_is_dropped_because_it_would_come_again(tmp_path):
    async def work(desk):
        desk.receive(asked(desk.clock), retained=True)
        await asyncio.sleep(1.0)
        assert (await desk.answers(), desk.reader.dropped) == ([], 1)

    hear(tmp_path, work)


def test_more_than_so_many_in_a_minute_are_dropped_and_others_are_not_held_up(tmp_path):
    async def work(desk):
        for _ in range(9):
            desk.receive(asked(desk.clock))
        await asyncio.sleep(1.0)
        await desk.ask(asked(desk.clock, department="emergency"), "emergency")
        answers = await desk.answers()
        assert [a["department"] for a in answers] == ["forestry"] * 4 + ["emergency"]
        assert [e.what for e in await desk.log()] == ["request"] * 4 + ["dropped", "request"]
        await asyncio.sleep(61.0)
        assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"

    hear(tmp_path, work, per_minute_max=4)


def test_the_same_request_again_gets_the_same_answer_and_is_queued_once_even_after_a_restart(tmp_path):
    sent = {}

    async def work(desk):
        sent["body"] = asked(desk.clock)
        sent["answer"] = await desk.ask(sent["body"])
        assert await desk.ask(sent["body"]) == sent["answer"]
        ids = [m.message_id for m in await desk.messages()]
        assert len(ids) == 2
        assert len(set(ids)) == 1, "a repetition has the old id, so that it is dropped"

    async def restarted(desk):
        assert await desk.ask(dict(reversed(sent["body"].items()))) == sent["answer"]
        assert len(desk.requests.candidates(desk.clock.utc())) == 1
        other = await desk.ask({**sent["body"], "priority": "elevated"})
        assert [r["code"] for r in other["reasons"]] == ["request.id_reused"]

    hear(tmp_path, work)
    hear(tmp_path, restarted)


def test_a_refusal_is_the_same_again_though_the_rights_have_changed(tmp_path):
    sent = {}

    async def work(desk):
        sent["body"] = asked(desk.clock, priority="emergency")
        sent["answer"] = await desk.ask(sent["body"])

    async def restarted(desk):
        assert await desk.ask(sent["body"]) == sent["answer"]

    hear(tmp_path, work)
    hear(tmp_path, restarted, departments={"forestry": RequestRights(priority_max="emergency")})


def test_who_cannot_sign_cannot_take_an_id_away(tmp_path):
    async def work(desk):
        body = asked(desk.clock)
        assert (await desk.ask(body))["answer"] == "refused"
        data = json.dumps(body).encode()
        signature = base64.b64encode(KEY.sign(signed_bytes("nest/v1/requests/forestry/n1", data))).decode()
        assert (await desk.ask(data, attributes={"signature": signature}))["answer"] == "accepted"
        assert [e.signed for e in await desk.log()] == [None, True]

    hear(tmp_path, work, departments={"forestry": BOUNDED}, signature_required=True)


def test_a_signature_for_another_nest_does_not_count_here(tmp_path):
    async def work(desk):
        data = json.dumps(asked(desk.clock)).encode()
        signature = base64.b64encode(KEY.sign(signed_bytes("nest/v1/requests/forestry/n2", data))).decode()
        answer = await desk.ask(data, attributes={"signature": signature})
        assert [r["code"] for r in answer["reasons"]] == ["request.bad_signature"]

    hear(tmp_path, work, departments={"forestry": BOUNDED})


def test_a_key_counts_until_its_end_and_its_successor_beside_it(tmp_path):
    old, new = Ed25519PrivateKey.generate(), KEY
    keys = tuple(
        RequestKey(public=base64.b64encode(k.public_key().public_bytes_raw()).decode(), not_after=end)
        for k, end in ((old, MORNING - timedelta(hours=1)), (new, None))
    )

    async def work(desk):
        for key, answered in ((old, "refused"), (new, "accepted")):
            data = json.dumps(asked(desk.clock)).encode()
            signature = base64.b64encode(key.sign(signed_bytes("nest/v1/requests/forestry/n1", data))).decode()
            assert (await desk.ask(data, attributes={"signature": signature}))["answer"] == answered

    hear(tmp_path, work, departments={"forestry": RequestRights(keys=keys)})


def test_on_3_1_1_a_signed_request_carries_its_exact_bytes(tmp_path):
    async def work(desk):
        data = json.dumps(asked(desk.clock), indent=3).encode()
        signature = base64.b64encode(KEY.sign(signed_bytes("nest/v1/requests/forestry/n1", data))).decode()
        event = {"specversion": "1.0", "id": "1", "source": "/desk", "type": "nest.request.v1", "signature": signature}
        assert (await desk.ask({**event, "data_base64": base64.b64encode(data).decode()}))["answer"] == "accepted"
        assert (await desk.ask({**event, "data": asked(desk.clock)}))["answer"] == "refused"
        assert (await desk.ask({**event, "data_base64": "?"}))["answer"] == "refused"

    hear(tmp_path, work, departments={"forestry": BOUNDED})


def test_the_quota_of_a_day_counts_what_was_accepted_and_begins_anew(tmp_path):
    async def work(desk):
        for _ in range(2):
            assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"
        assert [r["code"] for r in (await desk.ask(asked(desk.clock)))["reasons"]] == ["request.quota"]
        await asyncio.sleep(23 * 3600.0)
        assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"

    hear(tmp_path, work, departments={"forestry": RequestRights(daily_quota=2)})


def test_a_full_queue_takes_no_more(tmp_path):
    async def work(desk):
        answers = [await desk.ask(asked(desk.clock)) for _ in range(3)]
        assert [a.get("queue_place") for a in answers] == [1, 2, None]
        assert [r["code"] for r in answers[2]["reasons"]] == ["request.queue_full"]

    hear(tmp_path, work, queue_max=2)


def test_a_department_stays_in_its_area_and_what_is_looked_at_counts(tmp_path):
    ring = [[p.lon_deg, p.lat_deg] for p in (*square(220.0), square(220.0)[0])]
    area = tmp_path / "area.geojson"
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    area.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    async def work(desk):
        inside = await desk.ask(asked(desk.clock, route=None, point=point(210.0, 0.0, from_deg=0.0)))
        assert inside["answer"] == "accepted", "the drone may stand outside, over the nest's own ground"
        outside = await desk.ask(asked(desk.clock, route=None, point=point(230.0, 0.0)))
        assert [r["code"] for r in outside["reasons"]] == ["request.outside_area"]
        assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"

    hear(tmp_path, work, departments={"forestry": RequestRights(area_file=area)})


def test_a_request_for_later_waits_for_its_time_and_one_outside_hours_for_the_hours(tmp_path):
    async def work(desk):
        soon = await desk.ask(asked(desk.clock, not_before=later(0.5)))
        assert soon["earliest_start"].startswith("2026-11-23T02:30")
        await asyncio.sleep(2 * 3600.0)
        tomorrow = await desk.ask(asked(desk.clock, expires=later(24)))
        assert tomorrow["earliest_start"].startswith("2026-11-24T01:00")
        assert desk.requests.candidates(desk.clock.utc()) == [], "the hours are over"

    hear(tmp_path, work, departments={"forestry": BOUNDED})


def test_a_waiting_request_that_is_taken_back_is_not_flown_and_says_so_each_time(tmp_path):
    async def work(desk):
        body = asked(desk.clock)
        await desk.ask(body)
        cancel = {"request": asked(desk.clock)["request"], "department": "forestry", "by": "Bo", "cancel": body["request"]}
        await desk.ask({**cancel, "reason": "rain"})
        await asyncio.sleep(1.0)
        first = (await desk.answers())[1:]
        assert [(a["answer"], a.get("outcome"), a["request"] == body["request"]) for a in first] == [
            ("done", "cancelled", True),
            ("accepted", None, False),
        ]
        assert "rain" in first[0]["reasons"][0]["words"]
        assert (await desk.ask(cancel))["answer"] == "accepted"
        assert desk.requests.candidates(desk.clock.utc()) == []

    hear(tmp_path, work)


def test_the_answer_goes_to_the_response_topic_too_with_the_correlation_of_each_question(tmp_path):
    async def work(desk):
        body, topic = asked(desk.clock), "nest/v1/replies/forestry/n1/anna"
        for correlation in (b"\x00\x01", b"\x02"):
            await desk.ask(body, response_topic=topic, correlation=correlation)
        messages = await desk.messages()
        on_topic = [m for m in messages if m.topic == topic]
        assert [m.correlation for m in on_topic] == [b"\x00\x01", b"\x02"]
        assert on_topic[0].payload == next(m for m in messages if m.topic == "nest/v1/replies/forestry/n1").payload

    hear(tmp_path, work)


def test_a_clock_that_is_not_set_lets_nobody_fly(tmp_path):
    async def work(desk):
        answer = await desk.ask(asked(desk.clock))
        assert "request.no_clock" in [r["code"] for r in answer["reasons"]]

    hear(tmp_path, work, start=MORNING.replace(year=1990))


def test_without_any_department_nobody_may_ask(tmp_path):
    async def work(desk):
        answer = await desk.ask(asked(desk.clock))
        assert [r["code"] for r in answer["reasons"]] == ["request.no_rights"]

    hear(tmp_path, work, departments={})


def test_a_point_beside_an_exclusion_is_refused(tmp_path):
    hole = tuple(FRAME.to_latlon(n, e) for n, e in ((150, 50), (250, 50), (250, 150), (150, 150)))
    site = Site(Fence(square(600.0), (hole,), 120.0), ())

    async def work(desk):
        answer = await desk.ask(asked(desk.clock, route=None, point=point(200.0, 100.0, stand_off_m=0.0)))
        assert [r["code"] for r in answer["reasons"]] == ["route.outside_fence"]

    hear(tmp_path, work, site=site)


def geojson(kind, corners):
    places = [[p.lon_deg, p.lat_deg] for p in (FRAME.to_latlon(*corner) for corner in corners)]
    return {"type": kind, "coordinates": [places] if kind == "Polygon" else places}


FIELD = ((100, -100), (100, 100), (200, 100), (200, -100), (100, -100))
SHAPES = {
    "an area": ({"area": {"polygon": geojson("Polygon", FIELD)}}, None),
    "a line": ({"line": {"line": geojson("LineString", FIELD[:3]), "offset_m": 20.0, "side": "both"}}, None),
    "an area outside the fence": (
        {"area": {"polygon": geojson("Polygon", [(n * 10, e) for n, e in FIELD])}},
        "route.outside_fence",
    ),
    "an area whose lane comes too close to the fence": (
        {"area": {"polygon": geojson("Polygon", [(585, 0), (585, 100), (599, 100), (599, 0), (585, 0)])}},
        "route.outside_fence",
    ),
    "an area that is too large for one battery": (
        {
            "area": {
                "polygon": geojson("Polygon", [(-500, -500), (-500, 500), (500, 500), (500, -500), (-500, -500)]),
                "overlap": 0.0,
                "height_agl_m": 80.0,
            },
            "speed_m_s": 3.0,
        },
        "route.too_long",
    ),
    "an area of endless pictures": (
        {
            "area": {
                "polygon": geojson("Polygon", [(-500, -500), (-500, 500), (500, 500), (500, -500), (-500, -500)]),
                "overlap": 0.8,
                "height_agl_m": 20.0,
            }
        },
        "route.too_many_points",
    ),
    "an area that crosses itself": (
        {"area": {"polygon": geojson("Polygon", [FIELD[0], FIELD[2], FIELD[1], FIELD[3], FIELD[0]])}},
        "request.shape",
    ),
    "a hole": (
        {"area": {"polygon": {"type": "Polygon", "coordinates": geojson("Polygon", FIELD)["coordinates"] * 2}}},
        "request.invalid",
    ),
    "a line of one place": ({"line": {"line": geojson("LineString", [FIELD[0], FIELD[0]])}}, "request.shape"),
    "a line that leaves the fence": (
        {"line": {"line": geojson("LineString", [(0, 100), (0, 900)])}},
        "route.outside_fence",
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_an_area_or_line_is_planned_and_checked_like_any_route(tmp_path, case):
    target, code = SHAPES[case]

    async def work(desk):
        answer = await desk.ask(asked(desk.clock, route=None, **target))
        if code is None:
            assert answer["answer"] == "accepted", answer
            (order,) = desk.requests.book.open.values()
            assert order.points_total == len(order.route.points) > 5
        else:
            assert [r["code"] for r in answer["reasons"]][:1] == [code]

    hear(tmp_path, work)


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
