"""The desk's picture of the world: messages in, changes out."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.desk.board import CLOSED_KEPT, Board
from agent.desk.reading import SeenAlert, read
from agent.domain.alert import Alert, AlertStatus
from agent.messaging.link import Incoming
from tests.doubles.desk import DEPARTMENT, alert, jpeg

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
ROOT = "nest/v1"


def topic(told: Alert, tail: str = "", hazard: str | None = None) -> str:
    return f"{ROOT}/alerts/{DEPARTMENT}/{hazard or told.hazard}/n1/{told.alert}{tail}"


def message(name: str, body: object, *, retained: bool = False) -> Incoming:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Incoming(name, payload, retained, {"id": "m1"})


def said(told: Alert, **more: Any) -> Incoming:
    return message(topic(told), {**told.model_dump(mode="json", exclude_none=True), **more})


def board() -> Board:
    return Board(ROOT, DEPARTMENT)


def test_the_higher_sequence_is_the_truth() -> None:
    seen, told = board(), alert()
    newer = told.model_copy(update={"sequence": 2, "status": AlertStatus.UPDATED})
    assert seen.hear(said(newer), NOW)
    assert seen.hear(said(told), NOW) == []
    assert seen.everything()["alert"][told.alert]["status"] == "updated"


def test_an_empty_message_closes_the_alert_and_it_is_still_shown_as_closed() -> None:
    seen, told = board(), alert()
    seen.hear(said(told), NOW)
    (change,) = seen.hear(message(topic(told), b""), NOW)
    assert change["value"]["open"] is False


def test_smoke_that_became_fire_is_not_closed_by_the_emptied_topic_of_smoke() -> None:
    seen, told = board(), alert()
    seen.hear(message(topic(told, hazard="smoke"), told.model_dump(mode="json")), NOW)
    seen.hear(said(told.model_copy(update={"sequence": 2})), NOW)
    assert seen.hear(message(topic(told, hazard="smoke"), b""), NOW) == []
    assert seen.alerts[told.alert].open


def test_a_picture_may_come_before_its_alert() -> None:
    seen, told, data = board(), alert(), jpeg()
    assert seen.hear(message(topic(told, "/snapshot"), data), NOW) == []
    assert seen.everything()["alert"] == {}
    (change,) = seen.hear(said(told), NOW)
    assert change["value"]["pictures"]["snapshot"]["proved"] is False


def test_unknown_sub_topics_other_departments_and_other_names_are_not_taken() -> None:
    seen, told = board(), alert()
    body = told.model_dump(mode="json")
    for name in (
        topic(told, "/cap"),
        topic(told, "/snapshot/more/levels"),
        topic(told).replace(DEPARTMENT, "water"),
        topic(alert()),
        f"other/alerts/{DEPARTMENT}/fire/n1/{told.alert}",
    ):
        assert seen.hear(message(name, body), NOW) == []
    assert seen.alerts == {}


def test_a_newer_nest_is_read_without_what_is_not_known_yet() -> None:
    seen, told = board(), alert()
    body = told.model_dump(mode="json", exclude_none=True)
    body["position"]["floor"] = 3
    (change,) = seen.hear(message(topic(told, hazard="landslide"), {**body, "hazard": "landslide", "colour": "red"}), NOW)
    assert change["value"]["hazard"] == "landslide"
    assert "colour" not in change["value"]
    assert "floor" not in change["value"]["position"]


def test_what_the_broker_no_longer_keeps_was_closed_while_nobody_listened() -> None:
    seen, gone, kept = board(), alert(), alert()
    seen.hear(said(gone), NOW)
    seen.hear(said(kept), NOW)
    seen.connected()
    seen.hear(said(kept), NOW)
    changes = seen.settle()
    assert [(change["key"], change["value"]["open"]) for change in changes] == [(gone.alert, False)]


def test_an_answer_waits_until_the_nests_next_message() -> None:
    seen, told = board(), alert()
    seen.hear(said(told), NOW)
    (change,) = seen.asked(told.alert, "acknowledge", "Anna Li", NOW)
    assert change["value"]["asked"][0]["by"] == "Anna Li"
    (change,) = seen.hear(said(told.model_copy(update={"sequence": 2})), NOW)
    assert change["value"]["asked"] == []


def test_of_closed_alerts_the_newest_are_kept() -> None:
    seen = board()
    for number in range(CLOSED_KEPT + 3):
        told = alert(f"a{number}", status=AlertStatus.RESOLVED)
        seen.hear(said(told), NOW.replace(minute=number % 60))
    assert len(seen.alerts) == CLOSED_KEPT


def test_a_request_gathers_its_answers_once_and_in_order() -> None:
    seen = board()
    reply = {"request": "01KB3ZV6J1Q8W9E4R5T6Y7XA2S", "department": DEPARTMENT, "at": "2026-11-25T08:00:00Z"}
    name = f"{ROOT}/replies/{DEPARTMENT}/n1"
    for sequence, answer in ((2, "started"), (1, "accepted"), (1, "accepted")):
        seen.hear(message(name, {**reply, "sequence": sequence, "answer": answer}), NOW)
    (request,) = seen.requests.values()
    assert [told["answer"] for told in request["replies"]] == ["accepted", "started"]
    # Another nest does not answer in this one's place.
    assert seen.hear(message(f"{ROOT}/replies/{DEPARTMENT}/n2", {**reply, "sequence": 3, "answer": "done"}), NOW) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(Alert.model_fields)), ANYTHING)
def test_nothing_that_comes_in_raises(field: str, value: object) -> None:
    told = alert("a1")
    tree = json.loads(json.dumps({**told.model_dump(mode="json"), field: value}))
    for name in (topic(told), f"{ROOT}/nests/n1/status", f"{ROOT}/nests/n1/flights/f", f"{ROOT}/replies/{DEPARTMENT}/n1"):
        board().hear(message(name, tree), NOW)
    assert read(SeenAlert, value) is None


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    for tail in ("", "/snapshot", "/snapshot/thermal"):
        board().hear(message(topic(alert("a1"), tail), data), NOW)
