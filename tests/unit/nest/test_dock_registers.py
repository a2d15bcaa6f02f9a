"""Registers to a reading, without a network."""

import pytest

from agent.core.errors import ProtocolError
from agent.domain.codes import codes
from agent.domain.nest_state import ClampState, LidState
from agent.nest import registers as r
from agent.nest.interface import Movement

SECURED = r.LID_CLOSED_SWITCH | r.CLAMPS_ENGAGED_SWITCH | r.PAD_OCCUPIED | r.CHARGER_ENGAGED_SWITCH | r.DOOR_CLOSED | r.ON_MAINS


def block(status=SECURED, lid=0, current=1000, ups=1000, temp=215, faults=0, refusal=0):
    return [r.MAP_MARK, r.MAP_VERSION, 7, status, lid, current, ups, temp, faults, refusal]


def test_a_block_becomes_a_reading():
    state = r.decode(block(temp=0x10000 - 75), at_s=12.0)
    assert (state.at_s, state.lid, state.clamps) == (12.0, LidState.CLOSED, ClampState.ENGAGED)
    assert (state.charging_a, state.ups_charge, state.inside_temp_c) == (10.0, 1.0, -7.5)
    assert state.faults == ()


@pytest.mark.parametrize(
    ("opened", "closed", "running", "position", "lid"),
    [
        (1, 0, 0, 1000, LidState.OPEN),
        (1, 0, 0, 970, LidState.OPEN),
        (1, 0, 0, 969, LidState.CONFLICT),  # switch made, position elsewhere
        (0, 0, 0, 1000, LidState.CONFLICT),  # position at the end, switch not made
        (0, 0, 0, 990, LidState.STOPPED),
        (0, 0, 0, 500, LidState.STOPPED),
        (0, 0, 1, 500, LidState.MOVING),
        (0, 1, 1, 4, LidState.MOVING),
        (0, 1, 0, 0, LidState.CLOSED),
        (0, 1, 0, 31, LidState.CONFLICT),
        (0, 0, 0, 0, LidState.CONFLICT),
        (1, 1, 0, 0, LidState.CONFLICT),
        (1, 1, 1, 500, LidState.CONFLICT),
    ],
)
def test_the_lid_is_open_only_when_two_sensors_agree(opened, closed, running, position, lid):
    status = opened * r.LID_OPEN_SWITCH | closed * r.LID_CLOSED_SWITCH | running * r.LID_RUNNING
    assert r.lid_state(status, position) is lid


@pytest.mark.parametrize(
    ("engaged", "released", "running", "clamps"),
    [
        (1, 0, 0, ClampState.ENGAGED),
        (0, 1, 0, ClampState.RELEASED),
        (0, 0, 0, ClampState.MOVING),
        (0, 1, 1, ClampState.MOVING),
        (1, 1, 0, ClampState.CONFLICT),
    ],
)
def test_clamps_between_their_ends_neither_hold_nor_let_go(engaged, released, running, clamps):
    status = engaged * r.CLAMPS_ENGAGED_SWITCH | released * r.CLAMPS_RELEASED_SWITCH | running * r.CLAMPS_RUNNING
    assert r.clamp_state(status) is clamps


@pytest.mark.parametrize(
    ("engaged", "retracted", "counts_as_engaged"), [(1, 0, True), (0, 1, False), (0, 0, True), (1, 1, True)]
)
def test_a_charger_is_off_only_when_that_is_sure(engaged, retracted, counts_as_engaged):
    others = SECURED & ~r.CHARGER_ENGAGED_SWITCH
    status = others | engaged * r.CHARGER_ENGAGED_SWITCH | retracted * r.CHARGER_RETRACTED_SWITCH
    assert r.decode(block(status), 0.0).charger_engaged is counts_as_engaged


def test_every_bit_and_refusal_becomes_a_code_with_words():
    for bit, code in r.LATCHED_FAULTS.items():
        assert r.decode(block(faults=bit), 0.0).faults == (code,)
    for value, code in r.REFUSALS.items():
        assert r.decode(block(refusal=value), 0.0).faults == (code,)
    assert set(r.LATCHED_FAULTS.values()) | set(r.REFUSALS.values()) <= set(codes())
    everything = r.decode(block(status=r.EMERGENCY_STOP, faults=0xFFFF, refusal=99), 0.0).faults
    assert {"dock.emergency_stop", "dock.door_open", "dock.on_ups", "dock.plc_interlock", "dock.lid_conflict"} <= set(
        everything
    )
    assert len(everything) == len(set(everything))
    assert set(everything) <= set(codes())


@pytest.mark.parametrize(
    "registers",
    [
        [],
        block()[:9],
        [0x1111, *block()[1:]],
        [r.MAP_MARK, 2, *block()[2:]],
        block(lid=1001),
        block(ups=1001),
        block(current=0xFFFF),
    ],
)
def test_what_the_map_does_not_allow_is_a_protocol_error(registers):
    with pytest.raises(ProtocolError) as error:
        r.decode(registers, 0.0)
    assert error.value.code == "dock.protocol"


def test_every_movement_has_its_request_and_no_two_the_same():
    assert set(r.COMMANDS) == set(Movement)
    assert len(set(r.COMMANDS.values())) == len(Movement)
