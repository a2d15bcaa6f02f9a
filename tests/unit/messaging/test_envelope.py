"""CloudEvents on MQTT 5 and 3.1.1, topic names, and schemas that are as checked in."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from agent.domain.hazard import Hazard
from agent.domain.topics import TOPICS, Topics
from agent.messaging.envelope import packet
from agent.messaging.schema import schemas, write
from tests.doubles.hub import message

_CHECKED_IN = Path(__file__).parents[3] / "docs" / "schemas"
_ATTRIBUTES = {
    "specversion": "1.0",
    "id": "m1",
    "source": "/nests/n1",
    "type": "nest.alert.v1",
    "time": "2026-11-23T04:00:00.000Z",
    "subject": "test",
}


def test_binary_mode_on_mqtt_5() -> None:
    out = packet(message("m1", payload=b'{"a": 1}'), "/nests/n1", version_5=True)
    assert dict(out.user_properties) == _ATTRIBUTES
    assert (out.content_type, out.payload, out.qos, out.retain) == ("application/json", b'{"a": 1}', 1, True)


def test_structured_mode_on_mqtt_3_1_1() -> None:
    out = packet(message("m1", payload='{"a": "é"}'.encode()), "/nests/n1", version_5=False)
    assert json.loads(out.payload) == {**_ATTRIBUTES, "datacontenttype": "application/json", "data": {"a": "é"}}
    assert (out.content_type, out.user_properties, out.expiry_s) == (None, (), None)


@pytest.mark.parametrize("version_5", [True, False])
def test_an_empty_payload_stays_empty_because_it_clears(version_5: bool) -> None:
    assert packet(message("m1", payload=b""), "/nests/n1", version_5=version_5).payload == b""


def test_a_picture_on_3_1_1_is_a_picture() -> None:
    picture = replace(message("m1", payload=b"\xff\xd8\xff"), content_type="image/jpeg")
    assert packet(picture, "/nests/n1", version_5=False).payload == b"\xff\xd8\xff"


def test_the_size_is_an_upper_bound_of_the_wire_length() -> None:
    out = packet(message("m1", payload=b"x" * 1000), "/nests/n1", version_5=True)
    properties = sum(5 + len(k) + len(v) for k, v in out.user_properties) + 3 + len("application/json")
    assert out.size_bytes >= 5 + 2 + len(out.topic) + 2 + 2 + properties + 1000


def test_topic_names() -> None:
    topics = Topics("district/7", "n1")
    assert topics.status() == "district/7/nests/n1/status"
    assert topics.telemetry() == "district/7/nests/n1/telemetry"
    assert topics.flight("f1") == "district/7/nests/n1/flights/f1"
    assert topics.alert("forestry", Hazard.FIRE, "A") == "district/7/alerts/forestry/fire/n1/A"
    assert topics.snapshot("forestry", Hazard.FIRE, "A") == "district/7/alerts/forestry/fire/n1/A/snapshot"


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_delivery_of_each_topic_is_as_the_contract_says(name: str) -> None:
    contract = {
        "status": (1, True, None),
        "telemetry": (0, False, 10.0),
        "flight": (1, True, 86_400.0),
        "alert": (1, True, None),
        "cap": (1, True, None),
        "cot": (1, False, None),
        "geojson": (1, True, None),
        "snapshot": (1, True, None),
        "thermal": (1, True, None),
        "action": (1, False, None),
        "request": (1, False, None),
        "cancel": (1, False, None),
        "public": (1, True, None),
        "reply": (1, False, None),
    }
    row = TOPICS[name]
    assert (row.qos, row.retain, row.expiry_s) == contract[name]


def test_the_checked_in_schemas_are_those_of_the_models(tmp_path: Path) -> None:
    write(tmp_path)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text() for path in _CHECKED_IN.glob("*.json")}
    assert made == kept, "run nest-agent schema --out docs/schemas and commit the result"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_each_schema_is_a_schema(name: str) -> None:
    schema = json.loads(schemas()[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert list(jsonschema.Draft202012Validator(schema).iter_errors({"nonsense": 1}))
