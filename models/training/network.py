"""The two networks: a MobileNetV2 backbone with a box head (fire) or a mask head (flood), and a picture head.

The backbone starts from published ImageNet weights whose batch norm is folded, so it has biases and no norm of its own.
Its first blocks (the stem) are never trained. Inputs are normalised RGB; this module knows nothing of pictures or labels.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

# (expansion, channels, repeats, stride): MobileNetV2, Sandler et al. 2018, table 2, up to stride 32.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
STEM_BLOCKS = 4  # features.0-3, to stride 4: what is frozen at least
STEM_BLOCKS_MOST = 7  # features.0-6, to stride 8
_TAPS = {3: 24, 6: 32, 13: 96, 17: 320}  # block index: channels, at strides 4, 8, 16, 32
STRIDES = (8, 16, 32)


class _Residual(nn.Module):  # type: ignore[misc]
    """Inverted residual block of MobileNetV2 with folded norms."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [nn.Conv2d(inputs, hidden, 1), nn.ReLU6()]
        layers += [nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden), nn.ReLU6(), nn.Conv2d(hidden, outputs, 1)]
        self.layers = nn.Sequential(*layers)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.skip else self.layers(x)


def _blocks() -> list[nn.Module]:
    blocks: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU6())]
    inputs = 32
    for expansion, outputs, repeats, stride in _STAGES:
        for index in range(repeats):
            blocks.append(_Residual(inputs, outputs, expansion, stride if index == 0 else 1))
            inputs = outputs
    return blocks


class Stem(nn.Module):  # type: ignore[misc]
    """The frozen first blocks: picture [B, 3, H, W] to features [B, 24, H/4, W/4], or [B, 32, H/8, W/8] with 7 blocks."""

    def __init__(self, blocks: int = STEM_BLOCKS) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_blocks()[:blocks])

    def forward(self, x: Tensor) -> Tensor:
        """Features of normalised pictures."""
        for block in self.blocks:
            x = block(x)
        return x


class _Body(nn.Module):  # type: ignore[misc]
    """The trained blocks: the stem's features, then those of every later tap."""

    def __init__(self, first: int = STEM_BLOCKS) -> None:
        super().__init__()
        self.first = first
        self.blocks = nn.ModuleList(_blocks()[first:])

    def forward(self, x: Tensor) -> list[Tensor]:
        taps = [x]
        for index, block in enumerate(self.blocks, start=self.first):
            x = block(x)
            if index in _TAPS:
                taps.append(x)
        return taps


