"""Each hazard, status and certainty has its word in each language, its category and its type."""

import dataclasses
import string

import pytest

from agent.alerts.formats.cap import CATEGORY, cap
from agent.alerts.formats.cot import TYPE
from agent.alerts.formats.words import WORDS
from agent.config.formats import Language
from agent.domain.alert import AlertStatus
from agent.domain.hazard import Hazard
from tests.doubles.alerts import alert, cap_context, formats


def test_every_hazard_has_a_category_and_a_type_of_its_own() -> None:
    assert set(CATEGORY) == set(TYPE) == set(Hazard)
    assert len(set(TYPE.values())) == len(TYPE)


@pytest.mark.parametrize("language", Language)
def test_every_language_has_all_words_with_the_same_blanks(language: Language) -> None:
    words, english = WORDS[language], WORDS[Language.ENGLISH]
    assert set(words.event) == set(Hazard)
    assert set(words.status) == set(AlertStatus)
    assert set(words.certainty) == {"Observed", "Likely", "Possible", "Unlikely", "Unknown"}
    for field in dataclasses.fields(words):
        text = getattr(words, field.name)
        if isinstance(text, str):
            assert _blanks(text) == _blanks(getattr(english, field.name)), field.name


def _blanks(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}


@pytest.mark.parametrize(
    ("status", "first", "later", "response"),
    [
        (AlertStatus.OPEN, "Alert", "Update", "Assess"),
        (AlertStatus.UPDATED, "Alert", "Update", "Assess"),
        (AlertStatus.ACKNOWLEDGED, "Alert", "Update", "Assess"),
        (AlertStatus.DISPATCHED, "Alert", "Update", "Assess"),
        (AlertStatus.RESOLVED, "Cancel", "Cancel", "AllClear"),
        (AlertStatus.FALSE_ALARM, "Cancel", "Cancel", "None"),
        (AlertStatus.WITHDRAWN, "Cancel", "Cancel", "None"),
        (AlertStatus.EXPIRED, "Cancel", "Cancel", "None"),
    ],
)
def test_what_each_status_is_in_cap(status: AlertStatus, first: str, later: str, response: str) -> None:
    for references, kind in (((), first), (("n1,a,2026-11-23T04:00:00+00:00",), later)):
        xml = cap(alert(status=status), cap_context(references), formats()).decode()
        assert f"<msgType>{kind}</msgType>" in xml
        assert f"<responseType>{response}</responseType>" in xml
        assert ("<urgency>Past</urgency>" in xml) == status.closed
        assert ("<resource>" in xml) != status.closed
