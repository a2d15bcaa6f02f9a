"""Reads missions, fences and rally points back and compares them with what was sent.

Requests run ahead of the items that come; where an autopilot wants them one by one it says so once and gets them one by one.
"""

from collections.abc import Sequence

from agent.core.errors import ProtocolError
from agent.mavlink import messages
from agent.mavlink.enums import MissionResult, MissionType
from agent.mavlink.exchange import Exchange
from agent.mavlink.items import WireItem, difference, item_of
from agent.mavlink.link import Inbox

_WINDOW_FIRST = 16
_WINDOW_MOST = 64
_SILENCES_MOST = 6
_NAMES = ("MISSION_ITEM_INT", "MISSION_ACK")


async def download(exchange: Exchange, kind: MissionType) -> list[WireItem]:
    """All items of one kind.

    Raises:
        ProtocolError: the autopilot did not answer, or broke off.
    """
    for window in (_WINDOW_FIRST, 1):
        items = await _download(exchange, kind, window)
        if items is not None:
            exchange.link.send(messages.mission_ack(exchange.link.system, MissionResult.ACCEPTED, kind))
            return items
    raise ProtocolError("mission.unreadable", f"the autopilot broke off reading the {kind.name.lower()} back")


async def _download(exchange: Exchange, kind: MissionType, window: int) -> list[WireItem] | None:
    """All items; None where the autopilot broke off."""
    system = exchange.link.system
    with exchange.link.listen(*_NAMES) as inbox:
        count = await exchange.ask(
            messages.mission_request_list(system, kind), "MISSION_COUNT", lambda f: bool(f.body.mission_type == kind)
        )
        if count is None:
            raise ProtocolError("mission.unreadable", f"the autopilot does not say how many {kind.name.lower()} items it has")
        return await _collect(exchange, kind, inbox, int(count.body.count), window)


async def _collect(exchange: Exchange, kind: MissionType, inbox: Inbox, total: int, window: int) -> list[WireItem] | None:
    """Asks for each item until all are there."""
    found: list[WireItem] = []  # always in order: an item beyond a gap is asked for again
    requested, silences, one_by_one = 0, 0, window == 1
    while len(found) < total:
        for seq in range(max(requested, len(found)), min(total, len(found) + window)):
            exchange.link.send(messages.mission_request_int(exchange.link.system, seq, kind))
            requested = seq + 1
        frame = await inbox.get(exchange.round_trip.timeout_s(min(silences, 3)))
        if frame is None:
            silences += 1
            if silences > _SILENCES_MOST:
                raise ProtocolError("mission.unreadable", f"silence at {kind.name.lower()} item {len(found)} of {total}")
            requested, window = len(found), max(1, window // 2)
        elif frame.body.mission_type != kind:
            continue
        elif frame.name == "MISSION_ACK":
            if frame.body.type not in {MissionResult.ACCEPTED, MissionResult.INVALID_SEQUENCE}:
                return None
        elif frame.body.seq == len(found):
            found.append(item_of(frame.body))
            silences = 0
            if not one_by_one:
                window = min(_WINDOW_MOST, window + 1)
    return found


def compare(sent: Sequence[WireItem], read: Sequence[WireItem], *, first: int = 0) -> str | None:
    """The first difference in words; None if both mean the same. Items before ``first`` are the autopilot's own."""
    if len(sent) != len(read):
        return f"{len(read)} items instead of {len(sent)}"
    for index, (one, other) in enumerate(zip(sent, read, strict=True)):
        words = difference(one, other) if index >= first else None
        if words:
            return f"item {index}: {words}"
    return None
