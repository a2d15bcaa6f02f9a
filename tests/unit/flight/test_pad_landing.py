"""Landing on the pad's markers: aligned, never seen, lost at the gate, going around and diverting; in virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.landing import LandingSection
from agent.core.outcome import Refused
from agent.domain.telemetry import FlightMode
from agent.flight.approach import Alignment, Verdict, judge
from agent.flight.table import State
from tests.doubles.flight import loop_s, run_virtual
from tests.doubles.flight_nest import PadEye
from tests.doubles.flown import ended, path

SECTION = LandingSection()


def reasons(nest):
    return {reason.code: reason.words for reason in nest.reports.reports[-1].reasons}


def test_an_aligned_drone_lands_at_the_first_attempt_without_a_word(make_nest):
    nest = make_nest(landing={})
    run_virtual(nest.run(ended))
    assert path(nest)[-4:] == [State.RETURNING, State.LANDING, State.SECURING, State.IDLE]
    assert "goto" not in nest.drone.orders
    assert not reasons(nest)


def test_the_pad_is_looked_for_on_the_way_home_only(make_nest):
    nest = make_nest(landing={})
    looked: dict[State, set[bool]] = {}

    def until(_):
        looked.setdefault(nest.director.state, set()).add(nest.pad_eye.on)
        return ended(nest)

    run_virtual(nest.run(until))
    assert looked[State.PATROLLING] == {False}
    assert True in looked[State.LANDING]
    assert nest.pad_eye.on is False


def test_a_dark_camera_is_noticed_before_the_start_once_the_lid_is_open(make_nest):
    nest = make_nest(landing={"required": True})
    nest.pad_eye.health_when_tried = ("landing.black",)
    run_virtual(nest.run(ended))
    assert path(nest)[-3:] == [State.PREPARING, State.SECURING, State.IDLE]
    assert "launch" not in nest.drone.orders
    assert "landing.black" in reasons(nest)["preflight.pad_camera_required"]
    assert not nest.pad_eye.tries


def test_a_camera_that_gives_no_picture_keeps_only_a_drone_down_that_needs_it(make_nest):
    needs, may = make_nest(landing={"required": True}), make_nest(landing={})
    needs.pad_eye.pictures = may.pad_eye.pictures = False
    run_virtual(needs.run(ended))
    assert "launch" not in needs.drone.orders
    run_virtual(may.run(ended))
    assert "launch" in may.drone.orders
    (told,) = [check for check in may.reports.reports[-1].checks if check.code == "preflight.pad_camera"]
    assert (told.passed, told.mandatory) == (None, False)


def test_the_search_for_hazards_makes_room_for_the_search_for_the_pad(make_nest):
    nest = make_nest(landing={})
    seen: list[str | None] = []

    def until(_):
        if nest.director.state is State.LANDING and nest.drone.alt_m > 1.0:
            seen.append(nest.eyes.watched[-1])
        return ended(nest)

    run_virtual(nest.run(until))
    assert seen[-1] is None


def test_a_drone_beside_the_pad_at_the_gate_goes_around_and_lands_when_aligned(make_nest):
    nest = make_nest(landing={})
    nest.pad_eye.offset_m = lambda: 0.9 if "goto" not in nest.drone.orders else 0.1
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.IDLE
    assert nest.drone.orders.count("goto") == 1
    assert nest.drone.sent_to == [(nest.ctx.pad.place, SECTION.again_height_m)]
    after = nest.drone.orders[nest.drone.orders.index("goto") :]
    assert after[:2] == ["goto", "land_on_pad"]
    assert "0.90 m from the pad's centre" in reasons(nest)["landing.go_around"]


def test_a_pad_lost_at_the_gate_each_time_means_two_go_arounds_and_then_a_rally_point(make_nest):
    nest = make_nest(landing={})
    nest.pad_eye.sees = lambda: nest.drone.alt_m > 2.5
    lowest = []

    def until(_):
        if nest.director.state is State.LANDING:
            lowest.append(nest.drone.alt_m)
        return ended(nest)

    run_virtual(nest.run(until))
    assert nest.drone.orders.count("land_on_pad") == 2
    assert State.DIVERTING in nest.states
    assert nest.states[-1] is State.FAULT
    assert nest.drone.north_m == pytest.approx(-60, abs=7)
    assert min(lowest) > 0.0, "it never touched down beside the pad"
    assert {"landing.go_around", "flight.landing_missed"} <= set(reasons(nest))


def test_a_pad_that_is_never_seen_is_landed_on_by_position_and_said_so(make_nest):
    nest = make_nest(landing={})
    nest.pad_eye.sees = lambda: False
    nest.pad_eye.health = ("landing.black",)
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.IDLE
    assert "goto" not in nest.drone.orders
    assert "landing.black" in reasons(nest)["landing.pad_unseen"]


def test_where_the_markers_are_required_a_pad_that_is_never_seen_is_not_landed_on(make_nest):
    nest = make_nest(landing={"required": True})
    nest.pad_eye.sees = lambda: False
    run_virtual(nest.run(ended))
    assert State.DIVERTING in nest.states
    assert nest.drone.north_m == pytest.approx(-60, abs=7)


def test_a_pad_lost_in_the_last_metre_does_not_turn_it_away(make_nest):
    nest = make_nest(landing={})
    nest.pad_eye.sees = lambda: nest.drone.alt_m > SECTION.commit_height_m - 0.1
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.IDLE
    assert "goto" not in nest.drone.orders


def test_a_refused_go_around_is_said_and_the_landing_goes_on(make_nest):
    nest = make_nest(landing={})
    nest.pad_eye.offset_m = lambda: 0.9

    async def refuse(*_):
        return Refused("vehicle.target_refused", "Mode change to GUIDED failed")

    nest.drone.goto = refuse
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.IDLE
    assert "GUIDED failed" in reasons(nest)["landing.go_around_refused"]


@pytest.mark.parametrize("broken", ["charge", "failsafe"])
def test_a_drone_that_must_come_down_is_not_sent_up_again(make_nest, broken):
    nest = make_nest(landing={})
    nest.pad_eye.offset_m = lambda: 0.9

    def until(_):
        if nest.director.state is State.LANDING and nest.drone.alt_m < 5.0:
            nest.drone.charge = 0.05 if broken == "charge" else nest.drone.charge
            nest.drone.failsafe = broken == "failsafe"
        return ended(nest)

    run_virtual(nest.run(until))
    assert "goto" not in nest.drone.orders
    assert "landing.go_around_refused" in reasons(nest)


def test_s9_a_pilot_who_takes_over_in_a_go_around_is_not_fought(make_nest):
    nest = make_nest(landing={})
    nest.pad_eye.offset_m = lambda: 0.9
    taken = []

    def until(_):
        if not taken and "goto" in nest.drone.orders and nest.drone.alt_m > 4.0:
            taken.append(len(nest.drone.orders))
            nest.drone.mode = FlightMode.MANUAL
        return bool(taken) and nest.director.state is State.HANDS_OFF

    run_virtual(nest.run(until))
    assert nest.drone.orders[taken[0] :] == []
    assert nest.pad_eye.on is False, "a pilot's landing is not pulled at"


def test_s9_a_pilot_s_landing_is_not_judged(make_nest):
    nest = make_nest(landing={"required": True})
    nest.pad_eye.offset_m = lambda: 0.9
    taken = []

    def until(_):
        if not taken and nest.director.state is State.LANDING and nest.drone.alt_m < 20.0:
            taken.append(True)
            nest.drone.mode = FlightMode.MANUAL
        if nest.director.state is State.HANDS_OFF:
            nest.drone.mode = FlightMode.LAND
        return bool(taken) and ended(nest)

    run_virtual(nest.run(until))
    assert "goto" not in nest.drone.orders
    assert nest.states[-1] is State.IDLE


def test_an_autopilot_that_lands_far_from_the_pad_is_left_alone(make_nest):
    nest = make_nest(landing={"required": True})

    def until(_):
        if nest.director.state is State.PATROLLING and nest.drone.north_m > 100.0:
            nest.drone.mode = FlightMode.LAND
        return ended(nest)

    run_virtual(nest.run(until))
    assert "goto" not in nest.drone.orders
    assert nest.states[-1] is State.FAULT


def test_an_autopilot_that_lands_during_a_go_around_is_not_sent_up_for_ever(make_nest):
    nest = make_nest(landing={})
    nest.pad_eye.offset_m = lambda: 0.9

    def until(_):
        if nest.drone.mode is FlightMode.GUIDED and nest.drone.alt_m > 4.0:
            nest.drone.mode = FlightMode.LAND  # its own failsafe
        return ended(nest)

    run_virtual(nest.run(until))
    assert nest.drone.orders.count("goto") <= 4
    assert nest.states[-1] in {State.IDLE, State.FAULT}


def test_without_a_camera_that_looks_down_nothing_is_judged(make_nest):
    nest = make_nest()
    run_virtual(nest.run(ended))
    assert nest.states[-1] is State.IDLE
    assert not reasons(nest)


HEIGHTS, OFFSETS = st.floats(0.0, 30.0), st.none() | st.floats(0.0, 5.0)


@given(HEIGHTS, OFFSETS, st.booleans(), st.booleans())
def test_the_rules_of_the_approach(height_m, offset_m, seen_before, required):
    section = LandingSection(required=required)
    verdict, words = judge(Alignment(height_m, offset_m, seen_before), section)
    between = section.commit_height_m < height_m <= section.gate_height_m
    assert (verdict in {Verdict.WAIT, Verdict.COMMITTED}) is not between
    if verdict is Verdict.GO_AROUND:
        assert words
        assert offset_m is None or offset_m > section.offset_max_m
    if between and offset_m is not None and offset_m <= section.offset_max_m:
        assert verdict is Verdict.ALIGNED
    if verdict is Verdict.BY_POSITION:
        assert not required
        assert not seen_before


def test_the_double_keeps_the_flights_time(make_nest):
    async def body():
        nest = make_nest(landing={})
        nest.pad_eye.on = True
        view = nest.pad_eye.view
        assert isinstance(nest.pad_eye, PadEye)
        assert view is not None
        assert view.at_s == loop_s()

    run_virtual(body())
