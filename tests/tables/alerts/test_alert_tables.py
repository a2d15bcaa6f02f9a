"""Every cell of the lifecycle, every row of the catalogue."""

import itertools

import pytest

from agent.alerts.catalogue import CATALOGUE, certainty, severity
from agent.alerts.lifecycle import LIFECYCLE, AlertEvent, next_status
from agent.domain.alert import AlertStatus
from agent.domain.hazard import Hazard
from agent.domain.sighting import SightingLevel

_OPEN = [s for s in AlertStatus if not s.closed]
_CLOSED = [s for s in AlertStatus if s.closed]
_PEOPLE_ON_IT = {AlertStatus.ACKNOWLEDGED, AlertStatus.DISPATCHED}

# The cells in which nothing happens, besides all of a closed alert.
_NOTHING = {
    (AlertStatus.ACKNOWLEDGED, AlertEvent.REPEAT),
    (AlertStatus.ACKNOWLEDGED, AlertEvent.ACKNOWLEDGE),
    (AlertStatus.DISPATCHED, AlertEvent.REPEAT),
    (AlertStatus.DISPATCHED, AlertEvent.ACKNOWLEDGE),
    (AlertStatus.DISPATCHED, AlertEvent.DISPATCH),
}


def test_every_status_has_its_row() -> None:
    assert set(LIFECYCLE) == set(AlertStatus)


@pytest.mark.parametrize(("status", "event"), list(itertools.product(_CLOSED, AlertEvent)))
def test_nothing_follows_a_closed_alert(status: AlertStatus, event: AlertEvent) -> None:
    assert next_status(status, event) is None


@pytest.mark.parametrize(("status", "event"), list(itertools.product(_OPEN, AlertEvent)))
def test_every_cell_of_an_open_alert_is_decided(status: AlertStatus, event: AlertEvent) -> None:
    assert (next_status(status, event) is None) == ((status, event) in _NOTHING)


@pytest.mark.parametrize("status", _OPEN)
def test_people_and_time_can_always_end_an_open_alert(status: AlertStatus) -> None:
    assert next_status(status, AlertEvent.RESOLVE) is AlertStatus.RESOLVED
    assert next_status(status, AlertEvent.FALSE_ALARM) is AlertStatus.FALSE_ALARM
    assert next_status(status, AlertEvent.EXPIRE) is AlertStatus.EXPIRED


@pytest.mark.parametrize("status", _OPEN)
def test_a_look_that_finds_nothing_withdraws_unless_people_are_on_their_way(status: AlertStatus) -> None:
    expected = AlertStatus.DISPATCHED if status is AlertStatus.DISPATCHED else AlertStatus.WITHDRAWN
    assert next_status(status, AlertEvent.CLEARED) is expected


@pytest.mark.parametrize("status", sorted(_PEOPLE_ON_IT))
def test_news_do_not_take_back_what_people_said(status: AlertStatus) -> None:
    assert next_status(status, AlertEvent.CHANGED) is status


@pytest.mark.parametrize("hazard", list(Hazard))
def test_every_hazard_has_its_row(hazard: Hazard) -> None:
    row = CATALOGUE[hazard]
    assert row.reach > 0
    assert severity(hazard, None) == row.severity


def test_ranks_within_a_family_differ() -> None:
    ranks = [(row.family, row.rank) for row in CATALOGUE.values()]
    assert len(set(ranks)) == len(ranks)


def test_a_large_fire_is_extreme() -> None:
    assert severity(Hazard.FIRE, 9_999.0) == "Severe"
    assert severity(Hazard.FIRE, 10_000.0) == "Extreme"


@pytest.mark.parametrize(
    ("level", "confidence", "expected"),
    [
        (SightingLevel.CONFIRMED, 0.95, "Observed"),
        (SightingLevel.CONFIRMED, 0.7, "Likely"),
        (SightingLevel.SUSPECT, 0.95, "Likely"),
        (SightingLevel.SUSPECT, 0.4, "Possible"),
        (SightingLevel.CLEARED, 0.95, "Unlikely"),
    ],
)
def test_certainty(level: SightingLevel, confidence: float, expected: str) -> None:
    assert certainty(level, confidence) == expected
