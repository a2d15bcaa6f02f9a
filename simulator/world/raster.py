"""Names for the arrays that pictures and fields are, and comparisons with a number.

OpenCV's type stubs know neither the element types of its results nor comparisons with numbers; this is the one place that
works around it.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]  # uint8: (rows, columns) or (rows, columns, 3) in BGR; masks are 0 or 255
Field2D = NDArray[Any]  # float32, (rows, columns)
Vectors = NDArray[np.float64]  # (n, columns)


def above(field: Field2D | Picture, limit: float) -> Picture:
    """255 where the field is greater than the limit."""
    return np.asarray(cv2.compare(field, limit, cv2.CMP_GT))  # type: ignore[call-overload]


def below(field: Field2D | Picture, limit: float) -> Picture:
    """255 where the field is less than the limit."""
    return np.asarray(cv2.compare(field, limit, cv2.CMP_LT))  # type: ignore[call-overload]


def equal(field: Field2D | Picture, value: float) -> Picture:
    """255 where the field has the value."""
    return np.asarray(cv2.compare(field, value, cv2.CMP_EQ))  # type: ignore[call-overload]


def resized(raster: Field2D | Picture, size: tuple[int, int], *, nearest: bool = False) -> NDArray[Any]:
    """The raster at (columns, rows), bilinear or nearest."""
    return np.asarray(cv2.resize(raster, size, interpolation=cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR))


def bounds(mask: Picture) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of what is not 0; None where all is."""
    if not cv2.countNonZero(mask):
        return None
    x, y, wide, high = cv2.boundingRect(mask)
    return x, y, wide, high
