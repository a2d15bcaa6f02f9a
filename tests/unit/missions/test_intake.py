"""Every way in which a request is refused or dropped: the code, the answer, the audit log, and that nothing is queued."""

import asyncio

import pytest

from agent.config.requests import RequestRights
from agent.messaging.requests import LARGEST_BYTES
from tests.doubles.intake import BOUNDED, hear, later, point
from tests.doubles.requests import MORNING, asked


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


def test_a_full_queue_takes_no_more(tmp_path):
    async def work(desk):
        answers = [await desk.ask(asked(desk.clock)) for _ in range(3)]
        assert [a.get("queue_place") for a in answers] == [1, 2, None]
        assert [r["code"] for r in answers[2]["reasons"]] == ["request.queue_full"]

    hear(tmp_path, work, queue_max=2)


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


def test_without_any_department_nobody_may_ask(tmp_path):
    async def work(desk):
        answer = await desk.ask(asked(desk.clock))
        assert [r["code"] for r in answer["reasons"]] == ["request.no_rights"]

    hear(tmp_path, work, departments={})
