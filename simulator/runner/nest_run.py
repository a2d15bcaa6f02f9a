"""One nest as processes: hub, drone, dock, camera, agent. Used by the demo and by the scenario tests.

Everything talks over loopback sockets. The agent is started last, with a calendar that sends the drone out soon.
"""

import json
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agent.core.clock import Clock, TimeBase
from simulator.camera.frames import camera_of
from simulator.hub.broker import Broker, Kind
from simulator.hub.subscriber import Account, Subscriber
from simulator.ports import free_port
from simulator.runner.firmware import firmware_parameters
from simulator.runner.nest_files import Ports, write_nest
from simulator.runner.processes import Child, Processes, answers_well, listening
from simulator.scenario import Scenario
from simulator.sitl.binary import PARAMETER_SETS, Backend, find_binary

_NEST_SIM = (sys.executable, "-m", "simulator")
_START_TIMEOUT_S = 120.0
_VISION_START_S = 15.0


@dataclass
class NestRun:
    """A running nest.

    Attributes:
        folder: everything the run leaves behind.
        hub: what an independent subscriber hears.
        take_off: when the calendar starts the flight.
        real_pictures: the camera shows a clip, not the world.
    """

    scenario: Scenario
    folder: Path
    clock: Clock
    ports: Ports
    processes: Processes
    broker: Broker
    hub: Subscriber
    config: Path
    take_off: datetime
    real_pictures: bool

    @property
    def nest_folder(self) -> Path:
        """What a technician would see on the nest's computer."""
        return self.config.parent

    @property
    def agent(self) -> Child:
        """The agent's process."""
        return self.processes.children["agent"]

    def start_agent(self) -> None:
        """Starts the agent; also after it was killed."""
        command = (sys.executable, "-m", "simulator.runner.agent_process", "-c", str(self.config))
        self.processes.start("agent", (*command, "--time-base", str(self.clock.base)))

    def wait(self, what: str, ready: Callable[[], bool], product_s: float) -> None:
        """Waits for a condition, at most so many seconds of the run's own clock.

        Raises:
            DeviceError: it did not come true in time, or a process ended.
        """
        self.processes.wait(what, ready, product_s / self.clock.base.rate)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a scenario is run.

    Attributes:
        speed: times real time.
        camera: a clip or folder that the camera shows instead of the rendered world.
        vehicle_args: further arguments of the vehicle's process.
        backend: what flies.
        binary: a real autopilot's program; None: as :func:`simulator.sitl.binary.find_binary` finds it.
        vehicle_port: where the vehicle sends, if something stands between it and the agent; None: straight to the agent.
    """

    speed: float
    camera: Path | None = None
    broker: Kind = "auto"
    fps: float = 5.0
    vehicle_args: tuple[str, ...] = ()
    backend: Backend = Backend.BUILTIN
    binary: Path | None = None
    vehicle_port: int | None = None


@contextmanager
def start_nest(scenario: Scenario, folder: Path, options: RunOptions, tell: Callable[[str], None]) -> Iterator[NestRun]:
    """Starts all processes of a scenario's nest, the agent last; stops them when the block ends.

    Args:
        folder: emptied first.
        tell: takes a line for each step.

    Raises:
        DeviceError: something did not start; names it and its last words.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "nest").mkdir(parents=True)
    clock = Clock(TimeBase(options.speed, time.time()))
    ports = _ports()
    world_file = folder / "world.yaml"
    world_file.write_text(json.dumps(scenario.world.model_dump(mode="json")), encoding="utf-8")
    with Processes(folder / "logs") as processes, Broker(folder / "broker", options.broker, ports.broker) as broker:
        protocol = "5" if broker.kind == "mosquitto" else "3.1.1"
        tell(f"hub: {broker.kind} broker, MQTT {protocol}, port {ports.broker}")
        _start_camera(folder, processes, ports, options, clock.base, world_file)
        _run_once(processes, "terrain", (*_NEST_SIM, "terrain", "--world", str(world_file), "--out", str(folder / "nest")))
        tell("terrain: height raster, river and map written")
        _start_devices(scenario, folder, processes, ports, options, clock.base)
        processes.wait("dock", lambda: listening(ports.modbus) and listening(ports.weather), _START_TIMEOUT_S)
        tell("dock: PLC and weather station answer")
        processes.wait("camera", lambda: answers_well(f"http://127.0.0.1:{ports.camera}/health"), _START_TIMEOUT_S)
        tell("camera: video is on the network")
        # The agent's vision process loads its models in real time, however fast the run's own clock goes.
        lead_s = max(scenario.nest.take_off_after_s, _VISION_START_S * options.speed)
        take_off = clock.utc() + timedelta(seconds=lead_s)
        water = json.loads((folder / "nest" / "river.geojson").read_text(encoding="utf-8"))
        config = write_nest(
            scenario,
            folder / "nest",
            ports,
            take_off,
            protocol,
            water,
            parameter_set=PARAMETER_SETS[options.backend],
            camera=camera_of(options.camera) if options.camera else None,
        )
        with Subscriber(Account("127.0.0.1", ports.broker, version_5=protocol == "5"), folder) as hub:
            run = NestRun(scenario, folder, clock, ports, processes, broker, hub, config, take_off, options.camera is not None)
            run.start_agent()
            tell(f"agent: started; the calendar sends the drone out at {take_off:%H:%M:%S} UTC")
            yield run


