"""JSON Schemas of every payload, made from the models. Those in docs/schemas are checked in; a test fails when they drift."""

import json
from pathlib import Path

from agent.domain.topics import TOPICS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """File name -> JSON Schema 2020-12, one for each row of the topics table that has a JSON payload."""
    out = {}
    for row in TOPICS.values():
        if row.payload is None:
            continue
        schema = row.payload.model_json_schema()
        body = {"$schema": _DIALECT, "$id": f"urn:{row.event_type.replace('.', ':')}", **schema}
        out[f"{row.event_type}.json"] = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    return out


def write(directory: Path) -> list[Path]:
    """Writes all schemas into a folder. Returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in schemas().items():
        path = directory / name
        path.write_text(text, encoding="utf-8")
        files.append(path)
    return files
