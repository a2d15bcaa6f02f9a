"""``nest-agent vision``: the vision process. Started by the agent, not by people."""

from typing import Annotated

import typer

from agent.core.clock import Clock, TimeBase


def register(app: typer.Typer) -> None:
    """Adds the command, hidden."""
    app.command("vision", hidden=True)(vision)


def vision(
    time_base: Annotated[str, typer.Option(help="RATE@UNIX_SECONDS of the agent's clock.")] = "1@0",
    landing: Annotated[bool, typer.Option("--landing", help="Looks for the landing pad, not for hazards.")] = False,
) -> None:
    """Looks at the video until standard input ends; speaks JSON lines (see agent.vision.protocol)."""
    if landing:
        from agent.vision.landing_worker import main
    else:
        from agent.vision.worker import main

    raise typer.Exit(main(Clock(TimeBase.parse(time_base))))
