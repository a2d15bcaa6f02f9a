"""Trains a network: frozen stem, everything after it by AdamW, weights averaged over time.

The stem never changes, so it runs through ONNX Runtime, which on a CPU is several times faster than torch.
What is kept is the running average of the weights. A run is described by its Recipe and the data manifest.
"""

import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from models.training import losses
from models.training.data import describe, training_samples
from models.training.network import STEM_BLOCKS, FireNetwork, FloodNetwork, Stem, load_imagenet, load_state
from models.training.sources import SIMULATED, SOURCES
from models.training.stream import batches, normalise

Array = npt.NDArray[np.float32]
Record = dict[str, object]
TRAINING_NAME = "training.json"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, beside the pictures."""

    model: str  # fire or flood
    steps: int
    batch: int = 16
    size_px: int = 320
    stem_blocks: int = 4  # frozen; 7 freezes to stride 8 (fire only) and makes a step a third cheaper
    body_rate: float = 2.0e-4
    head_rate: float = 1.5e-3
    warm_up_steps: int = 60
    average: float = 0.997
    weight_decay: float = 0.02
    seed: int = 1
    threads: int = 1
    save_every: int = 100


@dataclass
class Trained:
    """Stem and network as trained."""

    stem: nn.Module
    network: nn.Module


_NETWORKS: dict[str, tuple[Callable[[int], nn.Module], Callable[..., Tensor]]] = {
    "fire": (FireNetwork, losses.fire_loss),
    "flood": (FloodNetwork, losses.flood_loss),
}


def build(model: str, stem_blocks: int = STEM_BLOCKS) -> Trained:
    """An untrained network."""
    return Trained(Stem(stem_blocks), _NETWORKS[model][0](stem_blocks))


def load(checkpoint: Path, model: str, stem_blocks: int = STEM_BLOCKS) -> Trained:
    """A network from a checkpoint that `train` wrote."""
    trained = build(model, stem_blocks)
    load_state(trained.stem, trained.network, torch.load(checkpoint, weights_only=True))
    return trained


def train(recipe: Recipe, data_root: Path, out: Path, start: Path | None, simulated: Sequence[Path] = ()) -> Path:
    """Trains, writes `checkpoint.pt` and `training.json` into `out`, returns the checkpoint.

    `start` is a checkpoint to go on from (the schedule starts anew); without it the ImageNet weights are taken.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    out.mkdir(parents=True, exist_ok=True)
    trained = load(start, recipe.model, recipe.stem_blocks) if start else build(recipe.model, recipe.stem_blocks)
    if start is None:
        load_imagenet(trained.stem, trained.network, data_root / "weights/mobilenetv2_imagenet/mobilenetv2_folded_fp16.pth")
    samples = training_samples(data_root, simulated)
    shares = {
        source.name: source.fire_share if recipe.model == "fire" else source.flood_share for source in (*SOURCES, SIMULATED)
    }
    used = [sample for sample in samples if shares[sample.source.name] > 0]
    record: Record = {"recipe": asdict(recipe), "before": _run_before(start), "data": describe(used)}
    stream = batches(samples, shares, recipe.size_px, recipe.batch, recipe.seed)
    _optimise(recipe, trained, stream, out, record)
    return out / "checkpoint.pt"


def _run_before(start: Path | None) -> dict[str, object] | str:
    """The record of the run that wrote the starting checkpoint."""
    if start is None:
        return "ImageNet weights"
    found: dict[str, object] = json.loads((start.parent / TRAINING_NAME).read_text(encoding="utf-8"))
    return found


def _optimise(recipe: Recipe, trained: Trained, stream: Iterator[dict[str, Tensor]], out: Path, record: Record) -> None:
    network, loss_of = trained.network.train(), _NETWORKS[recipe.model][1]
    stem = _fast_stem(trained.stem, out, recipe.threads)
    network = network.to(memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    optimiser, schedule = _optimiser(recipe, network)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress, (out / "loss.tsv").open("a", encoding="utf-8") as log:
        task = progress.add_task(recipe.model, total=recipe.steps)
        recent: list[float] = []
        began = time.monotonic()
        for step in range(recipe.steps):
            batch = next(stream)
            features = torch.from_numpy(stem(normalise(batch["pixels"]).contiguous().numpy()))
            loss = loss_of(network(features.contiguous(memory_format=torch.channels_last)), batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            _blend(average, network, min(recipe.average, (step + 1) / (step + 10)))
            recent.append(float(loss.detach()))
            progress.update(task, advance=1, description=f"{recipe.model} loss {np.mean(recent[-50:]):.3f}")
            if (step + 1) % 20 == 0:
                log.write(f"{step + 1}\t{np.mean(recent[-20:]):.4f}\t{time.monotonic() - began:.0f}\n")
                log.flush()
            if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
                _save(out, trained.stem, average, {**record, "steps_done": step + 1})


def _optimiser(recipe: Recipe, network: nn.Module) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """AdamW with a slower rate for the pre-trained body; warm-up, then a cosine to a fiftieth."""
    body = list(network.body.parameters())
    known = {id(parameter) for parameter in body}
    heads = [parameter for parameter in network.parameters() if id(parameter) not in known]
    groups = [{"params": body, "lr": recipe.body_rate}, {"params": heads, "lr": recipe.head_rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)

    def factor(step: int) -> float:
        if step < recipe.warm_up_steps:
            return (step + 1) / recipe.warm_up_steps
        done = (step - recipe.warm_up_steps) / max(1, recipe.steps - recipe.warm_up_steps)
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, factor)


def _blend(average: nn.Module, network: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if slow.dtype.is_floating_point:
                slow.mul_(keep).add_(fast, alpha=1 - keep)
            else:
                slow.copy_(fast)


def _fast_stem(stem: nn.Module, out: Path, threads: int) -> Callable[[Array], Array]:
    """The stem as an ONNX Runtime session."""
    path = out / "stem.onnx"
    sample = torch.zeros(1, 3, 64, 64)
    axes = {0: "batch", 2: "height", 3: "width"}
    torch.onnx.export(
        stem.eval(), (sample,), str(path), dynamo=False, opset_version=17, input_names=["x"], dynamic_axes={"x": axes}
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def _save(out: Path, stem: nn.Module, network: nn.Module, record: Record) -> None:
    """Checkpoint and record, so that a run that is stopped early leaves both."""
    part = out / "checkpoint.part"
    torch.save({"stem": stem.state_dict(), "network": network.state_dict()}, part)
    part.replace(out / "checkpoint.pt")
    (out / TRAINING_NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
