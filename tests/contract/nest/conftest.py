"""Two nests that the same tests run against: in memory, and the real drivers on real sockets with the simulated box.

All on a loop whose time jumps when nothing is left to do, so that a lid which needs 15 s costs milliseconds.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config.nest import DockSection, WeatherSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LatLon
from agent.domain.nest_state import DronePresence
from agent.nest.http_weather import HttpWeather
from agent.nest.interface import Dock, WeatherStation
from agent.nest.modbus_dock import ModbusDock
from agent.nest.station import Station
from simulator.loops import VirtualLoop
from simulator.nest.dock import Address, DockSettings, SimulatedDock, run_dock
from simulator.nest.drone import OverPad, Pad
from tests.doubles.nest import InMemoryDock, InMemoryWeather

PAD = Pad(LatLon(30.39, 119.84), 35.0)


def pytest_asyncio_loop_factories(config, item):
    return {"virtual": VirtualLoop}


class Rig:
    """A nest under test: what the tests may do to it, whatever it is made of."""

    dock: Dock
    weather: WeatherStation
    dock_config: DockSection
    weather_config: WeatherSection

    def __init__(self) -> None:
        self.presence = DronePresence.ON_PAD
        self.bus = Bus()

    @property
    def station(self) -> Station:
        return self._station

    def build(self) -> None:
        self._station = Station(self.dock, self.weather, self.dock_config, self.weather_config, self.bus)

    def put_drone(self, presence: DronePresence, *, on_pad: bool | None = None) -> None:
        """Puts the drone somewhere and tells the agent so; on_pad differs where the agent is to be wrong."""
        self.presence = presence
        self.place(on_pad=presence is DronePresence.ON_PAD if on_pad is None else on_pad)

    def place(self, *, on_pad: bool) -> None:
        raise NotImplementedError

    def fault(self, name: str, *, sensor: str = "lid_open") -> None:
        raise NotImplementedError

    def where(self) -> DronePresence:
        return self.presence


class DoubleRig(Rig):
    def __init__(self) -> None:
        super().__init__()
        self.dock = self.double = InMemoryDock()
        self.weather = self.sky = InMemoryWeather()
        self.dock_config = DockSection()
        self.weather_config = WeatherSection()
        self.build()

    def place(self, *, on_pad: bool) -> None:
        self.double.occupied = on_pad

    def fault(self, name: str, *, sensor: str = "lid_open") -> None:
        box = self.double
        box.advance(asyncio.get_running_loop().time())
        box.lid.jammed = name == "lid_jam"
        box.silent = name == "modbus_silent"
        box.emergency_stop = name == "emergency_stop"
        box.door_closed = name != "door_open"
        box.contact = name != "charger_contact"
        box.on_mains = name != "power_cut"
        box.lying_open_switch = (name, sensor) == ("lying_sensor", "lid_open")
        box.lying_pad = (name, sensor) == ("lying_sensor", "pad")


class WireRig(Rig):
    def __init__(self, box: SimulatedDock, modbus: ModbusDock, weather: HttpWeather, dock_config, weather_config) -> None:
        super().__init__()
        self.simulated = box
        self.dock, self.weather = modbus, weather
        self.dock_config, self.weather_config = dock_config, weather_config
        self.place(on_pad=True)
        self.build()

    def place(self, *, on_pad: bool) -> None:
        here = OverPad(sideways_m=0.1, above_m=0.0, landed=True, armed=False)
        self.simulated.box.drone = here if on_pad else replace(here, sideways_m=400.0, above_m=60.0, landed=False, armed=True)

    def fault(self, name: str, *, sensor: str = "lid_open") -> None:
        self.simulated.box.faults.change("none", active=True)
        self.simulated.box.faults.change(name, active=True, sensor=sensor)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@asynccontextmanager
async def wire_rig(truth: Path | None = None, ports: tuple[int, int] | None = None) -> AsyncIterator[WireRig]:
    modbus, http = ports or free_ports(2)
    settings = DockSettings(PAD, Address("127.0.0.1", modbus), Address("127.0.0.1", http), truth=truth)
    dock_config = DockSection(port=modbus)
    weather_config = WeatherSection(url=f"http://127.0.0.1:{http}/weather")
    async with run_dock(settings, Clock()) as box, ModbusDock(dock_config) as dock:
        yield WireRig(box, dock, HttpWeather(weather_config, Clock()), dock_config, weather_config)


@pytest.fixture(params=["in memory", "on the wire"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    if request.param == "in memory":
        yield DoubleRig()
        return
    async with wire_rig() as made:
        yield made


@pytest.fixture
async def wired(tmp_path: Path) -> AsyncIterator[WireRig]:
    async with wire_rig(tmp_path / "truth.jsonl") as made:
        yield made


@pytest.fixture(autouse=True)
async def no_task_is_left_over() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = {task for task in asyncio.all_tasks() - before if not task.done() and task is not asyncio.current_task()}
    assert not left, left
