"""The checks before a flight: one table. Pure; the facts are gathered elsewhere.

A mandatory check that fails, is unknown, or rests on facts older than its time to live forbids the take-off (S2). Each result
with its value and limit goes into the flight report, so that a refusal explains itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.config import Config
from agent.core.clock import utc_from_unix
from agent.core.geo import distance_m
from agent.core.outcome import Outcome, Refused
from agent.core.sun import sun_elevation_deg
from agent.domain.codes import is_error, words_of
from agent.domain.nest_state import DronePresence, LidState, Weather
from agent.domain.status import CheckResult
from agent.domain.telemetry import GpsFix
from agent.flight.situation import Situation
from agent.routes.compile import Pad
from agent.vehicle.interface import ParameterDeviation
from agent.vehicle.parameter_set import read_set


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks judge.

    Attributes:
        plan_problems: what the plan checks found; None while not yet checked.
        charge_at_pad: predicted charge after the flight, 0..1.
        deviations: parameters of the autopilot that are not right; None while not yet read.
        unix_s: wall-clock time.
        on_link_loss: what the autopilot's parameters make it do when the link is lost.
        recalled: why the flight is no longer wanted; None while it is.
        pitches_deg: camera angles that the route wants.
        returns_to_pad: whether the autopilot's own return ends on the pad; None while not yet asked.
    """

    situation: Situation
    presence: DronePresence
    pad: Pad
    plan_problems: tuple[Refused, ...] | None
    charge_at_pad: float | None
    deviations: tuple[ParameterDeviation, ...] | None
    unix_s: float
    on_link_loss: str = "return"
    recalled: str | None = None
    pitches_deg: tuple[float, ...] = ()
    returns_to_pad: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """passed is None where the value is not known."""

    passed: bool | None
    value: str
    limit: str
    note: str = ""


Judge = Callable[[Facts, Config], Judgement]


@dataclass(frozen=True, slots=True)
class Check:
    """A row: code, how it is judged, whether it must pass, and whether waiting can make it pass."""

    code: str
    judge: Judge
    mandatory: bool = True
    settles: bool = False


def _unknown(limit: str) -> Judgement:
    return Judgement(None, "unknown", limit)


def _most(value: float | None, limit: float, unit: str) -> Judgement:
    words = f"at most {limit:g} {unit}"
    return _unknown(words) if value is None else Judgement(value <= limit, f"{value:.1f} {unit}", words)


def _least(value: float | None, limit: float, unit: str) -> Judgement:
    words = f"at least {limit:g} {unit}"
    return _unknown(words) if value is None else Judgement(value >= limit, f"{value:.2f} {unit}", words)


def _is(value: bool | None, good: str, bad: str) -> Judgement:  # noqa: FBT001 a judge's input
    return _unknown(good) if value is None else Judgement(value, good if value else bad, good)


# -- weather ------------------------------------------------------------------------------------------------------


def _weather_age(facts: Facts, config: Config) -> Judgement:
    weather = facts.situation.weather
    return _most(facts.situation.age_s(weather.at_s) if weather else None, config.weather.max_age_s, "s")


def _weather(read: Callable[[Weather], float], limit: Callable[[Config], float], unit: str, *, least: bool = False) -> Judge:
    """A judge of one value of the weather station."""

    def judge(facts: Facts, config: Config) -> Judgement:
        weather = facts.situation.weather
        return (_least if least else _most)(read(weather) if weather else None, limit(config), unit)

    return judge


def _visibility(facts: Facts, config: Config) -> Judgement:
    weather = facts.situation.weather
    return _least(weather.visibility_m if weather else None, config.weather.visibility_min_m, "m")


# -- dock ---------------------------------------------------------------------------------------------------------


def _dock_heard(facts: Facts, config: Config) -> Judgement:
    dock = facts.situation.dock
    return _most(facts.situation.age_s(dock.at_s) if dock else None, 3 * config.dock.poll_interval_s + 1.0, "s")


