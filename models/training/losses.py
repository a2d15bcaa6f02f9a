"""What the networks are trained to make small. Unknown labels (weight 0, NaN) add nothing.

Torch only; targets come from `stream`. A class whose boxes a source does not draw has background weight 0 there, so that a
fire picture without smoke boxes never teaches "this is not smoke".
"""

import torch
from torch import Tensor
from torch.nn import functional

from models.training.assign import Assigned, assign
from models.training.network import cell_centres

Batch = dict[str, Tensor]
_FOCAL_GAMMA = 2.0  # Lin et al. 2017
_NEGATIVE_WEIGHT = 0.75  # varifocal loss, Zhang et al. 2021
_HARDEST = 0.02  # share of a picture's known empty cells that the evidence learns from


def varifocal(logits: Tensor, assigned: Assigned, background: Tensor) -> Tensor:
    """Cross-entropy to the wanted scores; cells without a box count by how wrong they are. Divided by the sum of the scores."""
    cross = functional.binary_cross_entropy_with_logits(logits, assigned.scores, reduction="none")
    empty = _NEGATIVE_WEIGHT * torch.sigmoid(logits.detach()) ** _FOCAL_GAMMA * background
    weights = torch.where(assigned.scores > 0, assigned.scores.clamp(min=0.3), empty)
    return (weights * cross).sum() / assigned.scores.sum().clamp(min=1.0)


def box_fit(corners: Tensor, assigned: Assigned) -> Tensor:
    """1 - GIoU (Rezatofighi et al. 2019), weighted by the wanted scores."""
    keep = assigned.positive
    a, b = corners[keep], assigned.corners[keep]
    if len(a) == 0:
        return corners.sum() * 0.0
    common = _area(torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:]))
    hull = _area(torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:]))
    union = _area(a[:, :2], a[:, 2:]) + _area(b[:, :2], b[:, 2:]) - common
    giou = common / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)
    weights = assigned.scores.amax(2)[keep]
    return (weights * (1 - giou)).sum() / weights.sum().clamp(min=1.0)


def _area(low: Tensor, high: Tensor) -> Tensor:
    sides = (high - low).clamp(min=0)
    return sides[:, 0] * sides[:, 1]


def known_binary(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over the targets that are not NaN."""
    known = ~torch.isnan(targets)
    safe = torch.where(known, targets, torch.zeros_like(targets))
    cross = functional.binary_cross_entropy_with_logits(logits, safe, reduction="none")
    return (cross * known).sum() / known.sum().clamp(min=1)


def evidence_where(logits: Tensor, targets: Tensor) -> Tensor:
    """Cells [B, C, h, w] that surely show the thing must say so; of those that surely do not, the worst of each picture count.

    Targets are 1, 0 or NaN.
    """
    yes = (functional.softplus(-logits) * (targets == 1)).sum() / (targets == 1).sum().clamp(min=1)
    wrong = torch.where(targets == 0, functional.softplus(logits), torch.zeros_like(logits)).flatten(2)
    return yes + wrong.topk(max(1, int(wrong.shape[2] * _HARDEST)), dim=2).values.mean()


def somewhere(logits: Tensor, applies: Tensor, share: float) -> Tensor:
    """Where a thing is known to be somewhere in the picture, the best `share` of the cells must say so."""
    flat = logits.flatten(1)
    best = flat.topk(max(1, int(flat.shape[1] * share)), dim=1).values.mean(1)
    cross = functional.softplus(-best)
    return (cross * applies).sum() / applies.sum().clamp(min=1.0)


def water_mask(logits: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice (Milletari et al. 2016) over the known cells."""
    cross = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    entropy = (cross * known).sum() / known.sum().clamp(min=1.0)
    probability = torch.sigmoid(logits) * known
    wet = (targets * known).flatten(1)
    common = (probability.flatten(1) * wet).sum(1)
    dice = 1 - (2 * common + 1) / (probability.flatten(1).sum(1) + wet.sum(1) + 1)
    has_water = (wet.sum(1) > 0).float()
    return entropy + 0.5 * (dice * has_water).sum() / has_water.sum().clamp(min=1.0)


def fire_loss(output: tuple[Tensor, Tensor, Tensor, Tensor], batch: Batch) -> Tensor:
    """Loss of the fire network on a batch."""
    classes, sides, evidence, picture = (part.float() for part in output)
    height, width = batch["pixels"].shape[1:3]
    centres, strides = cell_centres(width, height)
    corners = torch.cat((centres - sides[..., :2], centres + sides[..., 2:]), dim=2)
    with torch.no_grad():
        assigned = assign(torch.sigmoid(classes), corners, batch["boxes"], centres, strides)
        background = batch["background"][:, None] * (~_within(centres, batch["ignored"]))[..., None]
    unlocated = ((batch["picture"][:, 0] == 1) & ~assigned.positive.any(1)).float()
    return (
        varifocal(classes, assigned, background)
        + 2.0 * box_fit(corners, assigned)
        + known_binary(picture, batch["picture"][:, :2])
        + 0.5 * evidence_where(evidence, batch["evidence"])
        + 0.05 * somewhere(classes.amax(2), unlocated, 0.002)
    )


def _within(centres: Tensor, boxes: Tensor) -> Tensor:
    """Which cells [B, N] lie in one of the boxes [B, M, 5]; class -1 fills up."""
    low, high = boxes[:, :, None, 1:3], boxes[:, :, None, 3:]
    inside = ((centres >= low) & (centres <= high)).all(3) & (boxes[..., 0] >= 0)[..., None]
    return inside.any(1)


def flood_loss(output: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """Loss of the flood network on a batch."""
    mask, picture = (part.float() for part in output)
    return (
        water_mask(mask[:, 0], batch["water"], batch["water_known"])
        + known_binary(picture, batch["picture"][:, 2:3])
        + 0.2 * somewhere(mask, batch["water_somewhere"], 0.05)
    )
