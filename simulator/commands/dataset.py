"""``nest-sim dataset``: labelled pictures for training."""

from pathlib import Path

import typer
from rich.progress import Progress

from simulator.camera.dataset import make_dataset
from simulator.camera.projection import Lens


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def dataset(
        out: Path = typer.Option(..., help="Folder to write; made if absent."),
        count: int = typer.Option(600, min=1, help="Number of pictures."),
        seed: int = typer.Option(1, min=0, help="The same seed gives the same pictures."),
        workers: int = typer.Option(1, min=1, help="Processes."),
        size: str = typer.Option("1280x720", help="Width x height in pixels; both divisible by 16."),
        hfov_deg: float = typer.Option(60.0, min=20.0, max=110.0, help="Horizontal field of view."),
    ) -> None:
        """Renders labelled pictures of random worlds with and without fire, smoke and flood."""
        lens = parse_lens(size, hfov_deg)
        labels: dict[str, int] = {}
        with Progress() as progress:
            task = progress.add_task("pictures", total=count)
            for row in make_dataset(out, count, seed, workers, lens):
                labels[row.label] = labels.get(row.label, 0) + 1
                progress.advance(task)
        print(f"{count} pictures in {out}: " + ", ".join(f"{number} {label}" for label, number in sorted(labels.items())))


def parse_lens(size: str, hfov_deg: float) -> Lens:
    """The optics that ``WIDTHxHEIGHT`` and an angle describe."""
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()) or int(width) % 16 or int(height) % 16 or not int(width) or not int(height):
        raise typer.BadParameter(f"size {size!r}: write WIDTHxHEIGHT, both divisible by 16, e.g. 1280x720")
    return Lens(int(width), int(height), hfov_deg)
