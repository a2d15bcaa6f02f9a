"""The geofence: which of its limits a place breaks.

Pure geometry in local metres, with points from the uploaded fence. Knows no modes; the action is the failsafes'.
"""

import math
from collections.abc import Sequence
from typing import Final

from agent.core.geo import LatLon
from simulator.vehicle.craft import Craft
from simulator.vehicle.mission_items import VERTICES, Item
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import deg_from_e7, mavlink

ALT_MAX, CIRCLE, POLYGON, ALT_MIN = 1, 2, 4, 8
NAMES: Final = {ALT_MAX: "Max Alt", CIRCLE: "Circle", POLYGON: "Polygon", ALT_MIN: "Min Alt"}

_Ring = list[tuple[float, float]]


class Fence:
    """The active fence."""

    def __init__(self, craft: Craft) -> None:
        self._craft = craft
        self._items: Sequence[Item] = ()
        self._inside: list[_Ring] = []
        self._outside: list[_Ring] = []
        self._circles: list[tuple[float, float, float, bool]] = []

    def load(self, items: Sequence[Item]) -> None:
        """Takes an uploaded fence."""
        self._items = items
        self._inside, self._outside, self._circles = [], [], []
        index = 0
        while index < len(items):
            item = items[index]
            if item.command in VERTICES:
                size = int(item.params[0])
                ring = [self._local(vertex) for vertex in items[index : index + size]]
                inclusion = item.command == mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION
                (self._inside if inclusion else self._outside).append(ring)
                index += size
                continue
            if item.command != mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT:
                inclusion = item.command == mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION
                self._circles.append((*self._local(item), item.params[0], inclusion))
            index += 1

    def _local(self, item: Item) -> tuple[float, float]:
        local = self._craft.frame.to_local(LatLon(deg_from_e7(item.lat_e7), deg_from_e7(item.lon_e7)))
        return (local.north_m, local.east_m)

    @property
    def enabled_types(self) -> int:
        """Bits of FENCE_TYPE that are in force now."""
        values = self._craft.parameters
        return int(values["FENCE_TYPE"]) if values["FENCE_ENABLE"] == 1 else 0

    def breaches(self, place: Vector) -> int:
        """Bits of what the place breaks."""
        types = self.enabled_types
        if types == 0:
            return 0
        values, home_up_m = self._craft.parameters, self._craft.home_up_m
        height_m = place[2] - home_up_m
        home = self._craft.home or (0.0, 0.0, 0.0)
        found = 0
        if types & ALT_MAX and height_m >= values["FENCE_ALT_MAX"]:
            found |= ALT_MAX
        if types & ALT_MIN and height_m <= values["FENCE_ALT_MIN"] and not self._craft.landed:
            found |= ALT_MIN
        if types & CIRCLE and math.hypot(place[0] - home[0], place[1] - home[1]) >= values["FENCE_RADIUS"]:
            found |= CIRCLE
        if types & POLYGON and not self._inside_polygons(place[0], place[1]):
            found |= POLYGON
        return found

    def _inside_polygons(self, north_m: float, east_m: float) -> bool:
        if any(not _in_ring(ring, north_m, east_m) for ring in self._inside):
            return False
        if any(_in_ring(ring, north_m, east_m) for ring in self._outside):
            return False
        return all(
            (math.hypot(north_m - north, east_m - east) <= radius_m) == inclusion
            for north, east, radius_m, inclusion in self._circles
        )


def words(bits: int) -> str:
    """Names of the broken limits, as STATUSTEXT joins them: "Circle and Polygon"."""
    names = [name for bit, name in NAMES.items() if bits & bit]
    return " and ".join(names)


def _in_ring(ring: _Ring, north_m: float, east_m: float) -> bool:
    """Even-odd rule."""
    inside = False
    for (n1, e1), (n2, e2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (e1 > east_m) != (e2 > east_m) and north_m < (n2 - n1) * (east_m - e1) / (e2 - e1) + n1:
            inside = not inside
    return inside
