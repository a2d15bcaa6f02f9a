"""``nest-sim demo``: a nest flies by itself, sees what the scenario holds, and a dispatcher's desk gets the alert."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from simulator.sitl.binary import Backend


class Choice(StrEnum):
    """Which broker plays the hub."""

    AUTO = "auto"
    MOSQUITTO = "mosquitto"
    EMBEDDED = "embedded"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    scenario: Annotated[str, typer.Option(help="A shipped scenario's name, or a file.")] = "first_flight",
    out: Annotated[Path, typer.Option(help="Folder for what the run leaves. It is emptied first.")] = Path("out/demo"),
    speed: Annotated[
        float | None,
        typer.Option(help="Times real time. Default: the scenario's, less on a busy computer.", min=0.1, max=50.0),
    ] = None,
    camera: Annotated[Path | None, typer.Option(help="Show this clip or picture folder instead of the world.")] = None,
    vehicle: Annotated[Backend, typer.Option(help="What flies: the built-in vehicle, or a real autopilot's simulation.")] = (
        Backend.BUILTIN
    ),
    binary: Annotated[
        Path | None, typer.Option(help="The real autopilot's program; else NEST_ARDUCOPTER or NEST_PX4, or the PATH.")
    ] = None,
    broker: Annotated[Choice, typer.Option(help="auto: Mosquitto if it is installed, else the embedded one.")] = Choice.AUTO,
) -> None:
    """Runs a whole nest. Exit status 0 only if everything that the scenario demands was seen.

    With --camera the pictures are not of the scenario's world, so no alert is demanded; the report shows what was seen in them.
    """
    from simulator.demo.run import run_demo
    from simulator.runner.nest_run import RunOptions
    from simulator.runner.pace import pace
    from simulator.scenario import load_scenario

    console = Console()
    chosen = load_scenario(scenario)
    options = RunOptions(speed=speed or pace(chosen.speed), camera=camera, broker=broker.value, backend=vehicle, binary=binary)
    console.print(f"{chosen.title}: {options.speed:.1f} times real time", highlight=False)
    ended = run_demo(chosen, out.resolve(), options, console)
    for item in ended.items:
        mark = "[green]ok  [/]" if item.passed else "[red]FAIL[/]"
        console.print(f"{mark} {item.name}: {item.words}", highlight=False)
    peaks = ", ".join(f"{name} {peak_mb:.0f} MB" for name, peak_mb in ended.peaks_mb.items())
    console.print(f"Peak memory: {peaks}", highlight=False)
    console.print(f"{ended.took_s:.0f} s. Report: {out / 'report.html'}")
    raise typer.Exit(0 if ended.passed else 1)
