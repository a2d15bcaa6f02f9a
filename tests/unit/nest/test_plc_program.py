"""The PLC's program, scan by scan, without a network: its own safety beneath the agent's."""

import pytest

from simulator.nest import plc as p
from simulator.nest.drone import OverPad
from simulator.nest.mechanics import Mechanics

STANDING = OverPad(sideways_m=0.1, above_m=0.0, landed=True, armed=False)


@pytest.fixture
def plc():
    box = Mechanics(lambda _event, _details: None)
    box.drone = STANDING
    return p.Plc(box)


def run(plc: p.Plc, span_s: float, *, alive: bool = True) -> None:
    for cycle in range(round(span_s / p.SCAN_S)):
        if alive and cycle % 10 == 0:
            plc.holding[p.H_HEARTBEAT] = (plc.holding[p.H_HEARTBEAT] + 1) & 0xFFFF
        plc.scan(p.SCAN_S)
        plc.box.step(p.SCAN_S)


def ask(plc: p.Plc, register: int, value: int) -> int:
    plc.holding[register] = value
    run(plc, 0.1)
    assert plc.holding[register] == 0  # taken
    return plc.inputs[p.I_REFUSAL]


def launch_ready(plc: p.Plc) -> None:
    for register, value in ((p.H_CHARGER, 1), (p.H_LID, 1), (p.H_CLAMPS, 1)):
        assert ask(plc, register, value) == 0
        run(plc, 20.0)


def test_it_opens_up_and_closes_again(plc):
    launch_ready(plc)
    assert (plc.inputs[p.I_LID], plc.box.clamps.home, plc.box.charger.home) == (1000, True, True)
    for register in (p.H_CLAMPS, p.H_LID, p.H_CHARGER):
        assert ask(plc, register, 2) == 0
        run(plc, 20.0)
    assert (plc.inputs[p.I_LID], plc.box.clamps.out, plc.box.charger.out) == (0, True, True)
    assert plc.inputs[p.I_CURRENT] > 0


def test_the_lid_does_not_close_on_a_drone_that_is_not_held(plc):
    launch_ready(plc)
    assert ask(plc, p.H_LID, 2) == p.REFUSED_INTERLOCK
    assert plc.box.lid.drive == 0
    plc.box.drone = OverPad(400.0, 60.0, landed=False, armed=True)
    assert ask(plc, p.H_LID, 2) == 0


def test_the_clamps_do_not_let_go_of_a_charging_drone(plc):
    assert ask(plc, p.H_CLAMPS, 1) == p.REFUSED_INTERLOCK
    assert plc.box.clamps.out


def test_the_charger_engages_only_on_a_held_drone(plc):
    launch_ready(plc)
    assert ask(plc, p.H_CHARGER, 2) == p.REFUSED_INTERLOCK


@pytest.mark.parametrize("register", [p.H_LID, p.H_CLAMPS, p.H_CHARGER])
def test_an_unknown_value_is_refused(plc, register):
    assert ask(plc, register, 9) == p.REFUSED_UNKNOWN


def test_the_emergency_stop_stops_and_refuses_everything(plc):
    ask(plc, p.H_LID, 1)
    run(plc, 3.0)
    plc.box.faults.change("emergency_stop", active=True)
    run(plc, 0.1)
    position = plc.box.lid.position
    for register, value in ((p.H_LID, 1), (p.H_LID, 2), (p.H_CLAMPS, 2), (p.H_CHARGER, 1)):
        assert ask(plc, register, value) == p.REFUSED_ESTOP
    run(plc, 5.0)
    assert plc.box.lid.position == position
    plc.box.faults.change("none", active=True)
    run(plc, 5.0)
    assert plc.box.lid.position == position  # released: still nothing moves by itself


def test_a_stalled_lid_latches_its_fault_until_it_is_reset(plc):
    plc.box.faults.change("lid_jam", active=True)
    ask(plc, p.H_LID, 1)
    run(plc, 3.0)
    assert plc.inputs[p.I_FAULTS] & p.FAULT_LID
    assert plc.box.lid.drive == 0
    plc.box.faults.change("none", active=True)
    assert ask(plc, p.H_LID, 1) == p.REFUSED_LATCHED
    ask(plc, p.H_RESET, 1)
    assert ask(plc, p.H_LID, 1) == 0


def test_a_silent_controller_stops_what_moves_and_may_ask_nothing(plc):
    plc.box.lid.travel_s = 60.0
    ask(plc, p.H_LID, 1)
    run(plc, p.WATCHDOG_S + 1.0, alive=False)
    assert plc.box.lid.drive == 0
    assert plc.inputs[p.I_FAULTS] & p.FAULT_WATCHDOG
    plc.holding[p.H_LID] = 1  # a request that was under way for a long time
    run(plc, 1.0, alive=False)
    assert (plc.inputs[p.I_REFUSAL], plc.box.lid.drive) == (p.REFUSED_WATCHDOG, 0)
    run(plc, 1.0)
    assert ask(plc, p.H_LID, 1) == 0


def test_a_controller_that_is_silent_while_nothing_moves_is_no_fault(plc):
    run(plc, 60.0, alive=False)
    assert plc.inputs[p.I_FAULTS] == 0


def test_on_the_last_of_the_ups_nothing_is_begun(plc):
    plc.box.faults.change("power_cut", active=True)
    plc.box.ups_charge = 0.08
    assert ask(plc, p.H_LID, 1) == 0
    assert plc.inputs[p.I_FAULTS] & p.FAULT_UPS
    plc.box.ups_charge = 0.04
    assert ask(plc, p.H_CHARGER, 1) == p.REFUSED_POWER


def test_a_stopped_program_forgets_what_was_asked_meanwhile(plc):
    plc.box.faults.change("plc_stopped", active=True)
    run(plc, 0.5)
    scans = plc.inputs[p.I_SCANS]
    plc.holding[p.H_LID] = 1
    run(plc, 1.0)
    assert (plc.inputs[p.I_SCANS], plc.holding[p.H_LID]) == (scans, 1)
    plc.box.faults.change("none", active=True)
    run(plc, 1.0)
    assert (plc.holding[p.H_LID], plc.box.lid.drive) == (0, 0)
