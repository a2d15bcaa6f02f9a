"""``nest-agent example``: an annotated configuration, written from the model itself."""

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(example)


def example() -> None:
    """Prints an annotated example of the configuration."""
    from agent.config.example import example as text

    typer.echo(text())
