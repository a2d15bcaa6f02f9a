"""Trains a network by AdamW with weights averaged over time; the backbone's first blocks stay as they are.

A run holds its rate and cools down over its last steps. It can be cut at any moment and gone on with: the checkpoint has the
optimiser's state, and a short run of cooling from any checkpoint gives a network to ship. What ships is the running average.
A run is described by its Recipe and the data manifest.
"""

import copy
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from models.training import losses
from models.training.data import describe, training_samples
from models.training.network import FireNetwork, FloodNetwork
from models.training.sources import shares_of
from models.training.stream import Canvas, batches, normalise

Record = dict[str, object]
TRAINING_NAME = "training.json"
CHECKPOINT_NAME = "checkpoint.pt"
IMAGENET = Path("weights/mobilenetv2_imagenet/mobilenetv2_folded_fp16.pth")
CANVASES: dict[str, tuple[Canvas, ...]] = {
    # Small views are most of the training, as they are cheap; some are as large as in flight, so that the picture score and
    # large boxes are learnt at that size too.
    "fire": (Canvas(320, 256, 16, 0.75), Canvas(640, 384, 5, 0.25)),
    "flood": (Canvas(384, 288, 12, 0.6), Canvas(384, 384, 8, 0.4)),
}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, beside the pictures."""

    model: str  # fire or flood
    steps: int
    cooling_steps: int = 300
    body_rate: float = 1.5e-4
    head_rate: float = 1.0e-3
    warm_up_steps: int = 60
    average: float = 0.995
    weight_decay: float = 0.05
    seed: int = 1
    threads: int = 2
    save_every: int = 100
    without: tuple[str, ...] = ()
    """Sources left out, to see what a new forest will see."""


_NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[..., Tensor]]] = {
    "fire": (FireNetwork, losses.fire_loss),
    "flood": (FloodNetwork, losses.flood_loss),
}


def load(checkpoint: Path, model: str) -> nn.Module:
    """The averaged network of a checkpoint that `train` wrote."""
    network = _NETWORKS[model][0]()
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    return network


def train(recipe: Recipe, data_root: Path, out: Path, start: Path | None, simulated: Sequence[Path] = ()) -> Path:
    """Trains, writes `checkpoint.pt` and `training.json` into `out`, returns the checkpoint.

    `start` is a checkpoint to go on from, with its optimiser's state; without it the ImageNet weights are taken.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    out.mkdir(parents=True, exist_ok=True)
    shares = {name: share for name, share in shares_of(recipe.model).items() if name not in recipe.without}
    used = [sample for sample in training_samples(data_root, simulated) if shares.get(sample.source.name, 0) > 0]
    record: Record = {"recipe": asdict(recipe), "before": _run_before(start), "data": describe(used)}
    stream = batches(used, shares, CANVASES[recipe.model], recipe.seed)
    _Run(recipe, data_root, start).go(stream, out, record)
    return out / CHECKPOINT_NAME


def _run_before(start: Path | None) -> dict[str, object] | str:
    """The record of the run that wrote the starting checkpoint."""
    if start is None:
        return "ImageNet weights"
    found: dict[str, object] = json.loads((start.parent / TRAINING_NAME).read_text(encoding="utf-8"))
    return found


class _Run:
    """Network, running average and optimiser of one run."""

    def __init__(self, recipe: Recipe, data_root: Path, start: Path | None) -> None:
        self._recipe = recipe
        build, self._loss_of = _NETWORKS[recipe.model]
        self._network = build().to(memory_format=torch.channels_last).train()
        self._optimiser = _optimiser(recipe, self._network)
        self._average = copy.deepcopy(self._network)
        if start is None:
            self._network.backbone.load_imagenet(data_root / IMAGENET)
            self._average.load_state_dict(self._network.state_dict())
            return
        state = torch.load(start, weights_only=True)
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])

    def go(self, stream: Iterator[dict[str, Tensor]], out: Path, record: Record) -> None:
        """All steps, with a checkpoint every now and then."""
        recipe = self._recipe
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        recent: list[float] = []
        began = time.monotonic()
        with Progress(*columns) as progress, (out / "loss.tsv").open("a", encoding="utf-8") as log:
            task = progress.add_task(recipe.model, total=recipe.steps)
            for step in range(recipe.steps):
                recent.append(self._step(step, next(stream)))
                progress.update(task, advance=1, description=f"{recipe.model} loss {np.mean(recent[-50:]):.3f}")
                if (step + 1) % 20 == 0:
                    log.write(f"{step + 1}\t{np.mean(recent[-20:]):.4f}\t{time.monotonic() - began:.0f}\n")
                    log.flush()
                if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
                    self._save(out, {**record, "steps_done": step + 1, "minutes": round((time.monotonic() - began) / 60)})

    def _step(self, step: int, batch: dict[str, Tensor]) -> float:
        for group, rate in zip(self._optimiser.param_groups, _rates(self._recipe), strict=True):
            group["lr"] = rate * _factor(step, self._recipe)
        pixels = normalise(batch["pixels"]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            output = self._network(pixels)
        loss = self._loss_of(output, batch)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 5.0)
        self._optimiser.step()
        _blend(self._average, self._network, min(self._recipe.average, (step + 1) / (step + 10)))
        return float(loss.detach())

    def _save(self, out: Path, record: Record) -> None:
        """Checkpoint and record, so that a run that is stopped early leaves both."""
        part = out / "checkpoint.part"
        state = {"network": self._network, "average": self._average, "optimiser": self._optimiser}
        torch.save({name: thing.state_dict() for name, thing in state.items()}, part)
        part.replace(out / CHECKPOINT_NAME)
        (out / TRAINING_NAME).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _rates(recipe: Recipe) -> tuple[float, float]:
    return recipe.body_rate, recipe.head_rate


def _optimiser(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """AdamW with a slower rate for the pre-trained backbone."""
    body = [parameter for parameter in network.backbone.parameters() if parameter.requires_grad]
    pretrained = {id(parameter) for parameter in network.backbone.parameters()}
    heads = [parameter for parameter in network.parameters() if id(parameter) not in pretrained]
    groups = [{"params": body, "lr": recipe.body_rate}, {"params": heads, "lr": recipe.head_rate}]
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


def _factor(step: int, recipe: Recipe) -> float:
    """Rates rise, hold, and fall in a straight line to a fiftieth over the cooling steps."""
    rising = (step + 1) / max(1, recipe.warm_up_steps)
    falling = (recipe.steps - step) / max(1, recipe.cooling_steps)
    return max(0.02, min(1.0, rising, falling))


def _blend(average: nn.Module, network: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if slow.dtype.is_floating_point:
                slow.mul_(keep).add_(fast, alpha=1 - keep)
            else:
                slow.copy_(fast)
