"""The station when the dock does odd things: answers that fail, parts that do not stay."""

import asyncio

import pytest

from agent.config.nest import DockSection, WeatherSection
from agent.core.bus import Bus
from agent.core.errors import LinkError
from agent.core.outcome import Accepted, Refused
from agent.domain.nest_state import ClampState, DockState, DronePresence
from agent.nest.station import Station
from simulator.loops import VirtualLoop
from tests.doubles.nest import InMemoryDock, InMemoryWeather


class DeafDock(InMemoryDock):
    """Takes requests but does not answer questions."""

    deaf = False

    async def read(self) -> DockState:
        if self.deaf:
            raise LinkError("dock.unreachable", "deaf")
        return await super().read()


class WearyDock(InMemoryDock):
    """Its charger springs back once the clamps are released."""

    async def read(self) -> DockState:
        state = await super().read()
        if state.clamps is ClampState.RELEASED:
            self.charger.at = 1.0
        return state


def on_pad() -> DronePresence:
    return DronePresence.ON_PAD


def station_of(dock: InMemoryDock) -> Station:
    return Station(dock, InMemoryWeather(), DockSection(), WeatherSection(), Bus())


def play(scene) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scene)


def test_no_movement_is_begun_on_an_old_reading_even_if_it_is_still_fresh():
    async def scene() -> None:
        dock = DeafDock()
        station = station_of(dock)
        async with asyncio.TaskGroup() as group:
            poll = group.create_task(station.poll_dock())
            await asyncio.sleep(1.0)
            dock.deaf = True
            launch = group.create_task(station.prepare_launch(on_pad))
            await asyncio.sleep(3.0)  # the last reading counts for 6.5 s
            assert station.dock is not None
            assert dock.commands == []
            dock.deaf = False
            assert await launch == Accepted()
            poll.cancel()

    play(scene())


def test_a_dock_that_does_not_stay_as_asked_is_not_ready():
    async def scene() -> None:
        outcome = await station_of(WearyDock()).prepare_launch(on_pad)
        assert isinstance(outcome, Refused)
        assert outcome.code == "dock.not_verified"
        assert "charger engaged" in outcome.words

    play(scene())


def test_a_station_without_any_reading_moves_nothing():
    async def scene() -> None:
        dock = DeafDock()
        dock.deaf = True
        outcome = await station_of(dock).prepare_launch(on_pad)
        assert outcome == Refused("dock.unreachable", "deaf")
        assert dock.commands == []

    play(scene())


def test_a_poll_that_fails_in_an_unforeseen_way_is_reported_and_goes_on(capsys: pytest.CaptureFixture[str]):
    class BrokenDock(InMemoryDock):
        broken = True

        async def read(self) -> DockState:
            if self.broken:
                raise ZeroDivisionError("a bug")
            return await super().read()

    async def scene() -> None:
        dock = BrokenDock()
        station = station_of(dock)
        poll = asyncio.create_task(station.poll_dock())
        await asyncio.sleep(2.0)
        dock.broken = False
        await asyncio.sleep(1.0)
        assert station.dock is not None
        poll.cancel()

    play(scene())
    assert "ZeroDivisionError" in capsys.readouterr().out
