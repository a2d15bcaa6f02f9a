"""S2: whatever is not known, or was known long ago, forbids the take-off. Takes one thing away at a time."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from agent.config import Config
from agent.config.landing import LandingSection
from agent.core.outcome import Accepted
from agent.domain.nest_state import ClampState, DockState, DronePresence, LidState, Weather
from agent.domain.sighting import VisionStatus
from agent.domain.telemetry import (
    Battery,
    Estimator,
    FlightMode,
    Gps,
    GpsFix,
    Heartbeat,
    Home,
    LandedState,
    Position,
    SystemHealth,
    Telemetry,
)  # fmt: skip
from agent.flight.preflight import Facts, refusals, run_checks
from agent.flight.situation import Situation, presence
from agent.routes.compile import Pad
from tests.doubles.flight import PAD

NOON = datetime(2026, 6, 21, 4, 0, tzinfo=UTC)  # about noon at the pad
NOW_S = 1000.0
CONFIG = Config(
    nest={"id": "n", "pad": {"lat": PAD.lat_deg, "lon": PAD.lon_deg, "alt_amsl_m": 30.0}, "site_file": "s", "routes_dir": "r"},
    store={"directory": "d"},
)
TELEMETRY = Telemetry(
    heartbeat=Heartbeat(NOW_S, FlightMode.GUIDED, armed=False, custom_mode=4, failsafe=False),
    position=Position(NOW_S, 0, PAD, 30.0, 0.0, (0.0, 0.0, 0.0), 0.0),
    battery=Battery(NOW_S, 25.0, 0.1, 1.0),
    gps=Gps(NOW_S, GpsFix.FIX_3D, 14, 0.8),
    estimator=Estimator(NOW_S, position_good=True, largest_variance=0.1),
    health=SystemHealth(NOW_S, prearm_good=True, unhealthy=(), load=0.2),
    home=Home(NOW_S, PAD, 30.0),
    landed=LandedState.ON_GROUND,
    landed_at_s=NOW_S,
)
DOCK = DockState(
    NOW_S, LidState.CLOSED, ClampState.ENGAGED, pad_occupied=True, charger_engaged=True, charging_a=1.0, door_closed=True,
    emergency_stop=False, on_mains=True, ups_charge=1.0, inside_temp_c=20.0,
)  # fmt: skip
WEATHER = Weather(NOW_S, 2.0, 3.0, 0.0, 0.0, 20.0, 0.5)
VISION = VisionStatus(at=NOON, frames=1, dropped=0, frames_per_s=5.0, health=(), models={"fire": "00"})


def refused(telemetry=TELEMETRY, dock=DOCK, weather=WEATHER, vision=VISION, **known):
    """Codes that forbid the take-off."""
    situation = Situation(NOW_S, telemetry, dock, weather, vision, NOW_S, 10_000.0)
    pad = Pad(PAD, 30.0)
    facts = {
        "plan_problems": (),
        "charge_at_pad": 0.6,
        "deviations": (),
        "unix_s": NOON.timestamp(),
        "returns_to_pad": Accepted(),
    } | known
    where = presence(situation, pad, CONFIG.flight.pad_distance_max_m)
    return {r.code for r in refusals(run_checks(Facts(situation=situation, presence=where, pad=pad, **facts), CONFIG))}


def test_all_known_and_right_may_fly():
    assert refused() == set()
    assert presence(Situation(NOW_S, TELEMETRY, DOCK, None, None, None, 0.0), Pad(PAD, 30.0), 5.0) is DronePresence.ON_PAD


_GROUPS = ["heartbeat", "position", "battery", "gps", "estimator", "health", "home"]


@pytest.mark.parametrize("group", _GROUPS)
def test_a_group_that_was_never_heard_forbids(group):
    assert refused(replace(TELEMETRY, **{group: None}))


@pytest.mark.parametrize("group", _GROUPS)
def test_a_group_that_was_heard_long_ago_forbids(group):
    old = replace(getattr(TELEMETRY, group), at_s=NOW_S - 120.0)
    assert refused(replace(TELEMETRY, **{group: old}))


@pytest.mark.parametrize(
    ("group", "name"),
    [("battery", "remaining"), ("gps", "satellites"), ("gps", "hdop"), ("health", "prearm_good")],
)
def test_a_value_that_the_autopilot_does_not_tell_forbids(group, name):
    assert refused(replace(TELEMETRY, **{group: replace(getattr(TELEMETRY, group), **{name: None})}))


@pytest.mark.parametrize("name", ["dock", "weather", "vision"])
def test_a_neighbour_that_says_nothing_forbids(name):
    assert refused(**{name: None})


def test_a_neighbour_s_old_word_forbids():
    assert refused(dock=replace(DOCK, at_s=NOW_S - 30.0))
    assert refused(weather=replace(WEATHER, at_s=NOW_S - 120.0))
    assert refused(vision=VISION.model_copy(update={"at": NOON.replace(hour=3)}))


@pytest.mark.parametrize("name", ["plan_problems", "charge_at_pad", "deviations", "returns_to_pad"])
def test_what_was_not_worked_out_forbids(name):
    assert refused(**{name: None})


@pytest.mark.parametrize("name", [f.name for f in fields(Weather) if f.name not in {"at_s", "wind_from_deg", "humidity"}][:4])
def test_a_weather_value_that_is_no_number_forbids(name):
    assert refused(weather=replace(WEATHER, **{name: float("nan")}))


@pytest.mark.parametrize(
    ("landing", "wrong", "advised", "forbidden"),
    [
        (None, None, False, False),
        ({}, (), False, False),
        ({}, ("landing.down",), True, False),
        ({"required": True}, (), False, False),
        ({"required": True}, ("landing.down",), True, True),
        ({"required": True}, None, True, True),
    ],
)
def test_a_nest_that_lands_on_markers_only_does_not_start_without_its_eye(landing, wrong, advised, forbidden):
    section = None if landing is None else LandingSection(**landing)
    situation = Situation(NOW_S, TELEMETRY, DOCK, WEATHER, VISION, NOW_S, 10_000.0, pad_camera=wrong)
    facts = Facts(situation, DronePresence.ON_PAD, Pad(PAD, 30.0), (), 0.6, (), NOON.timestamp())
    results = {r.code: r for r in run_checks(facts, CONFIG.model_copy(update={"landing": section}))}
    assert (results["preflight.pad_camera"].passed is not True) is advised
    assert (results["preflight.pad_camera_required"].passed is not True) is forbidden
    assert results["preflight.pad_camera_required"].mandatory
    assert not results["preflight.pad_camera"].mandatory


@pytest.mark.parametrize(("reach", "passed"), [((-90.0, 20.0), True), ((-45.0, 20.0), False), (None, None)])
def test_a_route_that_wants_more_than_the_gimbal_reaches_is_told(reach, passed):
    situation = Situation(NOW_S, replace(TELEMETRY, gimbal_reach_deg=reach), DOCK, WEATHER, VISION, NOW_S, 10_000.0)
    facts = Facts(situation, DronePresence.ON_PAD, Pad(PAD, 30.0), (), 0.6, (), NOON.timestamp(), pitches_deg=(-30.0, -90.0))
    (check,) = [r for r in run_checks(facts, CONFIG) if r.code == "preflight.gimbal"]
    assert (check.passed, check.mandatory) == (passed, False)
