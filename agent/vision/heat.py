"""Hot spots in a picture of temperatures, and what looks like one and is none.

A spot is what is hot absolutely, or hot against its surroundings. By shape, size, temperature and time of day it is told from
what the sun and machines heat: each look-alike is a row of a table. Pure: temperatures and distances in, boxes out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.config.thermal import ThermalSection
from agent.vision.frame import Box

_BLOCK_PX = 32
_SMALL_PIXELS = 6
_DAY_ELEVATION_DEG = 5.0
"""With a lower sun nothing is heated by it, and its mirror image is cool."""
_SPOTS_MAX = 40
"""The hottest; a burning hillside is told as well with these."""


@dataclass(frozen=True, slots=True)
class HotSpot:
    """One spot.

    Attributes:
        peak_c, around_c: its hottest pixel, and what is usual around it.
        pixels: how many it has.
        fill: part of its box that it fills.
        flat: part of it that is nearly as hot as its peak: a plate has much, a flame little.
    """

    box_px: Box
    peak_c: float
    around_c: float
    pixels: int
    fill: float
    flat: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the picture does not say.

    Attributes:
        pixel_m: ground that one pixel covers at the spot; NaN where nobody knows.
        sun_elevation_deg: None where nobody knows: then it is taken for night, and no sun explains anything away.
    """

    pixel_m: float
    sun_elevation_deg: float | None

    @property
    def is_day(self) -> bool:
        """Whether the sun heats and glints."""
        return self.sun_elevation_deg is not None and self.sun_elevation_deg > _DAY_ELEVATION_DEG


def surroundings(celsius: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is usual around each pixel: a median over some 160 pixels to a side, which a roof cannot lift."""
    rows, cols = (max(3, side // _BLOCK_PX) for side in celsius.shape)
    small = cv2.resize(celsius, (cols, rows), interpolation=cv2.INTER_AREA)
    usual = cv2.medianBlur(np.asarray(small, dtype=np.float32), 5)
    return np.asarray(cv2.resize(usual, celsius.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def hot_spots(celsius: NDArray[np.float32], limits: ThermalSection) -> list[HotSpot]:
    """All spots, the hottest first. A pixel that is no number counts as the picture's middle temperature."""
    numbers = np.isfinite(celsius)
    if not numbers.any():
        return []
    known = np.where(numbers, celsius, np.median(celsius[numbers])).astype(np.float32)
    usual = surroundings(known)
    hot = ((known >= limits.hot_c) | (known >= usual + limits.contrast_c)).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(hot, connectivity=8)
    spots = [_spot(known, usual, labels == i, boxes[i]) for i in _hottest(known, np.asarray(labels, dtype=np.int32), count)]
    return sorted(spots, key=lambda spot: -spot.peak_c)


def _hottest(celsius: NDArray[np.float32], labels: NDArray[np.int32], count: int) -> list[int]:
    peaks = np.full(count, -np.inf, dtype=np.float32)
    np.maximum.at(peaks, labels.ravel(), celsius.ravel())
    return [int(i) + 1 for i in np.argsort(-peaks[1:])[:_SPOTS_MAX]]


def _spot(celsius: NDArray[np.float32], usual: NDArray[np.float32], part: NDArray[np.bool_], box: NDArray[np.int32]) -> HotSpot:
    left, top, width, height, pixels = (int(v) for v in box)
    values = celsius[part]
    peak, around = float(values.max()), float(np.median(usual[part]))
    flat = float(np.mean(values >= peak - 0.25 * max(1.0, peak - around)))
    whole = (float(left), float(top), float(left + width), float(top + height))
    return HotSpot(whole, peak, around, pixels, pixels / (width * height), flat)


LOOK_ALIKES: dict[str, Callable[[HotSpot, Circumstances, ThermalSection], bool]] = {
    # Sheet metal and rock in the sun: wide, even, angular, and never hotter than the sun makes it.
    "sun-heated surface": lambda spot, at, limits: (
        at.is_day
        and spot.peak_c <= limits.roof_most_c
        and (spot.flat >= 0.5 or spot.fill >= 0.7)
        and not spot.pixels * at.pixel_m**2 < 4.0
    ),
    # A bonnet, an exhaust, a generator: as large as one, at any time of day.
    "engine": lambda spot, at, limits: spot.peak_c <= limits.engine_most_c and 0.1 <= spot.pixels * at.pixel_m**2 <= 6.0,
}
"""What explains a spot away. NaN compares false: a size that nobody knows is never an engine's."""


def look_alike(spot: HotSpot, at: Circumstances, limits: ThermalSection) -> str | None:
    """The name of what the spot probably is; None when it is taken for a fire."""
    if spot.peak_c >= limits.surely_fire_c and not may_be_glint(spot, at):
        return None
    return next((name for name, fits in LOOK_ALIKES.items() if fits(spot, at, limits)), None)


def may_be_glint(spot: HotSpot, at: Circumstances) -> bool:
    """Whether it is small enough for the sun's mirror image.

    A small fire is so too. It counts, but only as a doubtful look: a glint is gone when the drone has moved on, a fire is not.
    """
    return at.is_day and spot.pixels <= _SMALL_PIXELS


def confidence(spot: HotSpot, at: Circumstances, limits: ThermalSection) -> float:
    """From 0.5 at a limit to 0.97 at twice the excess that a limit asks for; a possible glint stays at 0.5."""
    if may_be_glint(spot, at):
        return 0.5
    over = max(
        (spot.peak_c - limits.hot_c) / limits.hot_c, (spot.peak_c - spot.around_c - limits.contrast_c) / limits.contrast_c
    )
    return float(1.0 / (1.0 + np.exp(-3.5 * min(1.0, max(0.0, over)))))
