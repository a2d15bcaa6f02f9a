"""AUTO: executes the stored mission.

NAV items are flown one after another; DO items between them run in passing, the first of them before the next NAV item starts, a
CONDITION item holding back those after it. Order and words of the STATUSTEXTs are as recorded from ArduCopter 4.6.3. Knows the
craft and the store; DO items are handed to a callback.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.core.geo import LatLon
from simulator.vehicle.craft import Craft
from simulator.vehicle.manoeuvres import FlyLeg, Hold, Land, Manoeuvre, ReturnHome, TakeOff
from simulator.vehicle.mission_items import MISSION, RELATIVE, TERRAIN, Item, kind_of
from simulator.vehicle.mission_store import ItemStore
from simulator.vehicle.trajectory import Vector, corner_speed
from simulator.vehicle.wire import deg_from_e7, mavlink

NO_MISSION, NOT_STARTED, ACTIVE, PAUSED, COMPLETE = 1, 2, 3, 4, 5
_JUMP_FOR_EVER: Final = -1
_MOST_JUMPS: Final = 100  # a jump that only finds jumps must end
_FLOWN_THROUGH: Final = (mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the executive asks of the autopilot around it.

    Attributes:
        say: STATUSTEXT, information.
        reached: MISSION_ITEM_REACHED.
        perform: does a DO item.
        condition_met: whether a CONDITION item lets the next DO item pass.
        return_points: home and the rally points that RTL may use.
        ended: the mission is over.
    """

    say: Callable[[str], None]
    reached: Callable[[int], None]
    perform: Callable[[Item], None]
    condition_met: Callable[[Item, float], bool]
    return_points: Callable[[], list[Vector]]
    ended: Callable[[], None]


