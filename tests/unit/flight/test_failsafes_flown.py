"""Failsafes that the nest adds, flown to their end in virtual time."""

import itertools
from dataclasses import replace

import pytest

from agent.domain.nest_state import LidState
from agent.domain.telemetry import Aircraft
from agent.flight.table import State
from tests.doubles.flight import FRAME, loop_s, run_virtual
from tests.doubles.flown import codes, ended, once, path


def test_a_lid_that_does_not_stay_open_calls_the_drone_home_while_it_has_charge_to_divert(make_nest):
    nest = make_nest()
    shut = once(
        lambda: nest.director.state is State.PATROLLING and nest.drone.alt_m > 20,
        lambda: nest.dock.__dict__.update(lid=LidState.CLOSED, lid_jammed=True),
    )
    run_virtual(nest.run(lambda n: shut() and ended(n)))
    assert "flight.dock_fault" in codes(nest)
    assert nest.reports.reports[-1].points_seen < 3
    assert nest.drone.north_m == pytest.approx(-60, abs=7), "at the rally point"


def test_a_lid_that_is_opened_again_is_landed_on(make_nest):
    nest = make_nest()
    shut = once(
        lambda: nest.director.state is State.PATROLLING and nest.drone.alt_m > 20,
        lambda: setattr(nest.dock, "lid", LidState.CLOSED),
    )
    run_virtual(nest.run(lambda n: shut() and ended(n)))
    assert State.DIVERTING not in nest.states
    assert nest.states[-1] is State.IDLE


def test_one_odd_reading_of_the_lid_ends_no_flight(make_nest):
    nest = make_nest()
    odd = once(lambda: nest.director.state is State.PATROLLING, lambda: setattr(nest.dock, "lid", LidState.CONFLICT))
    right = once(
        lambda: odd() and nest.dock.lid is LidState.CONFLICT and nest.drone.alt_m > 5,
        lambda: setattr(nest.dock, "lid", LidState.OPEN),
    )
    run_virtual(nest.run(lambda n: right() and ended(n)))
    assert nest.reports.reports[-1].outcome == "completed"


def test_a_drone_does_not_land_on_a_lid_that_shuts_below_it(make_nest):
    nest = make_nest()
    shut = once(
        lambda: nest.director.state is State.LANDING and nest.drone.alt_m < 25,
        lambda: nest.dock.__dict__.update(lid=LidState.CLOSED, lid_jammed=True),
    )
    run_virtual(nest.run(lambda n: shut() and ended(n)))
    assert (State.LANDING, State.DIVERTING) in itertools.pairwise(path(nest))
    assert "flight.pad_shut" in codes(nest)
    assert nest.drone.north_m == pytest.approx(-60, abs=7)


def test_an_aircraft_that_comes_close_sends_the_drone_home(make_nest):
    nest = make_nest()
    original, coming = nest.drone._telemetry, []

    def telemetry():
        now = original()
        if not coming:
            return now
        north_m = 2500.0 - 50.0 * (loop_s() - coming[0])
        seen = Aircraft(loop_s(), 7, "RESCUE1", FRAME.to_latlon(north_m, 60.0), 130.0, True, (-50.0, 0.0), 0.0)
        return replace(now, traffic=(seen,))

    nest.drone._telemetry = telemetry
    on = once(lambda: nest.director.state is State.PATROLLING and nest.drone.alt_m > 40, lambda: coming.append(loop_s()))
    run_virtual(nest.run(lambda n: on() and ended(n)))
    assert "flight.traffic" in codes(nest)
    assert nest.states[-1] is State.IDLE
    assert nest.reports.reports[-1].outcome == "cut_short"
