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
        return await _Collector(exchange, kind, int(count.body.count), window).run(inbox)


class _Collector:
    """The state of one reading. Items behind a lost one are kept; the lost one is asked for again at once."""

    def __init__(self, exchange: Exchange, kind: MissionType, total: int, window: int) -> None:
        self._exchange = exchange
        self._kind = kind
        self._total = total
        self._window = window
        self._one_by_one = window == 1
        self._items: dict[int, WireItem] = {}
        self._first_missing = 0
        self._requested = 0
        self._asked_again: tuple[int, float] = (-1, 0.0)  # item, until when it is not asked for once more

    async def run(self, inbox: Inbox) -> list[WireItem] | None:
        """Asks for each item until all are there; None where the autopilot broke off."""
        silences = 0
        while self._first_missing < self._total:
            self._request_window()
            frame = await inbox.get(self._exchange.round_trip.timeout_s(min(silences, 3)))
            if frame is None:
                silences += 1
                if silences > _SILENCES_MOST:
                    name = self._kind.name.lower()
                    raise ProtocolError("mission.unreadable", f"silence at {name} item {self._first_missing} of {self._total}")
                self._requested, self._window = self._first_missing, max(1, self._window // 2)
            elif frame.body.mission_type != self._kind:
                continue
            elif frame.name == "MISSION_ACK":
                if frame.body.type not in {MissionResult.ACCEPTED, MissionResult.INVALID_SEQUENCE}:
                    return None
            else:
                silences = 0
                self._take(int(frame.body.seq), item_of(frame.body))
        return [self._items[seq] for seq in range(self._total)]

    def _request_window(self) -> None:
        for seq in range(max(self._requested, self._first_missing), min(self._total, self._first_missing + self._window)):
            if seq not in self._items:
                self._request(seq)
            self._requested = seq + 1

    def _request(self, seq: int) -> None:
        self._exchange.link.send(messages.mission_request_int(self._exchange.link.system, seq, self._kind))

    def _take(self, seq: int, item: WireItem) -> None:
        """Keeps an item; one that comes before an earlier one says that the earlier one is lost."""
        if not self._first_missing <= seq < self._total:
            return
        self._items[seq] = item
        while self._first_missing in self._items:
            self._first_missing += 1
            self._window = 1 if self._one_by_one else min(_WINDOW_MOST, self._window + 1)
        now_s = self._exchange.now_s
        again, until_s = self._asked_again
        if seq > self._first_missing and not (again == self._first_missing and now_s < until_s):
            self._asked_again = (self._first_missing, now_s + self._exchange.round_trip.timeout_s())
            self._request(self._first_missing)


def compare(sent: Sequence[WireItem], read: Sequence[WireItem], *, first: int = 0) -> str | None:
    """The first difference in words; None if both mean the same. Items before ``first`` are the autopilot's own."""
    if len(sent) != len(read):
        return f"{len(read)} items instead of {len(sent)}"
    for index, (one, other) in enumerate(zip(sent, read, strict=True)):
        words = difference(one, other) if index >= first else None
        if words:
            return f"item {index}: {words}"
    return None
