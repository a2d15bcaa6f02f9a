"""``nest-sim dock``: the nest's box and weather station as a process."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from agent.core.clock import Clock, TimeBase
from agent.core.errors import ConfigError
from agent.core.geo import LatLon
from simulator.loops import ScaledLoop
from simulator.nest.dock import Address, DockSettings, run_dock
from simulator.nest.drone import Pad
from simulator.nest.weather import Settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("dock")(dock)


def dock(  # noqa: PLR0917 typer passes options by name
    pad: Annotated[str, typer.Option(help="The pad's centre: LAT,LON,ALT_AMSL_M.")],
    modbus: Annotated[str, typer.Option(help="Where the PLC listens.")] = "127.0.0.1:5020",
    weather: Annotated[str, typer.Option(help="Where the weather station listens.")] = "127.0.0.1:8091",
    vehicle: Annotated[str | None, typer.Option(help="udpin:HOST:PORT or udpout:HOST:PORT of the drone.")] = None,
    truth: Annotated[Path | None, typer.Option(help="File for the truth log (JSON lines).")] = None,
    time_base: Annotated[str, typer.Option(help="RATE@UNIX_EPOCH of an accelerated clock.")] = "1@0",
    seed: Annotated[int, typer.Option(help="Seed of the weather.")] = 1,
    wind: Annotated[float, typer.Option(help="Mean wind, m/s.")] = 3.0,
    gust: Annotated[float, typer.Option(help="Usual gust, m/s.")] = 5.0,
    wind_from: Annotated[float, typer.Option(help="Where the wind comes from, degrees.")] = 225.0,
    rain: Annotated[float, typer.Option(help="Rain, mm/h.")] = 0.0,
    temp: Annotated[float, typer.Option(help="Temperature, deg C.")] = 22.0,
    visibility: Annotated[float, typer.Option(help="Visibility, m.")] = 20000.0,
) -> None:
    """The dock (Modbus TCP) and the weather station (HTTP). POST /fault breaks things: see docs/dock-registers.md."""
    base = TimeBase.parse(time_base)
    settings = DockSettings(
        pad=_parse_pad(pad),
        modbus=Address.parse(modbus),
        weather=Address.parse(weather),
        vehicle=vehicle,
        truth=truth,
        seed=seed,
        settings=Settings(wind, max(wind, gust), wind_from, rain, temp, visibility_m=visibility),
    )
    with asyncio.Runner(loop_factory=lambda: ScaledLoop(base.rate)) as runner:
        runner.run(_serve(settings, Clock(base)))


async def _serve(settings: DockSettings, clock: Clock) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with run_dock(settings, clock):
        modbus, weather = settings.modbus, settings.weather
        print(
            f"dock: PLC on {modbus.host}:{modbus.port}, weather on http://{weather.host}:{weather.port}/weather",
            flush=True,
        )
        await stop.wait()


def _parse_pad(text: str) -> Pad:
    try:
        lat, lon, alt = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError("config.invalid", f"--pad {text!r}: write LAT,LON,ALT_AMSL_M, e.g. 30.39,119.84,35") from error
    return Pad(LatLon(lat, lon), alt)
