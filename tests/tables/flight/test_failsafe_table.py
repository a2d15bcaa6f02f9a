"""Every failsafe by situations that trip it: it acts in the states of its row and in no other."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from agent.config.flight import FlightSection
from agent.config.nest import WeatherSection
from agent.config.vehicle import VehicleSection
from agent.core.geo import LatLon, LocalFrame
from agent.domain.mission import Fence
from agent.domain.nest_state import ClampState, DockState, LidState, Weather
from agent.domain.telemetry import (
    Aircraft,
    Battery,
    Estimator,
    FlightMode,
    Gps,
    GpsFix,
    Heartbeat,
    LandedState,
    Position,
    Telemetry,
)
from agent.flight.failsafes import FAILSAFES, FlightFacts, judge
from agent.flight.situation import Situation
from agent.flight.table import AIRBORNE_STATES, TABLE, State
from agent.routes.compile import Pad
from agent.routes.energy import EnergyModel, WindEstimate

NOW_S = 1000.0
PAD = Pad(LatLon(30.39, 119.84), 30.0)
FRAME = LocalFrame(PAD.place)
RING = tuple(FRAME.to_latlon(n, e) for n, e in ((-500, -500), (-500, 500), (500, 500), (500, -500)))
HOLE = tuple(FRAME.to_latlon(n, e) for n, e in ((-300, -300), (-300, -200), (-200, -200), (-200, -300)))
CONFIG = SimpleNamespace(flight=FlightSection(), vehicle=VehicleSection(), weather=WeatherSection())


def position(north_m=200.0, east_m=100.0, alt_rel_m=60.0, velocity=(0.0, 8.0, 0.0), at_s=NOW_S):
    return Position(at_s, 0, FRAME.to_latlon(north_m, east_m), 30.0 + alt_rel_m, alt_rel_m, velocity, 90.0)


def beat(mode=FlightMode.MISSION, *, failsafe=False, at_s=NOW_S):
    return Heartbeat(at_s, mode, armed=True, custom_mode=0, failsafe=failsafe)


WELL = Situation(
    now_s=NOW_S,
    telemetry=Telemetry(
        heartbeat=beat(),
        position=position(),
        battery=Battery(NOW_S, 22.0, 10.0, 0.9),
        gps=Gps(NOW_S, GpsFix.FIX_3D, 14, 0.8),
        estimator=Estimator(NOW_S, position_good=True, largest_variance=0.1),
        landed=LandedState.IN_AIR,
        landed_at_s=NOW_S,
        messages=("Mission: 3 WP", "EKF Failsafe: changed to LAND Mode"),
    ),
    dock=DockState(NOW_S, LidState.OPEN, ClampState.RELEASED, False, False, 0.0, True, False, True, 1.0, 20.0),
    weather=Weather(NOW_S, 3.0, 4.0, 200.0, 0.0, 20.0, 0.5),
    vision=None,
    vision_well_at_s=NOW_S,
    free_mb=5000.0,
)
FACTS = FlightFacts(
    state=State.PATROLLING,
    commanded=frozenset({FlightMode.MISSION}),
    mode_for_s=60.0,
    pad_shut_for_s=0.0,
    airborne_for_s=200.0,
    fence=Fence(RING, (HOLE,), 120.0),
    pad=PAD,
    energy=EnergyModel(450.0, 180.0),
    wind=WindEstimate(4.0, 200.0),
    return_alt_rel_m=30.0,
    vision_wanted=True,
)


def tell(**groups):
    """The drone says something else."""
    return lambda situation, facts: (replace(situation, telemetry=replace(situation.telemetry, **groups)), facts)


def differ(**fields):
    """Something else in the nest is otherwise."""
    return lambda situation, facts: (replace(situation, **fields), facts)


def know(then, **fields):
    """The same, and the flight knows something else."""
    return lambda situation, facts: then(situation, replace(facts, **fields))


def helicopter(north_m, east_m, velocity, *, alt_amsl_m=100.0, at_s=NOW_S, by_satellite=True):
    place = FRAME.to_latlon(north_m, east_m)
    return Aircraft(at_s, 0x7ABCDE, "RESCUE1", place, alt_amsl_m, by_satellite, velocity, 0.0)


SHUT = replace(WELL.dock, lid=LidState.CLOSED)
TRIPS = {
    "flight.link_lost": [tell(heartbeat=beat(at_s=NOW_S - 6.0))],
    "flight.pilot": [
        *(tell(heartbeat=beat(m)) for m in (FlightMode.MANUAL, FlightMode.HOLD, FlightMode.GUIDED, FlightMode.UNKNOWN)),
        know(tell(heartbeat=beat(FlightMode.HOLD, failsafe=True)), mode_for_s=9.0),
    ],
    "flight.autopilot_lands": [tell(heartbeat=beat(FlightMode.LAND))],
    "flight.autopilot_returns": [tell(heartbeat=beat(FlightMode.RETURN))],
    "flight.autopilot_failsafe": [tell(heartbeat=beat(failsafe=True))],
    "flight.battery_low": [tell(battery=Battery(NOW_S, 20.0, 10.0, 0.28))],
    "flight.battery_unknown": [tell(battery=None), tell(battery=Battery(NOW_S - 16.0, 22.0, 10.0, 0.9))],
    "flight.position_unknown": [tell(position=position(at_s=NOW_S - 11.0)), tell(estimator=None)],
    "flight.gnss_degraded": [tell(gps=Gps(NOW_S, GpsFix.NONE, 3, 9.9)), tell(estimator=Estimator(NOW_S, False, 2.0))],
    "flight.fence_breached": [
        tell(position=position(510.0)),
        tell(position=position(-250.0, -250.0)),
        tell(position=position(alt_rel_m=121.0)),
    ],
    "flight.fence_near": [tell(position=position(497.0)), tell(position=position(470.0, velocity=(9.0, 0.0, 0.0)))],
    "flight.traffic": [
        tell(traffic=(helicopter(2000.0, 100.0, (-50.0, 0.0)),)),
        tell(traffic=(helicopter(300.0, 100.0, None, alt_amsl_m=250.0, by_satellite=False),)),
    ],
    "flight.dock_fault": [know(differ(dock=SHUT), pad_shut_for_s=4.0)],
    "flight.pad_shut": [know(differ(dock=replace(WELL.dock, clamps=ClampState.ENGAGED)), pad_shut_for_s=4.0)],
    "flight.weather_worse": [differ(weather=replace(WELL.weather, gust_m_s=40.0))],
    "flight.vision_lost": [differ(vision_well_at_s=NOW_S - 31.0), differ(vision_well_at_s=None)],
    "flight.recalled": [know(tell(), recalled="The request was taken back.")],
    "flight.too_long": [know(tell(), airborne_for_s=1801.0)],
    "flight.storage_full": [differ(free_mb=49.0)],
}  # fmt: skip


def test_every_row_has_its_situations():
    assert set(TRIPS) == {row.code for row in FAILSAFES}


@pytest.mark.parametrize("state", sorted(AIRBORNE_STATES))
def test_when_all_is_well_nothing_acts(state):
    assert judge(WELL, replace(FACTS, state=state), CONFIG) is None


@pytest.mark.parametrize("state", sorted(AIRBORNE_STATES - {State.LOST}))
@pytest.mark.parametrize(("code", "trip"), [(code, trip) for code, trips in TRIPS.items() for trip in trips])
def test_it_acts_in_its_states_and_only_there(code, trip, state):
    row = next(row for row in FAILSAFES if row.code == code)
    found = judge(*trip(WELL, replace(FACTS, state=state)), CONFIG)
    if state in row.states:
        assert found is not None
        assert (found.code, found.event) == (code, row.event)
        assert found.value
        assert (state, found.event) in TABLE, "the state knows what follows"
    else:
        assert found is None or found.code != code


@pytest.mark.parametrize(
    "trip",
    [
        tell(heartbeat=beat(at_s=NOW_S - 4.0)),
        know(tell(heartbeat=beat(FlightMode.MANUAL)), mode_for_s=1.0),
        know(tell(heartbeat=beat(FlightMode.HOLD, failsafe=True)), mode_for_s=7.0),
        know(tell(battery=None), airborne_for_s=10.0),
        know(differ(dock=SHUT), pad_shut_for_s=1.0),
        know(differ(dock=None), pad_shut_for_s=4.0),
        differ(weather=None),
        tell(traffic=(helicopter(2000.0, 100.0, (50.0, 0.0)),)),
        tell(traffic=(helicopter(2000.0, 100.0, (-50.0, 0.0), alt_amsl_m=400.0),)),
        tell(traffic=(helicopter(300.0, 100.0, (-50.0, 0.0), at_s=NOW_S - 20.0),)),
        tell(traffic=(helicopter(6000.0, 100.0, (-50.0, 0.0)),)),
    ],
)
def test_what_is_no_reason_yet_does_nothing(trip):
    assert judge(*trip(WELL, FACTS), CONFIG) is None


def test_who_only_finishes_on_vision_loss_is_not_sent_home_for_it():
    config = SimpleNamespace(**{**vars(CONFIG), "flight": FlightSection(on_vision_loss="finish")})
    assert judge(*differ(vision_well_at_s=None)(WELL, FACTS), config) is None


def test_the_autopilots_own_words_go_into_the_reason():
    """A motor, an estimator, a crash: the mode alone does not say which."""
    found = judge(*tell(heartbeat=beat(FlightMode.LAND))(WELL, FACTS), CONFIG)
    assert found is not None
    assert "EKF Failsafe: changed to LAND Mode" in found.value


def test_a_pilot_comes_before_all_that_would_bring_the_drone_home():
    situation, facts = WELL, FACTS
    for code in ("flight.battery_low", "flight.fence_near", "flight.weather_worse", "flight.storage_full", "flight.pilot"):
        situation, facts = TRIPS[code][0](situation, facts)
    found = judge(situation, facts, CONFIG)
    assert found is not None
    assert found.code == "flight.pilot"
