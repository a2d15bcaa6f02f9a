"""Whole flights through the real table, in virtual time."""

from dataclasses import replace

import pytest

from agent.core.errors import LinkError
from agent.core.outcome import Refused
from agent.domain.nest_state import ClampState, DronePresence, LidState
from agent.domain.telemetry import FlightMode
from agent.flight.table import State
from tests.doubles.flight import loop_s, run_virtual
from tests.doubles.flight_nest import Journal
from tests.doubles.flown import ended, flown_until, path, restarted


def when(nest, condition, action):
    """Runs an action once, as soon as a condition holds; for use as part of ``until``."""
    done = []

    def until(_):
        if not done and condition():
            done.append(loop_s())
            action()
        return bool(done) and ended(nest)

    return until


def test_a_flight_goes_through_the_whole_table(make_nest):
    nest = make_nest()
    run_virtual(nest.run(ended))
    assert path(nest) == [
        State.IDLE,
        State.PREPARING,
        State.LAUNCHING,
        State.PATROLLING,
        State.RETURNING,
        State.LANDING,
        State.SECURING,
        State.IDLE,
    ]
    report = nest.reports.reports[-1]
    assert (report.outcome, report.points_seen, report.points_total) == ("completed", 3, 3)
    assert report.ended_at is not None
    assert nest.dock.lid is LidState.CLOSED
    assert nest.dock.charger
    assert nest.drone.orders.count("launch") == 1
    assert nest.eyes.watched[-1] is None


def test_no_movement_of_the_dock_while_presence_is_unknown(make_nest):
    nest = make_nest()
    run_virtual(nest.run(ended))
    assert all(presence is not DronePresence.UNKNOWN for _, presence in nest.dock.moves)


@pytest.mark.parametrize("field", ["lid", "clamps"])
def test_s1_launching_is_denied_unless_the_dock_is_surely_open(make_nest, field):
    nest = make_nest()
    original = nest.dock.prepare_launch

    async def half_open(presence):
        outcome = await original(presence)
        setattr(nest.dock, field, {"lid": LidState.CONFLICT, "clamps": ClampState.MOVING}[field])
        return outcome

    nest.dock.prepare_launch = half_open
    run_virtual(nest.run(ended))
    assert "launch" not in nest.drone.orders
    assert State.PATROLLING not in nest.states


def test_s2_a_failing_check_refuses_the_flight_with_its_reason(make_nest):
    nest = make_nest(charge=0.5)
    run_virtual(nest.run(ended))
    assert path(nest) == [State.IDLE, State.PREPARING, State.SECURING, State.IDLE]
    report = nest.reports.reports[-1]
    assert report.outcome == "refused"
    assert "preflight.battery" in {reason.code for reason in report.reasons}
    assert "launch" not in nest.drone.orders


def test_a_silent_drone_refuses_the_flight(make_nest):
    nest = make_nest(silent=True)
    run_virtual(nest.run(ended))
    assert "launch" not in nest.drone.orders
    assert nest.reports.reports[-1].outcome == "refused"


def test_a_dock_that_is_silent_for_a_moment_is_waited_for(make_nest):
    nest = make_nest()
    nest.dock.silent = True

    def until(_):
        if loop_s() > 40.0:
            nest.dock.silent = False
        return ended(nest)

    run_virtual(nest.run(until))
    assert nest.reports.reports[-1].outcome == "completed"


def test_a_preparation_that_fails_is_a_refused_flight(make_nest):
    nest = make_nest()

    async def silent():
        raise LinkError("vehicle.lost", "the drone was not heard for 5 s")

    nest.drone.verify_parameters = silent
    run_virtual(nest.run(ended))
    assert path(nest)[-3:] == [State.PREPARING, State.SECURING, State.IDLE]
    assert nest.reports.reports[-1].outcome == "refused"


def test_arming_denied_closes_the_nest_again(make_nest):
    nest = make_nest(launch_outcome=Refused("vehicle.arm_denied", "Compass not healthy"))
    run_virtual(nest.run(ended))
    assert path(nest)[-3:] == [State.LAUNCHING, State.SECURING, State.IDLE]
    assert nest.dock.lid is LidState.CLOSED
    assert any("Compass" in reason.words for reason in nest.reports.reports[-1].reasons)


def test_s5_low_charge_turns_the_flight_home(make_nest):
    nest = make_nest()

    def drain():
        nest.drone.charge = 0.29

    run_virtual(nest.run(when(nest, lambda: nest.director.state is State.PATROLLING, drain)))
    assert nest.reports.reports[-1].outcome == "cut_short"
    assert "flight.battery_low" in {reason.code for reason in nest.reports.reports[-1].reasons}
    assert nest.states[-1] is State.IDLE


def test_worse_weather_turns_the_flight_home(make_nest):
    nest = make_nest()

    def blow():
        nest.dock.weather_now = type(nest.dock.weather_now)(0.0, 16.0, 20.0, 200.0, 0.0, 20.0, 0.5)

    run_virtual(nest.run(when(nest, lambda: nest.director.state is State.PATROLLING, blow)))
    assert "flight.weather_worse" in {reason.code for reason in nest.reports.reports[-1].reasons}


