"""The nest as a flight uses it: what dock and weather say, and the four things a flight asks the dock to do.

Knows how a movement is carried out: the interlocks judge it on a reading made for it, before it starts and on every
reading while it runs; if the judgement turns, the lid is stopped. A result counts only when the sensors show it. Knows
nothing of Modbus or HTTP, nor how the presence of the drone is judged: callers give that.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from agent.config.nest import DockSection, WeatherSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import NestError
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.codes import words_of as words_of_code
from agent.domain.nest_state import DockState, DronePresence, Weather
from agent.nest.http_weather import HttpWeather
from agent.nest.interface import Dock, Movement, WeatherStation
from agent.nest.interlocks import judge
from agent.nest.modbus_dock import ModbusDock
from agent.nest.steps import Seen, Step, closed, closing, opening, ready_for_drone, secured, securing, words_of

Presence = Callable[[], DronePresence]
"""Where the drone surely is, asked anew at every reading."""

_REPEAT_AFTER_S = 3.0  # a movement that is not seen to run by then is asked for once more
_PLC_REFUSALS = frozenset({"dock.plc_interlock", "dock.plc_fault_latched", "dock.no_power"})

_log = structlog.get_logger(__name__)


class Station:
    """Dock and weather of one nest. Made by :func:`open_station`.

    Args:
        dock: the dock's driver.
        weather: the weather station's driver.
        dock_config: intervals and limits of the dock.
        weather_config: interval and greatest age of the weather.
        bus: where readings are published as :class:`DockState` and :class:`Weather`.
    """

    def __init__(
        self, dock: Dock, weather: WeatherStation, dock_config: DockSection, weather_config: WeatherSection, bus: Bus
    ) -> None:
        self._dock_driver = dock
        self._weather_driver = weather
        self._dock_config = dock_config
        self._weather_config = weather_config
        self._bus = bus
        self._dock: DockState | None = None
        self._weather: Weather | None = None
        self._dock_problem: Refused | None = None
        self._weather_problem: Refused | None = None
        self._busy = asyncio.Lock()

    @property
    def dock_max_age_s(self) -> float:
        """Older readings of the dock count as none."""
        return 3.0 * self._dock_config.poll_interval_s + self._dock_config.response_timeout_s

    @property
    def dock(self) -> DockState | None:
        """The newest reading of the dock; None when there is none that is fresh."""
        dock = self._dock
        return dock if dock and _now_s() - dock.at_s <= self.dock_max_age_s else None

    @property
    def weather(self) -> Weather | None:
        """The newest reading of the weather; None when there is none that is fresh."""
        weather = self._weather
        return weather if weather and _now_s() - weather.at_s <= self._weather_config.max_age_s else None

    @property
    def problems(self) -> tuple[Refused, ...]:
        """What is wrong right now: dock or weather cannot be read, or the dock reports faults. Empty when all is well."""
        faults = tuple(Refused(code, words_of_code(code)) for code in self.dock.faults) if self.dock else ()
        stale = self._weather is not None and self._weather_problem is None and self.weather is None
        weather = Refused("weather.stale", "the weather station repeats an old reading") if stale else self._weather_problem
        return (*(problem for problem in (self._dock_problem, weather) if problem), *faults)

    async def prepare_launch(self, presence: Presence) -> Outcome:
        """Charger off, lid open, clamps released, in this order; the drone must be on the pad and disarmed.

        Accepted only when one last reading shows all three. A refusal leaves the dock as far as it came: call :meth:`secure`.
        """
        if presence() is not DronePresence.ON_PAD:
            return Refused("dock.no_drone", "cannot prepare a launch: the drone is not surely on the pad")
        return await self._sequence(opening(self._dock_config), presence, ready_for_drone)

    async def secure(self, presence: Presence) -> Outcome:
        """Clamps engaged, lid closed, charger engaged and current seen: after a landing, or when a launch is called off."""
        if presence() is not DronePresence.ON_PAD:
            return Refused("dock.no_drone", "cannot secure the drone: it is not surely on the pad")
        return await self._sequence(securing(self._dock_config), presence, secured)

    async def open_for_landing(self, presence: Presence) -> Outcome:
        """Charger off, lid open and clamps released for a drone that is still surely away. Nothing moves if all is so."""
        return await self._sequence(opening(self._dock_config), presence, ready_for_drone)

    async def close_empty(self, presence: Presence) -> Outcome:
        """Closes the lid of a nest whose drone is surely elsewhere."""
        if presence() is not DronePresence.AWAY:
            return Refused("dock.presence_unknown", "cannot close the empty nest: the drone is not surely gone")
        return await self._sequence(closing(self._dock_config), presence, closed)

    async def poll_dock(self) -> None:
        """Reads the dock for ever."""
        await self._for_ever("dock", self._refresh, self._dock_config.poll_interval_s)

    async def poll_weather(self) -> None:
        """Reads the weather for ever."""
        await self._for_ever("weather", self._refresh_weather, self._weather_config.poll_interval_s)

    async def _for_ever(self, what: str, refresh: Callable[[], Awaitable[object]], interval_s: float) -> None:
        while True:
            try:
                await refresh()
            except Exception:  # noqa: BLE001 the outermost loop of this service: it reports and goes on
                _log.exception("nest.poll_failed", what=what)
            await asyncio.sleep(interval_s)

    async def _refresh(self) -> DockState | Refused:
        """Reads the dock now."""
        try:
            state = await self._dock_driver.read()
        except NestError as error:
            if self._dock_problem is None or self._dock_problem.code != error.code:
                _log.warning("dock.not_read", code=error.code, words=error.message)
            self._dock_problem = Refused(error.code, error.message)
            return self._dock_problem
        self._dock, self._dock_problem = state, None
        self._bus.publish(state)
        return state

    async def _refresh_weather(self) -> None:
        try:
            weather = await self._weather_driver.read()
        except NestError as error:
            if self._weather_problem is None or self._weather_problem.code != error.code:
                _log.warning("weather.not_read", code=error.code, words=error.message)
            self._weather_problem = Refused(error.code, error.message)
            return
        self._weather, self._weather_problem = weather, None
        self._bus.publish(weather)

    async def _sequence(self, steps: tuple[Step, ...], presence: Presence, done: Seen) -> Outcome:
        """The steps one after the other; the first refusal ends it."""
        if self._busy.locked():
            return Refused("dock.busy", "the dock is carrying out another request")
        async with self._busy:
            outcome = await self._reset_faults()
            for step in steps:
                if isinstance(outcome, Refused):
                    return outcome
                outcome = await self._move(step, presence)
            if isinstance(outcome, Refused):
                return outcome
            last = await self._refresh()
            if isinstance(last, Refused):
                last = await self._refresh()
            if isinstance(last, Refused):
                return last
            return Accepted() if done(last) else Refused("dock.not_verified", f"the dock did not stay so: {words_of(last)}")

    async def _reset_faults(self) -> Outcome:
        """Clears what the PLC has latched; it latches again where the cause is still there."""
        state = await self._refresh()
        if isinstance(state, Refused):
            return Accepted() if self.dock else state
        return await self._command(Movement.RESET) if state.faults and not state.emergency_stop else Accepted()

    async def _move(self, step: Step, presence: Presence) -> Outcome:
        """Asks for a movement and watches it to its end."""
        deadline_s = _now_s() + step.limit_s
        asked_s: float | None = None
        try:
            while True:
                outcome = await self._look(step, presence, asked_s)
                if outcome is None and _now_s() > deadline_s:
                    words = f"could not {step.movement} within {step.limit_s:g} s; the dock shows {words_of(self._dock)}"
                    outcome = Refused(step.timeout_code, words)
                if outcome is not None:
                    if isinstance(outcome, Refused) and asked_s is not None:
                        await self._stop_lid(step)
                    return outcome
                if self._must_ask(step, asked_s):
                    await self._command(step.movement)
                    asked_s = _now_s()
                await asyncio.sleep(self._dock_config.poll_interval_s)
        except asyncio.CancelledError:
            await self._stop_lid(step)
            raise

    async def _look(self, step: Step, presence: Presence, asked_s: float | None) -> Outcome | None:
        """What one reading says of a movement: done, refused, or (None) not there yet and allowed to go on."""
        state = await self._refresh()
        if isinstance(state, DockState):
            if step.reached(state):
                return Accepted()
            if asked_s is not None and (ends := _PLC_REFUSALS.union((step.fault_code,)).intersection(state.faults)):
                return Refused(min(ends), f"could not {step.movement}: the dock shows {words_of(state)}")
        verdict = judge(step.movement, self._dock, presence(), _now_s(), self.dock_max_age_s)
        if isinstance(verdict, Accepted):
            return None
        return state if isinstance(state, Refused) else verdict

    def _must_ask(self, step: Step, asked_s: float | None) -> bool:
        """Only on a reading of this moment: an answer that was lost delays a movement, it does not begin one."""
        if self._dock is None or self._dock_problem is not None:
            return False
        return asked_s is None or (_now_s() - asked_s > _REPEAT_AFTER_S and not step.under_way(self._dock))

    async def _command(self, movement: Movement) -> Outcome:
        """Sends a request. One that may not have arrived is asked for again by the caller, who looks at the sensors."""
        try:
            await self._dock_driver.command(movement)
        except NestError as error:
            _log.warning("dock.command_failed", movement=str(movement), code=error.code, words=error.message)
            return Refused(error.code, error.message)
        _log.info("dock.command", movement=str(movement))
        return Accepted()

    async def _stop_lid(self, step: Step) -> None:
        """Stops the lid if this step moves it. Where the request does not arrive, the PLC's watchdog stops the lid."""
        if step.moves_lid:
            await self._command(Movement.LID_STOP)


@asynccontextmanager
async def open_station(dock: DockSection, weather: WeatherSection, bus: Bus, clock: Clock) -> AsyncIterator[Station]:
    """The station with its drivers, polled by two tasks that live as long as the ``with`` block.

    Unreachable devices are no error: they are :attr:`Station.problems`, and readings appear when the devices do.

    Raises:
        ConfigError: the weather station's address is not a URL.
    """
    async with ModbusDock(dock) as driver:
        station = Station(driver, HttpWeather(weather, clock), dock, weather, bus)
        polls = [asyncio.create_task(station.poll_dock()), asyncio.create_task(station.poll_weather())]
        try:
            yield station
        finally:
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
