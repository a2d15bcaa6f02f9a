"""What ends a patrol early: situation -> finding. Pure, one table, first row that holds wins.

The autopilot has failsafes too, which act when the nest is silent or dead. These act earlier and know more. They never
fight a pilot: PILOT stands near the top.
"""

from collections.abc import Callable
from dataclasses import dataclass

from agent.config import Config
from agent.core.geo import inside_margin_m
from agent.domain.mission import Fence
from agent.domain.telemetry import FlightMode, GpsFix
from agent.flight.situation import Situation, stopping_place
from agent.flight.table import AIRBORNE_STATES, Event, State
from agent.flight.traffic import conflict
from agent.routes.compile import Pad
from agent.routes.energy import EnergyModel, WindEstimate, home_share

_WORSE = 1.25  # in the air the limits are wider than before take-off: turning back costs more than finishing in a breeze
_REACTION_S = 3.0  # from the decision until the drone has turned
_FREE_MIN_MB = 50.0
_POSITION_AGE_S = 10.0
_SENTENCES = 2
_PAD_SHUT_S = 3.0  # one odd reading of a switch is no shut lid


@dataclass(frozen=True, slots=True)
class FlightFacts:
    """What the failsafes judge beside the situation.

    Attributes:
        commanded: flight modes that follow from what the nest itself ordered; any other is somebody else's will.
        mode_for_s: how long the present flight mode has lasted.
        pad_shut_for_s: how long the dock has been saying that lid or clamps are not open; 0 while it says nothing.
        airborne_for_s: time since take-off.
        vision_wanted: whether somebody should be looking.
        recalled: why the flight is no longer wanted; None while it is.
    """

    state: State
    commanded: frozenset[FlightMode]
    mode_for_s: float
    pad_shut_for_s: float
    airborne_for_s: float
    fence: Fence
    pad: Pad
    energy: EnergyModel
    wind: WindEstimate
    return_alt_rel_m: float
    vision_wanted: bool
    recalled: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Why something must happen: the event, an operator-facing code and the value behind it."""

    event: Event
    code: str
    value: str


Judge = Callable[[Situation, FlightFacts, Config], str | None]
"""Gives the value that makes the row hold, or None."""


@dataclass(frozen=True, slots=True)
class Failsafe:
    """A row: in which states it counts, how it is judged, what it does."""

    code: str
    event: Event
    judge: Judge
    states: frozenset[State]


def _link(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    age = situation.heard_age_s
    return f"silent for {age:.0f} s" if age > config.vehicle.lost_after_s else None


_SETTLE_S = 2.0  # a mode change is reported up to a heartbeat after it was ordered
_HELD_S = 8.0  # PX4 holds for COM_FAIL_ACT_T, 5 s as delivered, before a failsafe of its own acts: that is no pilot's hold


def _foreign_mode(*modes: FlightMode) -> Judge:
    """A judge: the drone is in one of these modes and the nest did not order it."""

    def judge(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
        mode = situation.mode
        settle_s = _HELD_S if mode is FlightMode.HOLD and situation.autopilot_failsafe else _SETTLE_S
        if mode in modes and mode not in facts.commanded and facts.mode_for_s > settle_s:
            return f"mode {mode.value}"
        return None

    return judge


def _autopilots_own(mode: FlightMode) -> Judge:
    """A judge: the autopilot went into this mode by itself; with what it last said, for whoever must find the cause."""
    foreign = _foreign_mode(mode)

    def judge(situation: Situation, facts: FlightFacts, config: Config) -> str | None:
        words = foreign(situation, facts, config)
        return None if words is None else words + _says(situation)

    return judge


def _says(situation: Situation) -> str:
    """The autopilot's newest sentences: motor, estimator, battery and crash failures are told there only."""
    said = situation.telemetry.messages[-_SENTENCES:]
    return f"; it said: {' | '.join(said)}" if said else ""


