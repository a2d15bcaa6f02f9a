"""``nest-sim link``: a bad radio between agent and vehicle, as a process."""

import asyncio
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from agent.core.clock import TimeBase
from simulator.loops import ScaledLoop

if TYPE_CHECKING:
    from simulator.link.model import Impairment

_FORM = "loss=0.05,delay_s=0.05,jitter_s=0.01,duplicate=0,reorder=0,corrupt=0,baud=57600,buffer_bytes=4096,cuts=30:50;80:90"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("link")(link)


def link(
    agent_side: Annotated[str, typer.Argument(help="udpin:HOST:PORT, udpout:…, tcp-listen:…, tcp:… or pty:PATH.")],
    vehicle_side: Annotated[str, typer.Argument(help="The same forms.")],
    both: Annotated[str, typer.Option(help=f"How bad it is both ways, e.g. {_FORM}")] = "",
    to_vehicle: Annotated[str | None, typer.Option(help="How bad the way to the vehicle is, in place of --both.")] = None,
    to_agent: Annotated[str | None, typer.Option(help="How bad the way to the agent is, in place of --both.")] = None,
    seed: Annotated[int, typer.Option(help="Of all chance: the same seed and the same packets meet the same fate.")] = 1,
    time_base: Annotated[str, typer.Option(help="RATE@UNIX_EPOCH of an accelerated clock.")] = "1@0",
) -> None:
    """Passes bytes between agent and vehicle with loss, delay, damage and a limit of speed."""
    from simulator.link.model import Impairment

    up = Impairment.parse(both if to_vehicle is None else to_vehicle)
    down = Impairment.parse(both if to_agent is None else to_agent)
    base = TimeBase.parse(time_base)
    with asyncio.Runner(loop_factory=lambda: ScaledLoop(base.rate)) as runner:
        runner.run(_serve((agent_side, vehicle_side), (up, down), seed))


async def _serve(ends: tuple[str, str], ways: "tuple[Impairment, Impairment]", seed: int) -> None:
    from simulator.link.proxy import proxy

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with proxy(*ends, *ways, seed) as model:
        print(f"link ready between {ends[0]} and {ends[1]}", flush=True)
        await stop.wait()
    for name, direction in (("to the vehicle", model.to_vehicle), ("to the agent", model.to_agent)):
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in asdict(direction.counts).items()), flush=True)
