"""``nest-sim vehicle``: a drone as a process that speaks MAVLink: the built-in vehicle, or a real autopilot's simulation."""

import asyncio
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.core.clock import Clock, TimeBase
from agent.core.errors import ConfigError
from agent.core.geo import LatLon
from agent.core.terrain import Terrain
from simulator.sitl.binary import Backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.sitl.recipe import Wanted
    from simulator.vehicle.craft import Place
    from simulator.vehicle.links import Address
    from simulator.vehicle.server import VehicleServer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("vehicle")(vehicle)


def vehicle(  # noqa: PLR0917 typer declares options as arguments
    link: Annotated[
        list[str] | None,
        typer.Option(help="A link: udpin:HOST:PORT, udpout:HOST:PORT or tcp-listen:HOST:PORT. Repeat for more."),
    ] = None,
    udp: Annotated[list[int] | None, typer.Option(help="Short for --link udpin:127.0.0.1:PORT.")] = None,
    tcp: Annotated[list[int] | None, typer.Option(help="Short for --link tcp-listen:127.0.0.1:PORT.")] = None,
    backend: Annotated[Backend, typer.Option(help="What flies.")] = Backend.BUILTIN,
    binary: Annotated[
        Path | None, typer.Option(help="The real autopilot's program; else NEST_ARDUCOPTER or NEST_PX4, or the PATH.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where the real autopilot works and leaves its logs; a passing one without.")
    ] = None,
    home: Annotated[
        str, typer.Option(help="LAT,LON,ALT_AMSL_M,HEADING_DEG of the place where it stands.")
    ] = "30.39,119.84,10,0",
    seed: Annotated[int, typer.Option(help="Of all noise; the same seed flies the same flight.")] = 1,
    wind: Annotated[str, typer.Option(help="SPEED_M_S,FROM_DEG[,TURBULENCE]; turbulence 1 is usual for the speed.")] = "0,0",
    boot_s: Annotated[float, typer.Option(help="Seconds from start until the position is good.")] = 42.0,
    battery: Annotated[float, typer.Option(help="Charge at start in percent.", min=0.0, max=100.0)] = 100.0,
    param: Annotated[list[str] | None, typer.Option(help="NAME=VALUE. Repeat for more.")] = None,
    terrain: Annotated[
        Path | None, typer.Option(help="Ground heights, ESRI ASCII grid; flat at home's altitude without.")
    ] = None,
    tlog: Annotated[Path | None, typer.Option(help="Records what is sent and received.")] = None,
    time_base: Annotated[str, typer.Option(help="RATE@UNIX_SECONDS of the shared clock.")] = "1",
    step_hz: Annotated[
        float | None, typer.Option(help="Physics steps in a second; 100, or 50 from 3 times real time on.", min=25.0, max=400.0)
    ] = None,
) -> None:
    """Runs a drone that a ground station takes for ArduCopter 4.6, or with --backend a real autopilot's simulation.

    A real autopilot has flat ground, a full battery and seeds of its own: --terrain, --battery, --boot-s, --step-hz and --seed
    are the built-in vehicle's.
    """
    from simulator.vehicle.links import Address
    from simulator.vehicle.server import VehicleServer
    from simulator.vehicle.setup import Setup

    addresses = [Address.parse(text) for text in link or []]
    addresses += [Address("udpin", "127.0.0.1", port) for port in udp or []]
    addresses += [Address("tcp-listen", "127.0.0.1", port) for port in tcp or []]
    addresses = addresses or [Address("udpin", "127.0.0.1", 14550)]
    base = TimeBase.parse(time_base)
    if backend is not Backend.BUILTIN:
        with ExitStack() as stack:
            folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"nest-{backend}-")))
            wanted = _wanted(backend, binary, folder, home, base, wind, param or [])
            asyncio.run(_serve_sitl(backend, wanted, addresses, Clock(base), tlog))
        return
    ground = Terrain.load(terrain) if terrain else None
    setup = Setup(
        place=_place(home),
        seed=seed,
        boot_s=boot_s,
        ground=ground.height_amsl_m if ground else None,
        parameters=(*_wind(wind), *(param or [])),
        charge=battery / 100.0,
    )
    step_s = 1.0 / (step_hz or (100.0 if base.rate < 3.0 else 50.0))
    asyncio.run(_serve(VehicleServer(setup, addresses, Clock(base), tlog, step_s)))


def _stop_signal() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _serve(server: "VehicleServer") -> None:
    stop = _stop_signal()
    async with server:
        print(f"vehicle ready on {' '.join(map(str, server.bound))}", flush=True)
        await server.run(stop, lambda words: print(f"vehicle: {words}", file=sys.stderr, flush=True))


async def _serve_sitl(
    backend: Backend, wanted: "Wanted", addresses: "Sequence[Address]", clock: Clock, tlog: Path | None
) -> None:
    """Runs a real autopilot until it is told to stop.

    Raises:
        DeviceError: it ended by itself.
    """
    from simulator.sitl.launch import run_sitl
    from simulator.vehicle.tlog import Tlog

    stop = _stop_signal()
    with ExitStack() as stack:
        log = Tlog(tlog, clock.unix_s) if tlog else None
        if log is not None:
            stack.callback(log.close)
        async with run_sitl(backend, wanted, addresses, log.write if log else lambda _: None) as sitl:
            print(f"vehicle ready on {' '.join(map(str, sitl.bound))}", flush=True)
            stopped, ended = asyncio.create_task(stop.wait()), asyncio.create_task(sitl.process.wait())
            await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            ended.cancel()
            if not stop.is_set():
                raise sitl.ended()


def _wanted(
    backend: Backend, binary: Path | None, folder: Path, home: str, base: TimeBase, wind: str, params: "Sequence[str]"
) -> "Wanted":
    from simulator.sitl.binary import find_binary
    from simulator.sitl.recipe import Wanted

    place = _place(home)
    wind_m_s, wind_from_deg, *_ = _numbers("wind", wind, 2, 3)
    return Wanted(
        find_binary(backend, binary),
        folder.resolve(),
        place.latlon,
        place.alt_amsl_m,
        place.heading_deg,
        base.rate,
        wind_m_s,
        wind_from_deg,
        dict(_parameter(text) for text in params),
    )


def _parameter(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise ConfigError("config.invalid", f"param {text!r}: write NAME=VALUE with a number, e.g. RTL_ALT=3000") from error


def _place(text: str) -> "Place":
    from simulator.vehicle.craft import Place

    lat, lon, alt, heading = _numbers("home", text, 4, 4)
    if abs(lat) > 90 or abs(lon) > 180:
        raise ConfigError("config.invalid", f"home {text!r}: {lat}, {lon} is no place on earth")
    return Place(LatLon(lat, lon), alt, heading)


def _wind(text: str) -> tuple[str, ...]:
    speed, from_deg, *more = _numbers("wind", text, 2, 3)
    return (f"SIM_WIND_SPD={speed}", f"SIM_WIND_DIR={from_deg}", f"SIM_WIND_TURB={more[0] if more else 1.0}")


def _numbers(what: str, text: str, least: int, most: int) -> list[float]:
    parts = text.split(",")
    try:
        values = [float(part) for part in parts]
    except ValueError as error:
        raise ConfigError("config.invalid", f"{what} {text!r}: {error}") from error
    if not least <= len(values) <= most:
        wanted = str(least) if least == most else f"{least} or {most}"
        raise ConfigError("config.invalid", f"{what} {text!r}: {len(values)} numbers, {wanted} are wanted")
    return values
