"""What a flight does in doubt: refused orders, a silent dock, other hands on the controls, a sensor that tells no more."""

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.core.errors import LinkError
from agent.core.outcome import Refused
from agent.domain.nest_state import LidState
from agent.domain.telemetry import Attitude, FlightMode, LandedState
from agent.flight.table import State
from agent.missions.service import Assignment
from tests.doubles.flight import Drone, loop_s, run_virtual
from tests.doubles.flown import codes, ended, once, path

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def jammed(make_nest, **drone):
    """A nest whose lid is found closed and jammed when its drone comes home."""
    nest = make_nest(**drone)
    nest.jam = once(
        lambda: nest.director.state is State.PATROLLING,
        lambda: nest.dock.__dict__.update(lid=LidState.CLOSED, lid_jammed=True),
    )
    return nest


@pytest.mark.parametrize("mode", [FlightMode.HOLD, FlightMode.GUIDED, FlightMode.UNKNOWN])
def test_s9_a_mode_that_an_operator_sets_on_the_way_home_is_not_taken_back(make_nest, mode):
    nest = make_nest()
    seen = {}

    def hold():
        nest.drone.mode = mode
        seen["orders"] = list(nest.drone.orders)

    def late():
        """When the order to come home is old enough to be given again."""
        return nest.director.state is State.RETURNING and loop_s() - seen.setdefault("at", loop_s()) > 6

    held = once(late, hold)
    run_virtual(nest.run(lambda _: held() and nest.director.state is State.HANDS_OFF))
    assert nest.drone.orders == seen["orders"]


def test_s9_a_pilot_who_breaks_off_a_diversion_s_landing_is_not_ordered_down(make_nest):
    nest = jammed(make_nest)
    seen = {}

    def take():
        nest.drone.mode = FlightMode.MANUAL
        seen["orders"] = list(nest.drone.orders)

    taken = once(lambda: nest.drone.mode is FlightMode.LAND and nest.drone.alt_m < 15, take)

    def until(_):
        nest.jam()
        if not taken() and nest.drone.mode is FlightMode.LAND:
            nest.drone.alt_m = max(nest.drone.alt_m, 10.0)  # it comes down slowly
        return "orders" in seen and nest.director.state is State.HANDS_OFF

    run_virtual(nest.run(until))
    assert nest.drone.orders == seen["orders"]


def test_a_refused_diversion_is_asked_for_again(make_nest):
    nest = jammed(make_nest)
    original, refusals = nest.drone.goto, []

    async def refuse_first(place, alt_rel_m, heading_deg=None):
        if len(refusals) < 2:
            refusals.append(loop_s())
            return Refused("vehicle.target_refused", "busy")
        return await original(place, alt_rel_m, heading_deg)

    nest.drone.goto = refuse_first
    # over the pad it waits, as an autopilot does that is told to loiter before it lands
    nest.drone._land = lambda dt: None if nest.drone.mode is FlightMode.RETURN else type(nest.drone)._land(nest.drone, dt)
    run_virtual(nest.run(lambda n: n.jam() and ended(n)))
    assert nest.drone.orders.count("goto") == 1
    assert nest.drone.north_m == pytest.approx(-60, abs=7)


def test_a_diversion_is_flown_as_a_return_where_the_autopilot_can(make_nest):
    nest = jammed(make_nest, rally_by_return=True)
    run_virtual(nest.run(lambda n: n.jam() and ended(n)))
    assert nest.drone.north_m == pytest.approx(-60, abs=7)
    assert nest.states[-1] is State.FAULT
    assert nest.drone.orders[-2:] == ["return_to_rally", "land_here"]
    (nest.ctx.config.store.directory / "clear-fault").touch()
    run_virtual(nest.run(lambda n: "forget_rally" in n.drone.orders))


def test_a_return_that_sinks_away_from_the_rally_point_is_taken_over(make_nest):
    """The autopilot accepts, and yet comes down on the shut nest."""
    nest = jammed(make_nest, rally_by_return=True)
    original, telemetry = nest.drone.return_to_rally, nest.drone._telemetry

    async def deceived(point):
        outcome = await original(point)
        nest.drone.pad_place = (0.0, 0.0)
        return outcome

    def sinking():
        now = telemetry()
        over_pad = abs(nest.drone.north_m) < 1.0 and nest.drone.mode is FlightMode.RETURN
        return replace(now, position=replace(now.position, velocity_ned_m_s=(0.0, 0.0, 1.5 if over_pad else 0.0)))

    nest.drone.return_to_rally, nest.drone._telemetry = deceived, sinking
    run_virtual(nest.run(lambda n: n.jam() and ended(n)))
    assert nest.drone.orders[-3:] == ["return_to_rally", "goto", "land_here"]
    assert nest.drone.north_m == pytest.approx(-60, abs=7)
    assert "vehicle.no_rally" in codes(nest)


