"""What the states of a flight share: the devices, the flight under way, and one way to look at the world."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import structlog

from agent.config import Config
from agent.core.clock import Clock
from agent.core.errors import ConfigError
from agent.core.geo import LatLon
from agent.core.outcome import Outcome, Refused
from agent.core.terrain import Terrain
from agent.domain.mission import FlightPlan
from agent.domain.nest_state import DockState, DronePresence, Weather
from agent.domain.request import OnDetection
from agent.domain.route import Route, Site
from agent.domain.sighting import Sighting
from agent.domain.status import CheckResult, PointResult
from agent.domain.telemetry import FlightMode
from agent.flight.coverage import Coverage
from agent.flight.failsafes import Finding, FlightFacts, judge
from agent.flight.gimbal_watch import GimbalWatch
from agent.flight.ports import Eyes, PadEye, Station
from agent.flight.preflight import Facts
from agent.flight.situation import Situation, presence
from agent.flight.standoff import Subject, Surroundings
from agent.flight.table import State
from agent.missions.service import Assignment, Missions
from agent.routes.checks import Limits, check_energy, check_plan
from agent.routes.compile import Pad, compile_route
from agent.routes.energy import EnergyModel, WindEstimate, measured
from agent.vehicle.interface import ParameterDeviation, Vehicle

_log = structlog.get_logger(__name__)
TICK_S = 0.2


@dataclass
class Looks:
    """The second looks of a flight.

    Attributes:
        now: what is looked at.
        done: what was looked at.
        doubtful_s: since when (loop time) something is doubtful, by track.
        declined_s: when a look at something was last found impossible, by track.
    """

    now: Sighting | None = None
    done: list[Subject] = field(default_factory=list)
    doubtful_s: dict[str, float] = field(default_factory=dict)
    declined_s: dict[str, float] = field(default_factory=dict)


@dataclass
class CurrentFlight:
    """The flight under way."""

    id: str
    route: Route
    due: datetime | None
    latest: datetime | None
    started_at: datetime
    plan: FlightPlan | None = None
    plan_problems: tuple[Refused, ...] | None = None
    deviations: tuple[ParameterDeviation, ...] | None = None
    returns_to_pad: Outcome | None = None
    checks: tuple[CheckResult, ...] = ()
    reasons: list[tuple[str, str]] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    gimbal: GimbalWatch = field(default_factory=GimbalWatch)
    airborne_at_s: float | None = None
    charge_at_start: float | None = None
    looks: Looks = field(default_factory=Looks)
    resumes: int = 0
    outcome: str = "flying"
    request: str | None = None
    department: str | None = None
    on_detection: OnDetection | None = None

    @property
    def points(self) -> dict[str, PointResult]:
        """The inspection points reached so far, by id."""
        return self.coverage.points


@dataclass
class FlightContext:
    """Everything a state may use. One per agent, owned by the director."""

    config: Config
    vehicle: Vehicle
    station: Station
    eyes: Eyes
    missions: Missions
    clock: Clock
    site: Site
    routes: Mapping[str, Route]
    terrain: Terrain | None
    pad_eye: PadEye | None = None
    flight: CurrentFlight | None = None
    commanded: frozenset[FlightMode] = frozenset()
    land_ordered: bool = False  # the mode LAND follows from the nest's own go-around
    landings_missed: int = 0  # since the flight began; counted also for a drone that was adopted without its flight
    last_dock: DockState | None = None
    last_weather: Weather | None = None
    _mode: FlightMode = FlightMode.UNKNOWN
    _mode_since_s: float = 0.0
    _pad_shut_since_s: float | None = None

    @cached_property
    def pad(self) -> Pad:
        """Where the drone lives."""
        pad = self.config.nest.pad
        return Pad(LatLon(pad.lat, pad.lon), pad.alt_amsl_m)

    @property
    def now_s(self) -> float:
        """The event loop's time."""
        return asyncio.get_running_loop().time()

    def look(self) -> Situation:
        """Everything known right now."""
        telemetry = self.vehicle.telemetry
        if telemetry.mode is not self._mode:
            self._mode, self._mode_since_s = telemetry.mode, self.now_s
        self.last_dock = self.station.dock or self.last_dock
        self.last_weather = self.station.weather or self.last_weather
        situation = Situation(
            now_s=self.now_s,
            telemetry=telemetry,
            dock=self.station.dock,
            weather=self.station.weather,
            vision=self.eyes.status,
            vision_well_at_s=self.eyes.well_at_s,
            free_mb=self._free_mb(),
            pad_view=self.pad_eye.view if self.pad_eye else None,
            pad_camera=self.pad_eye.health if self.pad_eye else None,
            pad_looked_s=self.pad_eye.looked_s if self.pad_eye else 0.0,
        )
        self._pad_shut_since_s = (self._pad_shut_since_s or self.now_s) if situation.pad_shut else None
        return situation

    def _free_mb(self) -> float:
        """A disk that cannot be asked has no room; it must not keep anybody from looking at the drone."""
        try:
            return shutil.disk_usage(self.config.store.directory).free / 1e6
        except OSError:
            return 0.0

    def presence(self) -> DronePresence:
        """Where the drone surely is, right now."""
        return presence(self.look(), self.pad, self.config.flight.pad_distance_max_m)

    async def ticks(self, timeout_s: float | None = None) -> AsyncIterator[Situation]:
        """Looks at the world at the control rate; ends after the time-out."""
        end_s = None if timeout_s is None else self.now_s + timeout_s
        while end_s is None or self.now_s < end_s:
            yield self.look()
            await asyncio.sleep(TICK_S)

    def finding(self, state: State, situation: Situation) -> Finding | None:
        """What the failsafes say; it is noted in the flight's reasons."""
        found = self.would_find(state, situation)
        if found is not None:
            self.note(found.code, found.value)
        return found

    def would_find(self, state: State, situation: Situation) -> Finding | None:
        """What the failsafes would say in a state; nothing is noted."""
        return judge(situation, self._flight_facts(state), self.config)

    def expect(self, *modes: FlightMode) -> None:
        """Says which modes follow from the nest's own orders: these, and the present one while an order takes effect.

        A pilot's mode is never among them, nor is one that the nest does not know.
        """
        self.commanded = frozenset({*modes, self.look().mode}) - {FlightMode.MANUAL, FlightMode.UNKNOWN}

    def note(self, code: str, value: str) -> None:
        """Remembers a reason for what happens, for report and log. Each once."""
        _log.warning("flight.reason", code=code, value=value)
        if self.flight is not None and (code, value) not in self.flight.reasons:
            self.flight.reasons.append((code, value))

    def compile_plan(self, flight: CurrentFlight) -> None:
        """Sets the flight's plan, or why there can be none."""
        try:
            plan = compile_route(flight.route, self.site, self.pad, self.terrain, self.config.flight.takeoff_alt_rel_m)
            flight.plan = replace(plan, return_alt_rel_m=self.config.flight.return_alt_rel_m)
        except ConfigError as error:
            flight.plan_problems = (Refused(error.code, error.message),)

    def check_plan(self, flight: CurrentFlight) -> None:
        """Sets what is wrong with the flight's plan. Takes a second or two for a long route: not in flight."""
        if flight.plan is not None:
            flight.plan_problems = tuple(check_plan(flight.plan, self.pad, self.terrain, self._limits))

    @property
    def _limits(self) -> Limits:
        flight = self.config.flight
        return Limits(flight.fence_margin_m, flight.clearance_min_m, flight.return_alt_rel_m)

    @property
    def surroundings(self) -> Surroundings:
        """What a second look must keep to, in the wind that is told now."""
        fov_deg = self.config.vision.camera.horizontal_fov_deg
        return Surroundings(self.site.fence, self.pad, self.terrain, self._limits, self._wind(), fov_deg)

    def facts(self, flight: CurrentFlight) -> Facts:
        """What the preflight checks judge."""
        situation = self.look()
        battery = situation.telemetry.battery
        left = None
        if flight.plan is not None and battery is not None and battery.remaining is not None:
            _, left = check_energy(
                flight.plan,
                self.pad,
                self.energy,
                flight.route.speed_m_s,
                self._wind(),
                battery.remaining,
                self.config.flight.battery_reserve,
            )
        return Facts(
            situation=situation,
            presence=self.presence(),
            pad=self.pad,
            plan_problems=flight.plan_problems,
            charge_at_pad=left,
            deviations=flight.deviations,
            unix_s=self.clock.unix_s(),
            on_link_loss=self.vehicle.on_link_loss,
            recalled=self.missions.recalled,
            pitches_deg=tuple(point.camera_pitch_deg for point in flight.route.points),
            returns_to_pad=flight.returns_to_pad,
        )

    @property
    def energy(self) -> EnergyModel:
        """The drone's figures from the configuration, or what this flight has shown if that is more."""
        model = EnergyModel(self.config.flight.cruise_power_w, self.config.flight.battery_capacity_wh)
        flight, battery = self.flight, self.vehicle.telemetry.battery
        if flight is None or flight.airborne_at_s is None or flight.charge_at_start is None:
            return model
        if battery is None or battery.remaining is None:
            return model
        return measured(model, flight.charge_at_start - battery.remaining, self.now_s - flight.airborne_at_s)

    def update_points(self, situation: Situation) -> None:
        """Marks inspection points that were reached, and those that were imaged; sees that the gimbal obeys."""
        flight = self.flight
        if flight is not None and flight.plan is not None:
            if flight.gimbal.look(flight.plan, situation):
                self.note("gimbal.off", flight.gimbal.words or "")
            aimed = flight.gimbal.words is None
            flight.coverage.reach(flight.route, flight.plan, situation, self.clock.utc(), aimed=aimed)
            self.settle_points()

    def settle_points(self) -> None:
        """Takes in what was reported of pictures since."""
        if self.flight is not None and self.flight.airborne_at_s is not None:
            self.flight.coverage.settle(self.vehicle.telemetry, self.flight.airborne_at_s)

    def next_point(self) -> str | None:
        """The inspection point on the way to which the drone is."""
        flight = self.flight
        if flight is None:
            return None
        return next((p.id for p in flight.route.points if p.id not in flight.points), None)

    def _wind(self) -> WindEstimate:
        weather = self.last_weather  # a station that fell silent leaves the wind it told last, not a calm
        # Stations stand low; at flight height the wind is about 1.4 times as strong (power law, exponent 0.15, 10 m -> 80 m).
        return WindEstimate(weather.wind_m_s * 1.4, weather.wind_from_deg) if weather else WindEstimate()

    def _flight_facts(self, state: State) -> FlightFacts:
        flight = self.flight
        airborne_at_s = flight.airborne_at_s if flight else None
        return FlightFacts(
            state=state,
            commanded=self.commanded,
            mode_for_s=self.now_s - self._mode_since_s,
            pad_shut_for_s=0.0 if self._pad_shut_since_s is None else self.now_s - self._pad_shut_since_s,
            airborne_for_s=0.0 if airborne_at_s is None else self.now_s - airborne_at_s,
            fence=self.site.fence,
            pad=self.pad,
            energy=self.energy,
            wind=self._wind(),
            return_alt_rel_m=self.config.flight.return_alt_rel_m,
            vision_wanted=airborne_at_s is not None,
            recalled=self.missions.recalled,
        )

    def begin(self, flight_id: str, assignment: Assignment) -> CurrentFlight:
        """Makes an assignment the flight under way.

        Raises:
            ConfigError: there is no such route.
        """
        route = self.routes.get(assignment.route)
        if route is None:
            known = ", ".join(sorted(self.routes)) or "none"
            raise ConfigError("route.unknown", f"route {assignment.route!r} is not in the library; known routes: {known}")
        self.landings_missed = 0
        self.flight = CurrentFlight(
            flight_id,
            route,
            assignment.due,
            assignment.latest,
            self.clock.utc(),
            request=assignment.request,
            department=assignment.department,
            on_detection=assignment.on_detection,
        )
        return self.flight
