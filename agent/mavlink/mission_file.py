"""ArduPilot's mission, fence and rally files: a header, then one packed MISSION_ITEM_INT an item.

Knows the layout; knows nothing of how a file travels. Source:
https://github.com/ArduPilot/ardupilot/tree/master/libraries/AP_Filesystem (``@MISSION``).
"""

import struct
from collections.abc import Sequence

from agent.core.errors import ProtocolError
from agent.mavlink.enums import MissionType
from agent.mavlink.items import WireItem

PATHS = {
    MissionType.MISSION: "@MISSION/mission.dat",
    MissionType.FENCE: "@MISSION/fence.dat",
    MissionType.RALLY: "@MISSION/rally.dat",
}

_MAGIC = 0x763D
_REPLACE_ALL, _FIRST = 0, 0
_HEADER = struct.Struct("<HHHHH")  # magic, mission type, options, first item, items
# param1..4, x, y, z, seq, command, target system and component, frame, current, autocontinue, mission type
_ITEM = struct.Struct("<ffffiifHHBBBBBB")


def encode(kind: MissionType, items: Sequence[WireItem]) -> bytes:
    """The file that holds these items and replaces all that is on board."""
    header = _HEADER.pack(_MAGIC, kind, _REPLACE_ALL, _FIRST, len(items))
    return header + b"".join(
        _ITEM.pack(*item.params, item.x, item.y, item.z, seq, item.command, 0, 0, item.frame, 0, 1, kind)
        for seq, item in enumerate(items)
    )


def decode(kind: MissionType, data: bytes) -> list[WireItem]:
    """The items in a file that was read.

    Raises:
        ProtocolError: it is no such file, or not a whole one.
    """
    if len(data) < _HEADER.size:
        raise _damaged(kind, f"{len(data)} bytes")
    magic, found_kind, _, first, count = _HEADER.unpack_from(data)
    if (magic, found_kind, first) != (_MAGIC, kind, _FIRST):
        raise _damaged(kind, f"it begins with {magic:#06x}, type {found_kind}, item {first}")
    if len(data) != _HEADER.size + count * _ITEM.size:
        raise _damaged(kind, f"{len(data)} bytes for {count} items")
    return [_item(fields) for fields in _ITEM.iter_unpack(data[_HEADER.size :])]


def _item(fields: tuple[float, ...]) -> WireItem:
    one, two, three, four, x, y, z, _, command, _, _, frame, *_ = fields
    return WireItem(int(command), int(frame), (one, two, three, four), int(x), int(y), z)


def _damaged(kind: MissionType, words: str) -> ProtocolError:
    return ProtocolError("vehicle.file_damaged", f"{PATHS[kind]}: {words}")
