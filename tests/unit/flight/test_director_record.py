"""What a flight does with its record: a disk that fails or stalls, a journal nobody can read, an agent that starts again."""

import asyncio
from datetime import UTC, datetime

import pytest

from agent.core.errors import StoreError
from agent.core.outcome import Refused
from agent.domain.nest_state import ClampState, LidState
from agent.domain.telemetry import FlightMode
from agent.flight.record import FlightRecord
from agent.flight.table import State
from tests.doubles.flight import loop_s, run_virtual
from tests.doubles.flight_nest import Journal
from tests.doubles.flown import codes, ended, once, path

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


class FullDisk(Journal):
    """A journal whose disk takes no writes while ``full``."""

    full = False

    def write(self, record):
        if self.full:
            raise StoreError("store.full", "the disk is full")
        super().write(record)


def test_a_flight_that_the_journal_cannot_keep_does_not_start(make_nest):
    """Found in the air by a restarted agent it would be nobody's."""
    journal = FullDisk()
    journal.full = True
    nest = make_nest(journal=journal)
    run_virtual(nest.run(lambda n: n.reports.reports and n.reports.reports[-1].ended_at))
    assert "launch" not in nest.drone.orders
    assert nest.dock.lid is LidState.CLOSED
    assert nest.reports.reports[-1].outcome == "refused"


def test_a_disk_that_fails_in_the_air_does_not_keep_the_drone_there(make_nest):
    journal = FullDisk()
    nest = make_nest(journal=journal)

    def fail():
        journal.full = True
        nest.ctx.config.store.directory.rename(nest.ctx.config.store.directory.with_name("gone"))

    failed = once(lambda: nest.director.state is State.PATROLLING and nest.drone.alt_m > 10, fail)
    run_virtual(nest.run(lambda n: failed() and n.director.state is State.IDLE))
    assert nest.dock.lid is LidState.CLOSED
    assert "flight.storage_full" in codes(nest)


class Unreadable(Journal):
    """A journal that was damaged, or written by another version."""

    def latest(self):
        raise StoreError("store.failed", "not understood")


def test_s8_an_unreadable_journal_does_not_keep_a_flying_drone_from_coming_home(make_nest):
    nest = make_nest(journal=Unreadable(), assigned=False, armed=True, north_m=150.0, alt_m=50.0, mode=FlightMode.HOLD)
    nest.dock.lid, nest.dock.clamps, nest.dock.charger = LidState.OPEN, ClampState.RELEASED, False
    run_virtual(nest.run(ended))
    assert path(nest) == [State.RETURNING, State.LANDING, State.SECURING, State.IDLE]


def test_s8_an_unreadable_journal_and_a_silent_drone_move_nothing(make_nest):
    nest = make_nest(journal=Unreadable(), assigned=False, silent=True)
    run_virtual(nest.run(lambda n: n.states))
    assert path(nest) == [State.LOST]
    assert not nest.dock.moves


def test_a_disk_that_stalls_does_not_keep_the_flight_from_being_watched(make_nest):
    nest = make_nest()
    original = nest.reports.publish_report

    async def stalls(report):
        if report.state == "patrolling":
            await asyncio.sleep(3600.0)
        await original(report)

    nest.reports.publish_report = stalls
    run_virtual(nest.run(ended))
    assert nest.reports.reports[-1].outcome == "completed"


def record_in(state):
    return Journal([FlightRecord(at=NOW, state=state, words="so it was")])


@pytest.mark.parametrize("state", [State.IDLE, State.FAULT, State.PREPARING, State.SECURING, State.HANDS_OFF])
@pytest.mark.parametrize("mode", [FlightMode.GUIDED, FlightMode.HOLD, FlightMode.MISSION])
def test_s9_a_restarted_agent_leaves_a_drone_alone_that_it_did_not_send(make_nest, state, mode):
    nest = make_nest(journal=record_in(state), assigned=False, armed=True, north_m=150.0, alt_m=50.0, mode=mode)
    nest.drone._mission = lambda _: None
    run_virtual(nest.run(lambda n: len(n.states) > 1 and loop_s() > 20))
    assert nest.states[1:] == [State.HANDS_OFF]
    assert not nest.drone.orders


@pytest.mark.parametrize("state", [State.IDLE, State.FAULT])
def test_s9_motors_that_a_technician_runs_on_the_ground_are_his(make_nest, state):
    nest = make_nest(journal=record_in(state), assigned=False, armed=True, mode=FlightMode.GUIDED)
    run_virtual(nest.run(lambda n: len(n.states) > 1 and loop_s() > 20))
    assert nest.states[1:] == [state]
    assert not nest.drone.orders
    assert not nest.dock.moves


def test_after_a_power_cut_with_an_open_lid_the_drone_is_waited_for(make_nest):
    """It boots and finds its place in minutes; a person need not come for that."""
    nest = make_nest(journal=record_in(State.SECURING), assigned=False, silent=True)
    nest.dock.lid, nest.dock.clamps, nest.dock.charger = LidState.OPEN, ClampState.ENGAGED, False
    awake = once(lambda: loop_s() > 150, lambda: setattr(nest.drone, "silent", False))
    run_virtual(nest.run(lambda n: awake() and ended(n)))
    assert nest.states[1:] == [State.SECURING, State.IDLE]
    assert nest.dock.lid is LidState.CLOSED


def test_a_drone_that_takes_off_although_it_shall_come_home_is_ordered_home_again(make_nest):
    refused = Refused("vehicle.mode_denied", "no")
    nest = make_nest(
        journal=record_in(State.LAUNCHING), assigned=False, armed=True, mode=FlightMode.MISSION, return_outcome=refused
    )
    nest.dock.lid, nest.dock.clamps, nest.dock.charger = LidState.OPEN, ClampState.RELEASED, False
    nest.drone._mission = lambda dt: setattr(nest.drone, "alt_m", nest.drone.alt_m + dt) if loop_s() > 10 else None
    run_virtual(nest.run(lambda n: n.drone.orders.count("return_home refused") >= 4, limit_s=60.0))
    assert nest.director.state is State.RETURNING
