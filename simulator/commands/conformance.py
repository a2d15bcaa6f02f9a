"""``nest-sim conformance``: whether a vehicle behaves as the agent relies on, row by row."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from simulator.sitl.binary import Backend


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("conformance")(conformance)


def conformance(
    vehicle: Annotated[Backend, typer.Option(help="What is asked.")] = Backend.BUILTIN,
    binary: Annotated[
        Path | None, typer.Option(help="The real autopilot's program; else NEST_ARDUCOPTER or NEST_PX4, or the PATH.")
    ] = None,
    speed: Annotated[float | None, typer.Option(help="Times real time. Default: 10, PX4 5.", min=0.1, max=50.0)] = None,
    keep: Annotated[Path | None, typer.Option(help="Folder for the vehicle's logs; a passing one without.")] = None,
) -> None:
    """Asks a vehicle for every behaviour that the agent relies on, and prints where it differs from the real autopilots.

    What real ones answer was measured on ArduCopter 4.6.3 and PX4 1.18-beta. Exit status 0 only if nothing differs.
    """
    from simulator.conformance.run import conform

    console = Console()
    with tempfile.TemporaryDirectory(prefix="nest-conformance-") as passing:
        rate = speed or (5.0 if vehicle is Backend.PX4 else 10.0)
        answers = conform(vehicle, binary, (keep or Path(passing)).resolve(), rate)
    table = Table("asked", "a real one", str(vehicle), "same", title=f"{vehicle}, {rate:g} times real time")
    for row in answers:
        table.add_row(row.words, row.expected, row.answer, "yes" if row.same else "[red]NO[/]")
    console.print(table)
    differing = sum(not row.same for row in answers)
    console.print(f"{len(answers)} behaviours, {differing} of them different", highlight=False)
    raise typer.Exit(0 if not differing else 1)
