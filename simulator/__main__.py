"""The command line of the simulator: ``nest-sim``."""

import sys

import typer

from agent.core.errors import NestError
from simulator.commands import register_all

EXIT_REFUSED = 2


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name="nest-sim",
        help="A whole nest on your computer: drone, dock, camera, weather, hub, and the fire.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(lambda: None)
    register_all(app)
    return app


def main() -> None:
    """Runs a command; a known error becomes one clear line and exit status 2."""
    try:
        build()()
    except NestError as error:
        print(f"nest-sim: {error}", file=sys.stderr)  # noqa: T201 the command line's own voice
        sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