def _dock_well(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    dock = facts.situation.dock
    if dock is None:
        return _unknown("no fault")
    faults = [*dock.faults, *(["dock.emergency_stop"] if dock.emergency_stop else [])]
    return Judgement(not faults, ", ".join(faults) or "no fault", "no fault")


def _door(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    dock = facts.situation.dock
    return _is(dock.door_closed if dock else None, "closed", "open")


def _mains(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    dock = facts.situation.dock
    return _is(dock.on_mains if dock else None, "on mains", "on battery")


def _on_pad(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    return Judgement(facts.presence is DronePresence.ON_PAD, facts.presence.value, "on the pad, disarmed")


# -- drone --------------------------------------------------------------------------------------------------------


def _heard(facts: Facts, config: Config) -> Judgement:
    return _most(facts.situation.heard_age_s, config.vehicle.lost_after_s, "s")


_HOME_AGE_S = 30.0  # it comes every 2 s


def _home(facts: Facts, config: Config) -> Judgement:
    home = facts.situation.telemetry.home
    known = home is not None and facts.situation.age_s(home.at_s) <= _HOME_AGE_S
    return _most(distance_m(home.place, facts.pad.place) if home and known else None, config.flight.pad_distance_max_m, "m")


def _satellites(facts: Facts, config: Config) -> Judgement:
    gps = facts.situation.telemetry.gps
    return _least(gps.satellites if gps else None, config.flight.satellites_min, "satellites")


def _hdop(facts: Facts, config: Config) -> Judgement:
    gps = facts.situation.telemetry.gps
    return _most(gps.hdop if gps else None, config.flight.hdop_max, "")


def _fix(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    gps = facts.situation.telemetry.gps
    if gps is None or facts.situation.age_s(gps.at_s) > 5.0:
        return _unknown("3d")
    return Judgement(gps.fix not in {GpsFix.NONE, GpsFix.FIX_2D}, gps.fix.value, "3d")


def _estimator(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    estimator = facts.situation.telemetry.estimator
    if estimator is None or facts.situation.age_s(estimator.at_s) > 5.0:
        return _unknown("position good, variance below 0.8")
    good = estimator.position_good and estimator.largest_variance < 0.8
    return Judgement(good, f"variance {estimator.largest_variance:.2f}", "position good, variance below 0.8")


def _battery(facts: Facts, config: Config) -> Judgement:
    battery = facts.situation.telemetry.battery
    known = battery is not None and facts.situation.age_s(battery.at_s) <= 10.0
    return _least(battery.remaining if battery and known else None, config.flight.battery_start_min, "of full")


def _prearm(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    health = facts.situation.telemetry.health
    if health is None or health.prearm_good is None or facts.situation.age_s(health.at_s) > 5.0:
        return _unknown("ready to arm")
    words = [text for text in facts.situation.telemetry.messages if text.startswith("PreArm")][-3:]
    good = health.prearm_good
    return Judgement(good, "ready to arm" if good else "; ".join(words) or "not ready to arm", "ready to arm")


def _sensors(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    health = facts.situation.telemetry.health
    if health is None:
        return _unknown("all healthy")
    return Judgement(not health.unhealthy, ", ".join(health.unhealthy) or "all healthy", "all healthy")


def _vibration(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    vibration = facts.situation.telemetry.vibration
    return _most(max(vibration.xyz_m_s2) if vibration else None, 30.0, "m/s2")


def _link_loss(facts: Facts, config: Config) -> Judgement:
    """Nobody can order a drone that is not heard: what it does then stands in its parameters."""
    wanted = config.flight.on_link_loss
    return Judgement(facts.on_link_loss == wanted, facts.on_link_loss, wanted)


def _parameters(facts: Facts, config: Config) -> Judgement:
    name = config.vehicle.parameter_set
    limit = f"as in {name}, sha256 {read_set(name).digest[:12]}"
    if facts.deviations is None:
        return _unknown(limit)
    wrong = [
        f"{d.name} is {'missing' if d.actual is None else f'{d.actual:g}'}, must be {d.expected}" for d in facts.deviations
    ]
    return Judgement(not wrong, "; ".join(wrong) or "all right", limit)


def _return_goal(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    limit = "on the pad"
    if facts.returns_to_pad is None:
        return _unknown(limit)
    if isinstance(facts.returns_to_pad, Refused):
        return Judgement(passed=False, value=facts.returns_to_pad.words, limit=limit)
    return Judgement(passed=True, value=limit, limit=limit)


def _link(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    link = facts.situation.telemetry.link
    return _most(link.loss if link else None, 0.2, "lost")


# -- plan, perception, nest computer --------------------------------------------------------------------------------


def _wanted(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    return Judgement(facts.recalled is None, facts.recalled or "wanted", "wanted")


def _plan(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    if facts.plan_problems is None:
        return _unknown("may be flown")
    return Judgement(not facts.plan_problems, "; ".join(p.words for p in facts.plan_problems[:5]) or "good", "may be flown")


def _energy(facts: Facts, config: Config) -> Judgement:
    return _least(facts.charge_at_pad, config.flight.battery_reserve, "of full at the pad")


PICTURE_CODES = frozenset({"vision.black", "vision.frozen", "vision.washed_out", "vision.blurred", "vision.wrong_camera"})
"""What a camera under a closed lid may say; in the dark some turn to grey infrared."""


def _vision(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    limit = "picture alive, models good"
    status, dock = facts.situation.vision, facts.situation.dock
    if status is None or facts.unix_s - status.at.timestamp() > 10.0:
        return _unknown(limit)
    if not status.models:
        return Judgement(passed=False, value="no model loaded", limit=limit)
    # Under a closed lid the camera rightly sees nothing; the picture is judged once the lid is open.
    blind = dock is not None and dock.lid is not LidState.OPEN
    wrong = [code for code in status.health if not (blind and code in PICTURE_CODES)]
    return Judgement(not any(map(is_error, wrong)), ", ".join(wrong) or "alive", limit)


CLOSE_UP_CODES = frozenset({"landing.blurred", "landing.washed_out"})
"""What a camera that looks down may say while the drone stands on the pad, a hand's breadth under it."""
PAD_LOOK_S = 4.0
"""A fault of the picture is told when it has lasted three seconds."""


def _pad_camera(facts: Facts, config: Config) -> Judgement:
    """Its process runs and, once the lid is open, it gives pictures that are neither dark nor still."""
    limit = "its process runs; a picture under the open lid"
    if config.landing is None:
        return Judgement(passed=True, value="lands by position", limit=limit)
    codes, dock = facts.situation.pad_camera, facts.situation.dock
    if codes is None:
        return _unknown(limit)
    if set(codes) - CLOSE_UP_CODES:
        return Judgement(passed=False, value=", ".join(codes), limit=limit)
    if dock is None or dock.lid is not LidState.OPEN:
        return Judgement(passed=True, value="it runs", limit=limit)
    if not pad_camera_tried(facts.situation):
        return _unknown(limit)
    return Judgement(passed=True, value=", ".join(codes) or "alive", limit=limit)


def pad_camera_tried(situation: Situation) -> bool:
    """Whether it is known by now how its picture is."""
    return situation.pad_looked_s >= PAD_LOOK_S or bool(set(situation.pad_camera or ()) - CLOSE_UP_CODES)


def _pad_camera_required(facts: Facts, config: Config) -> Judgement:
    if config.landing is None or not config.landing.required:
        return Judgement(passed=True, value="not required", limit="landing.required")
    return _pad_camera(facts, config)


_PITCH_SLACK_DEG = 1.0


def _gimbal(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    reach = facts.situation.telemetry.gimbal_reach_deg
    if reach is None or not facts.pitches_deg:
        return _unknown("reaches the route's camera angles")
    least, most = min(facts.pitches_deg), max(facts.pitches_deg)
    good = reach[0] - _PITCH_SLACK_DEG <= least and most <= reach[1] + _PITCH_SLACK_DEG
    return Judgement(good, f"{least:.0f} .. {most:.0f} deg wanted", f"{reach[0]:.0f} .. {reach[1]:.0f} deg")


_CAMERA_FREE_MB = 500.0  # some sixty pictures


def _camera_storage(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    camera = facts.situation.telemetry.camera
    return _least(camera.storage_free_mb if camera else None, _CAMERA_FREE_MB, "MB")


def _storage(facts: Facts, config: Config) -> Judgement:
    return _least(facts.situation.free_mb, config.flight.storage_free_min_mb, "MB")


def _clock(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    earliest = 1_767_225_600.0  # 2026-01-01: before this release a clock can only be wrong
    return _is(facts.unix_s >= earliest, "set", "not set")


_DAYLIGHT_DEG = -3.0  # a camera without its own light still sees well in early civil twilight


def _daylight(facts: Facts, config: Config) -> Judgement:  # noqa: ARG001 a judge's signature
    return _least(sun_elevation_deg(facts.pad.place, utc_from_unix(facts.unix_s)), _DAYLIGHT_DEG, "deg sun elevation")


CHECKS: tuple[Check, ...] = (
    Check("preflight.wanted", _wanted),
    Check("preflight.weather_age", _weather_age, settles=True),
    Check("preflight.wind", _weather(lambda w: w.wind_m_s, lambda c: c.weather.wind_max_m_s, "m/s")),
    Check("preflight.gust", _weather(lambda w: w.gust_m_s, lambda c: c.weather.gust_max_m_s, "m/s")),
    Check("preflight.rain", _weather(lambda w: w.rain_mm_h, lambda c: c.weather.rain_max_mm_h, "mm/h")),
    Check("preflight.cold", _weather(lambda w: w.temp_c, lambda c: c.weather.temp_min_c, "°C", least=True)),
    Check("preflight.heat", _weather(lambda w: w.temp_c, lambda c: c.weather.temp_max_c, "°C")),
    Check("preflight.visibility", _visibility, mandatory=False),
    Check("preflight.dock_heard", _dock_heard, settles=True),
    Check("preflight.dock_well", _dock_well),
    Check("preflight.door", _door),
    Check("preflight.mains", _mains),
    Check("preflight.on_pad", _on_pad, settles=True),
    Check("preflight.drone_heard", _heard, settles=True),
    Check("preflight.home", _home, settles=True),
    Check("preflight.gps_fix", _fix, settles=True),
    Check("preflight.satellites", _satellites, settles=True),
    Check("preflight.hdop", _hdop, settles=True),
    Check("preflight.estimator", _estimator, settles=True),
    Check("preflight.battery", _battery),
    Check("preflight.prearm", _prearm, settles=True),
    Check("preflight.sensors", _sensors, settles=True),
    Check("preflight.vibration", _vibration, mandatory=False),
    Check("preflight.link", _link, mandatory=False),
    Check("preflight.parameters", _parameters),
    Check("preflight.return_goal", _return_goal),
    Check("preflight.link_loss", _link_loss, mandatory=False),
    Check("preflight.plan", _plan),
    Check("preflight.energy", _energy),
    Check("preflight.vision", _vision, settles=True),
    Check("preflight.pad_camera", _pad_camera, mandatory=False),
    Check("preflight.pad_camera_required", _pad_camera_required, settles=True),
    Check("preflight.gimbal", _gimbal, mandatory=False),
    Check("preflight.camera_storage", _camera_storage, mandatory=False),
    Check("preflight.storage", _storage),
    Check("preflight.clock", _clock),
    Check("preflight.daylight", _daylight, mandatory=False),
)


def run_checks(facts: Facts, config: Config, checks: Iterable[Check] = CHECKS) -> tuple[CheckResult, ...]:
    """Every check's result."""
    results = []
    for check in checks:
        judged = check.judge(facts, config)
        results.append(
            CheckResult(
                code=check.code,
                passed=judged.passed,
                value=judged.value,
                limit=judged.limit,
                mandatory=check.mandatory,
                words=words_of(check.code),
            )
        )
    return tuple(results)


def refusals(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """The results that forbid a take-off: mandatory and failed or unknown."""
    return tuple(r for r in results if r.mandatory and r.passed is not True)


_SETTLING = frozenset(check.code for check in CHECKS if check.settles)


def may_settle(refused: Iterable[CheckResult]) -> bool:
    """Whether all that forbids the take-off can become right by waiting, as a GPS fix can and a wrong route cannot.

    What is unknown may still become known: a dock that was just not heard is no dock with a fault.
    """
    return all(result.passed is None or result.code in _SETTLING for result in refused)
