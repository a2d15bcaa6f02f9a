"""``nest-sim terrain``: what an operator would have of a site: height raster, river, map."""

from pathlib import Path

import typer

from simulator.world.config import load_world
from simulator.world.export import export_site
from simulator.world.scene import World


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def terrain(
        world: Path = typer.Option(..., help="World file, or a scenario file with a world: section."),
        out: Path = typer.Option(..., help="Folder to write; made if absent."),
        no_map: bool = typer.Option(False, "--no-map", help="Leaves out map.png, which takes seconds to paint."),
    ) -> None:
        """Writes dem.asc (ESRI grid, WGS84, metres AMSL), river.geojson, map.png with map.json (its corners)."""
        for path in export_site(World(load_world(world)), out, with_map=not no_map):
            print(path)
