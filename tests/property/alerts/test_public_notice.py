"""Nothing exact and nothing recent leaves the nest with the public notice, whatever has happened.

The proof is by change: facts that differ only in what must stay hidden give the same notice, byte for byte.
"""

import dataclasses
import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.alerts.public.notice import FlightFact, IncidentFact, as_of, notice
from agent.config.public import PublicSection
from agent.domain.alert import AlertStatus
from agent.domain.hazard import Hazard
from agent.domain.public import PublicNotice

AT = datetime(2026, 11, 23, tzinfo=UTC)
_S = AlertStatus
_patient = settings(deadline=None)
_OPEN = (_S.OPEN, _S.UPDATED, _S.ACKNOWLEDGED, _S.DISPATCHED)

_moments = st.floats(-100 * 86_400.0, 5 * 86_400.0).map(lambda s: AT + timedelta(seconds=s))
_lats, _lons = st.floats(-60.0, 60.0), st.floats(-179.0, 179.0)


@st.composite
def _incidents(draw: st.DrawFn) -> IncidentFact:
    first = draw(_moments)
    status = draw(st.sampled_from(_S))
    closed = first + timedelta(seconds=draw(st.floats(60.0, 400_000.0))) if status.closed else None
    return IncidentFact(draw(st.sampled_from(Hazard)), status, draw(_lats), draw(_lons), first, closed)


_flights = st.builds(FlightFact, _moments, st.floats(0.0, 500.0))
_facts = st.tuples(st.lists(_incidents(), max_size=12), st.lists(_flights, max_size=12))
_configs = st.builds(
    PublicSection,
    district=st.none() | st.just("Upper valley"),
    cell_deg=st.sampled_from([0.02, 0.1, 0.25, 1.0]),
    fewer_than=st.integers(1, 5),
    days=st.integers(1, 120),
)


def _told(incidents: Sequence[IncidentFact], flights: Sequence[FlightFact], config: PublicSection) -> str:
    return notice(incidents, flights, AT, config, simulated=False).model_dump_json(exclude_none=True)


@_patient
@given(_facts, _configs, st.data())
def test_what_happened_within_the_delay_changes_nothing(
    facts: tuple[list[IncidentFact], list[FlightFact]], config: PublicSection, data: st.DataObject
) -> None:
    incidents, flights = facts
    later = st.floats(0.0, 400_000.0).map(lambda s: AT + timedelta(seconds=s))
    new_ones = [dataclasses.replace(i, first_seen=data.draw(later)) for i in data.draw(st.lists(_incidents(), max_size=4))]
    new_flights = [dataclasses.replace(f, ended_at=data.draw(later)) for f in data.draw(st.lists(_flights, max_size=4))]

    def since(incident: IncidentFact) -> IncidentFact:
        """The incident as it may have gone on since: closed in some way, or not."""
        if incident.closed_at is not None and incident.closed_at < AT:
            return incident
        if incident.status in {_S.FALSE_ALARM, _S.WITHDRAWN}:
            return incident
        status = data.draw(st.sampled_from([*_OPEN, _S.RESOLVED, _S.EXPIRED]))
        return dataclasses.replace(incident, status=status, closed_at=data.draw(later) if status.closed else None)

    changed = [since(i) for i in incidents]
    assert _told(changed + new_ones, flights + new_flights, config) == _told(incidents, flights, config)


@_patient
@given(_facts, _configs, st.data())
def test_where_in_its_cell_and_when_on_its_day_changes_nothing(
    facts: tuple[list[IncidentFact], list[FlightFact]], config: PublicSection, data: st.DataObject
) -> None:
    incidents, flights = facts

    def moved(incident: IncidentFact) -> IncidentFact:
        day = incident.first_seen.replace(hour=0, minute=0, second=0, microsecond=0)
        when = day + timedelta(seconds=data.draw(st.floats(0.0, 86_399.0)))
        return dataclasses.replace(
            incident,
            lat=_elsewhere(incident.lat, config, data),
            lon=_elsewhere(incident.lon, config, data),
            first_seen=when,
        )

    assert _told([moved(i) for i in incidents], flights, config) == _told(incidents, flights, config)


def _elsewhere(degrees: float, config: PublicSection, data: st.DataObject) -> float:
    """Another place in the same cell; anywhere where the district is told."""
    if config.district:
        return data.draw(_lats)
    edge = math.floor(degrees / config.cell_deg) * config.cell_deg  # not //, which rounds 1.0 // 0.02 to 49
    return edge + data.draw(st.floats(0.001, 0.999)) * config.cell_deg


@_patient
@given(_facts, _configs)
def test_the_order_and_the_number_within_a_cell_and_day_are_not_told(
    facts: tuple[list[IncidentFact], list[FlightFact]], config: PublicSection
) -> None:
    incidents, flights = facts
    once, twice = (json.loads(_told(i, flights, config)) for i in (incidents, [*reversed(incidents), *incidents]))
    assert once.get("incidents") == twice.get("incidents")


@_patient
@given(_facts, _configs)
def test_all_that_is_told_is_coarse_late_and_of_the_kinds_that_may_be_told(
    facts: tuple[list[IncidentFact], list[FlightFact]], config: PublicSection
) -> None:
    text = _told(*facts, config)
    told = PublicNotice.model_validate_json(text)
    for incident in told.incidents:
        assert incident.hazard not in {Hazard.PERSON, Hazard.VEHICLE, Hazard.LOGGING}
        assert incident.day < AT.date()
        assert (incident.cell is None) == (config.district is not None)
        if incident.cell is not None:
            for degrees in (incident.cell.lat, incident.cell.lon):  # the middle of a cell, whatever was in it
                assert degrees / config.cell_deg % 1.0 == pytest.approx(0.5, abs=1e-3)
    for month in told.months:
        assert all(n is None or n >= config.fewer_than for n in (month.flights, month.incidents))
        assert month.hectares is None or (month.hectares % 10 == 0 and month.flights is not None)
    assert re.findall(r"\d\d:\d\d:\d\d", text) == ["00:00:00"], "no time of day but that of the notice"
    assert not re.search(r"[0-9A-HJKMNP-TV-Z]{26}|snapshot|sha256|/alerts/", text), "no alert, no picture"


@_patient
@given(st.floats(0.0, 4e9), st.floats(3600.0, 2_592_000.0))
def test_the_moment_is_a_beginning_of_a_day_and_at_least_the_delay_ago(now: float, delay: float) -> None:
    at = as_of(now, delay)
    assert at.timestamp() % 86_400.0 == 0.0
    assert delay <= now - at.timestamp() < delay + 86_400.0 + 1e-3


@pytest.mark.parametrize("status", [_S.FALSE_ALARM, _S.WITHDRAWN])
def test_what_turned_out_to_be_nothing_is_not_told_however_late_that_was_found(status: AlertStatus) -> None:
    fire = IncidentFact(Hazard.FIRE, _S.OPEN, 30.39, 119.84, AT - timedelta(days=2), None)
    config = PublicSection(fewer_than=1)
    assert notice([fire], [], AT, config, simulated=False).incidents
    nothing = dataclasses.replace(fire, status=status, closed_at=AT + timedelta(hours=3))
    later = notice([nothing], [], AT, config, simulated=False)
    assert later.incidents == ()
    assert later.months[0].incidents is None
