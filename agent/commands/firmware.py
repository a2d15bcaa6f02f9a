"""``nest-agent firmware``: compares the drone's parameters with the nest's set, applies the set, writes it as a file.

Exit status 0: all is right, or done; 1: something is not right; 2: it could not be looked at, or was refused.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.progress import TaskID

from agent.config import Config
from agent.config.load import load
from agent.core.errors import ConfigError, StoreError
from agent.core.outcome import Refused
from agent.vehicle.firmware import Applied, Progress
from agent.vehicle.parameter_set import Comparison, read_set, wanted_words
from agent.vehicle.vehicle import MavlinkVehicle

EXIT_WRONG = 1
EXIT_REFUSED = 2
T = TypeVar("T")
ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]
SecretsDir = Annotated[Path | None, typer.Option(help="Folder with one file a secret.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    firmware = typer.Typer(no_args_is_help=True, help="The autopilot's parameters: check, diff, apply, export.")
    for command in (check, diff, apply, export):
        firmware.command()(command)
    app.add_typer(firmware, name="firmware")


def check(config: ConfigFile, secrets: SecretsDir = None) -> None:
    """Says whether the drone's parameters are as the set demands."""
    read = load(config, secrets)
    compared = _compared(read)
    wrong = [one for one in compared if one.wrong is not None]
    for one in wrong:
        typer.echo(f"{one.row.name} is {_text(one.actual)}, must be {wanted_words(one.row, _own(read))}", err=True)
    typer.echo(f"{_name(read)}: {len(compared) - len(wrong)} of {len(compared)} parameters are right")
    raise typer.Exit(EXIT_WRONG if wrong else 0)


def diff(
    config: ConfigFile,
    secrets: SecretsDir = None,
    everything: Annotated[bool, typer.Option("--all", help="What is right too.")] = False,
) -> None:
    """Shows what is not as the set demands, and why it should be."""
    read = load(config, secrets)
    compared = _compared(read)
    shown = compared if everything else [one for one in compared if one.wrong is not None]
    if shown:
        _print_table(shown, _own(read), {row.name for row in read_set(read.vehicle.parameter_set).parameters})
    else:
        typer.echo(f"{_name(read)}: no difference")
    raise typer.Exit(EXIT_WRONG if any(one.wrong is not None for one in compared) else 0)


def apply(config: ConfigFile, secrets: SecretsDir = None) -> None:
    """Sets what is not right, on the ground and disarmed, and restarts the autopilot where that is needed."""
    from agent.store.store import no_agent

    read = load(config, secrets)
    with no_agent(read.store.directory):
        applied = _run(_applied(read))
    if isinstance(applied, Refused):
        _refuse(applied)
    typer.echo(f"{_name(read)}: {len(applied.changed)} parameters set, {applied.restarts} restarts")
    for refused in applied.why:
        typer.echo(f"{refused.code}: {refused.words}", err=True)
    if applied.restart_due:
        typer.echo("Switch the drone off and on: some of it takes effect at its next start only.", err=True)
    if applied.left:
        _print_table(applied.left, _own(read), {row.name for row in read_set(read.vehicle.parameter_set).parameters})
    raise typer.Exit(EXIT_WRONG if applied.left or applied.restart_due else 0)


def export(
    config: ConfigFile,
    secrets: SecretsDir = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; else standard output.")] = None,
) -> None:
    """Writes the set for Mission Planner and MAVProxy (ArduPilot) or QGroundControl (PX4). Needs no drone."""
    from agent.core.files import write_whole
    from firmware_config.export import EXPORTERS
    from firmware_config.schema import load_metadata

    read = load(config, secrets)
    wanted = read_set(read.vehicle.parameter_set)
    text = EXPORTERS[wanted.autopilot](wanted, load_metadata(read.vehicle.parameter_set), _own(read))
    if output is None:
        typer.echo(text, nl=False)
    else:
        try:
            write_whole(output, text.encode())
        except OSError as error:
            raise ConfigError("config.invalid", f"{output}: cannot be written ({error.strerror})") from error


def _own(config: Config) -> int:
    return config.vehicle.own_system_id


def _name(config: Config) -> str:
    name = config.vehicle.parameter_set
    return f"{name} ({read_set(name).digest[:12]})"


def _text(actual: float | None) -> str:
    return "missing" if actual is None else f"{actual:g}"


def _refuse(refused: Refused) -> NoReturn:
    typer.echo(f"nest-agent: {refused.code}: {refused.words}", err=True)
    raise typer.Exit(EXIT_REFUSED)


def _run(work: Coroutine[None, None, T]) -> T:
    """Runs it with the library's own log kept to errors: what matters is in the result."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return asyncio.run(work)


@asynccontextmanager
async def _drone(config: Config) -> AsyncIterator[MavlinkVehicle]:
    """The drone of this configuration, heard and known."""
    from agent.core.bus import Bus
    from agent.core.clock import Clock
    from agent.vehicle.open import open_vehicle

    async with open_vehicle(config.vehicle, Bus(), Clock()) as vehicle:
        await vehicle.wait_known(config.vehicle.connect_timeout_s)
        yield vehicle


def _compared(config: Config) -> list[Comparison]:
    """Every row beside what the drone has."""
    from agent.store.store import no_agent

    try:
        with no_agent(config.store.directory):
            pass
    except StoreError:
        typer.echo("an agent runs on this nest; if the link is refused, stop it first", err=True)

    async def compare() -> list[Comparison] | Refused:
        async with _drone(config) as vehicle:
            return await vehicle.compare_parameters()

    compared = _run(compare())
    if isinstance(compared, Refused):
        _refuse(compared)
    return compared


async def _applied(config: Config) -> Applied | Refused:
    async with _drone(config) as vehicle:
        with _bars() as progress:
            return await vehicle.apply_firmware(progress)


@contextmanager
def _bars() -> Iterator[Progress]:
    """Progress on the terminal, one bar a kind of step; on standard error, so that the result can be piped."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield told


def _print_table(rows: Sequence[Comparison], own_system_id: int, each_flight: set[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("parameter", "is", "must be", "unit", "needed", "why", box=None, pad_edge=False)
    for one in rows:
        row = one.row
        wanted = wanted_words(row.model_copy(update={"unit": ""}), own_system_id)
        when = "each flight" if row.name in each_flight else "set-up"
        table.add_row(row.name, _text(one.actual), wanted, row.unit, when, row.reason)
    # Into a file or a pipe each row is one line, for grep.
    Console(width=None if sys.stdout.isatty() else 240).print(table)
