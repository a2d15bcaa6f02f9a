"""NAV items as manoeuvres: where an item is, and how it is flown.

Knows the craft and the store; must not know in which order items come (that is the executive's).
"""

import math
from collections.abc import Callable
from typing import Final

from agent.core.geo import LatLon
from simulator.vehicle.craft import Craft
from simulator.vehicle.manoeuvres import FlyLeg, Hold, Land, Manoeuvre, ReturnHome, TakeOff
from simulator.vehicle.mission_items import MISSION, RELATIVE, TERRAIN, Item, kind_of
from simulator.vehicle.mission_store import ItemStore
from simulator.vehicle.trajectory import Vector, corner_speed
from simulator.vehicle.wire import deg_from_e7, mavlink

_FLOWN_THROUGH: Final = (mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT)
_LOITERS: Final = (mavlink.MAV_CMD_NAV_LOITER_TIME, mavlink.MAV_CMD_NAV_LOITER_UNLIM)
_TIMED: Final = (*_FLOWN_THROUGH, mavlink.MAV_CMD_NAV_LOITER_TIME)


class NavItems:
    """Turns stored items into manoeuvres.

    Args:
        craft: for where it is and how fast it may fly.
        store: to look at the item that follows.
        return_points: home and rally points that RTL may use.
    """

    def __init__(self, craft: Craft, store: ItemStore, return_points: Callable[[], list[Vector]]) -> None:
        self._craft = craft
        self._store = store
        self._begin: dict[int, Callable[[Item], Manoeuvre]] = {
            mavlink.MAV_CMD_NAV_TAKEOFF: self._takeoff,
            mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: lambda _: ReturnHome(craft, return_points()),
            mavlink.MAV_CMD_NAV_LAND: self._land,
            mavlink.MAV_CMD_NAV_LOITER_TURNS: self._turns,
            mavlink.MAV_CMD_NAV_DELAY: lambda _: Hold(craft),
        }

    def vector_of(self, item: Item) -> Vector:
        """Where the item is, in local metres; a place of 0/0 is here, an altitude of 0 the present one."""
        craft = self._craft
        here = craft.position()
        latlon = LatLon(deg_from_e7(item.lat_e7), deg_from_e7(item.lon_e7))
        place = craft.vector_of(latlon, craft.place.alt_amsl_m) if item.lat_e7 or item.lon_e7 else here
        if item.alt_m == 0.0:
            return (place[0], place[1], here[2])
        if item.frame == RELATIVE:
            return (place[0], place[1], craft.home_up_m + item.alt_m)
        if item.frame == TERRAIN:
            return (place[0], place[1], craft.ground_up_at(place) + item.alt_m)
        return (place[0], place[1], item.alt_m - craft.place.alt_amsl_m)

    def begin(self, item: Item, index: int, before: Manoeuvre | None) -> tuple[Manoeuvre, float]:
        """The item's manoeuvre, begun now, and how many seconds to hold when it is done."""
        hold_s = 0.0
        if item.command in _TIMED or item.command == mavlink.MAV_CMD_NAV_DELAY:
            hold_s = max(item.params[0], 0.0)
        if item.command == mavlink.MAV_CMD_NAV_LOITER_UNLIM:
            hold_s = math.inf
        begin = self._begin.get(item.command)
        return (begin(item) if begin else self._leg(item, index, before, hold_s)), hold_s

    def _leg(self, item: Item, index: int, before: Manoeuvre | None, hold_s: float) -> FlyLeg:
        flown_through = isinstance(before, FlyLeg) and before.leg.exit_m_s > 0.0
        start = before.leg.end if isinstance(before, FlyLeg) and flown_through else None
        leg = FlyLeg(self._craft, self.vector_of(item), start=start)
        if hold_s <= 0.0 and item.command in _FLOWN_THROUGH:
            leg.leg.exit_m_s = self._exit_speed(leg.leg.direction(), leg.leg.end, index)
        return leg

    def _exit_speed(self, direction: Vector, end: Vector, index: int) -> float:
        """How fast the corner at the leg's end may be flown; 0 where the next item begins with a stop."""
        following = self._store.item(MISSION, self._next_nav(index))
        if following is None or following.command not in (*_FLOWN_THROUGH, *_LOITERS):
            return 0.0
        after = self.vector_of(following)
        away = (after[0] - end[0], after[1] - end[1], after[2] - end[2])
        size = math.hypot(*away)
        if size < 1.0:
            return 0.0
        limits = self._craft.limits()
        radius_m = self._craft.parameters["WPNAV_RADIUS"] / 100.0
        return corner_speed(direction, (away[0] / size, away[1] / size, away[2] / size), radius_m, limits.accel)

    def _next_nav(self, index: int) -> int:
        index += 1
        while (item := self._store.item(MISSION, index)) is not None and not kind_of(item).nav:
            if item.command == mavlink.MAV_CMD_DO_JUMP:
                return -1
            index += 1
        return index

    def _takeoff(self, item: Item) -> TakeOff:
        here = self._craft.position()
        least_m = here[2] + (1.0 if self._craft.landed else 0.0)
        return TakeOff(max(self.vector_of(item)[2], least_m))

    def _land(self, item: Item) -> Land:
        here = self._craft.position()
        over = self.vector_of(item) if item.lat_e7 or item.lon_e7 else None
        if over is None or math.hypot(over[0] - here[0], over[1] - here[1]) < 1.0:
            return Land(self._craft, over)
        return _FlyThenLand(self._craft, (over[0], over[1], here[2]))

    def _turns(self, item: Item) -> "_Circle":
        radius_m = item.params[2] or self._craft.parameters["CIRCLE_RADIUS"] / 100.0
        rate = self._craft.parameters["CIRCLE_RATE"]
        return _Circle(self._craft, self.vector_of(item), radius_m, item.params[0], rate)


