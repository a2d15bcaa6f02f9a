"""A flight in virtual time: director, states, tables and rules are real; vehicle, dock and eyes are doubles that act."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from agent.core.geo import LatLon, LocalFrame
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.camera import Camera
from agent.domain.mission import Fence, ItemKind, RallyPoint
from agent.domain.route import InspectionPoint, Route, Site
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
