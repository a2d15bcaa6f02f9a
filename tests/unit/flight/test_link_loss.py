"""What a flight does when its link breaks and comes back, in virtual time."""

import itertools

import pytest

from agent.core.outcome import Refused
from agent.domain.telemetry import FlightMode
from agent.flight.table import State
from tests.doubles.flight import loop_s, run_virtual
from tests.doubles.flown import ended, path, words_of

RESUME = {"resume_after_link_loss": True}
FINISH = {"on_link_loss": "finish"}


class Cut:
    """Silences the drone once it is on its way to the second point; after 5 s its autopilot comes home by itself."""

    def __init__(self, nest, *, for_s=20.0, failsafe=FlightMode.RETURN, state=State.PATROLLING, then=lambda: None):
        self.nest, self.for_s, self.failsafe, self.state, self.then = nest, for_s, failsafe, state, then
        self.at_s, self.times = None, 0

    def __call__(self):
        nest = self.nest
        on_way = self.times == 0 and nest.director.state is self.state and nest.ctx.flight and "P1" in nest.ctx.flight.points
        if self.at_s is None and on_way:
            nest.drone.silent, self.at_s, self.times = True, loop_s(), 1
        since_s = -1.0 if self.at_s is None else loop_s() - self.at_s
        if since_s > 5.0 and self.failsafe is not None and nest.drone.silent:
            nest.drone.mode = self.failsafe
        if since_s > self.for_s:
            nest.drone.silent, self.at_s = False, None
            self.then()


def flown(make_nest, *, flight=RESUME, cut=None, then=None, **drone):
    nest = make_nest(flight=flight, **drone)
    breaks = Cut(nest, **(cut or {}), then=lambda: then(nest) if then else None)
    run_virtual(nest.run(lambda n: (breaks(), ended(n))[-1]))
    assert breaks.times == 1
    return nest


def test_cut_for_20_s_the_route_goes_on_at_the_waypoint_that_was_flown_to(make_nest):
    nest = flown(make_nest)
    assert path(nest)[3:] == [
        State.PATROLLING,
        State.LOST,
        State.PATROLLING,
        State.RETURNING,
        State.LANDING,
        State.SECURING,
        State.IDLE,
    ]
    report = nest.reports.reports[-1]
    assert (report.outcome, report.points_seen) == ("completed", 3)
    assert "found in mode return" in words_of(nest, "flight.resumed")[0]
    assert nest.drone.orders.count("resume") == 1


def test_as_delivered_a_drone_that_its_failsafe_sent_home_comes_home(make_nest):
    nest = flown(make_nest, flight={})
    assert "resume" not in nest.drone.orders
    assert nest.reports.reports[-1].outcome == "cut_short"


def test_s9_a_return_that_the_autopilot_does_not_call_its_own_is_a_person_s(make_nest):
    nest = flown(make_nest, says_link_failsafe=False)
    assert "resume" not in nest.drone.orders
    assert path(nest)[4:6] == [State.LOST, State.RETURNING]


@pytest.mark.parametrize("flight", [{}, RESUME])
@pytest.mark.parametrize("mode", [FlightMode.MANUAL, FlightMode.UNKNOWN, FlightMode.HOLD, FlightMode.GUIDED])
def test_s9_a_pilot_who_took_over_meanwhile_keeps_it(make_nest, mode, flight):
    nest = make_nest(flight=flight)
    breaks = Cut(nest, failsafe=mode)
    run_virtual(nest.run(lambda n: (breaks(), n.director.state is State.HANDS_OFF)[-1]))
    assert nest.drone.orders == ["upload", "launch"]


def test_s9_a_pilot_who_takes_over_while_the_link_settles_keeps_it(make_nest):
    nest = make_nest(flight=RESUME)
    taken = []
    breaks = Cut(nest, then=lambda: taken.append(loop_s()))

    def until(n):
        breaks()
        if taken and loop_s() - taken[0] > 3.0:
            n.drone.mode = FlightMode.HOLD
        return n.director.state is State.HANDS_OFF

    run_virtual(nest.run(until))
    assert "resume" not in nest.drone.orders


def test_s5_with_too_little_charge_for_the_rest_of_the_route_it_stays_on_its_way_home(make_nest):
    nest = flown(make_nest, then=lambda n: setattr(n.drone, "charge", 0.3))
    assert "resume" not in nest.drone.orders
    assert "at the pad" in words_of(nest, "flight.not_resumed")[0]


def test_what_would_call_a_patrol_home_keeps_it_on_its_way_home(make_nest):
    nest = flown(make_nest, then=lambda n: setattr(n.drone, "position_good", False))
    assert "resume" not in nest.drone.orders
    assert "position estimate not good" in words_of(nest, "flight.not_resumed")[0]


def test_a_refused_resume_comes_home(make_nest):
    async def refuse(_):
        return Refused("mission.refused", "no")

    nest = make_nest(flight=RESUME)
    nest.drone.resume = refuse
    breaks = Cut(nest)
    run_virtual(nest.run(lambda n: (breaks(), ended(n))[-1]))
    assert (State.LOST, State.RETURNING) in itertools.pairwise(path(nest))
    assert nest.states[-1] is State.IDLE


def test_a_link_that_breaks_again_while_it_settles_is_listened_to_further(make_nest):
    nest = make_nest(flight=RESUME)
    marks = []
    breaks = Cut(nest, then=lambda: marks.append(loop_s()))

    def until(n):
        breaks()
        since_s = loop_s() - marks[0] if marks else -1.0
        if marks:
            n.drone.silent = 2.0 < since_s < 12.0
        return ended(n)

    run_virtual(nest.run(until))
    assert nest.states.count(State.LOST) == 1
    assert nest.drone.orders.count("resume") == 1
    assert nest.reports.reports[-1].outcome == "completed"


def test_a_drone_lost_on_its_way_home_is_not_sent_out_again(make_nest):
    nest = flown(make_nest, cut={"state": State.RETURNING, "for_s": 8.0})
    assert "resume" not in nest.drone.orders
    assert State.LOST in nest.states
    assert nest.reports.reports[-1].outcome == "completed"


def test_no_third_time(make_nest):
    nest = make_nest(flight=RESUME)
    breaks = Cut(nest, for_s=8.0)
    whole = nest.drone._mission

    def slow(dt):
        """It does not come to the next point before the third cut."""
        if nest.ctx.flight is None or "P1" not in nest.ctx.flight.points:
            whole(dt)

    def until(n):
        breaks()
        if n.director.state is State.PATROLLING and breaks.at_s is None:
            breaks.times = 0
        return ended(n)

    nest.drone._mission = slow
    run_virtual(nest.run(until))
    assert nest.states.count(State.LOST) == 3
    assert nest.drone.orders.count("resume") == 2
    assert nest.reports.reports[-1].outcome == "cut_short"


def test_finish_supervises_a_drone_on_that_its_parameters_let_fly_on(make_nest):
    nest = flown(make_nest, flight=FINISH, cut={"failsafe": None}, on_link_loss="finish")
    assert "resume" not in nest.drone.orders, "it never left its mission"
    assert nest.reports.reports[-1].outcome == "completed"


def test_finish_cannot_be_had_from_parameters_that_return_and_the_report_says_so(make_nest):
    nest = flown(make_nest, flight=FINISH)
    assert nest.reports.reports[-1].outcome == "cut_short"
    (check,) = [c for c in nest.reports.reports[-1].checks if c.code == "preflight.link_loss"]
    assert (check.passed, check.value, check.limit) == (False, "return", "finish")
