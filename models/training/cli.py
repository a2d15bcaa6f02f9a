"""`nest-models`: train, export, quantise, evaluate. Parses options and prints; the work is in the modules beside it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from agent.core.errors import NestError
from agent.vision.runtime import Network
from models.training.data import DATA_ROOT, DataError, HeldOut, held_out_samples
from models.training.figures import HAZARDS

app = typer.Typer(
    help="Trains, exports and measures the shipped networks.", no_args_is_help=True, pretty_exceptions_enable=False
)
_out = Console()
_TRAINING_LIBRARIES = {"torch", "onnx", "onnxscript"}
_MODELS = Path(__file__).parent.parent
_DATA = typer.Option(DATA_ROOT, "--data", help="Folder of labelled pictures.")
_SIMULATED = typer.Option([], "--simulated", help="Folder written by nest-sim dataset; may be given several times.")
_THREADS = typer.Option(2, help="Threads of the inference runtime.")


@app.command()
def train(
    model: str = typer.Argument(help="fire or flood"),
    steps: int = typer.Option(1000, help="Optimiser steps."),
    out: Path = typer.Option(..., help="Folder for the checkpoint and training.json."),
    start: Path | None = typer.Option(None, help="Checkpoint to go on from; without it ImageNet weights."),
    cooling_steps: int = typer.Option(300, help="Of these, the last over which the rates fall."),
    body_rate: float = typer.Option(1.5e-4, help="Learning rate of the pre-trained backbone."),
    head_rate: float = typer.Option(1.0e-3, help="Learning rate of the heads."),
    without: list[str] = typer.Option([], help="Source to leave out; may be given several times."),
    seed: int = typer.Option(1, help="Seed of weights, views and their order."),
    threads: int = typer.Option(2, help="Threads of torch."),
    data: Path = _DATA,
    simulated: list[Path] = _SIMULATED,
) -> None:
    """Trains on the train splits. Needs the extra `train` (torch)."""
    _require_model(model)
    from models.training.train import Recipe
    from models.training.train import train as run

    recipe = Recipe(
        model,
        steps,
        cooling_steps=cooling_steps,
        body_rate=body_rate,
        head_rate=head_rate,
        seed=seed,
        threads=threads,
        without=tuple(without),
    )
    _out.print(f"checkpoint: {run(recipe, data, out, start, simulated)}")


@app.command()
def export(
    model: str = typer.Argument(help="fire or flood"),
    checkpoint: Path = typer.Option(..., exists=True, help="Written by train; training.json must lie beside it."),
    version: str = typer.Option(..., help="Version for the manifest."),
    golden: Path = typer.Option(..., exists=True, help="Golden picture, rendered by our own code (PNG)."),
    out: Path | None = typer.Option(None, help="Model folder; the shipped one unless given."),
    every: int = typer.Option(1, min=1, help="Choose on every n-th val picture only (for a quick look)."),
    threads: int = _THREADS,
    data: Path = _DATA,
    simulated: list[Path] = _SIMULATED,
) -> None:
    """Writes model.onnx, calibrates and chooses thresholds on val, records the golden result. Needs the extra `train`."""
    _require_model(model)
    from models.training.choose import choose
    from models.training.export import SIZES_PX
    from models.training.export import export as write_onnx
    from models.training.golden import record_golden
    from models.training.manifest_file import first_manifest, with_training_data, write_manifest
    from models.training.train import load

    folder = out or _MODELS / model
    folder.mkdir(parents=True, exist_ok=True)
    digest = write_onnx(load(checkpoint, model), model, SIZES_PX[model], folder / "model.onnx")
    training = (checkpoint.parent / "training.json").read_text(encoding="utf-8")
    (folder / "training.json").write_text(training, encoding="utf-8")
    (folder / "golden.png").write_bytes(golden.read_bytes())
    manifest = first_manifest(model, version, digest, SIZES_PX[model])
    write_manifest(with_training_data(manifest, json.loads(training)), folder)
    with tempfile.TemporaryDirectory() as scratch:
        choose(folder, held_out_samples(data, "val", simulated)[::every], Path(scratch) / model, threads)
    record_golden(folder)
    _print_heads(folder)


@app.command()
def quantise(
    model: str = typer.Argument(help="fire or flood"),
    out: Path = typer.Option(..., help="Folder for the int8 model."),
    folder: Path | None = typer.Option(None, help="Model folder to begin from; the shipped one unless given."),
    threads: int = _THREADS,
    data: Path = _DATA,
    simulated: list[Path] = _SIMULATED,
) -> None:
    """Writes an int8 twin: quantised on train pictures, then chosen on val like any model. Needs the extra `train`."""
    _require_model(model)
    from models.training.choose import choose
    from models.training.data import training_samples
    from models.training.golden import record_golden
    from models.training.quantise import calibration_set
    from models.training.quantise import quantise as write_int8
    from models.training.sources import shares_of

    chosen = calibration_set(training_samples(data, simulated), shares_of(model))
    write_int8(folder or _MODELS / model, out, chosen)
    with tempfile.TemporaryDirectory() as scratch:
        choose(out, held_out_samples(data, "val", simulated), Path(scratch) / model, threads)
    record_golden(out)
    _print_heads(out)


@app.command()
def evaluate(
    model: str = typer.Argument(help="fire or flood"),
    split: str = typer.Option("test", help="test or val."),
    folder: Path | None = typer.Option(None, help="Model folder; the shipped one unless given."),
    record: bool = typer.Option(False, help="Write measured.json, manifest and CARD.md into the model folder."),
    out: Path | None = typer.Option(None, help="Also write the figures as JSON here."),
    report: Path | None = typer.Option(None, help="Also write an HTML page here: curves, calibration, worst errors."),
    threads: int = _THREADS,
    data: Path = _DATA,
    simulated: list[Path] = _SIMULATED,
) -> None:
    """Measures a model on labelled pictures and clips, through the pipeline that flies."""
    _require_model(model)
    from models.training.evaluate import evaluate as measure_pictures
    from models.training.evaluate import evaluate_clips
    from models.training.evaluate import record as write_figures
    from models.training.report_page import write_page

    where = folder or _MODELS / model
    samples = held_out_samples(data, _held_out(split), simulated)
    if not samples:
        raise DataError(f"{data}: no pictures of the {split} split; name the folder with --data")
    with tempfile.TemporaryDirectory() as scratch:
        figures, results = measure_pictures(where, samples, split, Path(scratch) / model, threads)
    measured: dict[str, Any] = dict(figures)
    measured["clips"] = evaluate_clips(where, data / "clips", threads)
    if out:
        out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    if report:
        write_page(report, measured, results)
    if record:
        write_figures(where, measured)
        _write_card(where)
    _print_figures(measured)


@app.command()
def harvest(
    stores: list[Path] = typer.Argument(help="Folder that store.directory of a nest names, or a copy; may be several."),
    out: Path = typer.Option(..., help="Labelled folder to write."),
    simulated: bool = typer.Option(False, help="Take the simulator's alerts instead of the real ones."),
) -> None:
    """Gathers the pictures of alerts that dispatchers called false or resolved, labelled for retraining."""
    from models.training.harvest import harvest as gather

    result = gather(stores, out, simulated=simulated)
    for words, counts in (("taken", result.taken), ("left out", result.left_out)):
        _out.print(f"{words}: {', '.join(f'{count} {name}' for name, count in sorted(counts.items())) or 'nothing'}")


def main() -> None:
    """Entry point: errors of the operator's making are one line and exit status 2."""
    try:
        app()
    except (DataError, NestError, FileNotFoundError) as error:
        _out.print(str(error), style="red", markup=False, soft_wrap=True)
        raise SystemExit(2) from error
    except ModuleNotFoundError as error:
        if error.name not in _TRAINING_LIBRARIES:
            raise
        words = f"{error.name} is not installed; training and export need the extra: pip install 'nest-agent[train]'"
        _out.print(words, style="red", markup=False, soft_wrap=True)
        raise SystemExit(2) from error