def test_a_drone_whose_return_would_not_end_on_the_pad_does_not_start(make_nest):
    nest = make_nest(returns=Refused("vehicle.returns_elsewhere", "RALLY_LIMIT_KM is 0.3"))
    run_virtual(nest.run(ended))
    assert "launch" not in nest.drone.orders
    assert "preflight.return_goal" in codes(nest)


def test_s2_a_drone_on_the_ground_is_not_sent_up_by_a_diversion(make_nest):
    """It landed on the closed lid and its motors go on: no order may lift it again."""
    nest = jammed(make_nest)
    nest.drone.__class__ = type("Stubborn", (type(nest.drone),), {"_land": lambda drone, _: setattr(drone, "alt_m", 0.0)})

    async def refused(*_):
        nest.drone.orders.append("goto")
        return Refused("vehicle.target_refused", "busy")

    async def go_on():
        return Refused("vehicle.disarm_denied", "landing is not detected")

    nest.drone.goto, nest.drone.disarm = refused, go_on

    def stands():
        return nest.director.state is State.DIVERTING and nest.drone.alt_m == 0.0

    standing = once(stands, lambda: nest.drone.orders.append("stands"))
    run_virtual(nest.run(lambda n: n.jam() and standing() and loop_s() > 300))
    assert "goto" not in nest.drone.orders[nest.drone.orders.index("stands") :]


def test_a_return_that_is_refused_over_the_pad_is_no_landing(make_nest):
    nest = make_nest(return_outcome=Refused("vehicle.mode_denied", "no"))

    def worse():
        nest.drone.charge = 0.27

    worsened = once(lambda: nest.director.state is State.PATROLLING, worse)
    run_virtual(nest.run(lambda n: worsened() and n.drone.orders.count("return_home refused") >= 3))
    assert State.LANDING not in nest.states


def test_a_link_that_breaks_under_an_order_is_a_lost_link(make_nest):
    nest = make_nest()

    async def silent():
        raise LinkError("vehicle.lost", "not heard")

    def cut():
        nest.drone.charge = 0.27  # turns home, and the order finds nobody
        nest.drone.return_home = silent

    lost = once(lambda: nest.director.state is State.PATROLLING, cut)
    run_virtual(nest.run(lambda n: lost() and State.LOST in n.states))
    assert (State.RETURNING, State.LOST) in itertools.pairwise(path(nest))


def test_a_pilot_is_noticed_while_the_lid_opens(make_nest):
    """Opening takes up to two minutes; whoever takes the sticks meanwhile is not waited for, nor overruled."""
    nest = jammed(make_nest)
    stopped = []

    async def slow(presence):
        nest.dock.moves.append(("open_for_landing", presence()))
        try:
            await asyncio.sleep(100.0)
        finally:
            stopped.append(loop_s())
        return Refused("dock.lid_timeout", "jammed")

    nest.dock.open_for_landing = slow
    seen = {}

    def take():
        nest.drone.mode = FlightMode.MANUAL
        seen["orders"], seen["at"] = list(nest.drone.orders), loop_s()

    taken = once(lambda: nest.director.state is State.RETURNING and bool(nest.dock.moves[1:]), take)
    run_virtual(nest.run(lambda n: n.jam() and taken() and n.director.state is State.HANDS_OFF))
    assert nest.drone.orders == seen["orders"]
    assert stopped[0] - seen["at"] < 5.0


def test_a_dock_that_is_silent_at_touch_down_is_waited_for(make_nest):
    nest = make_nest()
    marks = []

    def until(n):
        if n.director.state is State.PATROLLING:
            n.dock.silent = True
        if n.director.state is State.LANDING and not n.drone.armed:
            marks.append(loop_s())
            n.dock.silent = loop_s() - marks[0] < 60.0
        return bool(marks) and ended(n)

    run_virtual(nest.run(until))
    assert nest.states[-1] is State.IDLE
    assert nest.dock.lid is LidState.CLOSED


def test_a_dock_that_stays_silent_leaves_it_to_a_person(make_nest):
    nest = make_nest()

    def until(n):
        n.dock.silent = n.dock.silent or n.director.state is State.PATROLLING
        return ended(n)

    run_virtual(nest.run(until))
    assert nest.states[-1] is State.FAULT
    assert nest.dock.lid is LidState.OPEN
    assert State.DIVERTING not in nest.states


