"""``nest-sim flights``: the whole job again and again, on the built-in vehicle or a real autopilot, with trouble on the way."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from simulator.flights.trouble import Fault
from simulator.sitl.binary import Backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.flights.run import Flown

_FOR_GOOD = "good"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("flights")(flights)


def flights(  # noqa: PLR0917 typer passes options by name
    vehicle: Annotated[Backend, typer.Option(help="What flies.")] = Backend.BUILTIN,
    binary: Annotated[
        Path | None, typer.Option(help="The real autopilot's program; else NEST_ARDUCOPTER or NEST_PX4, or the PATH.")
    ] = None,
    count: Annotated[int, typer.Option(help="How many flights.", min=1)] = 10,
    scenario: Annotated[str, typer.Option(help="A shipped scenario's name, or a file.")] = "short_patrol",
    kill_agent: Annotated[bool, typer.Option("--kill-agent", help="Kills the agent in the air and starts it again.")] = False,
    cut_link: Annotated[str, typer.Option(help="Cuts the link to the drone for so many seconds, or for 'good'.")] = "0",
    fault: Annotated[Fault | None, typer.Option(help="A fault on the way, by the autopilot's own simulation.")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Times real time. Default: the scenario's, less on a busy computer.", min=0.1, max=50.0)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for what the runs leave. Each flight empties its own.")] = Path(
        "out/flights"
    ),
) -> None:
    """Flies and prints a table. Exit status 0 only if every flight ended as it had to."""
    from agent.core.errors import ConfigError, DeviceError
    from simulator.flights.run import Flown, fly
    from simulator.flights.trouble import Trouble
    from simulator.runner.nest_run import RunOptions
    from simulator.runner.pace import pace
    from simulator.scenario import load_scenario

    try:
        cut_s = float("inf") if cut_link == _FOR_GOOD else float(cut_link)
    except ValueError as error:
        raise ConfigError("config.invalid", f"--cut-link {cut_link!r}: write seconds or {_FOR_GOOD}") from error
    console, chosen = Console(), load_scenario(scenario)
    trouble = Trouble(kill_agent, cut_s, fault)
    console.print(f"{chosen.title}, {count} times on {vehicle}; at the end: {trouble.ending}", highlight=False)
    flown: list[Flown] = []
    for number in range(1, count + 1):
        options = RunOptions(speed=speed or pace(chosen.speed), backend=vehicle, binary=binary)
        try:
            one = fly(chosen, out.resolve() / f"{number:02d}", options, trouble, lambda _: None)
        except DeviceError as error:
            one = Flown(False, "broken off", 0.0, None, (0, 0), False, "", str(error))
        flown.append(one)
        console.print(
            f"{number}: {'good' if one.good else 'NOT GOOD'}, {one.outcome}, {one.took_s:.0f} s. {one.words}", highlight=False
        )
        (out / "flights.json").write_text(json.dumps([asdict(item) for item in flown], indent=1), encoding="utf-8")
    console.print(table_of(flown))
    good = sum(one.good for one in flown)
    autopilots = ", ".join(sorted({one.autopilot for one in flown if one.autopilot})) or "autopilot not told"
    console.print(f"{good} of {count} good. {autopilots}. Reports and logs: {out}", highlight=False)
    raise typer.Exit(0 if good == count else 1)


def table_of(flown: "Sequence[Flown]") -> Table:
    """One row a flight."""
    table = Table("flight", "outcome", "s", "m off the pad", "points", "alert", "good")
    for number, one in enumerate(flown, 1):
        off = "-" if one.off_pad_m is None else f"{one.off_pad_m:.2f}"
        seen, of = one.points
        words = ("yes" if one.alert else "no", "yes" if one.good else "[red]NO[/]")
        table.add_row(str(number), one.outcome, f"{one.took_s:.0f}", off, f"{seen} of {of}", *words)
    return table
