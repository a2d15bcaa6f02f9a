"""Draws the power line: pylons and the three wires between them."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera.projection import Camera
from simulator.world.landcover import PYLON_HEIGHT_M
from simulator.world.raster import Picture
from simulator.world.scene import World

Points = NDArray[np.float64]

_SAG_M = 6.0
_ARM_M = 4.0
_WIRE_PARTS = 12
_FARTHEST_M = 900.0
_WIRE, _STEEL = (58, 58, 58), (120, 124, 126)


class PowerLine:
    """The line of one world as straight pieces in space.

    Args:
        world: the world.
    """

    def __init__(self, world: World) -> None:
        feet = [np.array([e, n, world.ground_amsl_m(e, n)]) for e, n in world.cover.pylons_m]
        wires: list[Points] = []
        steel: list[Points] = []
        for here, there in pairwise(feet):
            way = (there - here) / np.linalg.norm(there - here)
            side = np.array([-way[1], way[0], 0.0])
            steel += _pylon(here, side)
            wires.extend(_wire(here, there, side, arm) for arm in (-_ARM_M, 0.0, _ARM_M))
        self._pieces = np.concatenate([np.concatenate(wires), np.stack(steel)])
        self._thick_m = np.array([0.05] * (len(self._pieces) - len(steel)) + [0.22] * len(steel))
        self._wires = len(self._pieces) - len(steel)

    def draw(self, picture: Picture, camera: Camera) -> None:
        """Draws what is in view; pieces much thinner than a pixel are left out. In place."""
        pixel, depth = camera.project(self._pieces.reshape(-1, 3))
        ends, near = pixel.reshape(-1, 2, 2), depth.reshape(-1, 2).min(axis=1)
        wide = self._thick_m * camera.lens.focal_px / np.maximum(near, 1.0)
        low, high = ends.min(axis=1), ends.max(axis=1)
        seen = (near > 3.0) & (near < _FARTHEST_M) & (wide >= 0.35) & (np.abs(ends).max(axis=(1, 2)) < 20_000.0)
        seen &= (high[:, 0] > 0) & (low[:, 0] < picture.shape[1]) & (high[:, 1] > 0) & (low[:, 1] < picture.shape[0])
        for number in np.nonzero(seen)[0].tolist():
            start, end = np.round(ends[number] * 8).astype(int).tolist()
            colour = _WIRE if number < self._wires else _STEEL
            cv2.line(picture, start, end, colour, max(1, round(float(wide[number]))), cv2.LINE_AA, 3)


def _wire(here: Points, there: Points, side: Points, arm_m: float) -> Points:
    """A hanging wire as (parts, 2, 3) ends of straight pieces."""
    share = np.linspace(0.0, 1.0, _WIRE_PARTS + 1)[:, None]
    top = np.array([0.0, 0.0, PYLON_HEIGHT_M - (0.0 if arm_m == 0.0 else 3.0)]) + side * arm_m
    points = here + top + (there - here) * share
    points[:, 2] -= (4.0 * _SAG_M * share * (1.0 - share))[:, 0]
    return np.stack([points[:-1], points[1:]], axis=1)


def _pylon(foot: Points, side: Points) -> list[Points]:
    """Two legs and an arm."""
    up = np.array([0.0, 0.0, 1.0])
    arm = foot + up * (PYLON_HEIGHT_M - 3.0)
    legs = [np.stack([foot + side * 1.8 * leg, foot + up * PYLON_HEIGHT_M]) for leg in (-1.0, 1.0)]
    return [*legs, np.stack([arm - side * _ARM_M, arm + side * _ARM_M])]
