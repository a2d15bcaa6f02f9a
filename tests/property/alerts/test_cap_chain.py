"""Whatever happens to an alert, a reader of CAP holds exactly one message of it while it is open, and none after."""

import importlib.util
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agent.alerts.formats.cap
from agent.alerts.compose import Composer, Step
from agent.alerts.incident import Incident, SightingContext, opened, said
from agent.config.hub import AlertsSection
from agent.domain.alert import AlertStatus
from agent.domain.hazard import Hazard
from agent.domain.topics import Topics
from tests.doubles.hub import NOON, sighting

_READER = Path(__file__).parents[3] / "docs" / "hub" / "cap_reader.py"
_OPEN = [s for s in AlertStatus if not s.closed]
_CLOSED = [s for s in AlertStatus if s.closed]


def _reader() -> Any:
    spec = importlib.util.spec_from_file_location("cap_reader", _READER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.InForce()


def _caps(composer: Composer, incident: Incident, old: Hazard | None) -> list[tuple[str, bytes]]:
    step = Step(incident, old, {}, None)
    return [(m.topic.split("/")[3], m.payload) for m in composer.messages(step) if m.topic.endswith("/cap") and m.payload]


def _live(life: list[AlertStatus], joins_at: int) -> None:
    """Tells a life to two departments, the second from some step on; each has a reader; each message comes twice."""
    numbers = count()
    composer = Composer(Topics("nest/v1", "n1"), AlertsSection(), lambda: str(next(numbers)))
    incident = opened("A", sighting(), SightingContext(), ("forestry",), simulated=False)
    readers = {"forestry": _reader(), "grid": _reader()}
    for n, status in enumerate(life):
        departments = ("forestry", "grid") if n >= joins_at else ("forestry",)
        before = incident.published
        incident = said(incident.model_copy(update={"departments": departments}), status, NOON, "anna", "")
        caps = _caps(composer, incident, before.hazard if before else None)
        incident = Incident.model_validate_json(composer.remembering(incident).model_dump_json())  # as the store keeps it
        told_that_it_is_over = status.closed and n == joins_at  # without having been told that it began
        assert [department for department, _ in caps] == list(departments[:1] if told_that_it_is_over else departments)
        for department, xml in caps:
            assert readers[department].take(xml)
            assert readers[department].take(xml) is None
            assert len(readers[department].messages) == (0 if status.closed else 1)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(_OPEN), min_size=1, max_size=5), st.sampled_from(_CLOSED), st.integers(1, 6))
def test_one_message_is_in_force_while_the_alert_is_open(life: list[AlertStatus], end: AlertStatus, joins_at: int) -> None:
    _live([*life, end], joins_at)


@pytest.mark.parametrize("messages", [9, 10, 11, 20])
def test_also_when_there_are_too_many_to_name_all(monkeypatch: pytest.MonkeyPatch, messages: int) -> None:
    monkeypatch.setattr(agent.alerts.formats.cap, "REFERENCES_MAX", 10)
    _live([AlertStatus.UPDATED] * messages + [AlertStatus.RESOLVED], 1)