def test_blind_eyes_turn_the_flight_home(make_nest):
    nest = make_nest(flight={"vision_loss_after_s": 10.0})

    def blind():
        nest.eyes.blind = True

    run_virtual(nest.run(when(nest, lambda: nest.director.state is State.PATROLLING, blind)))
    assert "flight.vision_lost" in {reason.code for reason in nest.reports.reports[-1].reasons}


def test_s9_a_pilot_wins_and_nothing_is_ordered_against_him(make_nest):
    nest = make_nest()
    seen = {}

    def take_over():
        nest.drone.mode = FlightMode.MANUAL
        seen["orders"] = len(nest.drone.orders)

    def until(_):
        if "orders" not in seen and nest.director.state is State.PATROLLING and nest.drone.alt_m > 10:
            take_over()
        return "orders" in seen and nest.director.state is State.HANDS_OFF and loop_s() > 120

    run_virtual(nest.run(until))
    assert len(nest.drone.orders) == seen["orders"]
    assert nest.dock.lid is LidState.OPEN


def test_a_pilot_who_sends_it_home_gets_it_secured(make_nest):
    nest = make_nest()
    taken = []

    def until(_):
        if not taken and nest.director.state is State.PATROLLING and nest.drone.alt_m > 10:
            taken.append(True)
            nest.drone.mode = FlightMode.MANUAL
        if nest.director.state is State.HANDS_OFF:
            nest.drone.mode = FlightMode.RETURN
        return bool(taken) and ended(nest)

    run_virtual(nest.run(until))
    assert path(nest)[-5:] == [State.HANDS_OFF, State.RETURNING, State.LANDING, State.SECURING, State.IDLE]


def test_a_lost_link_is_waited_for_and_the_drone_adopted(make_nest):
    nest = make_nest()

    def cut():
        nest.drone.silent = True
        nest.drone.mode = FlightMode.RETURN  # its own failsafe

    def until(_):
        if nest.director.state is State.PATROLLING and nest.drone.alt_m > 10 and not nest.drone.silent:
            cut()
        if nest.director.state is State.LOST and loop_s() > 90:
            nest.drone.silent = False
        return State.LOST in nest.states and ended(nest)

    run_virtual(nest.run(until))
    assert nest.states[-1] is State.IDLE
    assert nest.dock.lid is LidState.CLOSED


def test_a_drone_that_is_never_heard_again_becomes_a_fault(make_nest):
    nest = make_nest(flight={"flight_time_max_s": 200.0})

    def cut():
        nest.drone.silent = True

    run_virtual(nest.run(when(nest, lambda: nest.director.state is State.PATROLLING, cut)))
    assert nest.states[-1] is State.FAULT
    assert nest.dock.lid is LidState.OPEN, "the lid stays open for a drone that may still come"


def test_a_jammed_lid_diverts_to_the_rally_point(make_nest):
    nest = make_nest()

    def jam():
        nest.dock.lid, nest.dock.lid_jammed = LidState.CLOSED, True

    run_virtual(nest.run(when(nest, lambda: nest.director.state is State.PATROLLING, jam)))
    assert State.DIVERTING in nest.states
    assert nest.states[-1] is State.FAULT
    assert nest.drone.north_m == pytest.approx(-60, abs=7)
    assert nest.reports.reports[-1].outcome == "fault"


def test_a_silent_dock_whose_lid_was_open_is_still_landed_on(make_nest):
    nest = make_nest()
    marks = []

    def until(_):
        if not marks and nest.director.state is State.PATROLLING:
            marks.append(True)
            nest.dock.silent = True
        if nest.director.state is State.LANDING and nest.drone.alt_m < 1:
            nest.dock.silent = False
        return bool(marks) and ended(nest)

    run_virtual(nest.run(until))
    assert State.DIVERTING not in nest.states
    assert nest.states[-1] is State.IDLE


def test_down_beside_the_pad_is_a_fault_and_the_lid_stays(make_nest):
    nest = make_nest(pad_place=(12.0, 0.0))
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.FAULT
    assert nest.dock.lid is LidState.OPEN


def test_a_fault_is_cleared_by_a_person(make_nest):
    nest = make_nest(pad_place=(12.0, 0.0))

    def until(_):
        if nest.director.state is State.FAULT and nest.drone.north_m > 1:
            nest.drone.north_m = nest.drone.east_m = 0.0  # carried back to the pad
            (nest.ctx.config.store.directory / "clear-fault").touch()
        return State.FAULT in nest.states and nest.states[-1] is State.IDLE

    run_virtual(nest.run(until))
    assert nest.dock.lid is LidState.CLOSED


def test_an_unforeseen_failure_in_the_air_comes_home(make_nest):
    nest = make_nest()
    original, broken = nest.ctx.update_points, []

    def fail(situation):
        if not broken and nest.drone.alt_m > 20:
            broken.append(True)
            raise ZeroDivisionError("a bug")
        return original(situation)

    nest.ctx.update_points = fail
    run_virtual(nest.run(ended))
    assert State.RETURNING in nest.states
    assert nest.states[-1] is State.IDLE
    assert "flight.unforeseen" in {reason.code for reason in nest.reports.reports[-1].reasons}


