"""A flight in virtual time: director, states, tables and rules are real; vehicle, dock and eyes are doubles that act."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent.config import Config
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LatLon, LocalFrame
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.camera import Camera
from agent.domain.landing import PadFix, PadView
from agent.domain.mission import Fence, ItemKind, RallyPoint
from agent.domain.nest_state import ClampState, DockState, DronePresence, LidState, Weather
from agent.domain.route import InspectionPoint, Route, Site
from agent.domain.sighting import VisionStatus
from agent.domain.telemetry import (
    Battery,
    Estimator,
    FlightMode,
    Gimbal,
    Gps,
    GpsFix,
    Heartbeat,
    Home,
    LandedState,
    MissionProgress,
    Position,
    SystemHealth,
    Telemetry,
)
from agent.flight.context import FlightContext
from agent.flight.director import Director
from agent.flight.record import FlightRecord
from agent.flight.table import State
from agent.missions.service import Assignment
from simulator.loops import VirtualLoop

PAD = LatLon(30.39, 119.84)
FRAME = LocalFrame(PAD)
T = TypeVar("T")


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Runs on a loop whose time jumps."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def loop_s() -> float:
    return asyncio.get_running_loop().time()


def square(half_m: float) -> tuple[LatLon, ...]:
    return tuple(FRAME.to_latlon(n * half_m, e * half_m) for n, e in ((1, -1), (1, 1), (-1, 1), (-1, -1)))


SITE = Site(Fence(square(600.0), (), 120.0), (RallyPoint(FRAME.to_latlon(-60, 0), 30.0),))
ROUTE = Route(
    "loop",
    "Loop",
    "fire",
    10.0,
    tuple(InspectionPoint(f"P{n}", FRAME.to_latlon(200.0, 60.0 * n), 50.0, dwell_s=2.0) for n in range(1, 4)),
)


@dataclass
class Drone:
    """Flies its plan at a constant speed, tick by tick; does what it is told, or what the test makes of it."""

    north_m: float = 0.0
    east_m: float = 0.0
    alt_m: float = 0.0
    mode: FlightMode = FlightMode.MANUAL
    armed: bool = False
    silent: bool = False
    charge: float = 0.95
    drain_per_s: float = 0.0005
    position_good: bool = True
    item: int = 0
    hold_s: float = 0.0
    plan: Any = None
    orders: list[str] = field(default_factory=list)
    launch_outcome: Outcome = field(default_factory=Accepted)
    return_outcome: Outcome = field(default_factory=Accepted)
    deviations: tuple[Any, ...] = ()
    pad_place: tuple[float, float] = (0.0, 0.0)
    identity: Any = None
    problems: Any = ()
    telemetry: Telemetry = field(default_factory=Telemetry)
    picture: Outcome = field(default_factory=lambda: Accepted("captured"))
    camera: Camera | None = None
    returns: Outcome = field(default_factory=Accepted)
    rally_by_return: bool = False
    rally_ordered: bool = False
    looks_deg: float | None = None  # no gimbal
    looks_at: tuple[LatLon, float] | None = None
    goto_mode: FlightMode = FlightMode.GUIDED
    on_link_loss: str = "return"
    says_link_failsafe: bool = True
    failsafe: bool = False
    sent_to: list[tuple[LatLon, float]] = field(default_factory=list)

    # -- what the flight asks ----------------------------------------------------------------------

    async def upload(self, plan: Any, progress: Any = None) -> Outcome:  # noqa: ARG002 the protocol
        self.orders.append("upload")
        self.plan = plan
        return Accepted()

    async def adopt(self, plan: Any) -> Outcome:
        self.orders.append("adopt")
        return Accepted() if plan == self.plan else Refused("mission.differs", "item 1 differs")

    async def verify_parameters(self) -> tuple[Any, ...]:
        return self.deviations

    async def launch(self) -> Outcome:
        self.orders.append("launch")
        if isinstance(self.launch_outcome, Accepted):
            self.armed, self.mode, self.item = True, FlightMode.MISSION, 0
            self.telemetry = self._telemetry()  # a driver returns when the drone says that it flies its mission
        return self.launch_outcome

    async def pause(self) -> Outcome:
        return self._order("pause", FlightMode.HOLD)

    async def resume(self, index: int) -> Outcome:
        self.item = index
        return self._order("resume", FlightMode.MISSION)

    async def goto(self, place: LatLon, alt_rel_m: float, heading_deg: float | None = None) -> Outcome:  # noqa: ARG002
        self.sent_to.append((place, alt_rel_m))
        at = FRAME.to_local(place)
        self.target = (at.north_m, at.east_m, alt_rel_m)
        return self._order("goto", self.goto_mode)

    def link_failsafe_since(self, at_s: float) -> bool:  # noqa: ARG002
        return self.says_link_failsafe

    async def point_camera(self, place: LatLon, alt_amsl_m: float) -> Outcome:
        self.orders.append("point_camera")
        self.looks_at = (place, alt_amsl_m)
        return Accepted()

    async def take_pictures(self) -> Outcome:
        self.orders.append("take_pictures")
        await asyncio.sleep(1.0)
        return self.picture

    async def look_ahead(self, pitch_deg: float) -> Outcome:
        self.orders.append(f"look_ahead {pitch_deg:g}")
        return Accepted()

    async def release_camera(self) -> Outcome:
        self.orders.append("release_camera")
        self.looks_at = None
        return Accepted()

    async def return_home(self) -> Outcome:
        if isinstance(self.return_outcome, Refused):
            self.orders.append("return_home refused")
            return self.return_outcome
        return self._order("return_home", FlightMode.RETURN)

    async def returns_to_pad(self) -> Outcome:
        return self.returns

    async def return_to_rally(self, point: RallyPoint) -> Outcome:
        if not self.rally_by_return:
            return Refused("vehicle.no_rally", "none on board")
        self.rally_ordered = True
        at = FRAME.to_local(point.place)
        self.pad_place = (at.north_m, at.east_m)
        return self._order("return_to_rally", FlightMode.RETURN)

    async def forget_rally(self) -> Outcome:
        if self.rally_ordered:
            self.orders.append("forget_rally")
        return Accepted()

    async def land_at(self, place: LatLon, alt_rel_m: float) -> Outcome:
        at = FRAME.to_local(place)
        if abs(at.north_m - self.north_m) + abs(at.east_m - self.east_m) < 6.0:
            return await self.land_here()
        return await self.goto(place, alt_rel_m)

    async def land_here(self) -> Outcome:
        return self._order("land_here", FlightMode.LAND)

    async def land_on_pad(self) -> Outcome:
        return self._order("land_on_pad", FlightMode.LAND)

    async def disarm(self) -> Outcome:
        self.orders.append("disarm")
        if self.alt_m > 0.2:
            return Refused("vehicle.in_air", "in the air")
        self.armed = False
        return Accepted()

    def _order(self, name: str, mode: FlightMode) -> Outcome:
        self.orders.append(name)
        self.mode = mode
        if not self.silent:
            self.telemetry = self._telemetry()  # a driver returns when the drone says that it is in the mode
        return Accepted()

    # -- what it does -------------------------------------------------------------------------------

    def step(self, dt: float) -> None:
        if self.armed:
            self.charge -= self.drain_per_s * dt
            moves = {FlightMode.MISSION: self._mission, FlightMode.RETURN: self._return, FlightMode.LAND: self._land}
            moves.get(self.mode, self._toward_target)(dt)
        if not self.silent:
            self.telemetry = self._telemetry()

    def _go(self, north: float, east: float, alt: float, dt: float, speed: float = 10.0) -> bool:
        away = (north - self.north_m, east - self.east_m, alt - self.alt_m)
        length = sum(v * v for v in away) ** 0.5
        share = min(1.0, speed * dt / length) if length > 0 else 1.0
        self.north_m += away[0] * share
        self.east_m += away[1] * share
        self.alt_m += away[2] * share
        return share >= 1.0

    def _mission(self, dt: float) -> None:
        item = self.plan.items[self.item]
        if item.kind is ItemKind.TAKEOFF:
            done = self._go(0.0, 0.0, item.alt_rel_m, dt, 3.0)
        elif item.kind is ItemKind.WAYPOINT:
            at = FRAME.to_local(item.place)
            done = self._go(at.north_m, at.east_m, item.alt_rel_m, dt)
        elif item.kind is ItemKind.RETURN:
            self._return(dt)
            return
        else:
            done = True
        self.item += 1 if done else 0

    def _return(self, dt: float) -> None:
        if self._go(*self.pad_place, max(self.alt_m, 0.0), dt):
            self._land(dt)

    def _land(self, dt: float) -> None:
        self.alt_m = max(0.0, self.alt_m - 1.5 * dt)
        if self.alt_m == 0.0:
            self.armed = False

    def _toward_target(self, dt: float) -> None:
        if self.mode is self.goto_mode and hasattr(self, "target"):
            self._go(*self.target, dt)

    def _telemetry(self) -> Telemetry:
        now = loop_s()
        flying = self.alt_m > 0.2
        place = FRAME.to_latlon(self.north_m, self.east_m)
        return Telemetry(
            heartbeat=Heartbeat(now, self.mode, self.armed, 0, failsafe=self.failsafe),
            position=Position(now, 0, place, 30.0 + self.alt_m, self.alt_m, (0.0, 0.0, 0.0), 0.0),
            battery=Battery(now, 22.0, 10.0, self.charge),
            gps=Gps(now, GpsFix.FIX_3D, 14, 0.8),
            estimator=Estimator(now, self.position_good, 0.1),
            health=SystemHealth(now, True, (), 0.3),
            home=Home(now, PAD, 30.0),
            landed=LandedState.IN_AIR if flying else LandedState.ON_GROUND,
            landed_at_s=now,
            mission=MissionProgress(now, self.item, self.item - 1, None, complete=False),
            gimbal=Gimbal(now, 0, 0.0, self.looks_deg, 0.0) if self.looks_deg is not None else None,
            camera=self.camera,
        )


@dataclass
class Dock:
    """A dock that obeys at once, unless broken. Refuses as the real station does when the drone is not surely there."""

    drone: Drone
    lid: LidState = LidState.CLOSED
    clamps: ClampState = ClampState.ENGAGED
    charger: bool = True
    lid_jammed: bool = False
    silent: bool = False
    weather_silent: bool = False
    weather_now: Weather = field(default_factory=lambda: Weather(0.0, 2.0, 3.0, 200.0, 0.0, 20.0, 0.5))
    moves: list[tuple[str, DronePresence]] = field(default_factory=list)

    @property
    def dock(self) -> DockState | None:
        if self.silent:
            return None
        occupied = self.drone.alt_m < 0.2 and abs(self.drone.north_m) < 0.5 and abs(self.drone.east_m) < 0.5
        amps = 5.0 if self.charger and occupied else 0.0
        return DockState(loop_s(), self.lid, self.clamps, occupied, self.charger, amps, True, False, True, 1.0, 20.0)

    @property
    def weather(self) -> Weather | None:
        return None if self.weather_silent else replace(self.weather_now, at_s=loop_s())

    async def prepare_launch(self, presence: Callable[[], DronePresence]) -> Outcome:
        return self._open("prepare_launch", presence(), DronePresence.ON_PAD)

    async def open_for_landing(self, presence: Callable[[], DronePresence]) -> Outcome:
        return self._open("open_for_landing", presence(), DronePresence.AWAY)

    def _open(self, name: str, found: DronePresence, needed: DronePresence) -> Outcome:
        self.moves.append((name, found))
        if self.lid_jammed:
            return Refused("dock.lid_timeout", "the lid does not open")
        if found is not needed:
            return Refused("dock.presence_unknown", f"drone is {found}")
        self.lid, self.clamps, self.charger = LidState.OPEN, ClampState.RELEASED, False
        return Accepted()

    async def secure(self, presence: Callable[[], DronePresence]) -> Outcome:
        found = presence()
        self.moves.append(("secure", found))
        if found is not DronePresence.ON_PAD:
            return Refused("dock.presence_unknown", f"drone is {found}")
        self.lid, self.clamps, self.charger = LidState.CLOSED, ClampState.ENGAGED, True
        return Accepted()


@dataclass
class Eyes:
    blind: bool = False
    watched: list[str | None] = field(default_factory=list)
    clock: Any = None
    sightings: dict[str, Any] = field(default_factory=dict)
    _well: float | None = None

    @property
    def status(self) -> VisionStatus | None:
        health = ("vision.down",) if self.blind else ()
        return VisionStatus(at=self.clock.utc(), frames=1, dropped=0, frames_per_s=5.0, health=health, models={"fire": "00"})

    @property
    def well_at_s(self) -> float | None:
        if not self.blind:
            self._well = loop_s()
        return self._well

    def watch(self, flight: str | None) -> None:
        self.watched.append(flight)


@dataclass
class PadEye:
    """Sees the pad from below 12 m, unless a test says otherwise. ``offset_m`` is how far beside it the drone is seen."""

    drone: Drone
    offset_m: Callable[[], float] = lambda: 0.05
    sees: Callable[[], bool] = lambda: True
    health: tuple[str, ...] = ()
    on: bool = False
    tries: bool = False
    pictures: bool = True
    health_when_tried: tuple[str, ...] = ()
    _trying_since_s: float | None = None

    @property
    def looked_s(self) -> float:
        return 0.0 if self._trying_since_s is None or not self.pictures else loop_s() - self._trying_since_s

    def try_out(self, *, on: bool) -> None:
        self.tries, self._trying_since_s = on, loop_s() if on else None
        if self.health_when_tried:
            self.health = self.health_when_tried if on else ()

    @property
    def view(self) -> PadView | None:
        if not self.on or self.drone.alt_m > 12.0 or not self.sees():
            return None
        return PadView(loop_s(), PadFix(0.0, self.offset_m(), 0.0, self.drone.alt_m, 0.02, 0.0))

    def watch(self, on: bool) -> None:
        self.on = on


@dataclass
class Calendar:
    """One assignment, then nothing."""

    assignments: list[Assignment]
    upcoming: Any = None
    recalled: str | None = None
    followed: list[Any] = field(default_factory=list)

    def follow(self, report: Any) -> None:
        self.followed.append(report)

    def restored(self, report: Any, route: str, due: Any) -> Assignment:  # noqa: ARG002 the protocol
        return Assignment(route, due, due)

    async def next(self) -> Assignment:
        if self.assignments:
            return self.assignments.pop(0)
        await asyncio.Event().wait()
        raise AssertionError


@dataclass
class Journal:
    records: list[FlightRecord] = field(default_factory=list)

    def write(self, record: FlightRecord) -> None:
        self.records.append(FlightRecord.model_validate_json(record.model_dump_json()))

    def latest(self) -> FlightRecord | None:
        return self.records[-1] if self.records else None


@dataclass
class Reports:
    reports: list[Any] = field(default_factory=list)

    async def publish_report(self, report: Any) -> None:
        self.reports.append(report)


@dataclass
class Nest:
    """Everything of one flight test."""

    drone: Drone
    dock: Dock
    eyes: Eyes
    journal: Journal
    reports: Reports
    ctx: FlightContext
    director: Director
    pad_eye: PadEye | None = None

    @property
    def states(self) -> list[State]:
        return [record.state for record in self.journal.records]

    async def run(self, until: Callable[["Nest"], bool], limit_s: float = 1500.0) -> None:
        """Flies until something holds; physics, director and the condition share one clock."""
        flying = asyncio.create_task(self.director.run())
        try:
            while not until(self) and loop_s() < limit_s:
                self.drone.step(0.1)
                await asyncio.sleep(0.1)
                if flying.done():
                    flying.result()
        finally:
            flying.cancel()
            await asyncio.gather(flying, return_exceptions=True)
        assert until(self), f"not reached in {limit_s} s; states {self.states}; orders {self.drone.orders}"


@pytest.fixture
def make_nest(tmp_path: Path) -> Callable[..., Nest]:
    """Makes a nest with one assignment; keyword arguments go to the drone, ``journal`` continues an older run."""

    def make(
        *,
        journal: Journal | None = None,
        assigned: bool = True,
        flight: dict[str, Any] | None = None,
        second_look: dict[str, Any] | None = None,
        landing: dict[str, Any] | None = None,
        **drone: Any,
    ) -> Nest:
        config = Config(
            nest={
                "id": "nest-t",
                "pad": {"lat": PAD.lat_deg, "lon": PAD.lon_deg, "alt_amsl_m": 30.0},
                "site_file": tmp_path / "site.geojson",
                "routes_dir": tmp_path,
            },
            store={"directory": tmp_path},
            flight={"storage_free_min_mb": 10.0, **(flight or {})},
            second_look=second_look or {},
            landing=landing,
        )
        clock = Clock()
        flyer, journal_ = Drone(**drone), journal or Journal()
        dock, eyes, reports = Dock(flyer), Eyes(clock=clock), Reports()
        now = clock.utc()
        calendar = Calendar([Assignment("loop", now, now)] if assigned else [])
        pad_eye = PadEye(flyer) if landing is not None else None
        ctx = FlightContext(config, flyer, dock, eyes, calendar, clock, SITE, {"loop": ROUTE}, None, pad_eye)  # type: ignore[arg-type]
        return Nest(flyer, dock, eyes, journal_, reports, ctx, Director(ctx, journal_, reports, Bus()), pad_eye)

    return make
