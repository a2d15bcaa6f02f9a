"""A reader of the contract 1.0 reads what 1.x says, and a nest of 1.x reads what 1.0 asks. The rule stands in docs/hub.md.

tests/golden/schemas/1.0 is what 1.0 was. It is never changed once 1.0 is out; what breaks it needs nest/v2.
"""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent.alerts.formats.geojson import features
from agent.domain.alert import AlertStatus
from agent.domain.hazard import Hazard
from agent.domain.topics import TOPICS
from agent.messaging.schema import schemas
from tests.doubles.alerts import SENT, alert, formats
from tests.doubles.schema_subset import difference

_FROZEN = Path(__file__).parents[2] / "golden" / "schemas" / "1.0"
_OLD = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(_FROZEN.glob("*.json"))}
_NEW = {name: json.loads(text) for name, text in schemas().items()}
_FROM_NEST = {f"{row.event_type}.json" for row in TOPICS.values() if row.from_nest}


@pytest.mark.parametrize("name", _OLD)
def test_old_and_new_understand_each_other(name: str) -> None:
    assert name in _NEW, "a message of 1.0 is gone"
    written, read = (_NEW[name], _OLD[name]) if name in _FROM_NEST else (_OLD[name], _NEW[name])
    assert difference(written, read) is None


@pytest.mark.parametrize("name", sorted(_FROM_NEST & _OLD.keys()))
def test_a_reader_of_1_0_takes_a_field_that_it_does_not_know(name: str) -> None:
    grown = copy.deepcopy(_NEW[name])
    grown["properties"]["brand_new"] = {"type": "string"}
    assert difference(grown, _OLD[name]) is None
    assert "additionalProperties" not in _OLD[name]


@pytest.mark.parametrize("hazard", [*Hazard, "landslide"])
@pytest.mark.parametrize("status", AlertStatus)
def test_a_reader_of_1_0_takes_alerts_of_today_and_hazards_of_tomorrow(hazard: str, status: AlertStatus) -> None:
    told = alert(status=status, reason="because")
    for name, body in (("nest.alert.v1", told), ("nest.alert.geojson.v1", features(told, "n1", SENT, formats()))):
        text = body.model_dump_json(exclude_none=True).replace('"hazard":"fire"', f'"hazard":"{hazard}"')
        jsonschema.Draft202012Validator(_OLD[f"{name}.json"]).validate(json.loads(text))


def _changed(schema: Any, change: str) -> Any:
    new = copy.deepcopy(schema)
    properties = new["properties"]
    match change:
        case "removed":
            del properties["confidence"]
            new["required"].remove("confidence")
        case "optional":
            new["required"].remove("confidence")
        case "type":
            properties["sequence"]["type"] = "string"
        case "wider":
            properties["confidence"]["maximum"] = 2.0
        case "value":
            new["$defs"]["AlertStatus"]["enum"].append("paused")
        case "deep":
            new["$defs"]["ErrorEllipse"]["properties"]["semi_major_m"] = {"anyOf": [{"type": "number"}, {"type": "null"}]}
    return new


@pytest.mark.parametrize("change", ["removed", "optional", "type", "wider", "value", "deep"])
def test_what_would_break_a_reader_is_noticed(change: str) -> None:
    schema = _NEW["nest.alert.v1.json"]
    assert difference(schema, schema) is None
    assert difference(_changed(schema, change), schema) is not None
