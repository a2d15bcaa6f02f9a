"""The nest around a drone in virtual time: dock, eyes, calendar and journal are doubles that act; the director is real."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.landing import PadFix, PadView
from agent.domain.nest_state import ClampState, DockState, DronePresence, LidState, Weather
from agent.domain.sighting import VisionStatus
from agent.flight.context import FlightContext
from agent.flight.director import Director
from agent.flight.record import FlightRecord
from agent.flight.table import State
from agent.missions.service import Assignment
from tests.doubles.flight import PAD, ROUTE, SITE, Drone, loop_s


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
