"""``nest-agent model``: brings a foreign network in. See "Bring your own model" in docs/engineers.md."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="Model folder: model.onnx, manifest.yaml, the golden picture.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(help="Looks into a model folder, completes its manifest, proves it.", no_args_is_help=True)
    group.command("show")(show)
    group.command("complete")(complete)
    group.command("check")(check)
    app.add_typer(group, name="model")


def show(folder: Folder) -> None:
    """Prints what the network says of itself: digest, opset, inputs and outputs. Needs no manifest."""
    from agent.vision.adoption import description

    for line in description(folder):
        typer.echo(line)


def complete(folder: Folder) -> None:
    """Fills digest, opset and the golden picture's result into a manifest that a person began."""
    from agent.vision.adoption import complete as fill

    expect = fill(folder)
    for hazard, score in expect.picture.items():
        typer.echo(f"picture of {hazard}: {score:.4f}")
    for box in expect.boxes:
        typer.echo(f"box of {box.hazard}: {box.confidence:.4f} at {', '.join(f'{v:.0f}' for v in box.box_px)}")
    if expect.water_fraction is not None:
        typer.echo(f"water: {expect.water_fraction:.4f} of the picture")
    typer.echo("The model proves itself. Look whether that is what the picture shows.")


def check(folder: Folder) -> None:
    """Loads the model as the vision process does, golden picture and all."""
    from agent.vision.perception import load_networks

    (network,) = load_networks([folder])
    hazards = ", ".join(sorted(network.hazards)) or "nothing"
    typer.echo(f"{network.manifest.name} {network.manifest.version}: good; looks for {hazards}")
