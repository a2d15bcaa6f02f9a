"""``nest-agent audit``: is the log of what was asked, decided and done still as it was written?"""

from pathlib import Path
from typing import Annotated

import typer

from agent.config.load import load
from agent.core.errors import NestError
from agent.store import audit

ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]
SecretsDir = Annotated[Path | None, typer.Option(help="Folder with one file a secret.")]

_commands = typer.Typer(help="The log of requests, answers and what became of them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(_commands, name="audit")


@_commands.command()
def verify(
    config: ConfigFile,
    secrets: SecretsDir = None,
    kept: Annotated[list[str] | None, typer.Option(help="A digest that a department got with an answer.")] = None,
) -> None:
    """Checks every entry. Exit status 2 if one was changed, or a kept digest is not in the log."""
    rows = _rows(config, secrets)
    verdict = audit.verify(rows)
    if verdict.broken:
        raise NestError("audit.broken", f"{verdict.broken}; the {verdict.entries} before it are right")
    known = {row.sha256 for row in rows}
    if missing := [digest for digest in kept or [] if digest not in known]:
        raise NestError("audit.broken", f"no entry has the digest {missing[0]}; the log was cut short or replaced")
    typer.echo(f"{verdict.entries} entries, all right; the last one is {verdict.head}")


@_commands.command()
def show(
    config: ConfigFile,
    secrets: SecretsDir = None,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest entries.")] = 20,
) -> None:
    """Prints the newest entries, one JSON line each."""
    for row in _rows(config, secrets)[-last:]:
        typer.echo(row.body)


def _rows(config: Path, secrets: Path | None) -> list[audit.Row]:
    return audit.read(load(config, secrets).store.directory / "hub.sqlite")