class _FlyThenLand(Land):
    """The LAND item with a place: there first, at the present height."""

    def __init__(self, craft: Craft, over: Vector) -> None:
        super().__init__(craft, over)
        self._leg: FlyLeg | None = FlyLeg(craft, over)

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Done when landed."""
        if self._leg is not None:
            if self._leg.update(craft, dt_s):
                self._leg = None
            return False
        return super().update(craft, dt_s)


class _Circle:
    """LOITER_TURNS: round a centre, negative radius counter-clockwise."""

    def __init__(self, craft: Craft, centre: Vector, radius_m: float, turns: float, rate_deg_s: float) -> None:
        craft.rebase()
        here = craft.position()
        self._centre, self._radius_m = centre, max(abs(radius_m), 1.0)
        self._angle = math.atan2(here[1] - centre[1], here[0] - centre[0])
        self._left = math.tau * max(turns, 0.0)
        speed = min(math.radians(abs(rate_deg_s)), craft.limits().speed / self._radius_m, 1.5 / math.sqrt(self._radius_m))
        self._rate = math.copysign(speed, radius_m)

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Done after the last turn."""
        reference, limits = craft.reference, craft.limits()
        north = self._centre[0] + self._radius_m * math.cos(self._angle)
        east = self._centre[1] + self._radius_m * math.sin(self._angle)
        close = math.hypot(north - reference.pos[0], east - reference.pos[1]) < 1.0
        if close and self._left > 0.0:
            self._angle += self._rate * dt_s
            self._left -= abs(self._rate) * dt_s
        craft.yaw_target, craft.yaw_rate = self._angle + math.pi, None
        limits.jerk = max(craft.parameters["PSC_JERK_XY"], 1.0)
        tangent = self._rate * self._radius_m if close else 0.0
        pull_n, pull_e = (north - reference.pos[0]) * 0.8, (east - reference.pos[1]) * 0.8
        size = max(math.hypot(pull_n, pull_e) / limits.speed, 1.0)
        reference.slew(
            dt_s, pull_n / size - math.sin(self._angle) * tangent, pull_e / size + math.cos(self._angle) * tangent, limits
        )
        reference.to_height(dt_s, self._centre[2], limits)
        return self._left <= 0.0
