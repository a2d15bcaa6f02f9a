"""Finds the pad's markers in a picture: ids and corners. Pure; knows the print, nothing of camera or drone.

The markers lie within each other, and OpenCV gives only the innermost of such a nest. So what was found is painted over in the
white around it, and the picture is looked at again for the marker around it.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.config.landing import MarkerSection, PadMarkersSection

Corners = NDArray[np.float64]
"""4 x 2 pixels, origin in the corner of the first pixel: forward left, forward right, back right, back left of the marker."""

Grey = NDArray[np.uint8]

_PAINT_OVER = 1.25
"""A found marker is painted over so much larger than its square: its blurred edge too, but not the cells around."""
_WHITE_PERCENTILE = 90
_CELL_PX = 8
"""Pixels to which each cell is straightened before it is read. With OpenCV's 4 far markers are read less often."""


class MarkerFinder:
    """Looks for the markers of one pad.

    Args:
        pad: what is printed.
    """

    def __init__(self, pad: PadMarkersSection) -> None:
        parameters = cv2.aruco.DetectorParameters()
        parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        parameters.perspectiveRemovePixelPerCell = _CELL_PX
        self._detector = cv2.aruco.ArucoDetector(dictionary_of(pad), parameters)
        self._markers = {marker.id: marker for marker in pad.markers}

    def find(self, grey: Grey) -> dict[int, Corners]:
        """The pad's markers in a picture. An id that is there twice tells no place and is left out."""
        found: dict[int, Corners] = {}
        doubtful: set[int] = set()
        picture = grey
        while len(found) < len(self._markers):
            seen = self._look(picture)
            fresh = {number: many for number, many in seen.items() if number not in found and number not in doubtful}
            if not fresh:
                break
            doubtful |= {number for number, many in fresh.items() if len(many) > 1}
            found |= {number: many[0] for number, many in fresh.items() if len(many) == 1}
            if not self._larger_missing(found):
                break
            picture = _painted_over(picture, [corners for many in fresh.values() for corners in many])
        return found

    def _look(self, picture: Grey) -> Mapping[int, list[Corners]]:
        corners, ids, _ = self._detector.detectMarkers(picture)
        seen: dict[int, list[Corners]] = {}
        if not len(corners):
            return seen
        for number, quad in zip(map(int, ids.ravel()), corners, strict=True):
            if number in self._markers:
                # OpenCV counts from the middle of the first pixel.
                seen.setdefault(number, []).append(np.asarray(quad, dtype=np.float64).reshape(4, 2) + 0.5)
        return seen

    def _larger_missing(self, found: Mapping[int, Corners]) -> bool:
        """Whether a marker larger than one that was found has not been found."""
        smallest_m = min((self._markers[number].side_m for number in found), default=0.0)
        return any(marker.side_m > smallest_m and number not in found for number, marker in self._markers.items())


def dictionary_of(pad: PadMarkersSection) -> cv2.aruco.Dictionary:
    """OpenCV's dictionary of the configured family."""
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{pad.dictionary.upper()}"))


def corners_m(marker: MarkerSection) -> NDArray[np.float64]:
    """4 x 3, the marker's corners in pad axes (forward, right, down), in the order of :data:`Corners`."""
    half = marker.side_m / 2
    across = [(half, -half), (half, half), (-half, half), (-half, -half)]
    return np.array([(marker.forward_m + forward, marker.right_m + right, 0.0) for forward, right in across])


def _painted_over(picture: Grey, quads: list[Corners]) -> Grey:
    picture = picture.copy()
    for quad in quads:
        middle = quad.mean(axis=0)
        wide = middle + (quad - middle) * _PAINT_OVER - 0.5
        x0, y0 = np.maximum(np.floor(wide.min(axis=0)).astype(int), 0)
        x1, y1 = np.ceil(wide.max(axis=0)).astype(int) + 1
        around = picture[y0:y1, x0:x1]
        cv2.fillConvexPoly(picture, np.rint(wide).astype(np.int32), float(np.percentile(around, _WHITE_PERCENTILE)))
    return picture
