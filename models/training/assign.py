"""Which cells of the box head are responsible for which box, and how sure each of them should be.

Task-aligned assignment (Feng et al. 2021, TOOD): of the cells near a box those learn it that already find it best, and a cell's
wanted score is how well its own box fits. So a sure box is a well-placed box, whatever its size and level. Torch, no gradients.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

CELLS_EACH = 9
_SCORE_POWER, _FIT_POWER = 0.5, 3.0
_STRIDES_PER_BOX = (1.5, 16.0)
"""A level may take boxes whose longest side is so many strides long; the finest also shorter, the coarsest also longer ones."""
_LEAST_SURE = 0.3
"""Wanted score of a box's best cell while nothing fits yet: without it nothing would ever be learnt."""


@dataclass(frozen=True)
class Assigned:
    """Wanted scores [B, N, C], wanted corners [B, N, 4] in pixels, and which cells have a box [B, N]."""

    scores: Tensor
    corners: Tensor
    positive: Tensor


def assign(scores: Tensor, found: Tensor, boxes: Tensor, centres: Tensor, strides: Tensor) -> Assigned:
    """Assigns the drawn boxes of a batch.

    Args:
        scores: probabilities [B, N, C] that the network gives now.
        found: corners [B, N, 4] in pixels that it gives now.
        boxes: drawn boxes [B, M, 5], rows of (class, x0, y0, x1, y1) in pixels; class -1 fills up.
        centres, strides: of the cells, [N, 2] and [N].
    """
    there = boxes[..., 0] >= 0
    wanted = torch.zeros_like(scores)
    if not bool(there.any()):
        return Assigned(wanted, torch.zeros_like(found), torch.zeros_like(found[..., 0], dtype=torch.bool))
    own = boxes[..., 0].clamp(min=0).long()
    fit = overlap(boxes[:, :, None, 1:], found[:, None])  # [B, M, N]
    now = torch.gather(scores.transpose(1, 2), 1, own[..., None].expand(-1, -1, scores.shape[1]))
    may, near = _candidates(boxes[..., 1:], centres, strides)
    worth = (now**_SCORE_POWER * fit**_FIT_POWER + 1e-4 * near) * may
    best = worth.topk(min(CELLS_EACH, worth.shape[2]), dim=2)
    taken = torch.zeros_like(worth).scatter(2, best.indices, 1.0) * (worth > 0) * there[..., None]
    contested = torch.where(taken > 0, worth, torch.zeros_like(worth))
    owner = contested.argmax(1)  # [B, N]: a cell that two boxes want goes to the one it fits better
    positive = taken.amax(1) > 0
    mine = torch.nn.functional.one_hot(owner, boxes.shape[1]).transpose(1, 2) * positive[:, None]
    kept = worth * mine
    best_fit = (fit * mine).amax(2, keepdim=True).clamp(min=_LEAST_SURE)
    sure = (kept / kept.amax(2, keepdim=True).clamp(min=1e-9) * best_fit).amax(1)
    owner_class = torch.gather(own, 1, owner)
    wanted.scatter_(2, owner_class[..., None], (sure * positive)[..., None])
    corners = torch.gather(boxes[..., 1:], 1, owner[..., None].expand(-1, -1, 4))
    return Assigned(wanted, corners, positive)


def _candidates(corners: Tensor, centres: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Which cells may take a box [B, M, N], and how near its middle they lie (1 in the middle)."""
    middle = (corners[..., :2] + corners[..., 2:]) / 2
    half = (corners[..., 2:] - corners[..., :2]) / 2
    offset = (centres - middle[:, :, None]).abs()  # [B, M, N, 2]
    inside = (offset <= torch.maximum(half[:, :, None], 0.75 * strides[:, None])).all(3)
    longest = 2 * half.amax(2)[..., None]
    low = torch.where(strides == strides.min(), 0.0, _STRIDES_PER_BOX[0] * strides)
    high = torch.where(strides == strides.max(), 1e9, _STRIDES_PER_BOX[1] * strides)
    near = torch.exp(-(offset.square().sum(3).sqrt() / longest.clamp(min=1.0)))
    return inside & (longest >= low) & (longest < high), near


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of corners (..., 4), broadcast."""
    sides = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    common = sides[..., 0] * sides[..., 1]
    union = _area(a) + _area(b) - common
    return common / union.clamp(min=1e-6)


def _area(corners: Tensor) -> Tensor:
    sides = (corners[..., 2:] - corners[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]
