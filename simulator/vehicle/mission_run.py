"""AUTO: executes the stored mission.

NAV items are flown one after another; DO items between them run in passing, the first of them before the next NAV item starts,
a CONDITION item holding back those after it. Order and words of the STATUSTEXTs are as recorded from ArduCopter 4.6.3. Knows
the craft and the store; DO items are handed to a callback.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.vehicle.craft import Craft
from simulator.vehicle.manoeuvres import Hold, Land, Manoeuvre, ReturnHome
from simulator.vehicle.mission_items import MISSION, Item, kind_of
from simulator.vehicle.mission_nav import NavItems
from simulator.vehicle.mission_store import ItemStore
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import mavlink

NO_MISSION, NOT_STARTED, ACTIVE, PAUSED, COMPLETE = 1, 2, 3, 4, 5
_JUMP_FOR_EVER: Final = -1
_MOST_JUMPS: Final = 100  # a jump that only finds jumps must end


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the executive asks of the autopilot around it.

    Attributes:
        say: STATUSTEXT, information.
        reached: MISSION_ITEM_REACHED.
        perform: does a DO item.
        condition_met: whether a CONDITION item lets the next DO item pass.
        return_points: home and the rally points that RTL may use.
    """

    say: Callable[[str], None]
    reached: Callable[[int], None]
    perform: Callable[[Item], None]
    condition_met: Callable[[Item, float], bool]
    return_points: Callable[[], list[Vector]]


class MissionRun:
    """The mission's executive."""

    def __init__(self, craft: Craft, store: ItemStore, hooks: Hooks) -> None:
        self._craft = craft
        self._store = store
        self._hooks = hooks
        self._items = NavItems(craft, store, hooks.return_points)
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

    def vector_of(self, item: Item) -> Vector:
        """Where a stored item is, in local metres."""
        return self._items.vector_of(item)

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
        self._do_passing()
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

    def _begin(self, item: Item) -> None:
        self._item = item
        self.manoeuvre, self._hold_left_s = self._items.begin(item, self.index, self.manoeuvre)

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

    def _perform(self, item: Item, index: int) -> None:
        self._hooks.say(f"Mission: {index} {kind_of(item).name}")
        self._hooks.perform(item)

    def _do_passing(self) -> None:
        """One DO item a step; a condition holds the rest back."""
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
