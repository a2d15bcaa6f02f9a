"""Runs the whole box: mechanics, PLC, Modbus, weather station, and the link to the drone, in one loop."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.core.clock import Clock, rfc3339
from agent.core.errors import ConfigError, LinkError
from simulator.nest.drone import Pad, over_pad
from simulator.nest.drone_link import DroneLink, UdpPort
from simulator.nest.faults import Fault
from simulator.nest.http_server import serve_http
from simulator.nest.mechanics import Mechanics
from simulator.nest.modbus_server import serve_modbus
from simulator.nest.plc import SCAN_S, Plc
from simulator.nest.weather import Settings, WeatherModel


@dataclass(frozen=True)
class Address:
    """Host and port of a socket."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Reads ``HOST:PORT``.

        Raises:
            ConfigError: it has another form.
        """
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError("config.invalid", f"{text!r}: write HOST:PORT, e.g. 127.0.0.1:5020")
        return cls(host, int(port))


@dataclass(frozen=True)
class DockSettings:
    """What a simulated dock is told.

    Attributes:
        pad: where it stands.
        modbus: where the PLC listens.
        weather: where the weather station listens.
        vehicle: ``udpin:HOST:PORT`` to wait for the drone, ``udpout:HOST:PORT`` to call it; None: no drone.
        truth: file for the truth log, JSON lines; None: none.
        seed: of the weather.
        settings: the weather.
    """

    pad: Pad
    modbus: Address
    weather: Address
    vehicle: str | None = None
    truth: Path | None = None
    seed: int = 1
    settings: Settings = field(default_factory=Settings)


class TruthLog:
    """What truly happened, one JSON object a line, flushed at once."""

    def __init__(self, clock: Clock, path: Path | None) -> None:
        self._clock = clock
        self._file = path.open("a", encoding="utf-8") if path else None
        self.events: list[dict[str, object]] = []

    def report(self, event: str, details: dict[str, object]) -> None:
        """Notes an event with the product's time."""
        row: dict[str, object] = {"t": rfc3339(self._clock.utc()), "event": event, **details}
        self.events.append(row)
        if self._file:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._file:
            self._file.close()


class SimulatedDock:
    """A running box. Made by :func:`run_dock`."""

    def __init__(self, settings: DockSettings, clock: Clock, log: TruthLog) -> None:
        self.pad = settings.pad
        self.clock = clock
        self.log = log
        self.box = Mechanics(log.report, outside_temp_c=settings.settings.temp_c, inside_temp_c=settings.settings.temp_c)
        self.plc = Plc(self.box)
        self.weather = WeatherModel(settings.settings, settings.seed)
        self.link: DroneLink | None = None

    def step(self, dt_s: float) -> None:
        """Lets time pass in the whole box."""
        truth = self.link.truth if self.link else None
        if truth is not None:
            self.box.drone, self.box.battery = over_pad(truth, self.pad), truth.battery
        self.box.outside_temp_c = self.weather.settings.temp_c
        self.plc.scan(dt_s)
        self.box.step(dt_s)
        self.weather.step(dt_s)
        if self.link:
            self.link.charge(self.box.charging_a)

    def silent(self) -> bool:
        """Whether the PLC does not answer."""
        return Fault.MODBUS_SILENT in self.box.faults or not self.box.has_power

    def get_weather(self, _given: dict[str, object]) -> object:
        """GET /weather."""
        return {"time": rfc3339(self.clock.utc()), **self.weather.reading()}

    def post_weather(self, given: dict[str, object]) -> object:
        """POST /weather: other values to vary around."""
        self.weather.settings = self.weather.settings.changed(given)
        self.log.report("weather_set", dict(given))
        return self.weather.reading()

    def get_dock(self, _given: dict[str, object]) -> object:
        """GET /dock: the truth."""
        return self.box.snapshot()

    def post_fault(self, given: dict[str, object]) -> object:
        """POST /fault: ``{"fault": NAME, "active": true, "sensor": NAME}``; ``none`` clears all."""
        name, active, sensor = given.get("fault"), given.get("active", True), given.get("sensor", "lid_open")
        if not isinstance(name, str) or not isinstance(active, bool) or not isinstance(sensor, str):
            raise ConfigError(
                "config.invalid", f"fault must be one of none, {', '.join(Fault)}; active true or false; sensor a name"
            )
        self.box.faults.change(name, active=active, sensor=sensor)
        self.log.report("fault", {"faults": self.box.faults.names()})
        return {"faults": self.box.faults.names()}


@asynccontextmanager
async def run_dock(settings: DockSettings, clock: Clock) -> AsyncIterator[SimulatedDock]:
    """Serves a box while the ``with`` block lasts.

    Raises:
        LinkError: a port cannot be opened.
        ConfigError: the vehicle's address is wrong.
    """
    async with AsyncExitStack() as stack:
        log = TruthLog(clock, settings.truth)
        stack.callback(log.close)
        dock = SimulatedDock(settings, clock, log)
        if settings.vehicle:
            dock.link = await _open_link(settings.vehicle, stack)
        await stack.enter_async_context(serve_modbus(dock.plc, settings.modbus.host, settings.modbus.port, dock.silent))
        routes = {
            ("GET", "/weather"): dock.get_weather,
            ("POST", "/weather"): dock.post_weather,
            ("GET", "/dock"): dock.get_dock,
            ("POST", "/fault"): dock.post_fault,
        }
        await stack.enter_async_context(serve_http(routes, settings.weather.host, settings.weather.port))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(_cycle(dock))]
        if dock.link:
            tasks.append(group.create_task(_talk(dock.link)))
        try:
            yield dock
        finally:
            for task in tasks:
                task.cancel()


async def _cycle(dock: SimulatedDock) -> None:
    loop = asyncio.get_running_loop()
    last_s = loop.time()
    while True:
        await asyncio.sleep(SCAN_S)
        now_s = loop.time()
        # On a busy machine a cycle comes late: it is made up for in steps of the usual length.
        while last_s < now_s:
            dt_s = min(SCAN_S, now_s - last_s)
            dock.step(dt_s)
            last_s += dt_s


async def _talk(link: DroneLink) -> None:
    while True:
        link.tick()
        await asyncio.sleep(1.0)


async def _open_link(address: str, stack: AsyncExitStack) -> DroneLink:
    kind, _, where = address.partition(":")
    if kind not in {"udpin", "udpout"}:
        raise ConfigError("config.invalid", f"vehicle {address!r}: write udpin:HOST:PORT or udpout:HOST:PORT")
    at = Address.parse(where)
    loop = asyncio.get_running_loop()
    local, remote = ((at.host, at.port), None) if kind == "udpin" else (None, (at.host, at.port))
    try:
        transport, port = await loop.create_datagram_endpoint(UdpPort, local_addr=local, remote_addr=remote)
    except OSError as error:
        raise LinkError("sim.port", f"cannot open {address}: {error.strerror}") from error
    stack.callback(transport.close)
    port.link = DroneLink(port.send, loop.time)
    return port.link
