"""The hub as an AsyncAPI 3 document, made from the table of topics and the models. Checked in as docs/schemas/asyncapi.yaml.

Seen from a nest: it sends what it publishes and receives what departments send. AsyncAPI's own schema language is a superset of
JSON Schema draft 07, so the 2020-12 schemas of the models are written in its words here.
"""

import re
from typing import Any

import yaml

from agent.domain.topics import TOPICS, TopicRow
from agent.messaging.schema import JsonSchema, definitions

CONTRACT = "1.0.0"
"""Version of the contract with the hub. Fields that are added make it 1.1.0; see docs/hub.md."""

_ROOT = "nest/v1"
_SCHEMAS = "#/components/schemas/"

SUMMARIES: dict[str, str] = {
    "status": "How the nest is. Also its last will, with state lost.",
    "telemetry": "Where the drone is, once a second in the air.",
    "flight": "How a flight goes, and what came of it.",
    "alert": "One incident, told anew with each change. An empty payload: it is no longer open here.",
    "cap": "The alert as Common Alerting Protocol 1.2 (OASIS).",
    "cot": "The alert as Cursor on Target 2.0.",
    "geojson": "The alert as a layer for a map (RFC 7946).",
    "snapshot": "The newest picture of the alert.",
    "thermal": "The newest picture of the thermal camera, where there is one.",
    "public": "What anybody may know: late and coarse notices, and figures of each month.",
    "action": "A department's answer to an alert.",
    "request": "A department asks for a flight.",
    "cancel": "A department takes a request back.",
    "reply": "What the nest says to a request; also on the MQTT 5 response topic.",
}

_PARAMETERS = {
    "nest": "Name of the nest.",
    "department": "Name of the department.",
    "hazard": "Kind of danger, as in the alert.",
    "alert": "The incident's ULID.",
    "flight": "The flight's id.",
}

# Which answers come on which channel.
_REPLIES = {"request": "reply", "cancel": "reply"}


def document() -> str:
    """The document as YAML."""
    whole: JsonSchema = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Nest hub",
            "version": CONTRACT,
            "description": "What drone nests and departments tell each other over one MQTT broker. docs/hub.md explains it.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"hub": _server()},
        "channels": dict(_channel(pattern, rows) for pattern, rows in _by_pattern().items()),
        "operations": {name: _operation(name, row) for name, row in TOPICS.items()},
        "components": {
            "messages": {name: _message(name, row) for name, row in TOPICS.items()},
            "messageTraits": {"cloudEvent": _cloud_event()},
            "schemas": _schemas(),
        },
    }
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120)


def _server() -> JsonSchema:
    return {
        "host": "{address}:8883",
        "protocol": "secure-mqtt",
        "protocolVersion": "5",
        "description": "MQTT 5; 3.1.1 works too. A client certificate says who one is. The root nest/v1 can be another.",
        "variables": {"address": {"description": "Address of the broker.", "default": "hub.example.org"}},
        "security": [{"type": "X509"}],
    }


def _by_pattern() -> dict[str, list[str]]:
    """Pattern -> rows that share it, first the one that names the channel."""
    found: dict[str, list[str]] = {}
    for name, row in TOPICS.items():
        found.setdefault(row.pattern, []).append(name)
    return found


def _channel(pattern: str, rows: list[str]) -> tuple[str, JsonSchema]:
    return rows[0], {
        "address": f"{_ROOT}/{pattern}",
        "description": " ".join(SUMMARIES[row] for row in rows),
        "parameters": {level: {"description": _PARAMETERS[level]} for level in re.findall(r"{(\w+)}", pattern)},
        "messages": {row: {"$ref": f"#/components/messages/{row}"} for row in rows},
    }


def _operation(name: str, row: TopicRow) -> JsonSchema:
    channel = _by_pattern()[row.pattern][0]
    binding: JsonSchema = {"qos": row.qos, "retain": row.retain, "bindingVersion": "0.2.0"}
    if row.expiry_s is not None:
        binding["messageExpiryInterval"] = int(row.expiry_s)
    operation: JsonSchema = {
        "action": "send" if row.from_nest else "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": SUMMARIES[name],
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
        "bindings": {"mqtt": binding},
    }
    if name in _REPLIES:
        reply = _REPLIES[name]
        operation["reply"] = {
            "channel": {"$ref": f"#/channels/{reply}"},
            "messages": [{"$ref": f"#/channels/{reply}/messages/{reply}"}],
        }
    return operation


def _message(name: str, row: TopicRow) -> JsonSchema:
    if row.payload is None:
        payload: JsonSchema = {"type": "string", "description": SUMMARIES[name]}
    else:
        payload = _draft_07(definitions(row, _SCHEMAS)[0])
    return {
        "name": row.event_type,
        "summary": SUMMARIES[name],
        "contentType": row.content_type,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": payload,
    }


def _cloud_event() -> JsonSchema:
    """CloudEvents 1.0 in binary mode."""
    words = {
        "specversion": "1.0",
        "id": "The same however often the message is sent; drop what you have seen.",
        "source": "/nests/NEST; of a department what it likes.",
        "type": "Name of the message, such as nest.alert.v1.",
        "time": "RFC 3339.",
        "subject": "The alert, flight, request or nest.",
    }
    properties = {name: {"type": "string", "description": text} for name, text in words.items()}
    return {
        "description": "CloudEvents 1.0: its attributes are MQTT 5 user properties.",
        "headers": {"type": "object", "properties": properties},
    }


def _schemas() -> JsonSchema:
    """All definitions. Those that nests both publish and read are described as they are published: open."""
    found: JsonSchema = {}
    for row in sorted(TOPICS.values(), key=lambda row: row.from_nest):
        if row.payload is not None:
            found.update(_draft_07(definitions(row, _SCHEMAS)[1]))
    return dict(sorted(found.items()))


def _draft_07(schema: Any) -> Any:  # noqa: ANN401 JSON
    """The same in the words of draft 07: a tuple's parts are an array of ``items`` there."""
    if isinstance(schema, list):
        return [_draft_07(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {("items" if k == "prefixItems" else k): _draft_07(v) for k, v in schema.items()}