def _ports() -> Ports:
    udp = socket.SOCK_DGRAM
    return Ports(
        broker=free_port(),
        vehicle=free_port(udp),
        camera_pose=free_port(udp),
        dock_pose=free_port(udp),
        camera=free_port(),
        modbus=free_port(),
        weather=free_port(),
    )


def _start_devices(
    scenario: Scenario,
    folder: Path,
    processes: Processes,
    ports: Ports,
    options: RunOptions,
    base: TimeBase,
) -> None:
    """Drone and dock, which need the terrain."""
    pad, weather = scenario.world.place, scenario.weather
    alt_m = scenario.world.nest_alt_amsl_m
    parameters = firmware_parameters(PARAMETER_SETS[options.backend], options.backend)
    common = ("--time-base", str(base), "--seed", str(scenario.world.seed))
    links = [f"udpout:127.0.0.1:{port}" for port in (options.vehicle_port or ports.vehicle, ports.camera_pose, ports.dock_pose)]
    processes.start(
        "vehicle",
        (
            *(*_NEST_SIM, "vehicle", *common),
            *(part for link in links for part in ("--link", link)),
            *("--home", f"{pad.lat_deg},{pad.lon_deg},{alt_m},0"),
            *_backend_args(folder, options),
            *("--tlog", str(folder / "telemetry.tlog")),
            *("--wind", f"{weather.wind_m_s},{scenario.world.air.wind_from_deg}"),
            *(part for name, value in parameters.items() for part in ("--param", f"{name}={value:.9g}")),
            *options.vehicle_args,
        ),
    )
    processes.start(
        "dock",
        (
            *(*_NEST_SIM, "dock", *common),
            *("--pad", f"{pad.lat_deg},{pad.lon_deg},{alt_m}"),
            *("--modbus", f"127.0.0.1:{ports.modbus}", "--weather", f"127.0.0.1:{ports.weather}"),
            *("--vehicle", f"udpin:127.0.0.1:{ports.dock_pose}", "--truth", str(folder / "dock_truth.jsonl")),
            *("--wind", str(weather.wind_m_s), "--gust", str(weather.gust_m_s)),
            *("--wind-from", str(scenario.world.air.wind_from_deg)),
        ),
    )


def _backend_args(folder: Path, options: RunOptions) -> tuple[str, ...]:
    """The vehicle's arguments that depend on what flies; a real autopilot's ground is flat."""
    if options.backend is Backend.BUILTIN:
        return ("--terrain", str(folder / "nest" / "dem.asc"))
    binary = find_binary(options.backend, options.binary)
    return ("--backend", options.backend, "--binary", str(binary), "--folder", str(folder / "autopilot"))


def _start_camera(
    folder: Path, processes: Processes, ports: Ports, options: RunOptions, base: TimeBase, world_file: Path
) -> None:
    """The camera is started first: painting the world takes it longest."""
    source = ("--play", str(options.camera)) if options.camera else ()
    processes.start(
        "camera",
        (
            *(*_NEST_SIM, "camera", "--time-base", str(base), "--world", str(world_file)),
            *("--vehicle", f"udpin:127.0.0.1:{ports.camera_pose}", "--http", f"127.0.0.1:{ports.camera}"),
            *("--fps", str(options.fps), "--truth", str(folder / "truth")),
            *source,
        ),
    )


def _run_once(processes: Processes, name: str, command: tuple[str, ...]) -> None:
    """Runs a command to its end.

    Raises:
        DeviceError: it failed or took too long.
    """
    child = processes.start(name, command)
    end_s = time.monotonic() + _START_TIMEOUT_S
    while child.exit_code is None and time.monotonic() < end_s:
        time.sleep(0.05)
    if child.exit_code == 0:
        processes.children.pop(name)
    processes.check()
