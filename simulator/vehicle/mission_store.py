"""The three lists that a ground station uploads: mission, fence and rally points, with their capacities.

The mission takes effect item by item, as on the real autopilot: a failed upload leaves what was sent. Fence and rally are
replaced as a whole when their transfer ends. Knows items; must not know the transfer protocol.
"""

import math
from collections.abc import Callable
from typing import Final

from simulator.vehicle.mission_items import CIRCLES, FENCE, MISSION, RALLY, VERTICES, Item
from simulator.vehicle.wire import mavlink

CAPACITY: Final = {MISSION: 650, FENCE: 70, RALLY: 46}

_ACCEPTED = int(mavlink.MAV_MISSION_ACCEPTED)
_ERROR = int(mavlink.MAV_MISSION_ERROR)


class ItemStore:
    """The three lists.

    Args:
        home: gives the item that stands at index 0 of the mission, or None before home is known.
    """

    def __init__(self, home: Callable[[], Item | None]) -> None:
        self._home = home
        self.mission: list[Item] = []
        self.fence: list[Item] = []
        self.rally: list[Item] = []
        self._pending: dict[int, list[Item]] = {FENCE: [], RALLY: []}
        self.mission_changes = 0  # counts, so that the executive sees live edits

    # -- reading ---------------------------------------------------------------------------------------------------------

    def count(self, mission_type: int) -> int:
        """How many items read back."""
        return len(self._list(mission_type))

    def item(self, mission_type: int, index: int) -> Item | None:
        """The item at the index; the mission's item 0 is home."""
        items = self._list(mission_type)
        if not 0 <= index < len(items):
            return None
        if mission_type == MISSION and index == 0:
            return self._home() or items[0]
        return items[index]

    def _list(self, mission_type: int) -> list[Item]:
        return {MISSION: self.mission, FENCE: self.fence, RALLY: self.rally}[mission_type]

    def copy_from(self, other: "ItemStore") -> None:
        """Takes the lists of another store, as after a reboot."""
        self.mission, self.fence, self.rally = list(other.mission), list(other.fence), list(other.rally)

    # -- writing ---------------------------------------------------------------------------------------------------------

    def begin(self, mission_type: int, count: int) -> None:
        """An upload starts: the mission is cut to the new length, the others collect aside."""
        if mission_type == MISSION:
            del self.mission[count:]
            self.mission_changes += 1
        else:
            self._pending[mission_type] = []

    def put(self, mission_type: int, index: int, item: Item) -> bool:
        """One item arrives; False beyond the end of the list."""
        target = self.mission if mission_type == MISSION else self._pending[mission_type]
        if index > len(target):
            return False
        if index == len(target):
            target.append(item)
        else:
            target[index] = item
        self.mission_changes += mission_type == MISSION
        return True

    def finish(self, mission_type: int) -> int:
        """An upload ends.

        Returns:
            MAV_MISSION_RESULT: ERROR for a fence that makes no sense.
        """
        if mission_type == MISSION:
            return _ACCEPTED
        items = self._pending[mission_type]
        if mission_type == FENCE and not fence_makes_sense(items):
            return _ERROR
        if mission_type == FENCE:
            self.fence = items
        else:
            self.rally = items
        self._pending[mission_type] = []
        return _ACCEPTED

    def clear(self, mission_type: int) -> None:
        """Empties the list."""
        if mission_type == MISSION:
            self.mission.clear()
            self.mission_changes += 1
        elif mission_type == FENCE:
            self.fence = []
        else:
            self.rally = []


def fence_makes_sense(items: list[Item]) -> bool:
    """Polygons have at least three vertices and as many as they say; circles a radius; places exist. Bow-ties are taken."""
    index = 0
    while index < len(items):
        item = items[index]
        if abs(item.lat_e7) > 900_000_000 or abs(item.lon_e7) > 1_800_000_000:
            return False
        if item.command in CIRCLES and not (math.isfinite(item.params[0]) and item.params[0] > 0.0):
            return False
        if item.command not in VERTICES:
            index += 1
            continue
        size = int(item.params[0]) if math.isfinite(item.params[0]) else 0
        ring = items[index : index + size]
        if size < 3 or len(ring) < size:
            return False
        if any(other.command != item.command or int(other.params[0]) != size for other in ring):
            return False
        if any(abs(other.lat_e7) > 900_000_000 or abs(other.lon_e7) > 1_800_000_000 for other in ring):
            return False
        index += size
    return True
