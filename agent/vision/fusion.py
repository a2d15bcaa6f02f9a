"""Where a thing is, from several looks with errors in common.

Errors of one flight are mostly common to all its frames (compass, GPS, mount), and averaging them as if they were independent
would give an ellipse that lies. A few looks are therefore kept, the best of each direction, and the place is the best of them
or the covariance intersection of two, whichever is surer. Intersection is right whatever the errors have in common: it never
claims more than the best look, or than looks from two sides together allow. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from agent.core.geo import NorthEast, wrap_180

_DIRECTION_DEG = 8.0
_LOOKS_MAX = 6
_WEIGHTS = np.linspace(0.0, 1.0, 11)

Covariance = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Where one look put a thing, and the bearing from the camera to it, degrees from north."""

    place: NorthEast
    covariance_m2: Covariance
    bearing_deg: float


def with_look(looks: tuple[Look, ...], new: Look) -> tuple[Look, ...]:
    """The looks with a new one: of each direction the surest stays; of too many the one nearest to another goes."""
    near = [look for look in looks if abs(wrap_180(look.bearing_deg - new.bearing_deg)) < _DIRECTION_DEG]
    if any(np.linalg.det(look.covariance_m2) <= np.linalg.det(new.covariance_m2) for look in near):
        return looks
    kept = sorted([*(look for look in looks if look not in near), new], key=lambda look: look.bearing_deg)
    if len(kept) > _LOOKS_MAX:
        gaps = [abs(wrap_180(a.bearing_deg - b.bearing_deg)) for a, b in pairwise(kept)]
        del kept[gaps.index(min(gaps)) + 1]
    return tuple(kept)


def best_estimate(looks: Sequence[Look]) -> tuple[NorthEast, Covariance]:
    """The surest of the single looks and the intersections of two."""
    estimates = [(look.place, look.covariance_m2) for look in looks]
    estimates += [fused(a.place, a.covariance_m2, b.place, b.covariance_m2) for a, b in combinations(looks, 2)]
    return min(estimates, key=lambda estimate: float(np.linalg.det(estimate[1])))


def fused(a: NorthEast, cov_a: Covariance, b: NorthEast, cov_b: Covariance) -> tuple[NorthEast, Covariance]:
    """Covariance intersection of two estimates of one place, with the weight that gives the smallest ellipse."""
    inv_a, inv_b = np.linalg.inv(cov_a), np.linalg.inv(cov_b)
    mixed = _WEIGHTS[:, None, None] * inv_a + (1.0 - _WEIGHTS)[:, None, None] * inv_b
    weight = float(_WEIGHTS[int(np.argmax(np.linalg.det(mixed)))])
    covariance = np.linalg.inv(weight * inv_a + (1.0 - weight) * inv_b)
    mean = covariance @ (weight * inv_a @ np.array(a) + (1.0 - weight) * inv_b @ np.array(b))
    return NorthEast(float(mean[0]), float(mean[1])), covariance