class MissionRun:
    """The mission's executive."""

    def __init__(self, craft: Craft, store: ItemStore, hooks: Hooks) -> None:
        self._craft = craft
        self._store = store
        self._hooks = hooks
        self.index = 0
        self.complete = False
        self.paused = False
        self._item: Item | None = None
        self.manoeuvre: Manoeuvre | None = None
        self._hold_left_s = 0.0
        self._passing: list[int] = []
        self._passing_since_s = 0.0
        self._jumps: dict[int, int] = {}
        self._changes = -1
        self._pause_hold: Hold | None = None

    # -- control ---------------------------------------------------------------------------------------------------------

    @property
    def landing(self) -> bool:
        """Whether the current item ends on the ground."""
        return isinstance(self.manoeuvre, ReturnHome | Land)

    def state(self, *, in_auto: bool) -> int:
        """MISSION_STATE for MISSION_CURRENT."""
        if self._store.count(MISSION) <= 1:
            return NO_MISSION
        if self.complete:
            return COMPLETE
        if not in_auto:
            return NOT_STARTED
        return PAUSED if self.paused else ACTIVE

    def enter(self) -> None:
        """AUTO begins: from the start, or again the item that was left."""
        self.paused = False
        restart = self.complete or self.index == 0 or self._craft.parameters["MIS_RESTART"] == 1
        if restart or self._store.item(MISSION, self.index) is None:
            self.start()
        else:
            self._advance(self.index)

    def start(self) -> None:
        """From the first item."""
        self.complete = False
        self._jumps.clear()
        self._advance(1)

    def set_current(self, index: int, *, reset: bool, running: bool) -> bool:
        """DO_SET_MISSION_CURRENT; False when there is no such item."""
        if not 0 <= index < self._store.count(MISSION):
            return False
        if reset:
            self._jumps.clear()
            self.complete = False
        if index == 0:
            index = 1 if running else 0
        if running:
            self.complete = False
            self._advance(index)
        else:
            self.index = index
        return True

    def pause(self) -> None:
        """DO_PAUSE_CONTINUE 0."""
        self.paused = True
        self._pause_hold = Hold(self._craft)

    def resume(self) -> None:
        """DO_PAUSE_CONTINUE 1."""
        self.paused = False

    def forget(self) -> None:
        """The mission was cleared."""
        self.index, self.complete, self._item, self.manoeuvre, self._passing = 0, False, None, None, []

    # -- flying ----------------------------------------------------------------------------------------------------------

    def update(self, dt_s: float) -> None:
        """Advances by dt."""
        craft = self._craft
        if self.paused and self._pause_hold is not None:
            self._pause_hold.update(craft, dt_s)
            return
        self._take_live_edit()
        self._do_passing(dt_s)
        if self.manoeuvre is None:
            self.manoeuvre = Hold(craft)
        done = self.manoeuvre.update(craft, dt_s)
        if self.complete or self._item is None or not done:
            return
        self._hold_left_s -= dt_s
        if self._hold_left_s <= 0.0:
            self._finish_item()

    def _take_live_edit(self) -> None:
        """Items take effect live: the current one is started again when it has changed."""
        if self._changes == self._store.mission_changes:
            return
        self._changes = self._store.mission_changes
        if self._item is not None and not self.complete:
            now = self._store.item(MISSION, self.index)
            if now is not None and now != self._item:
                self._begin(now)

    def _finish_item(self) -> None:
        item, index = self._item, self.index
        if item is None:
            return
        following = self._store.item(MISSION, index + 1)
        if item.command == mavlink.MAV_CMD_NAV_TAKEOFF:
            # Recorded: a take-off is reported with the number of the DO item that follows it.
            self._hooks.reached(index + 1 if following is not None and not kind_of(following).nav else index)
        else:
            self._hooks.reached(index)
            if not isinstance(self.manoeuvre, ReturnHome | Land):
                self._hooks.say(f"Reached command #{index}")
        self._advance(index + 1)

    def _advance(self, index: int) -> None:
        """Starts the next NAV item at or after the index, and what is to be done in passing before it."""
        self._passing = []
        self._changes = self._store.mission_changes
        for _ in range(self._store.count(MISSION) * 2 + _MOST_JUMPS):
            item = self._store.item(MISSION, index) if index > 0 else None
            if item is None:
                break
            if item.command == mavlink.MAV_CMD_DO_JUMP:
                index = self._jump(item, index)
            elif not kind_of(item).nav:
                self._passing.append(index)
                if len(self._passing) == 1 and not kind_of(item).condition:
                    self._perform(item, index)
                index += 1
            else:
                self.index = index
                self._hooks.say(f"Mission: {index} {kind_of(item).name}")
                self._begin(item)
                self._passing = self._passing[1:] if self._first_is_done() else self._passing
                self._passing_since_s = self._craft.time_s
                return
        self._end()

    def _first_is_done(self) -> bool:
        first = self._store.item(MISSION, self._passing[0]) if self._passing else None
        return first is not None and not kind_of(first).condition

    def _jump(self, item: Item, index: int) -> int:
        target, times = int(item.params[0]), int(item.params[1])
        done = self._jumps.get(index, 0)
        if 0 < target < self._store.count(MISSION) and (times == _JUMP_FOR_EVER or done < times):
            self._jumps[index] = done + 1
            return target
        return index + 1

    def _end(self) -> None:
        self.complete, self._item, self.index = True, None, 0
        if not isinstance(self.manoeuvre, ReturnHome | Land):
            self.manoeuvre = Hold(self._craft)
        self._hooks.ended()

    def _perform(self, item: Item, index: int) -> None:
        self._hooks.say(f"Mission: {index} {kind_of(item).name}")
        self._hooks.perform(item)

    def _do_passing(self, dt_s: float) -> None:
        """One DO item a step; a condition holds the rest back."""
        del dt_s
        if not self._passing:
            return
        item = self._store.item(MISSION, self._passing[0])
        if item is None:
            self._passing = []
        elif kind_of(item).condition:
            if self._hooks.condition_met(item, self._craft.time_s - self._passing_since_s):
                self._passing.pop(0)
                self._passing_since_s = self._craft.time_s
        else:
            self._perform(item, self._passing.pop(0))

    # -- NAV items -------------------------------------------------------------------------------------------------------

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

    def _begin(self, item: Item) -> None:
        self._item = item
        self._hold_left_s = 0.0
        begin = _NAV.get(item.command, MissionRun._begin_leg)
        begin(self, item)

    def _begin_leg(self, item: Item) -> None:
        end = self.vector_of(item)
        if item.command in (*_FLOWN_THROUGH, mavlink.MAV_CMD_NAV_LOITER_TIME):
            self._hold_left_s = max(item.params[0], 0.0)
        previous = self.manoeuvre.leg if isinstance(self.manoeuvre, FlyLeg) else None
        start = previous.end if previous is not None and self._manoeuvre_is_flown_through() else None
        leg = FlyLeg(self._craft, end, start=start)
        leg.leg.exit_m_s = self._exit_speed(item, leg.leg.direction(), end)
        if item.command == mavlink.MAV_CMD_NAV_LOITER_UNLIM:
            self._hold_left_s = math.inf
        self.manoeuvre = leg

    def _manoeuvre_is_flown_through(self) -> bool:
        return isinstance(self.manoeuvre, FlyLeg) and self.manoeuvre.leg.exit_m_s > 0.0

    def _exit_speed(self, item: Item, direction: Vector, end: Vector) -> float:
        following = self._store.item(MISSION, self._next_nav_index())
        if item.command not in _FLOWN_THROUGH or self._hold_left_s > 0.0 or following is None:
            return 0.0
        if following.command not in (*_FLOWN_THROUGH, mavlink.MAV_CMD_NAV_LOITER_TIME, mavlink.MAV_CMD_NAV_LOITER_UNLIM):
            return 0.0
        after = self.vector_of(following)
        away = (after[0] - end[0], after[1] - end[1], after[2] - end[2])
        size = math.hypot(*away)
        if size < 1.0:
            return 0.0
        limits = self._craft.limits()
        radius_m = self._craft.parameters["WPNAV_RADIUS"] / 100.0
        return corner_speed(direction, (away[0] / size, away[1] / size, away[2] / size), radius_m, limits.accel)

    def _next_nav_index(self) -> int:
        index = self.index + 1
        while (item := self._store.item(MISSION, index)) is not None and not kind_of(item).nav:
            if item.command == mavlink.MAV_CMD_DO_JUMP:
                return -1
            index += 1
        return index

    def _begin_takeoff(self, item: Item) -> None:
        here = self._craft.position()
        up_m = self.vector_of(item)[2]
        self.manoeuvre = TakeOff(max(up_m, here[2]) if not self._craft.landed else max(up_m, here[2] + 1.0))

    def _begin_rtl(self, item: Item) -> None:
        del item
        self.manoeuvre = ReturnHome(self._craft, self._hooks.return_points())

    def _begin_land(self, item: Item) -> None:
        over = self.vector_of(item) if item.lat_e7 or item.lon_e7 else None
        here = self._craft.position()
        if over is None or math.hypot(over[0] - here[0], over[1] - here[1]) < 1.0:
            self.manoeuvre = Land(self._craft, over)
        else:
            self.manoeuvre = _FlyThenLand(self._craft, (over[0], over[1], here[2]))

    def _begin_turns(self, item: Item) -> None:
        radius_m = item.params[2] or self._craft.parameters["CIRCLE_RADIUS"] / 100.0
        rate = self._craft.parameters["CIRCLE_RATE"]
        self.manoeuvre = _Circle(self._craft, self.vector_of(item), radius_m, item.params[0], rate)

    def _begin_delay(self, item: Item) -> None:
        self.manoeuvre = Hold(self._craft)
        self._hold_left_s = max(item.params[0], 0.0)


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


_NAV: Final[dict[int, Callable[[MissionRun, Item], None]]] = {
    mavlink.MAV_CMD_NAV_TAKEOFF: MissionRun._begin_takeoff,  # noqa: SLF001 the table of this class's own methods
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: MissionRun._begin_rtl,  # noqa: SLF001
    mavlink.MAV_CMD_NAV_LAND: MissionRun._begin_land,  # noqa: SLF001
    mavlink.MAV_CMD_NAV_LOITER_TURNS: MissionRun._begin_turns,  # noqa: SLF001
    mavlink.MAV_CMD_NAV_DELAY: MissionRun._begin_delay,  # noqa: SLF001
}
