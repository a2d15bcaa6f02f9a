"""The command line of the nest's program: ``nest-agent``."""

import sys

import typer

from agent.commands import register_all
from agent.core.errors import NestError

EXIT_REFUSED = 2


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name="nest-agent",
        help="Flies a drone nest by itself, sees fire and flood, and tells the people who must act.",
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
        print(f"nest-agent: {error}", file=sys.stderr)  # noqa: T201 the command line's own voice
        sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
