"""Rotations between a body and the world. Axes: body forward, right, down; world north, east, down; aerospace Euler angles."""

import math

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def rotation(roll_deg: float, pitch_deg: float, yaw_deg: float) -> Matrix:
    """The 3 x 3 matrix that turns a vector of the body into the world."""
    r, p, y = map(math.radians, (roll_deg, pitch_deg, yaw_deg))
    cr, sr, cp, sp, cy, sy = math.cos(r), math.sin(r), math.cos(p), math.sin(p), math.cos(y), math.sin(y)
    return np.array(
        [
            [cp * cy, sr * sp * cy - cr * sy, cr * sp * cy + sr * sy],
            [cp * sy, sr * sp * sy + cr * cy, cr * sp * sy - sr * cy],
            [-sp, sr * cp, cr * cp],
        ]
    )