def _separable(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
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


class _PictureHead(nn.Module):  # type: ignore[misc]
    """Logits for the whole picture: what it looks like on average, plus the strongest evidence anywhere in it."""

    def __init__(self, width: int, hazards: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Conv2d(320, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU6())
        self.drop = nn.Dropout(0.2)
        self.average = nn.Linear(128, hazards)
        self.evidence = nn.Conv2d(width, hazards, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        average = self.average(self.drop(self.mix(coarse).mean((2, 3))))
        evidence = self.evidence(fine).flatten(2)
        return average + torch.logsumexp(evidence, -1) - math.log(evidence.shape[-1])


class FireNetwork(nn.Module):  # type: ignore[misc]
    """Anchor-free boxes at strides 8, 16 and 32 for flame and smoke, and the picture logits fire and smoke."""

    def __init__(self, stem_blocks: int = STEM_BLOCKS, width: int = 64) -> None:
        super().__init__()
        self.body = _Body(stem_blocks)
        self.pyramid = _Pyramid((32, 96, 320), width)
        self.class_tower = nn.Sequential(_separable(width, width), _separable(width, width))
        self.box_tower = nn.Sequential(_separable(width, width), _separable(width, width))
        self.class_out = nn.Conv2d(width, 2, 1)
        self.box_out = nn.Conv2d(width, 4, 1)
        self.scale = nn.Parameter(torch.ones(len(STRIDES)))
        self.picture = _PictureHead(width, 2)
        nn.init.constant_(self.class_out.bias, -4.0)  # 2 % at the start, so that the background does not drown the rest

    def forward(self, stem: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Class logits [B, N, 2], distances to left, top, right, bottom [B, N, 4] in pixels, picture logits [B, 2]."""
        taps = self.body(stem)
        levels = self.pyramid(taps[-3:])
        classes, boxes = [], []
        for index, (level, stride) in enumerate(zip(levels, STRIDES, strict=True)):
            classes.append(self.class_out(self.class_tower(level)).flatten(2).transpose(1, 2))
            distance = functional.softplus(self.box_out(self.box_tower(level)) * self.scale[index]) * stride
            boxes.append(distance.flatten(2).transpose(1, 2))
        return torch.cat(classes, 1), torch.cat(boxes, 1), self.picture(taps[-1], levels[1])


class FloodNetwork(nn.Module):  # type: ignore[misc]
    """Water mask at stride 4 and the picture logit flood."""

    def __init__(self, stem_blocks: int = STEM_BLOCKS, width: int = 64) -> None:
        super().__init__()
        if stem_blocks != STEM_BLOCKS:
            raise ValueError(f"the mask head needs the features at stride 4: freeze {STEM_BLOCKS} blocks, not {stem_blocks}")
        self.body = _Body(stem_blocks)
        self.pyramid = _Pyramid((24, 32, 96, 320), width)
        self.mask = nn.Sequential(_separable(width, width), nn.Conv2d(width, 1, 1))
        self.picture = _PictureHead(width, 1)

    def forward(self, stem: Tensor) -> tuple[Tensor, Tensor]:
        """Mask logits [B, 1, H/4, W/4] and picture logits [B, 1]."""
        taps = self.body(stem)
        levels = self.pyramid(taps)
        return self.mask(levels[0]), self.picture(taps[-1], levels[2])


def cell_centres(size_px: int) -> tuple[Tensor, Tensor]:
    """Centres [N, 2] (x, y) in pixels and strides [N] of the box head's cells for a square input, in output order."""
    centres, strides = [], []
    for stride in STRIDES:
        count = size_px // stride
        axis = (torch.arange(count) + 0.5) * stride
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        centres.append(torch.stack((x.flatten(), y.flatten()), 1))
        strides.append(torch.full((count * count,), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def load_imagenet(stem: nn.Module, network: nn.Module, weights: Path) -> None:
    """Fill stem and body from the published state dict (keys features.{block}.{index}.weight|bias)."""
    state = torch.load(weights, weights_only=True)
    for index, block in enumerate([*stem.blocks, *network.body.blocks]):
        layers = block.layers if hasattr(block, "layers") else block
        prefix = f"features.{index}."
        layers.load_state_dict(
            {key.removeprefix(prefix): value.float() for key, value in state.items() if key.startswith(prefix)}
        )


def load_state(stem: nn.Module, network: nn.Module, state: dict[str, dict[str, Tensor]]) -> None:
    """Fill both from a checkpoint, wherever it was cut between stem and body."""
    cut = 1 + max(int(key.split(".")[1]) for key in state["stem"])
    blocks = {key.removeprefix("blocks."): value for key, value in state["stem"].items()}
    heads: dict[str, Tensor] = {}
    for key, value in state["network"].items():
        if key.startswith("body.blocks."):
            index, _, rest = key.removeprefix("body.blocks.").partition(".")
            blocks[f"{int(index) + cut}.{rest}"] = value
        else:
            heads[key] = value
    everything = nn.ModuleList([*stem.blocks, *network.body.blocks])
    everything.load_state_dict(blocks)
    missing, unexpected = network.load_state_dict(heads, strict=False)
    lost = [key for key in missing if not key.startswith("body.blocks.")]
    if lost or unexpected:
        raise ValueError(f"checkpoint does not fit: missing {lost}, unexpected {list(unexpected)}")
