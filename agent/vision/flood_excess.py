"""Water is not flood: the water mask is laid on the ground and compared with the water that is normally there.

The ground is a raster of cells around the first place looked at. Each look adds evidence of water or of dry land to the cells
it shows; a cell counts as excess when it holds water and lies farther from normal water than the bank's margin and the error
of that look. What is narrow (the rim that a mask that is a pixel off leaves along every bank) falls to an opening; what
stays together and is large enough is a flood. Knows masks, poses and outlines, nothing of networks or tracks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.config.vision import VisionSection
from agent.core.geo import LatLon, LocalFrame, NorthEast
from agent.vision.geolocation import Locator
from agent.vision.poses import CameraPose

CELL_M = 4.0
_HALF_CELLS = 640  # 5.1 km across
_RANGE_MAX_M = 800.0
_DEPRESSION_MIN_DEG = 8.0
"""Flatter than this a cell is a sliver of the picture, and a mask one pixel off is tens of metres off."""
_LEAST, _MOST = -3.0, 6.0
_STRONGEST = 1.5
_WET = 1.0
"""Log-odds from which a cell counts as water: one clear look, or several faint ones."""
_FRESH_S = 1.0
_CELLS_AT_ONCE = 16_384
"""A flat view spans a hundred thousand cells and more; together their places and rays would take a hundred megabytes."""

Cells = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Excess:
    """Water that is not normally there, in one piece.

    Attributes:
        centroid: of the wet cells, metres in the map's frame.
        sigma_m: one sigma of the place, across the looks that made it.
        confidence: mean probability of water in the cells of this look.
        ring: outline, closed, counter-clockwise.
        looked: part of its cells that this look showed.
    """

    centroid: NorthEast
    area_m2: float
    sigma_m: float
    confidence: float
    ring: tuple[LatLon, ...]
    looked: float


class FloodMap:
    """The raster. Its frame's origin is fixed when it is made.

    Args:
        frame: where it lies.
        normal_water: outlines of water that is there in normal times.
        config: least area and margin of the banks.
    """

    def __init__(self, frame: LocalFrame, normal_water: Sequence[Sequence[LatLon]], config: VisionSection) -> None:
        self.frame = frame
        self.knows_normal_water = bool(normal_water)
        self._area_min_m2 = config.flood_area_min_m2
        self._margin_m = config.flood_bank_margin_m
        size = 2 * _HALF_CELLS
        self._odds: Cells = np.zeros((size, size), dtype=np.float32)
        self._sigma_m: Cells = np.full((size, size), np.inf, dtype=np.float32)
        self._to_normal_m = _distance_to_water(frame, normal_water)
        self._looked_at_s: float | None = None

    def look(
        self, water: NDArray[np.float32], threshold: float, pose: CameraPose, locator: Locator, unix_s: float
    ) -> tuple[Excess, ...]:
        """Takes a mask in. Returns the excess water that this look shows a part of, the largest first.

        Args:
            water: probability of water over the picture, any size.
            threshold: from which probability a pixel counts as water.
            pose: of the camera when the picture was taken.
            locator: for the frame's size.
            unix_s: capture time.
        """
        rows, cols = self._cells_around(pose, locator)
        if rows.size == 0:
            return ()
        looks = []
        for start in range(0, rows.size, _CELLS_AT_ONCE):
            part = slice(start, start + _CELLS_AT_ONCE)
            seen, value, sigma = self._sample(water, pose, locator, _north_of(rows[part]), _east_of(cols[part]))
            looks.append((rows[part][seen], cols[part][seen], value[seen], sigma[seen]))
        rows, cols, probability, sigma_m = (np.concatenate(parts) for parts in zip(*looks, strict=True))
        if rows.size == 0:
            return ()
        self._add(rows, cols, probability, threshold, sigma_m, unix_s)
        return self._pieces(rows, cols, probability)

    def _cells_around(self, pose: CameraPose, locator: Locator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The cells of the rectangle around what the picture shows of the ground, within range."""
        here = self.frame.to_local(pose.place)
        width, height = locator.camera.width_px, locator.camera.height_px
        edge = [(x * width / 8, y * height / 8) for x in range(9) for y in range(9) if x in (0, 4, 8) or y in (0, 8)]
        directions = locator.camera.rays(np.array(edge)) @ pose.camera_to_ned.T
        # Down to 30 m below the pad, so that the rectangle is rather too large than too small.
        drop_m = max(1.0, pose.alt_amsl_m - pose.home_amsl_m + 30.0)
        flat = np.hypot(directions[:, 0], directions[:, 1])
        lengths = np.where(directions[:, 2] > 0.02, drop_m / np.maximum(directions[:, 2], 0.02), np.inf)
        lengths = np.minimum(lengths, _RANGE_MAX_M / np.maximum(flat, 1e-6))
        north = here.north_m + directions[:, 0] * lengths
        east = here.east_m + directions[:, 1] * lengths
        rows = np.arange(max(0, _row_of(float(north.max()))), min(2 * _HALF_CELLS, _row_of(float(north.min())) + 1))
        cols = np.arange(max(0, _col_of(float(east.min()))), min(2 * _HALF_CELLS, _col_of(float(east.max())) + 1))
        grid_rows, grid_cols = (g.ravel() for g in np.meshgrid(rows, cols, indexing="ij"))
        return grid_rows, grid_cols

    def _sample(
        self,
        water: NDArray[np.float32],
        pose: CameraPose,
        locator: Locator,
        north_m: NDArray[np.float64],
        east_m: NDArray[np.float64],
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
        """For each cell: whether this look shows it well, the probability of water, and one sigma of its place."""
        here = self.frame.to_local(pose.place)
        offsets = np.column_stack([north_m - here.north_m, east_m - here.east_m])
        ground = locator.heights(pose, offsets[:, 0], offsets[:, 1])
        pixels = locator.pixels_of(pose, offsets, ground)
        flat_m, drop_m = np.hypot(offsets[:, 0], offsets[:, 1]), pose.alt_amsl_m - ground
        steep = drop_m > flat_m * math.tan(math.radians(_DEPRESSION_MIN_DEG))
        x = pixels[:, 0] * water.shape[1] / locator.camera.width_px
        y = pixels[:, 1] * water.shape[0] / locator.camera.height_px
        inside = steep & (x >= 0) & (y >= 0) & (x < water.shape[1]) & (y < water.shape[0])
        value = np.zeros(len(x))
        value[inside] = water[y[inside].astype(np.intp), x[inside].astype(np.intp)]
        return inside, value, _sigma_of(locator, pose, flat_m, drop_m)

    def _add(
        self,
        rows: NDArray[np.intp],
        cols: NDArray[np.intp],
        probability: NDArray[np.float64],
        threshold: float,
        sigma_m: NDArray[np.float64],
        unix_s: float,
    ) -> None:
        """Adds evidence; looks in the same second count less, cells too near to normal water for this look not at all."""
        fresh = 1.0 if self._looked_at_s is None else min(1.0, max(0.0, unix_s - self._looked_at_s) / _FRESH_S)
        self._looked_at_s = unix_s
        known = np.isfinite(self._sigma_m[rows, cols])
        weight = np.where(known, fresh, 1.0)
        change = np.clip(_logit(probability) - _logit(np.array(threshold)), -_STRONGEST, _STRONGEST)
        clear = self._to_normal_m[rows, cols] > self._margin_m + 2.0 * sigma_m
        odds = self._odds[rows, cols] + np.where(clear, change * weight, 0.0)
        self._odds[rows, cols] = np.clip(odds, _LEAST, _MOST)
        self._sigma_m[rows, cols] = np.minimum(self._sigma_m[rows, cols], sigma_m)

    def _pieces(self, rows: NDArray[np.intp], cols: NDArray[np.intp], probability: NDArray[np.float64]) -> tuple[Excess, ...]:
        # Only the part around this look is examined, with room for pieces that reach out of it.
        room = 50
        top, left = max(0, int(rows.min()) - room), max(0, int(cols.min()) - room)
        window = (slice(top, int(rows.max()) + room), slice(left, int(cols.max()) + room))
        wet = cv2.morphologyEx((self._odds[window] > _WET).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), dtype=np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(wet, connectivity=8)
        here = labels[rows - top, cols - left]
        found = []
        for label in range(1, count):
            area_m2 = float(stats[label, cv2.CC_STAT_AREA]) * CELL_M**2
            mine = here == label
            if area_m2 >= self._area_min_m2 and mine.any():
                found.append(self._piece(labels == label, (top, left), area_m2, probability[mine]))
        return tuple(sorted(found, key=lambda piece: -piece.area_m2))

    def _piece(
        self, cells: NDArray[np.bool_], corner: tuple[int, int], area_m2: float, probability: NDArray[np.float64]
    ) -> Excess:
        rows, cols = np.nonzero(cells)
        sigma_m = float(np.sqrt(np.mean(self._sigma_m[rows + corner[0], cols + corner[1]] ** 2.0)))
        centroid = NorthEast(float(_north_of(rows + corner[0]).mean()), float(_east_of(cols + corner[1]).mean()))
        outline = max(
            cv2.findContours(cells.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0], key=cv2.contourArea
        )
        corners = cv2.approxPolyDP(outline, 1.0, closed=True).reshape(-1, 2)
        ring = [
            self.frame.to_latlon(float(_north_of(np.array(y + corner[0]))), float(_east_of(np.array(x + corner[1]))))
            for x, y in corners
        ]
        return Excess(
            centroid, area_m2, sigma_m, float(probability.mean()), _closed_counter_clockwise(ring), len(probability) / len(rows)
        )


def _sigma_of(
    locator: Locator, pose: CameraPose, flat_m: NDArray[np.float64], drop_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One sigma of a cell's place, the greater axis: heading across, tilt and ground height along, position in both."""
    errors = locator.errors
    swung = math.radians(pose.turn_deg_s) * locator.time_error_s
    tilt, heading = (math.hypot(math.radians(angle), swung) for angle in (errors.tilt_deg, errors.heading_deg))
    drop = np.maximum(drop_m, 1.0)
    along = np.hypot(tilt * (flat_m**2 + drop**2) / drop, locator.ground_sigma_m * flat_m / drop)
    across = heading * flat_m + tilt * drop
    position = errors.position_m * max(1.0, pose.hdop or 1.0)
    return np.asarray(np.hypot(position, np.maximum(along, across)))


def _distance_to_water(frame: LocalFrame, normal_water: Sequence[Sequence[LatLon]]) -> Cells:
    """Metres from each cell to the nearest normal water; 0 within it; far away where there is none."""
    dry = np.ones((2 * _HALF_CELLS, 2 * _HALF_CELLS), dtype=np.uint8)
    for ring in normal_water:
        places = [frame.to_local(place) for place in ring]
        corners = np.array([[_col_of(p.east_m), _row_of(p.north_m)] for p in places], dtype=np.int32)
        cv2.fillPoly(dry, [corners], 0)
    if dry.all():
        return np.full(dry.shape, np.inf, dtype=np.float32)
    return np.asarray(cv2.distanceTransform(dry, cv2.DIST_L2, 5), dtype=np.float32) * np.float32(CELL_M)


def _closed_counter_clockwise(ring: list[LatLon]) -> tuple[LatLon, ...]:
    doubled = sum(a.lon_deg * b.lat_deg - b.lon_deg * a.lat_deg for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
    turned = ring if doubled >= 0 else ring[::-1]
    return (*turned, turned[0])


def _row_of(north_m: float) -> int:
    return _HALF_CELLS - 1 - math.floor(north_m / CELL_M)


def _col_of(east_m: float) -> int:
    return _HALF_CELLS + math.floor(east_m / CELL_M)


def _north_of(rows: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.asarray((_HALF_CELLS - 0.5 - rows) * CELL_M)


def _east_of(cols: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.asarray((cols + 0.5 - _HALF_CELLS) * CELL_M)


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(p, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(clipped / (1 - clipped)))
