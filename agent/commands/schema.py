"""``nest-agent schema``: writes the JSON Schemas of everything the nest publishes."""

from pathlib import Path
from typing import Annotated

import typer

from agent.messaging.schema import write


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def schema(out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("docs/schemas")) -> None:
        """Writes the JSON Schema (2020-12) of every payload."""
        for path in write(out):
            print(path)
