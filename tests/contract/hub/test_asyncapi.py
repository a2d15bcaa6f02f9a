"""The AsyncAPI document: as the models say, and as the official parser reads it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.domain.topics import TOPICS
from agent.messaging.asyncapi import SUMMARIES, document

_ROOT = Path(__file__).parents[3]
_CHECKED_IN = _ROOT / "docs" / "schemas" / "asyncapi.yaml"
_CHECK = _ROOT / "tests" / "asyncapi"
_WARNING = 1  # of the parser's severities: 0 error, 1 warning, 2 information


def test_the_checked_in_document_is_that_of_the_models() -> None:
    assert document() == _CHECKED_IN.read_text(encoding="utf-8"), "run nest-agent schema --out docs/schemas, commit the result"


def test_every_topic_has_its_summary() -> None:
    assert set(SUMMARIES) == set(TOPICS)


@pytest.fixture(scope="module")
def parsed() -> dict[str, Any]:
    node = shutil.which("node")
    if node is None or not (_CHECK / "node_modules" / "@asyncapi" / "parser").is_dir():
        words = "the official AsyncAPI parser is not installed: npm ci --ignore-scripts --prefix tests/asyncapi"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    run = subprocess.run([node, _CHECK / "check.mjs", _CHECKED_IN], capture_output=True, text=True, timeout=100, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_the_official_parser_has_nothing_to_object(parsed: dict[str, Any]) -> None:
    assert [d for d in parsed["diagnostics"] if d["severity"] <= _WARNING] == []


def test_the_official_parser_finds_every_topic_and_message(parsed: dict[str, Any]) -> None:
    assert set(parsed["channels"]) == {f"nest/v1/{row.pattern}" for row in TOPICS.values()}
    assert dict(parsed["operations"]) == {name: "send" if row.from_nest else "receive" for name, row in TOPICS.items()}
    assert {tuple(m) for m in parsed["messages"]} == {(row.event_type, row.content_type) for row in TOPICS.values()}