def test_a_refused_return_is_asked_for_again(make_nest):
    nest = make_nest(return_outcome=Refused("vehicle.refused", "Mode change failed"))

    def until(_):
        if nest.drone.orders.count("return_home refused") >= 2:
            nest.drone.return_outcome = type(nest.drone.launch_outcome)()
        return ended(nest)

    # the mission's own last item would fly home too; here it hangs in the air until the order is taken
    nest.drone._return = lambda dt: None if nest.drone.mode is FlightMode.MISSION else type(nest.drone)._return(nest.drone, dt)
    run_virtual(nest.run(until))
    assert nest.states[-1] is State.IDLE
    assert State.HANDS_OFF not in nest.states


def test_a_link_error_from_the_vehicle_is_not_the_end(make_nest):
    nest = make_nest()
    failures = []
    original = nest.drone.return_home

    async def fail_once():
        if not failures:
            failures.append(True)
            raise LinkError("link.down", "the radio is gone")
        return await original()

    nest.drone.return_home = fail_once
    run_virtual(nest.run(ended))
    assert failures
    assert nest.states[-1] is State.IDLE


def test_s8_a_restarted_agent_reads_the_plan_on_board_before_it_supervises_on(make_nest):
    before = flown_until(make_nest, State.PATROLLING)
    after = restarted(make_nest, before)
    after.drone.plan = replace(before.drone.plan, items=before.drone.plan.items[:3] + before.drone.plan.items[-1:])
    known = len(after.journal.records)
    run_virtual(after.run(lambda n: len(n.states) > known + 1 and ended(n)))
    assert after.states[known] is State.RETURNING
    assert after.drone.orders[:2] == ["adopt", "return_home"]
    assert "mission.differs" in {reason.code for reason in after.reports.reports[-1].reasons}


def test_a_flight_that_a_restarted_agent_only_brought_home_was_cut_short(make_nest):
    before = flown_until(make_nest, State.PATROLLING)
    after = restarted(make_nest, before)
    after.drone.mode = FlightMode.RETURN  # the autopilot's failsafe acted while the agent was away
    known = len(after.journal.records)
    run_virtual(after.run(lambda n: len(n.states) > known + 1 and ended(n)))
    assert after.states[known] is State.RETURNING
    assert after.states[-1] is State.IDLE
    assert after.reports.reports[-1].outcome == "cut_short"


@pytest.mark.parametrize("state", [State.PATROLLING, State.RETURNING])
def test_s8_a_restarted_agent_adopts_the_drone_and_ends_the_flight(make_nest, state):
    before = flown_until(make_nest, state)
    after = restarted(make_nest, before)
    known = len(after.journal.records)
    run_virtual(after.run(lambda n: len(n.states) > known + 1 and ended(n)))
    assert after.states[known] is state
    assert "launch" not in after.drone.orders
    assert after.states[-1] is State.IDLE
    assert after.dock.lid is LidState.CLOSED
    assert after.reports.reports[-1].flight == before.reports.reports[-1].flight


def test_s9_a_restarted_agent_waits_for_the_mode_before_it_orders_anything(make_nest):
    """The first heartbeat only tells which autopilot it is; a pilot who flies must not be sent home for that."""
    before = flown_until(make_nest, State.PATROLLING)
    after = restarted(make_nest, before)
    after.drone.mode = FlightMode.UNKNOWN
    known = len(after.journal.records)

    def until(nest):
        if loop_s() > 1.5:
            nest.drone.mode = FlightMode.MANUAL
        return loop_s() > 20.0

    run_virtual(after.run(until))
    assert after.states[known] is State.HANDS_OFF
    assert not after.drone.orders


@pytest.mark.parametrize("state", [State.PATROLLING, State.RETURNING])
def test_s9_a_mode_that_the_nest_does_not_know_is_left_alone(make_nest, state):
    nest = make_nest()
    orders = []

    def follow_somebody():
        nest.drone.mode = FlightMode.UNKNOWN
        orders.extend(nest.drone.orders)

    def there():
        return nest.director.state is state and nest.drone.alt_m > 10

    take_over = when(nest, there, follow_somebody)
    run_virtual(nest.run(lambda n: take_over(n) or (bool(orders) and n.states[-1] is State.HANDS_OFF)))
    assert nest.states[-1] is State.HANDS_OFF
    assert nest.drone.orders == orders


def test_s8_a_restarted_agent_that_hears_nothing_listens(make_nest):
    before = flown_until(make_nest, State.PATROLLING)
    after = make_nest(journal=Journal(list(before.journal.records)), assigned=False, silent=True)
    after.dock.lid = LidState.OPEN
    known = len(after.journal.records)
    run_virtual(after.run(lambda n: len(n.states) > known))
    assert after.states[known] is State.LOST
    assert not after.dock.moves
