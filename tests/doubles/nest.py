"""In-memory doubles of dock and weather station: the second door of the contract tests.

A dock whose parts take a second each, on the loop's time, with the same safety of its own as a PLC. It counts every moment in
which the lid moved, with what the caller says of the drone at that moment.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agent.core.errors import LinkError
from agent.domain.nest_state import ClampState, DockState, LidState, Weather
from agent.nest.interface import Movement

TRAVEL_S = 1.0


@dataclass
class Part:
    """A part on its way from one end (0) to the other (1)."""

    at: float
    goal: float | None = None
    since_s: float = 0.0
    jammed: bool = False

    def advance(self, now_s: float) -> bool:
        """Moves to where it is now; whether it moved."""
        if self.goal is None:
            return False
        step = 0.0 if self.jammed else (now_s - self.since_s) / TRAVEL_S
        self.since_s = now_s
        before = self.at
        self.at = min(self.goal, self.at + step) if self.goal > self.at else max(self.goal, self.at - step)
        if self.at == self.goal:
            self.goal = None
        return self.at != before


@dataclass
class InMemoryDock:
    """A dock without wires.

    Attributes:
        watch: called at each moment in which the lid moves.
        commands: every request, in order.
    """

    watch: Callable[[], None] = lambda: None
    lid: Part = field(default_factory=lambda: Part(0.0))
    clamps: Part = field(default_factory=lambda: Part(1.0))
    charger: Part = field(default_factory=lambda: Part(1.0))
    occupied: bool = True
    contact: bool = True
    silent: bool = False
    emergency_stop: bool = False
    door_closed: bool = True
    on_mains: bool = True
    ups_charge: float = 1.0
    lying_open_switch: bool = False
    lying_pad: bool = False
    jam_latched: bool = False
    refused: bool = False
    commands: list[Movement] = field(default_factory=list)
    _jam_since_s: float | None = None

    async def read(self) -> DockState:
        """See the interface."""
        self._answer()
        now_s = asyncio.get_running_loop().time()
        self.advance(now_s)
        lid, clamps = self._lid_state(), self._clamp_state()
        seen = DockState(
            at_s=now_s,
            lid=lid,
            clamps=clamps,
            pad_occupied=self.occupied != self.lying_pad,
            charger_engaged=self.charger.at > 0.0,
            charging_a=5.0 if self._current_flows() else 0.0,
            door_closed=self.door_closed,
            emergency_stop=self.emergency_stop,
            on_mains=self.on_mains,
            ups_charge=self.ups_charge,
            inside_temp_c=20.0,
            lid_open_fraction=self.lid.at,
        )
        faults = (
            ("dock.lid_jam", self.jam_latched),
            ("dock.plc_interlock", self.refused),
            ("dock.emergency_stop", self.emergency_stop),
            ("dock.door_open", not self.door_closed),
            ("dock.on_ups", not self.on_mains),
            ("dock.lid_conflict", lid is LidState.CONFLICT),
        )
        return replace(seen, faults=tuple(code for code, is_so in faults if is_so))

    async def command(self, movement: Movement) -> None:
        """See the interface."""
        self._answer()
        self.commands.append(movement)
        now_s = asyncio.get_running_loop().time()
        self.advance(now_s)
        if movement is Movement.RESET:
            self.jam_latched = self.refused = False
            return
        part, goal = {
            Movement.LID_OPEN: (self.lid, 1.0),
            Movement.LID_CLOSE: (self.lid, 0.0),
            Movement.LID_STOP: (self.lid, None),
            Movement.CLAMPS_RELEASE: (self.clamps, 0.0),
            Movement.CLAMPS_ENGAGE: (self.clamps, 1.0),
            Movement.CHARGER_RETRACT: (self.charger, 0.0),
            Movement.CHARGER_ENGAGE: (self.charger, 1.0),
        }[movement]
        self.refused = (movement is Movement.CLAMPS_RELEASE and self.charger.at > 0.0) or (
            movement is Movement.LID_CLOSE and self.occupied and self.clamps.at < 1.0
        )
        if self.emergency_stop or self.refused or (part is self.lid and self.jam_latched and goal is not None):
            return
        part.goal, part.since_s = (None if goal == part.at else goal), now_s

    def _answer(self) -> None:
        if self.silent:
            raise LinkError("dock.unreachable", "the double is silent")

    def advance(self, now_s: float) -> None:
        """Moves every part to where it is now."""
        if self.emergency_stop:
            self.lid.goal = self.clamps.goal = self.charger.goal = None
        if self.lid.goal is not None and self.lid.jammed:
            self._jam_since_s = now_s if self._jam_since_s is None else self._jam_since_s
            if now_s - self._jam_since_s > 2.0:
                self.jam_latched, self.lid.goal = True, None
        else:
            self._jam_since_s = None
        if self.lid.advance(now_s):
            self.watch()
        self.clamps.advance(now_s)
        self.charger.advance(now_s)

    def _lid_state(self) -> LidState:
        opened = (self.lid.at >= 1.0) != self.lying_open_switch
        closed = self.lid.at <= 0.0
        if opened and closed:
            return LidState.CONFLICT
        if self.lid.goal is not None:
            return LidState.MOVING
        if opened != (self.lid.at >= 1.0):
            return LidState.CONFLICT
        return LidState.OPEN if opened else LidState.CLOSED if closed else LidState.STOPPED

    def _clamp_state(self) -> ClampState:
        if self.clamps.goal is not None or 0.0 < self.clamps.at < 1.0:
            return ClampState.MOVING
        return ClampState.ENGAGED if self.clamps.at >= 1.0 else ClampState.RELEASED

    def _current_flows(self) -> bool:
        return self.contact and self.occupied and self.on_mains and self.charger.at >= 1.0 and self.clamps.at >= 1.0


@dataclass
class InMemoryWeather:
    """A weather station without wires."""

    wind_m_s: float = 3.0
    silent: bool = False

    async def read(self) -> Weather:
        """See the interface."""
        if self.silent:
            raise LinkError("weather.unreachable", "the double is silent")
        now_s = asyncio.get_running_loop().time()
        return Weather(now_s, self.wind_m_s, self.wind_m_s + 2.0, 225.0, 0.0, 20.0, 0.5)
