"""Every row of the interlocks against every state of the dock."""

from dataclasses import replace
from itertools import product

import pytest

from agent.core.outcome import Accepted, Refused
from agent.domain.codes import codes
from agent.domain.nest_state import ClampState, DockState, DronePresence, LidState
from agent.nest.interface import Movement
from agent.nest.interlocks import INTERLOCKS, ON_PAD, PRESENCE_KNOWN, Situation, judge

NOW_S = 100.0
MAX_AGE_S = 5.0
MOVES = [movement for movement in Movement if movement not in {Movement.LID_STOP, Movement.RESET}]

GOOD = DockState(
    at_s=NOW_S,
    lid=LidState.CLOSED,
    clamps=ClampState.ENGAGED,
    pad_occupied=True,
    charger_engaged=False,
    charging_a=0.0,
    door_closed=True,
    emergency_stop=False,
    on_mains=True,
    ups_charge=1.0,
    inside_temp_c=20.0,
)


def every_state():
    flags = product((True, False), repeat=7)
    for lid, clamps, (pad, charger, door, stop, mains, charged, jam) in product(LidState, ClampState, list(flags)):
        yield replace(
            GOOD,
            lid=lid,
            clamps=clamps,
            pad_occupied=pad,
            charger_engaged=charger,
            door_closed=door,
            emergency_stop=stop,
            on_mains=mains,
            ups_charge=1.0 if charged else 0.05,
            faults=("dock.lid_jam",) if jam else (),
        )


def allowed(movement, dock, presence):
    return judge(movement, dock, presence, NOW_S, MAX_AGE_S) == Accepted()


def demanded(movement: Movement, dock: DockState, presence: DronePresence) -> bool:  # noqa: PLR0911 one sentence a line
    """The safety rules written a second time, as plain sentences rather than as a table."""
    if movement is Movement.LID_STOP:
        return True
    if dock.emergency_stop:
        return False
    if movement is Movement.RESET:
        return True
    if presence is DronePresence.UNKNOWN or (presence is DronePresence.ON_PAD) != dock.pad_occupied:
        return False
    if not dock.on_mains and dock.ups_charge < 0.1:
        return False
    held = dock.clamps is ClampState.ENGAGED
    if movement in {Movement.LID_OPEN, Movement.LID_CLOSE}:
        lid_is_well = dock.lid is not LidState.CONFLICT and "dock.lid_jam" not in dock.faults
        clear = dock.clamps is not ClampState.MOVING and (
            movement is Movement.LID_OPEN or held or presence is DronePresence.AWAY
        )
        return dock.door_closed and lid_is_well and clear
    if movement is Movement.CLAMPS_RELEASE:
        return dock.lid is LidState.OPEN and not dock.charger_engaged and dock.clamps is not ClampState.CONFLICT
    if movement is Movement.CLAMPS_ENGAGE:
        return dock.pad_occupied and dock.clamps is not ClampState.CONFLICT
    if movement is Movement.CHARGER_ENGAGE:
        return dock.pad_occupied and held and dock.on_mains
    return True  # retracting the charger


@pytest.mark.parametrize("movement", Movement)
def test_every_row_does_what_the_rules_demand_in_every_state(movement):
    for dock, presence in product(every_state(), DronePresence):
        assert allowed(movement, dock, presence) == demanded(movement, dock, presence), (dock, presence)


def test_every_movement_has_its_row():
    assert set(INTERLOCKS) == set(Movement)


@pytest.mark.parametrize("movement", MOVES)
def test_no_movement_while_it_is_unknown_where_the_drone_is(movement):
    assert not any(allowed(movement, dock, DronePresence.UNKNOWN) for dock in every_state())


@pytest.mark.parametrize("movement", MOVES)
def test_no_movement_without_a_fresh_reading(movement):
    for dock, presence in product(every_state(), DronePresence):
        assert judge(movement, None, presence, NOW_S, MAX_AGE_S) == Refused(
            "dock.unreachable", f"cannot {movement}: the dock does not say how it stands"
        )
        for age_s in (-0.1, MAX_AGE_S + 0.1):  # from the future is as bad as old
            outcome = judge(movement, replace(dock, at_s=NOW_S - age_s), presence, NOW_S, MAX_AGE_S)
            assert isinstance(outcome, Refused)
            assert outcome.code == "dock.stale"


def test_the_clamps_let_go_only_under_an_open_lid_with_the_charger_off():
    for dock, presence in product(every_state(), DronePresence):
        if allowed(Movement.CLAMPS_RELEASE, dock, presence):
            assert dock.lid is LidState.OPEN
            assert not dock.charger_engaged


@pytest.mark.parametrize("movement", MOVES)
def test_every_condition_of_a_row_refuses_by_itself_and_has_its_words(movement):
    pairs = [Situation(dock, presence) for dock, presence in product(every_state(), DronePresence)]
    for condition in INTERLOCKS[movement]:
        others = [c for c in INTERLOCKS[movement] if c is not condition]
        alone = [s for s in pairs if not condition.holds(s) and all(c.holds(s) for c in others)]
        # A drone that must be on the pad is known to be somewhere: that row says it twice, for the sake of the words.
        assert alone or (condition is PRESENCE_KNOWN and ON_PAD in others), condition.code
        assert condition.code in codes()
        for s in alone[:1]:
            outcome = judge(movement, s.dock, s.presence, NOW_S, MAX_AGE_S)
            assert isinstance(outcome, Refused)
            assert outcome.code == condition.code
            assert condition.words in outcome.words
