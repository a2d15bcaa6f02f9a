"""Second looks flown through the real table, in virtual time."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from agent.core.geo import LatLon, distance_m, inside_margin_m
from agent.core.outcome import Refused
from agent.domain.camera import Camera
from agent.domain.hazard import Hazard
from agent.domain.mission import Fence
from agent.domain.route import Site
from agent.domain.sighting import DetectorRecord, ErrorEllipse, GeoPosition, Sighting, SightingLevel
from agent.domain.telemetry import FlightMode
from agent.flight.second_look import not_worth
from agent.flight.standoff import Subject
from agent.flight.table import State
from agent.missions.service import Assignment
from tests.doubles.flight import FRAME, SITE, loop_s, run_virtual, square
from tests.doubles.flight_nest import Journal
from tests.doubles.flown import ended, flown_until, once, path, restarted, words_of

FIRE = (150.0, 130.0)  # metres north and east of the pad, beside the middle of the route
LOOK = {"policy": "investigate"}


def sighting(nest, level, *, at=FIRE, spread_m=12.0, track="T-1", confidence=0.8):
    place, now = FRAME.to_latlon(*at), nest.ctx.clock.utc()
    return Sighting(
        track=track,
        hazard=Hazard.FIRE,
        level=level,
        confidence=confidence,
        position=GeoPosition(
            lat=place.lat_deg,
            lon=place.lon_deg,
            error_ellipse=ErrorEllipse(semi_major_m=spread_m, semi_minor_m=spread_m, azimuth_deg=0.0),
        ),
        first_seen=now - timedelta(seconds=5),
        last_seen=now,
        captured_at=now,
        detector=DetectorRecord(name="fire", version="1", sha256="0", threshold=0.5, frames_seen=9, frames_confirmed=0),
    )


def see(nest, level, **what):
    seen = sighting(nest, level, **what)
    nest.eyes.sightings[seen.track] = seen


def on_the_way(nest):
    """Between the first and the second point of the route."""
    return nest.director.state is State.PATROLLING and "P1" in nest.ctx.flight.points


def looked(make_nest, *, then=None, second_look=None, when=on_the_way, until=ended, **drone):
    """A flight in which something doubtful is seen; ``then`` is what the evidence becomes at the place."""
    nest = make_nest(second_look={**LOOK, **(second_look or {})}, **drone)
    seen = once(lambda: when(nest), lambda: see(nest, SightingLevel.SUSPECT))
    there = once(
        lambda: nest.director.state is State.INVESTIGATING and near_fire(nest) < 75.0,
        lambda: see(nest, then, spread_m=6.0, confidence=0.98) if then else None,
    )
    run_virtual(nest.run(lambda n: (seen(), there(), until(n))[-1]))
    return nest


def near_fire(nest):
    return distance_m(nest.drone.telemetry.position.place, FRAME.to_latlon(*FIRE))


WHOLE = [State.PATROLLING, State.INVESTIGATING, State.PATROLLING, State.RETURNING, State.LANDING, State.SECURING, State.IDLE]


def test_a_suspicion_is_looked_at_from_upwind_and_the_route_goes_on_where_it_was_left(make_nest):
    nest = looked(make_nest, then=SightingLevel.CONFIRMED)
    assert path(nest)[-7:] == WHOLE
    report = nest.reports.reports[-1]
    assert (report.outcome, report.points_seen) == ("completed", 3)
    assert "confirmed, 98%, within 6 m" in words_of(nest, "flight.second_look")[0]
    stations = [FRAME.to_local(place) for place, _ in nest.drone.sent_to]
    assert len({(round(s.north_m), round(s.east_m)) for s in stations}) == 5, "an arc of 120 degrees in steps of 30"
    wind_from = (-0.94, -0.34)  # 200 degrees: north and east
    for station in stations:
        off = (station.north_m - FIRE[0], station.east_m - FIRE[1])
        assert (off[0] ** 2 + off[1] ** 2) ** 0.5 == pytest.approx(60.0, abs=0.5)
        assert off[0] * wind_from[0] + off[1] * wind_from[1] > 25.0, "upwind"
    assert all(alt_rel_m >= 50.0 for _, alt_rel_m in nest.drone.sent_to), "it does not sink for a look"
    assert nest.drone.orders.index("resume") > nest.drone.orders.index("release_camera") > nest.drone.orders.index("goto")
    assert nest.drone.looks_at is None
    assert nest.drone.orders.count("launch") == 1


STILL_CAMERA = Camera(0.0, "M1", takes_pictures=True, confirms=True)


def test_each_station_is_photographed_once_and_the_report_says_how_many(make_nest):
    nest = looked(make_nest, then=SightingLevel.CONFIRMED, camera=STILL_CAMERA)
    assert path(nest)[-7:] == WHOLE
    assert nest.drone.orders.count("take_pictures") == 5
    assert words_of(nest, "flight.second_look")[0].endswith("; pictures at 5 of 5 stations (captured)")
    assert nest.drone.orders.count("goto") == 6, "no station is flown to again for its picture; the sixth is the way back"


def test_a_picture_that_is_not_taken_is_told_and_holds_up_nothing(make_nest):
    refused = Refused("camera.no_picture", "M1: it failed, 3 times")
    nest = looked(make_nest, then=SightingLevel.CONFIRMED, camera=STILL_CAMERA, picture=refused)
    assert path(nest)[-7:] == WHOLE
    assert words_of(nest, "flight.second_look")[0].endswith("; pictures at 0 of 5 stations")
    assert words_of(nest, "camera.no_picture")


def test_a_picture_under_way_does_not_keep_the_drone_from_coming_home(make_nest):
    nest = make_nest(second_look=LOOK, camera=STILL_CAMERA)
    taking = []

    async def never():
        taking.append(loop_s())
        await asyncio.Event().wait()

    nest.drone.take_pictures = never
    sure = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    worse = once(lambda: bool(taking), lambda: setattr(nest.drone, "charge", 0.22))
    run_virtual(nest.run(lambda n: (sure(), worse(), ended(n))[-1]))
    assert len(taking) == 1
    assert nest.reports.reports[-1].outcome == "cut_short"


def test_a_place_where_nothing_is_found_is_left_early_and_said(make_nest):
    nest = looked(make_nest, then=SightingLevel.CLEARED, second_look={"time_min_s": 4.0})
    assert path(nest)[-7:] == WHOLE
    assert "nothing there" in words_of(nest, "flight.second_look")[0]
    assert len(nest.drone.sent_to) < 5, "no tour around nothing"


def test_what_stays_doubtful_is_left_when_the_time_is_over(make_nest):
    nest = looked(make_nest, second_look={"time_max_s": 60.0})
    assert path(nest)[-7:] == WHOLE
    assert "still doubtful" in words_of(nest, "flight.second_look")[0]
    assert nest.states.count(State.INVESTIGATING) == 1, "one look at a place"


@pytest.mark.parametrize(
    ("seen", "config"),
    [
        ({}, {"policy": "report"}),
        ({"level": SightingLevel.CONFIRMED}, {}),
        ({"level": SightingLevel.CLEARED}, {}),
        ({"at": (400.0, -300.0)}, {"range_max_m": 200.0}),
        ({"spread_m": 350.0}, {}),
    ],
)
def test_what_is_not_worth_a_look_or_not_wanted_is_only_reported(make_nest, seen, config):
    nest = make_nest(second_look={**LOOK, **config})
    sure = once(lambda: on_the_way(nest), lambda: see(nest, **{"level": SightingLevel.SUSPECT, **seen}))
    run_virtual(nest.run(lambda n: sure() and ended(n)))
    assert State.INVESTIGATING not in nest.states
    assert nest.reports.reports[-1].outcome == "completed"


def test_a_confirmed_hazard_whose_place_is_uncertain_is_looked_at(make_nest):
    nest = make_nest(second_look=LOOK)
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.CONFIRMED, spread_m=60.0))
    run_virtual(nest.run(lambda n: seen() and ended(n)))
    assert State.INVESTIGATING in nest.states


def test_a_suspicion_that_is_gone_within_patience_is_not_flown_to(make_nest):
    nest = make_nest(second_look={**LOOK, "patience_s": 5.0})
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    times = []

    def until(n):
        if seen():
            times.append(loop_s())
        if times and loop_s() - times[0] > 3.0:
            see(n, SightingLevel.CONFIRMED)
        return bool(times) and ended(n)

    run_virtual(nest.run(until))
    assert State.INVESTIGATING not in nest.states


@pytest.mark.parametrize(
    ("hazard", "at", "again"),
    [
        (Hazard.SMOKE, (280.0, 130.0), False),  # downwind of the fire that was looked at
        (Hazard.PERSON, (280.0, 130.0), True),
        (Hazard.PERSON, (190.0, 130.0), False),
    ],
)
def test_one_look_counts_for_a_fire_and_its_smoke(make_nest, hazard, at, again):
    nest = make_nest(second_look=LOOK)
    done = Subject("T-0", Hazard.FIRE, FRAME.to_latlon(*FIRE), 30.0, 10.0)
    seen = sighting(nest, SightingLevel.SUSPECT, at=at).model_copy(update={"hazard": hazard})
    words = not_worth(seen, 10.0, FRAME.to_latlon(200.0, 100.0), [done], nest.ctx.config.second_look)
    assert words is None if again else words == ""


def test_no_more_looks_than_allowed(make_nest):
    nest = make_nest(second_look={**LOOK, "looks_max": 1, "time_max_s": 20.0})
    places = iter([FIRE, (330.0, 0.0)])

    def more():
        if nest.director.state is State.PATROLLING and (at := next(places, None)):
            see(nest, SightingLevel.SUSPECT, at=at, track=f"T-{at[0]}")

    first = once(lambda: on_the_way(nest), more)
    second = once(lambda: nest.states.count(State.PATROLLING) == 2, more)
    run_virtual(nest.run(lambda n: (first(), second(), ended(n))[-1]))
    assert nest.states.count(State.INVESTIGATING) == 1
    assert "1 second looks were flown already" in words_of(nest, "flight.no_second_look")[0]


def test_s5_a_look_that_the_charge_does_not_allow_is_not_flown_and_says_why(make_nest):
    nest = make_nest(second_look=LOOK)

    def low():
        nest.drone.charge = 0.32
        see(nest, SightingLevel.SUSPECT)

    seen = once(lambda: on_the_way(nest), low)
    run_virtual(nest.run(lambda n: seen() and ended(n)))
    assert State.INVESTIGATING not in nest.states
    assert "at least 25% are needed" in words_of(nest, "flight.no_second_look")[0]


def test_s5_the_flight_s_own_consumption_counts_where_it_is_more_than_configured(make_nest):
    nest = make_nest(charge=0.5)

    async def power_w():
        now = nest.ctx.clock.utc()
        flight = nest.ctx.begin("F", Assignment("loop", now, now))
        flight.airborne_at_s, flight.charge_at_start = loop_s(), 0.95
        await asyncio.sleep(300.0)
        nest.drone.step(0.0)
        return nest.ctx.energy.power_w

    assert run_virtual(power_w()) == pytest.approx(0.45 * 180.0 * 3600.0 / 300.0)


class Draining(Journal):
    """While the step to the second look is written, the charge falls below what the look needs."""

    drone = None

    def write(self, record):
        super().write(record)
        if record.state is State.INVESTIGATING:
            self.drone.charge = 0.32
            self.drone.telemetry = self.drone._telemetry()


def test_a_look_that_is_no_longer_possible_when_it_begins_is_not_begun_again_and_again(make_nest):
    journal = Draining()
    nest = make_nest(second_look=LOOK, journal=journal)
    journal.drone = nest.drone
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    run_virtual(nest.run(lambda n: (seen(), ended(n))[-1]))
    assert nest.states.count(State.INVESTIGATING) == 1
    assert not nest.drone.sent_to
    assert "resume" not in nest.drone.orders, "it never left its mission"
    assert nest.reports.reports[-1].outcome == "completed"


def test_s5_low_charge_breaks_a_look_off(make_nest):
    nest = make_nest(second_look=LOOK)
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    low = once(lambda: nest.director.state is State.INVESTIGATING, lambda: setattr(nest.drone, "charge", 0.27))
    run_virtual(nest.run(lambda n: (seen(), low(), ended(n))[-1]))
    assert (State.INVESTIGATING, State.RETURNING) in itertools.pairwise(path(nest))
    assert nest.states[-1] is State.IDLE
    assert "resume" not in nest.drone.orders


def test_s4_beside_the_fence_the_part_of_the_arc_inside_is_flown(make_nest):
    nest = make_nest(second_look=LOOK)
    corners = ((600.0, -600.0), (600.0, 600.0), (120.0, 600.0), (120.0, 110.0), (-600.0, 110.0), (-600.0, -600.0))
    nest.ctx.site = Site(Fence(tuple(FRAME.to_latlon(n, e) for n, e in corners), (), 120.0), SITE.rally)
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    run_virtual(nest.run(lambda n: (seen(), ended(n))[-1]))
    assert State.INVESTIGATING in nest.states
    fence = nest.ctx.site.fence
    assert all(inside_margin_m(place, fence.inclusion) >= 20.0 for place, _ in nest.drone.sent_to)
    assert len(set(nest.drone.sent_to)) < 5


def test_s4_an_exclusion_on_the_way_leaves_it_at_a_report(make_nest):
    nest = make_nest(second_look=LOOK)
    line = tuple(FRAME.to_latlon(n, e) for n, e in ((235.0, -100.0), (235.0, 350.0), (245.0, 350.0), (245.0, -100.0)))
    nest.ctx.site = Site(Fence(square(600.0), (line,), 120.0), SITE.rally)
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT, at=(330.0, 120.0)))
    run_virtual(nest.run(lambda n: (seen(), ended(n))[-1]))
    assert State.INVESTIGATING not in nest.states
    assert not nest.drone.sent_to
    assert "crosses exclusion 1" in words_of(nest, "flight.no_second_look")[0]
    assert nest.reports.reports[-1].outcome == "completed"


@pytest.mark.parametrize("mode", [FlightMode.MANUAL, FlightMode.HOLD, FlightMode.MISSION, FlightMode.UNKNOWN])
def test_s9_whoever_changes_the_mode_during_a_look_has_the_drone(make_nest, mode):
    nest = make_nest(second_look=LOOK)
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    orders = []

    def take():
        nest.drone.mode = mode
        orders.extend(nest.drone.orders)

    taken = once(lambda: nest.director.state is State.INVESTIGATING and near_fire(nest) < 70.0, take)
    run_virtual(nest.run(lambda n: (seen(), taken())[-1] and n.director.state is State.HANDS_OFF))
    assert nest.drone.orders == orders


def test_s9_a_pilot_who_takes_over_as_the_look_ends_is_not_sent_back_to_the_route(make_nest):
    nest = make_nest(second_look={**LOOK, "time_max_s": 20.0})
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    began, orders = [], []

    def take():
        nest.drone.mode = FlightMode.HOLD
        orders.extend(nest.drone.orders)

    def late():
        if nest.director.state is State.INVESTIGATING:
            began.append(loop_s())
        return bool(began) and loop_s() - began[0] > 19.4  # younger than what tells a pilot from an order under way

    taken = once(late, take)
    run_virtual(nest.run(lambda n: (seen(), taken())[-1] and n.director.state is State.HANDS_OFF))
    assert nest.drone.orders == orders


def test_an_autopilot_that_refuses_the_place_keeps_its_route(make_nest):
    async def refuse(*_):
        return Refused("vehicle.target_refused", "outside the fence")

    nest = make_nest(second_look=LOOK)
    nest.drone.goto = refuse
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    run_virtual(nest.run(lambda n: (seen(), ended(n))[-1]))
    assert path(nest)[-7:] == WHOLE
    assert "resume" not in nest.drone.orders, "it never left its mission"
    assert nest.reports.reports[-1].outcome == "completed"


def test_a_mission_that_cannot_be_resumed_is_cut_short(make_nest):
    async def refuse(_):
        return Refused("mission.refused", "no")

    nest = make_nest(second_look={**LOOK, "time_max_s": 20.0})
    nest.drone.resume = refuse
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    run_virtual(nest.run(lambda n: (seen(), ended(n))[-1]))
    assert (State.INVESTIGATING, State.RETURNING) in itertools.pairwise(path(nest))
    assert nest.reports.reports[-1].outcome == "cut_short"


def test_a_camera_that_cannot_be_pointed_is_told_and_the_look_is_flown(make_nest):
    async def refuse(place: LatLon, alt_amsl_m: float):
        return Refused("vehicle.camera_refused", "no gimbal")

    nest = make_nest(second_look=LOOK)
    nest.drone.point_camera = refuse
    seen = once(lambda: on_the_way(nest), lambda: see(nest, SightingLevel.SUSPECT))
    run_virtual(nest.run(lambda n: (seen(), ended(n))[-1]))
    assert path(nest)[-7:] == WHOLE
    assert words_of(nest, "vehicle.camera_refused")


@pytest.mark.parametrize(
    ("mode", "state"),
    [
        (FlightMode.GUIDED, State.RETURNING),
        (FlightMode.HOLD, State.RETURNING),
        (FlightMode.RETURN, State.RETURNING),
        (FlightMode.MISSION, State.PATROLLING),
        (FlightMode.MANUAL, State.HANDS_OFF),
        (FlightMode.LAND, State.LANDING),
    ],
)
def test_s8_an_agent_killed_during_a_look_brings_the_drone_home_or_supervises_on(make_nest, mode, state):
    before = make_nest(second_look=LOOK)
    seen = once(lambda: on_the_way(before), lambda: see(before, SightingLevel.SUSPECT))
    run_virtual(before.run(lambda n: seen() and n.director.state is State.INVESTIGATING and near_fire(n) < 70.0))
    after = restarted(make_nest, before)
    after.drone.mode = mode
    known = len(after.journal.records)
    run_virtual(after.run(lambda n: len(n.states) > known + 1 or loop_s() > 60))
    assert after.states[known] is state
    assert "launch" not in after.drone.orders


@pytest.mark.parametrize("mode", [FlightMode.GUIDED, FlightMode.HOLD])
def test_s9_a_restarted_agent_takes_no_mode_back_that_the_nest_had_not_ordered(make_nest, mode):
    """It was patrolling: nobody but an operator can have put the drone there."""
    after = restarted(make_nest, flown_until(make_nest, State.PATROLLING))
    after.drone.mode = mode
    known = len(after.journal.records)
    run_virtual(after.run(lambda n: len(n.states) > known and loop_s() > 20))
    assert after.states[known:] == [State.HANDS_OFF]
    assert not after.drone.orders
