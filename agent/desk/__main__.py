"""The command line of the desk: ``nest-desk``."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.config.desk import load_desk
from agent.core.errors import NestError

EXIT_REFUSED = 2

ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The desk's configuration file.")]
SecretsDir = Annotated[Path | None, typer.Option(help="Folder with one file a secret.")]

_app = typer.Typer(
    name="nest-desk",
    help="What a dispatcher opens: open alerts, a map, answers, requests for flights.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@_app.command()
def serve(config: ConfigFile, secrets: SecretsDir = None) -> None:
    """Serves the page."""
    from agent.desk.serve import serve as run

    asyncio.run(run(load_desk(config, secrets)))


@_app.command()
def watch(config: ConfigFile, secrets: SecretsDir = None) -> None:
    """Shows the open alerts in the terminal, always the newest state."""
    from agent.desk.watch import watch as run

    asyncio.run(run(load_desk(config, secrets)))


@_app.command()
def password() -> None:
    """Asks for a password and prints its hash for the configuration."""
    from agent.desk.login import hash_password

    typer.echo(hash_password(typer.prompt("Password", hide_input=True, confirmation_prompt=True)))


def main() -> None:
    """Runs a command; a known error becomes one clear line and exit status 2."""
    try:
        _app()
    except NestError as error:
        print(f"nest-desk: {error}", file=sys.stderr)  # noqa: T201 the command line's own voice
        sys.exit(EXIT_REFUSED)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
