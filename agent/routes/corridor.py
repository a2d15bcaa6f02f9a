"""How to look along a line, such as a river or a power line: from above or from beside it. Pure.

Each straight piece is cut into cells no longer than a picture is wide; the drone looks at the middle of each cell, the width of
the picture along the line. Bends finer than a picture are smoothed, and the pictures are set so much closer that the line
itself still lies in them. This holds on level ground.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from shapely import LineString

from agent.core.geo import LatLon, LocalFrame, distance_m
from agent.core.outcome import Refused
from agent.core.terrain import Terrain
from agent.domain.route import InspectionPoint
from agent.routes.around import StandOff, look_at
from agent.routes.compile import Pad

STOP_S = 1.0
"""The drone stops for each picture. PX4 1.18-beta was seen to miss a point with a heading that it was to fly through, and to go
on along the same line up to the ceiling of the fence."""
_SMOOTH_MAX_M = 5.0
_LEAST_STEP_M = 5.0


@dataclass(frozen=True, slots=True)
class Corridor:
    """How to look along a line.

    Attributes:
        height_agl_m: of the drone over the ground below it.
        offset_m: distance across from the line; 0: above it.
        side: of the line's direction, where there is an offset.
        overlap: part of a picture (0..1) that its neighbours show too.
        horizontal_fov_deg: of the camera.
        aspect: height of the picture over its width.
    """

    height_agl_m: float
    offset_m: float
    side: Literal["left", "right", "both"]
    overlap: float
    horizontal_fov_deg: float
    aspect: float

    @property
    def smooth_m(self) -> float:
        """How far the smoothed line may be from the true one: half of what the picture shows on its nearer side."""
        half_height = math.atan(math.tan(math.radians(self.horizontal_fov_deg) / 2.0) * self.aspect)
        return min(_SMOOTH_MAX_M, self._slant_m * math.sin(half_height) / 2.0)

    @property
    def step_m(self) -> float:
        """Longest cell."""
        half_width = math.tan(math.radians(self.horizontal_fov_deg) / 2.0)
        step = 2.0 * self._slant_m * half_width * (1.0 - self.overlap) - 2.0 * self.smooth_m * (1.0 + half_width)
        return max(_LEAST_STEP_M, step)

    @property
    def _slant_m(self) -> float:
        return math.hypot(self.height_agl_m, self.offset_m)


def along(
    line: tuple[LatLon, ...], how: Corridor, pad: Pad, terrain: Terrain | None, most: int
) -> tuple[InspectionPoint, ...] | Refused:
    """The inspection points from which a line is looked at, in the order of flight: out on one side, back on the other.

    Args:
        most: more points than this are refused.
    """
    cells = list(_cells(line, how, most))
    sides = {"left": (-90.0,), "right": (90.0,), "both": (-90.0, 90.0)}[how.side if how.offset_m > 0 else "left"]
    if not cells:
        return Refused("request.shape", "the line has no length")
    if len(cells) * len(sides) > most:
        return Refused("route.too_many_points", f"the line takes more than {most} pictures")
    passes = [[_look(cell, turn, how, pad, terrain) for cell in cells] for turn in sides]
    if len(passes) == 2:
        passes[1].reverse()
    points = [point for one in passes for point in one]
    if any(isinstance(point, Refused) for point in points):
        return next(point for point in points if isinstance(point, Refused))
    found = [point for point in points if isinstance(point, InspectionPoint)]
    if distance_m(pad.place, found[-1].place) < distance_m(pad.place, found[0].place):
        found.reverse()
    return tuple(replace(point, id=f"P{n}") for n, point in enumerate(found, 1))


def _cells(line: tuple[LatLon, ...], how: Corridor, most: int) -> Iterator[tuple[LatLon, float]]:
    """Middle of each cell and azimuth of the line there; one more than ``most`` at the most."""
    frame = LocalFrame(line[0])
    places = [frame.to_local(place) for place in line]
    drawn = LineString([(p.east_m, p.north_m) for p in places]).simplify(how.smooth_m, preserve_topology=False)
    told = 0
    for (ax, ay), (bx, by) in pairwise(drawn.coords):
        length = math.hypot(bx - ax, by - ay)
        azimuth = math.degrees(math.atan2(bx - ax, by - ay)) % 360.0
        count = math.ceil(length / how.step_m)
        for n in range(min(count, most + 1 - told)):
            share = (n + 0.5) / count
            yield frame.to_latlon(ay + (by - ay) * share, ax + (bx - ax) * share), azimuth
        told += min(count, most + 1 - told)


def _look(
    cell: tuple[LatLon, float], turn_deg: float, how: Corridor, pad: Pad, terrain: Terrain | None
) -> InspectionPoint | Refused:
    place, azimuth = cell
    side = (azimuth + turn_deg) % 360.0
    point = look_at(place, StandOff(how.height_agl_m, how.offset_m, side, STOP_S), pad, terrain)
    if isinstance(point, Refused):
        return point
    return replace(point, heading_deg=round((side + 180.0) % 360.0, 1) % 360.0)