def _failsafe(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    """It calls its own state critical and yet flies on as it was ordered: its parameters may tell it to."""
    if not situation.autopilot_failsafe or situation.mode not in facts.commanded:
        return None
    return f"mode {situation.mode.value}{_says(situation)}"


def _battery(situation: Situation, facts: FlightFacts, config: Config) -> str | None:
    battery, position = situation.telemetry.battery, situation.telemetry.position
    if battery is None or battery.remaining is None or position is None:
        return None
    speed = config.flight.cruise_speed_m_s
    needed = home_share(
        facts.energy, position.place, position.alt_rel_m, facts.pad.place, speed, facts.wind, facts.return_alt_rel_m
    )
    left = battery.remaining - needed
    return (
        f"predicted {left:.0%} at the pad, reserve {config.flight.battery_reserve:.0%}"
        if left < config.flight.battery_reserve
        else None
    )


def _battery_unknown(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    battery = situation.telemetry.battery
    known = battery is not None and battery.remaining is not None and situation.age_s(battery.at_s) < 15.0
    return None if known or facts.airborne_for_s < 15.0 else "no battery reading for 15 s"


def _position_unknown(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    """Fence and charge are judged by the position, the position by the estimator: neither may be old."""
    known = situation.telemetry
    age = max(situation.age_s(group.at_s if group else None) for group in (known.position, known.estimator))
    return None if age < _POSITION_AGE_S or facts.airborne_for_s < 15.0 else f"no position for {_POSITION_AGE_S:.0f} s"


def _gnss(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    estimator, gps = situation.telemetry.estimator, situation.telemetry.gps
    if estimator is not None and not estimator.position_good:
        return "position estimate not good"
    if gps is not None and gps.fix in {GpsFix.NONE, GpsFix.FIX_2D}:
        return f"GPS fix {gps.fix.value}"
    return None


def _breach(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    """Outside the fence. The autopilot's own fence acts too; where it does not, it is sent home."""
    position = situation.telemetry.position
    if position is None:
        return None
    outside_m = -inside_margin_m(position.place, facts.fence.inclusion)
    within = next((n for n, ring in enumerate(facts.fence.exclusions, 1) if inside_margin_m(position.place, ring) > 0), None)
    if position.alt_rel_m > facts.fence.alt_max_rel_m:
        return f"height {position.alt_rel_m:.0f} m, ceiling {facts.fence.alt_max_rel_m:.0f} m"
    if outside_m > 0:
        return f"{outside_m:.0f} m outside the geofence"
    return f"inside exclusion {within}" if within is not None else None


def _fence(situation: Situation, facts: FlightFacts, config: Config) -> str | None:
    position = situation.telemetry.position
    if position is None:
        return None
    ahead = stopping_place(position.place, position.velocity_ned_m_s, _REACTION_S)
    margin = min(inside_margin_m(position.place, facts.fence.inclusion), inside_margin_m(ahead, facts.fence.inclusion))
    if margin < config.flight.fence_margin_m / 4:
        return f"{margin:.0f} m to the geofence"
    nearest = min((-inside_margin_m(ahead, ring) for ring in facts.fence.exclusions), default=1000.0)
    return f"{nearest:.0f} m to an exclusion" if nearest < 0 else None


def _weather(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    weather, limits = situation.weather, config.weather
    if weather is None:
        return None
    rows = (
        ("wind", weather.wind_m_s, limits.wind_max_m_s * _WORSE, "m/s"),
        ("gusts", weather.gust_m_s, limits.gust_max_m_s * _WORSE, "m/s"),
        ("rain", weather.rain_mm_h, limits.rain_max_mm_h * _WORSE + 1.0, "mm/h"),
    )
    return next((f"{name} {value:.1f} {unit}, limit {limit:.1f}" for name, value, limit, unit in rows if value > limit), None)


def _vision(situation: Situation, facts: FlightFacts, config: Config) -> str | None:
    if not facts.vision_wanted or config.flight.on_vision_loss == "finish":
        return None
    age = min(situation.age_s(situation.vision_well_at_s), facts.airborne_for_s)
    return f"nobody looks for {age:.0f} s" if age > config.flight.vision_loss_after_s else None


def _dock(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    dock = situation.dock
    if dock is None or facts.pad_shut_for_s < _PAD_SHUT_S:
        return None
    return f"lid {dock.lid.value}, clamps {dock.clamps.value}"


def _traffic(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    position = situation.telemetry.position
    return None if position is None else conflict(position, situation.telemetry.traffic, situation.now_s)


def _too_long(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    limit = config.flight.flight_time_max_s
    return f"{facts.airborne_for_s:.0f} s in the air, limit {limit:.0f} s" if facts.airborne_for_s > limit else None


def _recalled(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    return facts.recalled


def _storage(situation: Situation, facts: FlightFacts, config: Config) -> str | None:  # noqa: ARG001 a judge's signature
    return f"{situation.free_mb:.0f} MB free" if situation.free_mb < _FREE_MIN_MB else None


_ALL = AIRBORNE_STATES - {State.LOST}
_OURS = _ALL - {State.HANDS_OFF}
_OUTBOUND = frozenset({State.LAUNCHING, State.PATROLLING, State.INVESTIGATING})
# A mode that the nest does not know is somebody else's will too: following, orbiting, an experiment.
_PILOTED = (FlightMode.MANUAL, FlightMode.HOLD, FlightMode.GUIDED, FlightMode.MISSION, FlightMode.UNKNOWN)

FAILSAFES: tuple[Failsafe, ...] = (
    Failsafe("flight.link_lost", Event.LINK_LOST, _link, _ALL),
    Failsafe("flight.pilot", Event.PILOT, _foreign_mode(*_PILOTED), _OURS),
    Failsafe(
        "flight.autopilot_lands",
        Event.AUTOPILOT_LANDS,
        _autopilots_own(FlightMode.LAND),
        _OURS - {State.LANDING, State.DIVERTING},
    ),
    Failsafe("flight.autopilot_returns", Event.COME_HOME, _autopilots_own(FlightMode.RETURN), _OUTBOUND),
    Failsafe("flight.autopilot_failsafe", Event.COME_HOME, _failsafe, _OUTBOUND),
    Failsafe("flight.pad_shut", Event.NO_PAD, _dock, frozenset({State.LANDING})),
    Failsafe("flight.fence_breached", Event.COME_HOME, _breach, _OUTBOUND),
    Failsafe("flight.traffic", Event.COME_HOME, _traffic, _OUTBOUND),
    Failsafe("flight.battery_low", Event.COME_HOME, _battery, _OUTBOUND),
    Failsafe("flight.battery_unknown", Event.COME_HOME, _battery_unknown, _OUTBOUND),
    Failsafe("flight.position_unknown", Event.COME_HOME, _position_unknown, _OUTBOUND),
    Failsafe("flight.gnss_degraded", Event.COME_HOME, _gnss, _OUTBOUND),
    Failsafe("flight.fence_near", Event.COME_HOME, _fence, _OUTBOUND),
    Failsafe("flight.dock_fault", Event.COME_HOME, _dock, _OUTBOUND),
    Failsafe("flight.weather_worse", Event.COME_HOME, _weather, _OUTBOUND),
    Failsafe("flight.vision_lost", Event.COME_HOME, _vision, _OUTBOUND),
    Failsafe("flight.recalled", Event.COME_HOME, _recalled, _OUTBOUND),
    Failsafe("flight.too_long", Event.COME_HOME, _too_long, _OUTBOUND),
    Failsafe("flight.storage_full", Event.COME_HOME, _storage, _OUTBOUND),
)


def judge(situation: Situation, facts: FlightFacts, config: Config) -> Finding | None:
    """The first failsafe that holds in this state, or None."""
    for row in FAILSAFES:
        if facts.state in row.states and (value := row.judge(situation, facts, config)) is not None:
            return Finding(row.event, row.code, value)
    return None
