"""How to look at a whole area: parallel lanes, there and back, camera straight down. Pure.

The area is cut into strips no wider than a picture, each strip into cells no longer than one; the drone takes a picture over
the middle of each cell. So on level ground every place of the area is in a picture, whatever the area's shape. The strips run
along the direction in which the area is narrowest across; that direction is always one of the sides of its convex hull
(H. Freeman, R. Shapira, Comm. ACM 18, 1975, for the rectangle of least area; the same argument holds for the least width).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shapely import Polygon, box
from shapely.affinity import rotate

from agent.core.geo import LatLon, LocalFrame, distance_m, polygon_of
from agent.core.outcome import Refused
from agent.domain.route import Ring

_LEAST_M2 = 1.0  # what is left of a strip at a corner and is smaller than this lies in the neighbour's picture


@dataclass(frozen=True, slots=True)
class Picture:
    """Ground in one picture from straight above: across is the picture's width, along its height."""

    across_m: float
    along_m: float


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a picture is taken, and which way its upper edge points (from true north)."""

    place: LatLon
    heading_deg: float


def picture_from_above(height_agl_m: float, horizontal_fov_deg: float, width_px: int, height_px: int) -> Picture:
    """What a level camera without distortion sees of level ground."""
    across = 2.0 * height_agl_m * math.tan(math.radians(horizontal_fov_deg) / 2.0)
    return Picture(across, across * height_px / width_px)


def cover(ring: Ring, picture: Picture, overlap: float, start: LatLon, most: int) -> tuple[Stand, ...] | Refused:
    """Where to take pictures so that an area is in them, in the order of flight.

    Args:
        ring: the area's outline.
        picture: ground in one picture.
        overlap: part of a picture (0..1) that its neighbours show too.
        start: from where the drone comes; it begins at the nearest end.
        most: more pictures than this are refused.
    """
    frame = LocalFrame(ring[0])
    area = polygon_of(ring, frame)
    if not area.is_valid or area.area < _LEAST_M2:
        return Refused("request.shape", "the sides of the area cross, or it has no area")
    width_m, length_m = picture.across_m * (1.0 - overlap), picture.along_m * (1.0 - overlap)
    if area.area / (width_m * length_m) > most:
        return Refused("route.too_many_points", f"the area takes more than {most} pictures")
    azimuth_deg = _narrowest_deg(area)
    lanes = list(_lanes(rotate(area, azimuth_deg - 90.0, origin=(0.0, 0.0)), width_m, length_m))
    turn = math.radians(azimuth_deg - 90.0)
    stands = [[_back(x, y, turn, frame) for x, y in lane] for lane in lanes]
    if (count := sum(map(len, stands))) > most:
        return Refused("route.too_many_points", f"the area takes {count} pictures, the limit is {most}")
    return tuple(Stand(place, azimuth_deg) for place in _from_nearest_end(stands, start))


def _narrowest_deg(area: Polygon) -> float:
    """Azimuth of the side of the convex hull across which the area is narrowest, 0..180."""
    corners = list(area.convex_hull.boundary.coords)
    sides = [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) % 180.0 for a, b in pairwise(corners) if a != b]
    return min(sides, key=lambda azimuth: (round(_width_m(area, azimuth), 6), azimuth))


def _width_m(area: Polygon, azimuth_deg: float) -> float:
    """Extent across a direction."""
    _, low, _, high = rotate(area, azimuth_deg - 90.0, origin=(0.0, 0.0)).bounds
    return float(high - low)


def _lanes(area: Polygon, width_m: float, length_m: float) -> Iterator[list[tuple[float, float]]]:
    """Middles of the cells of each strip, in the direction of x; strips in the direction of y."""
    left, low, right, high = area.bounds
    count = max(1, math.ceil((high - low) / width_m))
    step = (high - low) / count
    for n in range(count):
        strip = area.intersection(box(left - 1.0, low + n * step, right + 1.0, low + (n + 1) * step))
        parts = [part for part in getattr(strip, "geoms", [strip]) if part.area >= min(_LEAST_M2, strip.area)]
        middle = low + (n + 0.5) * step
        yield [(x, middle) for part in sorted(parts, key=lambda p: p.bounds) for x in _middles(part, length_m)]


def _middles(part: Polygon, length_m: float) -> list[float]:
    left, _, right, _ = part.bounds
    count = max(1, math.ceil((right - left) / length_m))
    return [left + (n + 0.5) * (right - left) / count for n in range(count)]


def _back(x: float, y: float, turn: float, frame: LocalFrame) -> LatLon:
    """From the turned plane to the ground."""
    east, north = x * math.cos(turn) + y * math.sin(turn), -x * math.sin(turn) + y * math.cos(turn)
    return frame.to_latlon(north, east)


def _from_nearest_end(lanes: Sequence[Sequence[LatLon]], start: LatLon) -> list[LatLon]:
    """There and back along the lanes, begun at the corner nearest to the start."""
    filled = [list(lane) for lane in lanes if lane]
    ways = [_there_and_back(order, flip) for order in (filled, filled[::-1]) for flip in (0, 1)]
    return min(ways, key=lambda way: distance_m(start, way[0]))


def _there_and_back(lanes: Sequence[Sequence[LatLon]], flip: int) -> list[LatLon]:
    """Every second lane the other way round."""
    return [place for n, lane in enumerate(lanes) for place in (lane[::-1] if (n + flip) % 2 else lane)]