def _write_card(folder: Path) -> None:
    from models.training.evaluate import MEASURED_NAME
    from models.training.report import write_card

    measured = json.loads((folder / MEASURED_NAME).read_text(encoding="utf-8"))
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    write_card(folder, Network(folder).manifest, measured, training)


def _print_heads(folder: Path) -> None:
    manifest = Network(folder).manifest
    for head in manifest.picture:
        _out.print(f"{head.hazard}: threshold {head.threshold}, a {head.calibration.a}, b {head.calibration.b}")
    for one in manifest.classes:
        _out.print(f"boxes of {one.name}: threshold {one.threshold}")
    _out.print(f"tile penalty {manifest.tiles.picture_penalty}, mask threshold {manifest.mask_threshold}")


def _print_figures(measured: dict[str, Any]) -> None:
    for row in measured["pictures"]:
        if "recall" in row:
            values = {
                name: row[name]["value"] for name in ("precision", "recall", "false_alarm_rate", "auroc", "calibration_error")
            }
            _out.print(f"{row['question']} [{row['hazard']}] {values}")
    for row in [*measured.get("boxes", []), *measured.get("masks", []), *measured["clips"]]:
        _out.print(row)


def _require_model(model: str) -> None:
    if model not in HAZARDS:
        raise typer.BadParameter(f"model {model!r}: there are {', '.join(HAZARDS)}")


def _held_out(split: str) -> HeldOut:
    if split == "val":
        return "val"
    if split == "test":
        return "test"
    raise typer.BadParameter(f"split {split!r}: test or val")
