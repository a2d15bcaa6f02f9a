"""What the networks are trained to make small. Unknown labels (weight 0, NaN) add nothing.

Torch only; targets come from `assign` and `augment`.
"""

import torch
from torch import Tensor
from torch.nn import functional

_FOCAL_GAMMA = 2.0  # Lin et al. 2017
_FOCAL_ALPHA = 0.4  # a little more weight to the rare class than the paper: plumes are few pixels


def focal(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Focal loss summed over cells and classes, divided by the number of positive cells (at least one)."""
    cross = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    probability = torch.sigmoid(logits)
    miss = torch.where(targets > 0, 1 - probability, probability)
    alpha = torch.where(targets > 0, _FOCAL_ALPHA, 1 - _FOCAL_ALPHA)
    return (alpha * miss**_FOCAL_GAMMA * cross * weights).sum() / targets.sum().clamp(min=1.0)


def box_overlap(predicted: Tensor, wanted: Tensor, positive: Tensor) -> Tensor:
    """1 - GIoU of two boxes given as distances from the same cell centre, averaged over the positive cells."""
    keep = positive > 0
    a, b = predicted[keep], wanted[keep]
    if len(a) == 0:
        return predicted.sum() * 0.0
    area_a = (a[:, 0] + a[:, 2]) * (a[:, 1] + a[:, 3])
    area_b = (b[:, 0] + b[:, 2]) * (b[:, 1] + b[:, 3])
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    common = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    union = area_a + area_b - common
    giou = common / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)
    return (1 - giou).mean()


def known_binary(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over the targets that are not NaN."""
    known = ~torch.isnan(targets)
    safe = torch.where(known, targets, torch.zeros_like(targets))
    cross = functional.binary_cross_entropy_with_logits(logits, safe, reduction="none")
    return (cross * known).sum() / known.sum().clamp(min=1)


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
    overlap = (probability.flatten(1) * wet).sum(1)
    dice = 1 - (2 * overlap + 1) / (probability.flatten(1).sum(1) + wet.sum(1) + 1)
    has_water = (wet.sum(1) > 0).float()
    return entropy + 0.5 * (dice * has_water).sum() / has_water.sum().clamp(min=1.0)


def fire_loss(output: tuple[Tensor, Tensor, Tensor], batch: dict[str, Tensor]) -> Tensor:
    """Loss of the fire network on a batch."""
    classes, distances, picture = output
    unlocated = ((batch["picture"][:, 0] == 1) & (batch["positive"].sum(1) == 0)).float()
    either = classes.max(dim=2).values
    return (
        focal(classes, batch["classes"], batch["weights"])
        + 1.5 * box_overlap(distances, batch["distances"], batch["positive"])
        + known_binary(picture, batch["picture"][:, :2])
        + 0.1 * somewhere(either, unlocated, 0.002)
    )


def flood_loss(output: tuple[Tensor, Tensor], batch: dict[str, Tensor]) -> Tensor:
    """Loss of the flood network on a batch."""
    mask, picture = output
    return (
        water_mask(mask[:, 0], batch["water"], batch["water_known"])
        + known_binary(picture, batch["picture"][:, 2:3])
        + 0.2 * somewhere(mask, batch["water_somewhere"], 0.05)
    )