@pytest.mark.parametrize("group", ["position", "estimator"])
def test_a_position_that_is_told_no_more_turns_the_flight_home(make_nest, group):
    """The link lives, the heartbeat comes; fence and charge would be judged by where the drone was."""
    nest = make_nest()
    frozen = []
    original = nest.drone._telemetry

    def telemetry():
        now = original()
        if not frozen and nest.director.state is State.PATROLLING and nest.drone.alt_m > 40:
            frozen.append(getattr(now, group))
        coming = nest.director.state is not State.PATROLLING
        return replace(now, **{group: frozen[0]}) if frozen and not coming else now

    nest.drone._telemetry = telemetry
    nest.drone._mission = lambda dt: None if frozen else type(nest.drone)._mission(nest.drone, dt)
    run_virtual(nest.run(ended))
    assert "flight.position_unknown" in codes(nest)
    assert nest.states[-1] is State.IDLE


def test_s5_the_wind_that_was_told_last_counts_on_when_the_station_falls_silent(make_nest):
    nest = make_nest()
    nest.dock.weather_now = replace(nest.dock.weather_now, wind_m_s=9.0)

    async def wind():
        nest.ctx.look()
        nest.dock.weather_silent = True
        nest.ctx.look()
        return nest.ctx.facts(nest.ctx.begin("F", Assignment("loop", NOW, NOW))).situation.weather, nest.ctx._wind()

    weather, kept = run_virtual(wind())
    assert weather is None
    assert kept.speed_m_s > 9.0


def test_a_drone_whose_landed_state_is_no_longer_told_is_down_when_its_motors_stand(make_nest):
    nest = make_nest()
    original = nest.drone._telemetry

    def telemetry():
        now = original()
        stale = now.landed_at_s - 60.0
        return replace(now, landed=LandedState.IN_AIR, landed_at_s=stale) if nest.director.state is State.LANDING else now

    nest.drone._telemetry = telemetry
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.IDLE
    assert nest.states.count(State.RETURNING) == 1


def test_a_clearance_from_before_the_fault_does_not_clear_it(make_nest):
    nest = make_nest(pad_place=(12.0, 0.0))
    clearance = nest.ctx.config.store.directory / "clear-fault"
    clearance.touch()
    run_virtual(nest.run(lambda n: State.FAULT in n.states and loop_s() > 400))
    assert nest.states[-1] is State.FAULT
    assert not clearance.exists()


def test_a_route_that_is_not_in_the_library_is_no_fault_of_the_nest(make_nest):
    nest = make_nest()
    nest.ctx.missions.assignments.insert(0, Assignment("no-such-route", NOW, NOW))
    run_virtual(nest.run(ended))
    assert State.FAULT not in nest.states
    assert nest.reports.reports[-1].outcome == "completed"


class Stubborn(Drone):
    """Its autopilot does not notice that it has landed: the motors go on until they are stopped."""

    def _land(self, dt):
        self.alt_m = max(0.0, self.alt_m - 1.5 * dt)


def test_motors_that_go_on_after_the_landing_are_stopped(make_nest):
    nest = make_nest()
    nest.drone.__class__ = Stubborn
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.IDLE
    assert nest.drone.orders[-1] == "disarm"
    assert State.DIVERTING not in nest.states


def test_s9_motors_that_a_pilot_runs_on_the_ground_are_not_stopped(make_nest):
    nest = make_nest()
    nest.drone.__class__ = Stubborn
    taken = once(
        lambda: nest.director.state is State.LANDING and nest.drone.alt_m == 0.0,
        lambda: setattr(nest.drone, "mode", FlightMode.MANUAL),
    )
    run_virtual(nest.run(lambda _: taken() and loop_s() > 400))
    assert nest.director.state is State.HANDS_OFF
    assert "disarm" not in nest.drone.orders


def test_s3_nothing_moves_around_a_drone_that_has_fallen_over(make_nest):
    nest = make_nest()
    original = nest.drone._telemetry

    def fallen():
        now = original()
        over = (nest.director.state is State.LANDING and nest.drone.alt_m == 0.0) or State.FAULT in nest.states
        return replace(now, attitude=Attitude(loop_s(), 0, 95.0 if over else 1.0, 0.0, 0.0))

    nest.drone._telemetry = fallen
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.FAULT
    assert nest.dock.lid is LidState.OPEN
    assert [name for name, _ in nest.dock.moves] == ["prepare_launch"]
