"""The two networks: a MobileNetV2 backbone with a box head (fire) or a mask head (flood), and a picture score.

The backbone starts from published ImageNet weights whose batch norm is folded, so it has biases and no norm of its own.
Its first blocks are never trained. Inputs are normalised RGB [B, 3, H, W], H and W divisible by 32; this module knows
nothing of pictures or labels.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

# (expansion, channels, repeats, stride): MobileNetV2, Sandler et al. 2018, table 2, up to stride 32.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
FROZEN_BLOCKS = 7  # features.0-6, to stride 8
_TAPS = {3: 24, 6: 32, 13: 96, 17: 320}  # block index: channels, at strides 4, 8, 16, 32
STRIDES = (8, 16, 32)
HOT_CELLS = 12
"""A picture is as suspicious as its hottest cells: the same number in a tile and in a whole, so that a plume of a few
cells counts as much in a large picture as in a small one (a mean over all cells would drown it)."""


class _Residual(nn.Module):  # type: ignore[misc]
    """Inverted residual block of MobileNetV2 with folded norms."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [nn.Conv2d(inputs, hidden, 1), nn.ReLU6(inplace=True)]
        layers += [
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, outputs, 1),
        ]
        self.layers = nn.Sequential(*layers)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.skip else self.layers(x)


def _blocks() -> list[nn.Module]:
    blocks: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU6(inplace=True))]
    inputs = 32
    for expansion, outputs, repeats, stride in _STAGES:
        for index in range(repeats):
            blocks.append(_Residual(inputs, outputs, expansion, stride if index == 0 else 1))
            inputs = outputs
    return blocks


class Backbone(nn.Module):  # type: ignore[misc]
    """All blocks; gives the features at strides 4, 8, 16 and 32 (24, 32, 96 and 320 channels)."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_blocks())
        for block in self.blocks[:FROZEN_BLOCKS]:
            block.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of normalised pictures, finest first."""
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _TAPS:
                taps.append(x)
        return taps

    def load_imagenet(self, weights: Path) -> None:
        """Fills the blocks from the published state dict (keys features.{block}.{index}.weight|bias)."""
        state = torch.load(weights, weights_only=True)
        for index, block in enumerate(self.blocks):
            prefix = f"features.{index}."
            found = {key.removeprefix(prefix): value.float() for key, value in state.items() if key.startswith(prefix)}
            (block.layers if hasattr(block, "layers") else block).load_state_dict(found)


def _separable(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


def _project(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


class _Pyramid(nn.Module):  # type: ignore[misc]
    """Top-down sum of the taps: every level gets what the coarser ones know."""

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([_project(inputs, width) for inputs in channels])
        self.smooth = nn.ModuleList([_separable(width, width) for _ in channels])

    def forward(self, taps: list[Tensor]) -> list[Tensor]:
        levels = [lateral(tap) for lateral, tap in zip(self.lateral, taps, strict=True)]
        for index in range(len(levels) - 2, -1, -1):
            levels[index] = levels[index] + functional.interpolate(levels[index + 1], scale_factor=2.0, mode="nearest")
        return [smooth(level) for smooth, level in zip(self.smooth, levels, strict=True)]


class FireNetwork(nn.Module):  # type: ignore[misc]
    """Anchor-free boxes at strides 8, 16 and 32 for flame and smoke; evidence at stride 8 and picture logits of fire and smoke.

    `fire` of the evidence and of the picture means flame or smoke.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.pyramid = _Pyramid((32, 96, 320), width)
        self.class_tower = nn.Sequential(_separable(width, width), _separable(width, width))
        self.box_tower = nn.Sequential(_separable(width, width), _separable(width, width))
        self.class_out = nn.Conv2d(width, 2, 1)
        self.box_out = nn.Conv2d(width, 4, 1)
        self.scale = nn.Parameter(torch.ones(len(STRIDES)))
        self.evidence = nn.Sequential(_separable(width, width), nn.Dropout2d(0.1), nn.Conv2d(width, 2, 1))
        for last, start in ((self.class_out, -4.0), (self.evidence[-1], -3.0)):
            nn.init.constant_(last.bias, start)  # rare at the start, so that the background does not drown the rest
        nn.init.constant_(self.box_out.bias, 2.0)  # sides of about two strides

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of a batch of pictures.

        Returns:
            class logits [B, N, 2], distances to left, top, right, bottom [B, N, 4] in pixels, evidence logits [B, 2, H/8, W/8]
            and picture logits [B, 2].
        """
        levels = self.pyramid(self.backbone(x)[1:])
        classes, boxes = [], []
        for index, (level, stride) in enumerate(zip(levels, STRIDES, strict=True)):
            classes.append(self.class_out(self.class_tower(level)).flatten(2).transpose(1, 2))
            distance = functional.softplus(self.box_out(self.box_tower(level)) * self.scale[index]) * stride
            boxes.append(distance.flatten(2).transpose(1, 2))
        evidence = self.evidence(levels[0])
        return torch.cat(classes, 1), torch.cat(boxes, 1), evidence, hottest(evidence)


def hottest(evidence: Tensor) -> Tensor:
    """Mean of the hottest cells of each channel: [B, C, h, w] to [B, C]."""
    return evidence.flatten(2).topk(HOT_CELLS, dim=2).values.mean(2)


class FloodNetwork(nn.Module):  # type: ignore[misc]
    """Water mask at stride 4 and the picture logit flood: what the picture looks like on average, plus where it is flooded."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.pyramid = _Pyramid((24, 32, 96, 320), width)
        self.mask = nn.Sequential(_separable(width, width), nn.Conv2d(width, 1, 1))
        self.mix = nn.Sequential(nn.Conv2d(320, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU6(inplace=True))
        self.drop = nn.Dropout(0.2)
        self.average = nn.Linear(128, 1)
        self.evidence = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits [B, 1, H/4, W/4] and picture logits [B, 1]."""
        taps = self.backbone(x)
        levels = self.pyramid(taps)
        average = self.average(self.drop(self.mix(taps[-1]).mean((2, 3))))
        evidence = self.evidence(levels[2]).flatten(2)
        wettest = evidence.topk(max(1, evidence.shape[-1] // 8), dim=2).values.mean(2)
        return self.mask(levels[0]), average + wettest


def cell_centres(width_px: int, height_px: int) -> tuple[Tensor, Tensor]:
    """Centres [N, 2] (x, y) in pixels and strides [N] of the box head's cells, in output order."""
    centres, strides = [], []
    for stride in STRIDES:
        across, down = ((torch.arange(length // stride) + 0.5) * stride for length in (width_px, height_px))
        y, x = torch.meshgrid(down, across, indexing="ij")
        centres.append(torch.stack((x.flatten(), y.flatten()), 1))
        strides.append(torch.full((x.numel(),), float(stride)))
    return torch.cat(centres), torch.cat(strides)
