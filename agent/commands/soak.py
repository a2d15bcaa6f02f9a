"""``nest-agent soak``: does the memory of the vision process grow over many frames?"""

import json
from pathlib import Path
from typing import Annotated

import typer

from agent.commands.detect import quiet_decoders

EXIT_GROWN = 1


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("soak")(soak)


def soak(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Pictures and videos; noise without any.", show_default=False)
    ] = None,
    frames: Annotated[int, typer.Option(min=80, help="How many frames to look at.")] = 100_000,
    models: Annotated[list[Path] | None, typer.Option("--models", help="Model folder. Default: the shipped models.")] = None,
    threads: Annotated[int, typer.Option(min=1, max=16, help="Threads of the inference runtime.")] = 1,
    most: Annotated[float, typer.Option(help="Growth after warm-up that is still good, in percent.")] = 2.0,
) -> None:
    """Runs the flight's own pipeline over and over and reads the process's size. Exit status 1: it grew."""
    import cv2

    from agent.vision.perception import Perception, load_networks
    from agent.vision.soak import soak_lines

    quiet_decoders()
    cv2.setNumThreads(1)
    perception = Perception(load_networks(models or (), threads), "never")
    line = ""
    for line in soak_lines(perception, paths or [], frames):
        typer.echo(line)
    grown = json.loads(line)["growth"]
    raise typer.Exit(0 if grown <= most / 100.0 else EXIT_GROWN)
