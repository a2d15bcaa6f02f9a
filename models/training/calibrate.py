"""From logits to probabilities (Platt 1999), and from probabilities to an alarm threshold. Pure functions on arrays."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def platt(logits: Array, labels: Array, weights: Array | None = None) -> tuple[float, float]:
    """(a, b) of sigmoid(a * logit + b) by maximum likelihood, with Platt's smoothed targets against over-confidence.

    Newton's method on the two values; `weights` count pictures (to balance sources). Raises ValueError when one of the two
    kinds is missing or when a higher logit does not mean a higher chance.
    """
    share = np.ones(len(logits)) if weights is None else weights
    n_pos, n_neg = float(share[labels > 0.5].sum()), float(share[labels <= 0.5].sum())
    if n_pos == 0 or n_neg == 0:
        raise ValueError("calibration needs positive and negative pictures")
    target = np.where(labels > 0.5, (n_pos + 1) / (n_pos + 2), 1 / (n_neg + 2))
    design = np.stack((logits, np.ones_like(logits)), axis=1)
    theta = np.array([1.0, 0.0])
    for _ in range(50):
        chance = sigmoid(design @ theta)
        gradient = design.T @ (share * (chance - target)) + np.array([1e-3 * (theta[0] - 1), 0.0])
        curvature = (design * (share * chance * (1 - chance))[:, None]).T @ design + np.diag([1e-3, 1e-9])
        step = np.linalg.solve(curvature, gradient)
        theta = theta - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-7:
            break
    if theta[0] <= 0:
        raise ValueError(f"calibration slope {theta[0]:.3f} is not positive: the network does not rank these pictures")
    return float(theta[0]), float(theta[1])


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    result: Array = 0.5 * (1 + np.tanh(x / 2))
    return result


def balanced_weights(groups: Sequence[object]) -> Array:
    """Weights with which every group counts alike; their mean is 1.

    Three hundred thumbnails of one source must not say how sure the network may be on the masts.
    """
    names, index, counts = np.unique([str(group) for group in groups], return_inverse=True, return_counts=True)
    weights: Array = len(groups) / (len(names) * counts[index])
    return weights


def threshold_for_false_alarms(probabilities: Array, labels: Array, most: float, floor: float) -> float:
    """Least threshold, not below `floor`, that at most the share `most` of the negatives reaches."""
    negatives = np.sort(probabilities[labels <= 0.5])
    if len(negatives) == 0:
        raise ValueError("a threshold needs negative pictures")
    allowed = int(np.floor(most * len(negatives)))
    limit = float(negatives[len(negatives) - 1 - allowed])
    return float(min(0.998, max(floor, np.ceil((limit + 1e-4) * 1000) / 1000)))


def cheapest_threshold(
    probabilities: Array, labels: Array, weights: Array, miss_cost: float, most: float, floor: float
) -> float:
    """Threshold of the least cost: `miss_cost` for a missed positive, 1 for an alarmed negative, both by weight.

    Only thresholds that at most the share `most` of the negatives reaches are looked at; of equal ones the least is taken.
    """
    least = threshold_for_false_alarms(probabilities, labels, most, floor)
    options = np.arange(round(least * 1000), 999) / 1000
    if len(options) == 0:
        return least
    positive = labels > 0.5
    miss = [float(weights[positive & (probabilities < option)].sum()) for option in options]
    alarm = [float(weights[~positive & (probabilities >= option)].sum()) for option in options]
    return float(options[int(np.argmin(miss_cost * np.array(miss) + np.array(alarm)))])
