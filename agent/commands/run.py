"""``nest-agent run``: the program of the nest; and ``clear-fault``, a person's word that a fault is dealt with."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from agent.config.load import load
from agent.core.clock import Clock

ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]
SecretsDir = Annotated[Path | None, typer.Option(help="Folder with one file a secret.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(run)
    app.command("clear-fault")(clear_fault)


def run(config: ConfigFile, secrets: SecretsDir = None) -> None:
    """Runs the nest until it is told to stop."""
    from agent.app import serve

    asyncio.run(serve(load(config, secrets), Clock()))


def clear_fault(config: ConfigFile, secrets: SecretsDir = None) -> None:
    """Says that a person has looked and the fault is dealt with. The running agent closes the nest and goes on."""
    directory = load(config, secrets).store.directory
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "clear-fault").touch()
    typer.echo("The agent will close the nest and go on, if the drone is on its pad.")
