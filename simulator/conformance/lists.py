"""Missions, fences and rally points: uploads by the book and against it, downloads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from simulator.conformance.talk import SILENCE, Talk
from simulator.vehicle.wire import Message, mavlink

MISSION, FENCE, RALLY = 0, 1, 2
ACKS: Final = {
    0: "accepted", 1: "error", 2: "unsupported frame", 3: "unsupported", 4: "no space", 5: "invalid", 6: "invalid param 1",
    7: "invalid param 2", 8: "invalid param 3", 9: "invalid param 4", 10: "invalid param 5", 11: "invalid param 6",
    12: "invalid param 7", 13: "invalid sequence", 14: "denied", 15: "cancelled",
}  # fmt: skip
_REQUESTS: Final = ("MISSION_REQUEST", "MISSION_REQUEST_INT")
_STEP_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Item:
    """A mission item in wire units: degrees times 1e7, metres."""

    command: int
    lat_e7: int = 0
    lon_e7: int = 0
    alt_m: float = 0.0
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    frame: int = int(mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT)

    def message(self, seq: int, kind: int) -> Message:
        """MISSION_ITEM_INT."""
        return mavlink.MAVLink_mission_item_int_message(
            1, 1, seq, self.frame, self.command, 0, 1, *self.params, self.lat_e7, self.lon_e7, self.alt_m, kind
        )


async def upload(talk: Talk, kind: int, items: Sequence[Item]) -> str:
    """One by one, as the protocol has it; the answer in words."""
    cursor = len(talk.heard)
    talk.send(mavlink.MAVLink_mission_count_message(1, 1, len(items), kind))
    while (found := await talk.next((*_REQUESTS, "MISSION_ACK"), lambda m: m.mission_type == kind, cursor)) is not None:
        cursor, message = found
        if message.get_type() == "MISSION_ACK":
            return ACKS.get(message.type, str(message.type))
        talk.send(items[message.seq].message(message.seq, kind))
    return SILENCE


async def upload_ahead(talk: Talk, kind: int, items: Sequence[Item]) -> str:
    """All items at once after the first request."""
    since_s = talk.now_s
    await request_of(talk, kind, len(items))
    for seq, item in enumerate(items):
        talk.send(item.message(seq, kind))
    return await ack(talk, kind, since_s)


async def request_of(talk: Talk, kind: int, length: int) -> Message | None:
    """Announces items; the first request for one."""
    cursor = len(talk.heard)
    talk.send(mavlink.MAVLink_mission_count_message(1, 1, length, kind))
    found = await talk.next((*_REQUESTS, "MISSION_ACK"), lambda m: m.mission_type == kind, cursor)
    return None if found is None else found[1]


async def ack(talk: Talk, kind: int, since_s: float, timeout_s: float = _STEP_S) -> str:
    """The next MISSION_ACK of a kind, in words."""
    found = await talk.wait("MISSION_ACK", lambda m: m.mission_type == kind, since_s=since_s, timeout_s=timeout_s)
    return SILENCE if found is None else ACKS.get(found.type, str(found.type))


async def count(talk: Talk, kind: int) -> int | None:
    """How many items are on board."""
    since_s = talk.now_s
    talk.send(mavlink.MAVLink_mission_request_list_message(1, 1, kind))
    found = await talk.wait("MISSION_COUNT", lambda m: m.mission_type == kind, since_s=since_s)
    if found is not None:
        talk.send(mavlink.MAVLink_mission_ack_message(1, 1, 0, kind))  # ends the download
    return None if found is None else int(found.count)


async def download(talk: Talk, kind: int) -> list[Message]:
    """All items on board; fewer where the answers stop."""
    since_s = talk.now_s
    talk.send(mavlink.MAVLink_mission_request_list_message(1, 1, kind))
    found = await talk.wait("MISSION_COUNT", lambda m: m.mission_type == kind, since_s=since_s)
    items: list[Message] = []
    for seq in range(0 if found is None else int(found.count)):
        since_s = talk.now_s
        talk.send(mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind))
        item = await talk.wait("MISSION_ITEM_INT", lambda m, seq=seq: m.seq == seq, since_s=since_s)  # type: ignore[misc]
        if item is None:
            break
        items.append(item)
    talk.send(mavlink.MAVLink_mission_ack_message(1, 1, 0, kind))
    return items


async def clear(talk: Talk, kind: int) -> str:
    """MISSION_CLEAR_ALL; the answer in words."""
    since_s = talk.now_s
    talk.send(mavlink.MAVLink_mission_clear_all_message(1, 1, kind))
    return await ack(talk, kind, since_s)
