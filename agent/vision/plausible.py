"""Which boxes no real thing of that kind could have at that distance, and where in its box a thing stands.

Pure; the limits are a table.
"""

import math
from dataclasses import dataclass

import numpy as np

from agent.domain.hazard import Hazard
from agent.vision.frame import Detection
from agent.vision.poses import CameraPose


@dataclass(frozen=True, slots=True)
class Limits:
    """Least and greatest width or height of a box on the ground, in metres, and whether it may be over the horizon.

    The sizes are those of the phenomena: a camp fire is half a metre wide, a front that fills a frame some hundreds of metres;
    plumes reach kilometres. They are wide on purpose: they take out the impossible, not the unusual.
    """

    least_m: float
    most_m: float
    above_horizon: bool


LIMITS = {
    Hazard.FIRE: Limits(0.3, 400.0, above_horizon=False),
    Hazard.SMOKE: Limits(1.0, 5000.0, above_horizon=True),
    Hazard.PERSON: Limits(0.2, 4.0, above_horizon=False),
    Hazard.VEHICLE: Limits(1.0, 30.0, above_horizon=False),
}


def plausible_size(hazard: Hazard, size_m: tuple[float, float]) -> bool:
    """Whether a box of this width and height in metres can be such a thing. NaN, a size that nobody knows, can be any."""
    limits = LIMITS.get(hazard)
    if limits is None or any(math.isnan(side) for side in size_m):
        return True
    return limits.least_m <= max(size_m) <= limits.most_m


def above_horizon_possible(hazard: Hazard) -> bool:
    """Whether such a thing can be seen where the ray meets no ground."""
    limits = LIMITS.get(hazard)
    return limits is None or limits.above_horizon


def foot_of(found: Detection, pose: CameraPose) -> tuple[float, float]:
    """The pixel where the thing meets the ground.

    Seen from straight above it is the middle of the box. Seen flat it is the middle of the lower edge: flames and smoke rise.
    In between it moves with the sine of the depression. Smoke is thought higher than wide, so it stays lower in the box.
    """
    x0, y0, x1, y1 = found.box_px
    if found.anywhere:
        return (x0 + x1) / 2, (y0 + y1) / 2
    depression = float(np.clip(pose.forward_ned[2], 0.0, 1.0))
    share = depression / 2 if found.hazard is not Hazard.SMOKE else depression**2 / 2
    return (x0 + x1) / 2, y1 - (y1 - y0) * share
