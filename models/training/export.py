"""Writes a trained network as an ONNX file in the product's model format.

The file takes normalised RGB float32 [1, 3, H, W] and gives `boxes` (1xNx(4+C): centre, width, height in input pixels, scores
after the sigmoid) or `mask` (water probability at stride 4), and `picture` (raw logits; calibration is in the manifest).
"""

import hashlib
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from models.training.network import cell_centres

OPSET = 17
SIZES_PX: dict[str, tuple[int, int]] = {"fire": (640, 384), "flood": (512, 384)}
"""Width and height of the inputs: near the shape of camera frames, so that little of them is padding."""


class _FireFile(nn.Module):  # type: ignore[misc]
    """Network and box decoding in one graph."""

    def __init__(self, network: nn.Module, size_px: tuple[int, int]) -> None:
        super().__init__()
        self.network = network
        centres, _ = cell_centres(*size_px)
        self.register_buffer("centres", centres)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        classes, sides, _, picture = self.network(image)
        low, high = self.centres - sides[..., :2], self.centres + sides[..., 2:]
        return torch.cat(((low + high) / 2, high - low, torch.sigmoid(classes)), dim=2), picture


class _FloodFile(nn.Module):  # type: ignore[misc]
    """Network and sigmoid in one graph."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mask, picture = self.network(image)
        return torch.sigmoid(mask), picture


def export(network: nn.Module, model: str, size_px: tuple[int, int], path: Path) -> str:
    """Writes the file and returns its SHA-256. Raises onnx.checker.ValidationError when the graph is not sound."""
    width, height = size_px
    network.eval()
    graph = _FireFile(network, size_px) if model == "fire" else _FloodFile(network)
    first = "boxes" if model == "fire" else "mask"
    with warnings.catch_warnings():
        # The tracing exporter warns that it is the older one. It folds norms into convolutions, which the newer does not.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            graph.eval(),
            (torch.zeros(1, 3, height, width),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=[first, "picture"],
        )
    onnx.checker.check_model(onnx.load(str(path)), full_check=True)
    return hashlib.sha256(path.read_bytes()).hexdigest()
