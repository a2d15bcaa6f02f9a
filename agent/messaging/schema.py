"""JSON Schemas of every payload, made from the models. Those in docs/schemas are checked in; a test fails when they drift.

What nests publish is described so that a reader of an earlier 1.x takes it: further fields are allowed, and hazards are open.
What nests read is described as strictly as they read it. The rule stands in docs/hub.md.
"""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from agent.domain.hazard import Hazard
from agent.domain.topics import TOPICS, TopicRow
from agent.domain.wire import Wire

JsonSchema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """File name -> JSON Schema 2020-12, one for each row of the topics table that has a JSON payload."""
    out = {}
    for row in TOPICS.values():
        if row.payload is None:
            continue
        body = {"$schema": _DIALECT, "$id": f"urn:{row.event_type.replace('.', ':')}", **_as_read(row.payload, row)}
        out[f"{row.event_type}.json"] = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    return out


def definitions(row: TopicRow, prefix: str) -> tuple[JsonSchema, JsonSchema]:
    """The payload's schema as one reference, and the definitions that it needs, for a document that holds many.

    Args:
        row: a row with a JSON payload.
        prefix: where the document keeps its definitions, e.g. ``#/components/schemas/``.
    """
    assert row.payload is not None  # noqa: S101 for the type checker
    template = f"{prefix}{{model}}"
    references, whole = models_json_schema([(row.payload, "validation")], ref_template=template)
    found = _open(whole["$defs"]) if row.from_nest else whole["$defs"]
    return references[row.payload, "validation"], found


def write(directory: Path) -> list[Path]:
    """Writes all schemas into a folder. Returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in schemas().items():
        path = directory / name
        path.write_text(text, encoding="utf-8")
        files.append(path)
    return files


def _as_read(model: type[Wire], row: TopicRow) -> JsonSchema:
    schema = model.model_json_schema()
    found: JsonSchema = _open(schema) if row.from_nest else schema
    return found


def _open(schema: Any) -> Any:  # noqa: ANN401 JSON
    """The schema without what would make a later 1.x unreadable."""
    if isinstance(schema, list):
        return [_open(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("title") == Hazard.__name__ and "enum" in schema:
        return {**{k: v for k, v in schema.items() if k != "enum"}, "examples": schema["enum"]}
    return {k: _open(v) for k, v in schema.items() if (k, v) != ("additionalProperties", False)}
