"""The formats as they were once looked at, byte for byte. NEST_RENEW_GOLDEN=1 writes them anew, to be looked at again."""

import os
from pathlib import Path

import pytest

from agent.alerts.formats.cap import cap
from agent.alerts.formats.cot import cot
from agent.alerts.formats.geojson import geojson
from agent.config.formats import FormatsSection
from agent.domain.alert import Alert, AlertStatus
from agent.domain.hazard import Hazard
from tests.doubles.alerts import SENT, VALID_UNTIL, alert, cap_context, formats

HERE = Path(__file__).parent
FIRST = ("n1,01KB3ZV6J1Q8W9E4R5T6Y7XA2S.forestry.1,2026-11-23T04:00:00+00:00",)
OFFICE = formats("zh-CN", "en", cap_sender="n1@forestry.example", cap_sender_name="Forestry office", cap_contact="+86 571 0000")

CASES: dict[str, tuple[Alert, tuple[str, ...], FormatsSection]] = {
    "fire_new": (alert(), (), formats()),
    "smoke_exercise_updated": (alert(Hazard.SMOKE, AlertStatus.UPDATED, simulated=True, sequence=2), FIRST, OFFICE),
    "flood_without_outline": (alert(Hazard.FLOOD, area=None, extent_m2=None, weather=None), (), formats("zh-CN")),
    "fire_withdrawn": (alert(status=AlertStatus.WITHDRAWN, reason="nothing there", sequence=3), FIRST, formats()),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["cap.xml", "cot.xml", "geojson"])
def test_a_format_is_as_it_was(name: str, form: str) -> None:
    told, references, section = CASES[name]
    made = {
        "cap.xml": lambda: cap(told, cap_context(references), section),
        "cot.xml": lambda: cot(told, "n1", SENT, VALID_UNTIL, section),
        "geojson": lambda: geojson(told, "n1", SENT, section),
    }[form]()
    path = HERE / f"{name}.{form}"
    if os.environ.get("NEST_RENEW_GOLDEN"):
        path.write_bytes(made)
    assert made == path.read_bytes()
