"""Sweeps every state against every event, and every code against its words."""

import pytest

from agent.domain.codes import codes
from agent.flight.director import RUN
from agent.flight.failsafes import FAILSAFES
from agent.flight.preflight import CHECKS
from agent.flight.table import AIRBORNE_STATES, TABLE, Event, State, step

_ENDS = {State.SECURING, State.FAULT, State.IDLE}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_event_in_every_state_has_an_answer_with_words(state, event):
    answer = step(state, event)
    assert isinstance(answer.next, State)
    assert answer.words.endswith(".")


@pytest.mark.parametrize("state", State)
def test_every_state_is_run_and_reached_and_left(state):
    assert state in RUN
    assert (state, Event.FAILED) in TABLE
    assert state is State.IDLE or any(row.next is state for row in TABLE.values())
    assert any(row.next is not state for (origin, _), row in TABLE.items() if origin is state)


@pytest.mark.parametrize("state", sorted(AIRBORNE_STATES))
def test_a_failure_in_the_air_never_leads_to_the_ground_states(state):
    assert step(state, Event.FAILED).next in AIRBORNE_STATES


@pytest.mark.parametrize("state", sorted(AIRBORNE_STATES))
def test_from_every_airborne_state_there_is_a_way_to_an_end(state):
    reached, frontier = {state}, [state]
    while frontier:
        origin = frontier.pop()
        for (start, _), row in TABLE.items():
            if start is origin and row.next not in reached:
                reached.add(row.next)
                frontier.append(row.next)
    assert reached >= _ENDS


def test_only_a_launch_a_look_that_is_over_or_a_link_that_is_back_leads_to_patrolling():
    ways = {start for (start, _), row in TABLE.items() if row.next is State.PATROLLING}
    assert ways == {State.LAUNCHING, State.INVESTIGATING, State.LOST}


@pytest.mark.parametrize("code", [c.code for c in CHECKS] + [f.code for f in FAILSAFES])
def test_every_check_and_failsafe_has_its_words(code):
    assert codes()[code].words
    assert codes()[code].remedy


def test_every_code_is_one_of_a_kind():
    assert len({c.code for c in CHECKS}) == len(CHECKS)
    assert len({f.code for f in FAILSAFES}) == len(FAILSAFES)
