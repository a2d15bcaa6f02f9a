"""Something on the lens: a drop, dirt or an insect hides the same part of every picture, whatever the camera looks at.

A single picture cannot tell a drop from a pond. Over a dozen pictures of different places it can: what is sharp moves through
the picture, and where nothing was ever sharp although all around it was, the lens is not clean. A camera that stands still
shows the same place always, so there nothing is said. Pure.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.detail import detail_map
from agent.vision.frame import Pixels
from agent.vision.watchfulness import StillCamera

_WIDTH_PX = 640
_VIEWS = 12
"""So many different views are compared. In flight they take a minute or two."""
_AGREED = 3
"""So many new views in a row must say the same."""
_EVER = 90.0
"""Percentile over the views: how sharp a place was in its best views."""
_DULL = 0.45
"""Of what is usual around it."""
_AROUND = 9
"""Cells to a side."""
_DETAIL_LEAST = 2.0
"""Where the surroundings have less, in grey levels, nothing can be said."""
_RING_CLEAR = 0.75
"""So much of the ring around a drop is sharp. The sky, a lake's arm or the drone's own leg is open to one side."""
_LEAST_PART, _MOST_PART = 0.005, 0.2
_SOLID = 0.55
"""A drop fills so much of the rectangle around it; a circle fills 0.79 of it."""
_SLIM = 2.5


class LensWatch:
    """Watches one flight."""

    def __init__(self) -> None:
        self._views: deque[NDArray[np.float32]] = deque(maxlen=_VIEWS)
        self._still = StillCamera()
        self._agreed = 0

    @property
    def dirty(self) -> bool:
        """Whether something seems to be on the lens."""
        return self._agreed >= _AGREED

    def update(self, pixels: Pixels) -> bool:
        """Takes a picture in. Returns whether something seems to be on the lens."""
        if self._still.update(pixels) and self._views:
            return self.dirty
        self._views.append(detail_map(pixels, _WIDTH_PX))
        if len(self._views) == _VIEWS:
            hidden = hidden_part(np.percentile(np.stack(self._views), _EVER, axis=0).astype(np.float32))
            self._agreed = self._agreed + 1 if hidden else 0
        return self.dirty


def hidden_part(detail: NDArray[np.float32]) -> bool:
    """Whether a round part of a map of detail, away from its edges, is dull although all around it is not."""
    around = cv2.blur(detail, (_AROUND, _AROUND), borderType=cv2.BORDER_REFLECT)
    dull = (detail < _DULL * around).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(dull, connectivity=4)
    return any(_is_round(boxes[i], detail.shape) and _is_enclosed(detail, labels == i) for i in range(1, count))


def _is_round(box: NDArray[np.int32], shape: tuple[int, ...]) -> bool:
    left, top, width, height, cells = (int(v) for v in box)
    rows, cols = shape
    return (
        left > 0
        and top > 0
        and left + width < cols
        and top + height < rows
        and _LEAST_PART <= cells / (rows * cols) <= _MOST_PART
        and cells >= _SOLID * width * height
        and max(width, height) <= _SLIM * min(width, height)
    )


def _is_enclosed(detail: NDArray[np.float32], part: NDArray[np.bool_]) -> bool:
    """Whether the ring one cell off the part is sharp."""
    mask = part.astype(np.uint8)
    ring = cv2.dilate(mask, np.ones((5, 5), np.uint8)) > cv2.dilate(mask, np.ones((3, 3), np.uint8))
    limit = max(_DETAIL_LEAST, float(detail[part].mean()) / _DULL)
    return float(np.mean(detail[ring] > limit)) >= _RING_CLEAR
