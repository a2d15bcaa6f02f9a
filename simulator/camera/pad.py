"""What is printed on the landing pad, as a picture. The simulator's own opinion of it; the agent has another.

Markers are squares of OpenCV's ArUco families; the smaller ones lie in the white middle of the larger ones.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_INK, _PAPER = 22, 228
_SHEET_PX = 2800
_LEAST_PX = 40


@dataclass(frozen=True)
class Marker:
    """A square: its number and the length of its side; its middle is the pad's."""

    number: int
    side_m: float


@dataclass(frozen=True)
class PadPrint:
    """The whole print.

    Attributes:
        family: cells across without the border, e.g. 4 for OpenCV's 4x4 families.
        markers: from the largest to the smallest.
        sheet_m: side of the white sheet.
    """

    family: int = 4
    markers: tuple[Marker, ...] = (Marker(45, 0.72), Marker(16, 0.12), Marker(7, 0.02))
    sheet_m: float = 0.9

    @cached_property
    def pictures(self) -> tuple[Grey, ...]:
        """The print, its top forward, each picture half the size of the one before: a texture that does not shimmer."""
        levels = [self._drawn()]
        while levels[-1].shape[0] > _LEAST_PX:
            levels.append(np.asarray(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8))
        return tuple(levels)

    def _drawn(self) -> Grey:
        sheet = np.full((_SHEET_PX, _SHEET_PX), _PAPER, np.uint8)
        family = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{self.family}X{self.family}_50"))
        for marker in self.markers:
            side = round(marker.side_m / self.sheet_m * _SHEET_PX)
            cells = cv2.aruco.generateImageMarker(family, marker.number, self.family + 2)
            square = cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST)
            start = (_SHEET_PX - side) // 2
            sheet[start : start + side, start : start + side] = np.where(square > 0, _PAPER, _INK)
        return sheet
