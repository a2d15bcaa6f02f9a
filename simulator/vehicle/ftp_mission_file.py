"""``@MISSION/*.dat``: the three lists as files.

As ArduCopter 4.6 does it: a written file is judged when it is closed, and how that ended is not told. Its header must be right,
its length must be that of its items and no item may be all zero, else nothing changes. A mission is then cleared and filled
item by item, so that a bad item leaves the ones before it on board; so are rally points; a fence is taken whole or not at all.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.vehicle.ftp_files import Content, Fixed
from simulator.vehicle.mission_items import FENCE, MISSION, Item, accept
from simulator.vehicle.mission_store import CAPACITY, ItemStore
from simulator.vehicle.wire import mavlink

_MAGIC: Final = 0x763D
_NO_CLEAR: Final = 1
_HEADER: Final = struct.Struct("<HHHHH")
_ITEM: Final = struct.Struct("<ffffiifHHBBBBBB")
_SIZE_TOLD: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class MissionFile:
    """One list as a file.

    Attributes:
        mission_type: 0 mission, 1 fence, 2 rally.
        store: the lists.
        may_clear: whether the mission may be cleared now.
    """

    mission_type: int
    store: ItemStore
    may_clear: Callable[[], bool]

    def size_told(self) -> int:
        """Always the same."""
        return _SIZE_TOLD

    def content(self, query: str) -> Content:
        """The items as they read back."""
        del query
        items = [self.store.item(self.mission_type, index) for index in range(self.store.count(self.mission_type))]
        data = _HEADER.pack(_MAGIC, self.mission_type, 0, 0, len(items))
        for seq, item in enumerate(items):
            if item is not None:
                place = (item.lat_e7, item.lon_e7, item.alt_m)
                data += _ITEM.pack(*item.params, *place, seq, item.command, 1, 1, item.frame, 0, 1, self.mission_type)
        return Fixed(data)

    def take(self, data: bytes) -> None:
        """A file was written and closed."""
        items = self._items(data)
        if items is None:
            return
        options, start = _HEADER.unpack_from(data)[2:4]
        if self.mission_type != MISSION and options & _NO_CLEAR:
            return
        if self.mission_type == FENCE:
            self._take_fence(items)
            return
        if not options & _NO_CLEAR and self.may_clear():
            self.store.clear(self.mission_type)
        self.store.begin(self.mission_type, CAPACITY[self.mission_type])
        for index, item in enumerate(items, start):
            result, kept = accept(item, self.mission_type)
            if result != mavlink.MAV_MISSION_ACCEPTED or index >= CAPACITY[self.mission_type]:
                break
            self.store.put(self.mission_type, index, kept)
        self.store.finish(self.mission_type)

    def _take_fence(self, items: list[Item]) -> None:
        accepted = [accept(item, FENCE) for item in items]
        if len(items) > CAPACITY[FENCE] or any(result != mavlink.MAV_MISSION_ACCEPTED for result, _ in accepted):
            return
        self.store.begin(FENCE, len(items))
        for index, (_, kept) in enumerate(accepted):
            self.store.put(FENCE, index, kept)
        self.store.finish(FENCE)

    def _items(self, data: bytes) -> list[Item] | None:
        """The items in a file; None where the file is refused whole."""
        if len(data) < _HEADER.size:
            return None
        magic, *_, count = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        if magic != _MAGIC or len(body) // _ITEM.size != count:
            return None
        raw = [body[index * _ITEM.size : (index + 1) * _ITEM.size] for index in range(count)]
        return None if any(not any(item) for item in raw) else [_item_in(item) for item in raw]


def _item_in(raw: bytes) -> Item:
    one, two, three, four, x, y, z, _, command, _, _, frame, *_ = _ITEM.unpack(raw)
    return Item(command, frame, (one, two, three, four), x, y, z if math.isfinite(z) else math.nan)
