"""Messages that nobody meant: none raises out of its handler, none moves an aircraft, each is answered or dropped by rule."""

import asyncio
import json
from datetime import timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.outcome import Refused
from agent.domain.hub import RequestReceived
from agent.domain.request import CancelRequest, FlightRequest
from agent.domain.topics import Topics
from agent.messaging.link import Incoming
from agent.messaging.requests import RequestReader
from tests.doubles.flight import run_virtual
from tests.doubles.requests import MORNING, WallClock, office

GOOD = {
    "request": "01KB0000000000000000000000",
    "department": "forestry",
    "by": "Anna",
    "scenario": "fire",
    "route": "loop",
    "priority": "routine",
    "expires": (MORNING + timedelta(hours=2)).isoformat(),
}
POINT = {"lat": 30.392, "lon": 119.841, "height_agl_m": 60.0}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
keys = (
    st.sampled_from([*GOOD, "point", "area", "line", "not_before", "cancel", "on_detection", "data", "specversion"]) | st.text()
)


@st.composite
def mutated(draw):
    """A good message of which some fields are something else, as text that may be cut and changed."""
    body = {**GOOD, **draw(st.dictionaries(keys, json_values | st.just(POINT), min_size=1, max_size=4))}
    for gone in draw(st.sets(st.sampled_from(list(GOOD)), max_size=2)):
        body.pop(gone, None)
    text = bytearray(json.dumps(body).encode())
    for place, byte in draw(st.lists(st.tuples(st.integers(0, len(text) - 1), st.integers(0, 255)), max_size=3)):
        text[place] = byte
    return bytes(text[: draw(st.integers(0, len(text)) | st.just(len(text)))])


payloads = mutated() | st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode())


@given(payloads, st.dictionaries(st.text(max_size=10), st.text(max_size=30), max_size=3), st.text(max_size=30))
@settings(max_examples=300, deadline=None)
@example(b"[" * 20_000, {}, "")
@example(b'{"specversion": "1.0", "data_base64": 7}', {}, "")
@example(b'{"specversion": "1.0", "data": {"cancel": []}}', {"signature": "\ud800"}, "")
def test_the_reader_turns_anything_into_a_value(payload, attributes, response_topic):
    bus = Bus()
    with bus.subscribe(RequestReceived) as inbox:
        topic = "nest/v1/requests/forestry/n1"
        RequestReader(Topics("nest/v1", "n1"), bus).read(Incoming(topic, payload, False, attributes, response_topic))
        received = asyncio.run(inbox.get())
    assert isinstance(received.body, FlightRequest | CancelRequest | Refused)


@given(st.lists(payloads, min_size=5, max_size=20))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_in_is_answered_or_dropped_and_only_a_whole_request_waits(tmp_path_factory, messages):
    async def main():
        clock = Clock(computer_unix_s=WallClock())
        async with office(tmp_path_factory.mktemp("office"), clock) as desk:
            for payload in messages:
                desk.receive(payload)
            whole = {**GOOD, "request": "01KBZZZZZZZZZZZZZZZZZZZZZZ", "priority": "elevated"}
            desk.receive(whole)
            answers = await desk.until(lambda said: any(a.get("request") == whole["request"] for a in said))
            mine = [a["answer"] for a in answers if a.get("request") == whole["request"]]
            assert mine == ["accepted"], "the handler still works"
            assert len(await desk.log()) == len(messages) + 1
            for order in desk.requests.book.open.values():
                assert (order.request.department, order.request.scenario) == ("forestry", "fire")

    run_virtual(main())
