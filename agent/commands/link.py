"""``nest-agent link``: how good the links to the drone are, what comes over them, and what listening costs."""

import asyncio
import cProfile
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.config.load import load

if TYPE_CHECKING:
    from agent.config import Config

_NOT_TAKEN = ("malformed", "foreign", "repeated", "unsigned", "wrong_key", "replayed", "old")


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen in a while.

    Attributes:
        seconds: how long.
        links: for each link its address, whether it is used, loss 0..1, round trip, and frames by what became of them.
        kinds: messages in a second by name.
        processor: share of one core that this process used.
        problems: what is wrong, as code and words.
    """

    seconds: float
    links: list[dict[str, object]]
    kinds: dict[str, float]
    processor: float
    problems: list[str]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(link)


def link(
    config: Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")],
    secrets: Annotated[Path | None, typer.Option(help="Folder with one file a secret.")] = None,
    seconds: Annotated[float, typer.Option(help="How long to listen.", min=1.0)] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False,
    profile: Annotated[Path | None, typer.Option(help="Write a profile of the event loop for Python's pstats.")] = None,
) -> None:
    """Listens to the drone and tells loss, round trip, rates and refused messages of each link. Stop the agent first."""
    watched = asyncio.run(_watch(load(config, secrets), seconds, profile))
    if as_json:
        typer.echo(json.dumps(asdict(watched)))
        return
    _print(watched)


async def _watch(config: "Config", seconds: float, profile: Path | None) -> Watched:
    """Waits until the drone is heard, or is surely not, and then watches.

    Raises:
        LinkError: no port can be opened.
    """
    from agent.core.bus import Bus
    from agent.core.clock import Clock
    from agent.domain.telemetry import ContactChange
    from agent.vehicle.open import open_vehicle

    bus, loop = Bus(), asyncio.get_running_loop()
    with bus.subscribe(ContactChange) as changes:
        async with open_vehicle(config.vehicle, bus, Clock(), config.store.directory / "signing-time") as vehicle:
            contact = await changes.get()
            channels, exchange = vehicle.link.channels, vehicle.exchange
            before = [asdict(channel.counters) for channel in channels]
            kinds: Counter[str] = Counter()
            vehicle.link.add_handler(lambda frame: kinds.update((frame.name or "unknown",)))
            began_s, used_s = loop.time(), time.process_time()
            with _profiled(profile):
                await asyncio.sleep(seconds)
            passed_s, used_s = loop.time() - began_s, time.process_time() - used_s
            links: list[dict[str, object]] = [
                {
                    "link": channel.name,
                    "used": channel.number == vehicle.link.used,
                    "loss": channel.view(loop.time()).loss,
                    "round_trip_s": exchange.round_trip_of(channel.number).mean_s,
                    **{
                        name: getattr(channel.counters, name) - before[channel.number][name] for name in ("frames", *_NOT_TAKEN)
                    },
                }
                for channel in channels
            ]
            told = [f"{problem.code}: {problem.words}" for problem in vehicle.problems]
            return Watched(
                seconds=passed_s,
                links=links,
                kinds={name: round(count / passed_s, 1) for name, count in kinds.most_common()},
                processor=used_s / passed_s,
                problems=told or ([] if contact.heard else [f"{contact.code}: {contact.words}"]),
            )


@contextmanager
def _profiled(path: Path | None) -> Iterator[None]:
    """Profiles this thread while the block lasts, into a file; nothing without one."""
    if path is None:
        yield
        return
    profiler = cProfile.Profile()
    profiler.enable()
    yield
    profiler.disable()
    profiler.dump_stats(path)


def _print(watched: Watched) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    for row in watched.links:
        trip_s = row["round_trip_s"]
        parts = [f"{row['frames']} messages in {watched.seconds:.0f} s", f"{row['loss']:.1%} lost"]
        parts += [f"round trip {1000 * trip_s:.0f} ms"] if isinstance(trip_s, float) else []
        parts += [f"{row[name]} {name.replace('_', ' ')}" for name in _NOT_TAKEN if row[name]]
        console.print(f"{row['link']}{', in use' if row['used'] else ''}: {', '.join(parts)}", markup=False)
    rates = Table("message", "a second", box=None)
    for name, rate in watched.kinds.items():
        rates.add_row(name, f"{rate:g}")
    console.print(rates)
    console.print(f"{sum(watched.kinds.values()):.0f} messages a second cost {watched.processor:.1%} of one core")
    for problem in watched.problems:
        console.print(problem, markup=False)
