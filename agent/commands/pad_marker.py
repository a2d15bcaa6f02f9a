"""``nest-agent pad-marker``: the pad's markers to scale, for the printer."""

from pathlib import Path
from typing import Annotated

import typer

from agent.core.errors import ConfigError, StoreError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("pad-marker")(pad_marker)


def pad_marker(
    out: Annotated[Path, typer.Argument(help="Where to write it: a file that ends in .pdf or .svg.")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The configuration; else the usual print.")] = None,
) -> None:
    """Draws the markers that are to be printed on the pad, in their true size."""
    from agent.config.landing import LandingSection, PadMarkersSection
    from agent.config.load import load
    from agent.core.files import write_whole
    from agent.vision.pad_print import pdf, sheet_of, svg

    writers = {".pdf": pdf, ".svg": svg}
    writer = writers.get(out.suffix.lower())
    if writer is None:
        raise ConfigError("config.invalid", f"{out}: the name must end in {' or '.join(writers)}")
    section = load(config).landing or LandingSection() if config else None
    sheet = sheet_of(section.pad if section else PadMarkersSection())
    try:
        write_whole(out, writer(sheet))
    except OSError as error:
        raise StoreError("vision.output_failed", f"{out}: cannot be written ({error.strerror})") from error
    typer.echo(f"{out}: {sheet.width_mm:.0f} x {sheet.height_mm:.0f} mm. Print it at 100 %, and measure the bar at its foot.")
