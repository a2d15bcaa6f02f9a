"""``nest-agent schema``: writes the JSON Schemas and the AsyncAPI document of everything on the hub."""

from pathlib import Path
from typing import Annotated

import typer

from agent.messaging.asyncapi import document
from agent.messaging.schema import write


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def schema(out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("docs/schemas")) -> None:
        """Writes the JSON Schema (2020-12) of every payload, and the AsyncAPI 3 document of all topics."""
        asyncapi = out / "asyncapi.yaml"
        for path in write(out):
            print(path)
        asyncapi.write_text(document(), encoding="utf-8")
        print(asyncapi)
