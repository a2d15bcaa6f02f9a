"""Reads missions, fences and rally points back and compares them with what was sent.

Requests run ahead of the items that come. Whatever was asked for before an item that came, and is not there, is lost and asked
for again at once. Where an autopilot wants requests one by one it says so once and gets them one by one.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from agent.core.errors import ProtocolError
from agent.mavlink import messages
from agent.mavlink.enums import MissionResult, MissionType
from agent.mavlink.exchange import Exchange
from agent.mavlink.items import WireItem, difference, item_of, meant_for_us
from agent.mavlink.link import Inbox
from agent.mavlink.window import Window

_PATIENCE_S, _STALL_S = 10.0, 30.0  # as for uploads
_SILENCES_MOST = 12
_COUNT_ATTEMPTS = 10
_SPARE = 0.3
_IDENTITY_AT = 5  # in the payload; zeros at the end are not sent
_NAMES = ("MISSION_ITEM_INT", "MISSION_ACK")


def _ignore(done: int, total: int) -> None:
    """No progress wanted."""


@dataclass(frozen=True, slots=True)
class OnBoard:
    """How many items of a kind the autopilot has, and its own identity of them; 0 where it has none."""

    count: int
    identity: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Items that were read, and the autopilot's identity of them; 0 where it has none."""

    items: list[WireItem]
    identity: int


async def download(exchange: Exchange, kind: MissionType, progress: Callable[[int, int], None] = _ignore) -> Reading:
    """All items of one kind.

    Raises:
        ProtocolError: the autopilot did not answer, or broke off.
    """
    for one_by_one in (False, False, True):  # a complaint may be a late one, of the transfer before
        window = Window(exchange.round_trip, one_by_one=one_by_one, spare=_SPARE)
        reading = await _download(exchange, kind, window, progress)
        if reading is not None:
            end_reading(exchange, kind)
            return reading
    raise ProtocolError("mission.unreadable", f"the autopilot broke off reading the {kind.name.lower()} back")


def end_reading(exchange: Exchange, kind: MissionType) -> None:
    """Says that no more is asked for."""
    exchange.link.send(messages.mission_ack(exchange.link.system, MissionResult.ACCEPTED, kind))


async def _download(
    exchange: Exchange, kind: MissionType, window: Window, progress: Callable[[int, int], None]
) -> Reading | None:
    """All items; None where the autopilot broke off."""
    with exchange.link.listen(*_NAMES) as inbox:
        board = await ask_count(exchange, kind)
        inbox.drain()  # what came before the count belongs to an earlier transfer
        items = await _Collector(exchange, kind, board.count, window, progress).run(inbox)
        return None if items is None else Reading(items, board.identity)


async def ask_count(exchange: Exchange, kind: MissionType) -> OnBoard:
    """How many items of a kind the autopilot has. It then expects to be asked for them.

    Raises:
        ProtocolError: it does not say.
    """
    count = await exchange.ask(
        messages.mission_request_list(exchange.link.system, kind),
        "MISSION_COUNT",
        lambda frame: bool(frame.body.mission_type == kind) and meant_for_us(exchange.link, frame),
        attempts=_COUNT_ATTEMPTS,
    )
    if count is None:
        raise ProtocolError("mission.unreadable", f"the autopilot does not say how many {kind.name.lower()} items it has")
    # The field opaque_id, which pymavlink's dialect does not have yet: https://mavlink.io/en/messages/common.html#MISSION_COUNT
    identity = bytes(count.payload[_IDENTITY_AT : _IDENTITY_AT + 4])
    return OnBoard(int(count.body.count), int.from_bytes(identity, "little"))


class _Collector:
    """The state of one reading."""

    def __init__(
        self, exchange: Exchange, kind: MissionType, total: int, window: Window, progress: Callable[[int, int], None]
    ) -> None:
        self._exchange = exchange
        self._kind = kind
        self._total = total
        self._window = window
        self._progress = progress
        self._items: dict[int, WireItem] = {}
        self._under_way: dict[int, int] = {}  # item to the number of its request, in the order of asking
        self._again: deque[int] = deque()
        self._next = 0  # the first item that was never asked for

    async def run(self, inbox: Inbox) -> list[WireItem] | None:
        """Asks for each item until all are there; None where the autopilot broke off."""
        silences, progress_s = 0, self._exchange.now_s
        while len(self._items) < self._total:
            self._ask_window()
            frame = await inbox.get(self._window.timeout_s(silences))
            idle_s = self._exchange.now_s - progress_s
            if idle_s > _STALL_S or (silences > _SILENCES_MOST and idle_s > _PATIENCE_S):
                words = f"silence at {self._kind.name.lower()} item {self._first_missing} of {self._total}"
                raise ProtocolError("mission.unreadable", words)
            if frame is None:
                silences += 1
                self._on_silence(again=silences > 1)
            elif frame.body.mission_type != self._kind or not meant_for_us(self._exchange.link, frame):
                continue
            elif frame.name == "MISSION_ACK":
                if frame.body.type not in {MissionResult.ACCEPTED, MissionResult.INVALID_SEQUENCE}:
                    return None
            elif self._take(int(frame.body.seq), item_of(frame.body), frame.at_s):
                silences, progress_s = 0, self._exchange.now_s
        return [self._items[seq] for seq in range(self._total)]

    @property
    def _first_missing(self) -> int:
        return next(seq for seq in range(self._total) if seq not in self._items)

    def _ask_window(self) -> None:
        """Asks for as many as may be under way: the lost ones first."""
        link, now_s = self._exchange.link, self._exchange.now_s
        while len(self._under_way) < self._window.size and (self._again or self._next < self._total):
            first = not self._again
            seq = self._next if first else self._again.popleft()
            self._next += first
            if seq in self._items:  # it was on its way from an earlier reading
                continue
            self._under_way[seq] = self._window.sent(now_s, first=first)
            link.send(messages.mission_request_int(link.system, seq, self._kind))

    def _take(self, seq: int, item: WireItem, at_s: float) -> bool:
        """Keeps an item; whether it is new. What was asked for before it and has not come is lost."""
        number = self._under_way.pop(seq, None)
        if not 0 <= seq < self._total or seq in self._items:
            return False
        self._items[seq] = item
        self._progress(len(self._items), self._total)
        if number is None:  # it was late, not lost
            if seq in self._again:
                self._again.remove(seq)
            return True
        if self._window.answered(number, at_s):
            self._lose(number)
        return True

    def _lose(self, before: int) -> None:
        """Puts what was asked for before this sending in line again."""
        lost = [seq for seq, _ in takewhile(lambda asked: asked[1] < before, self._under_way.items())]
        for seq in lost:
            del self._under_way[seq]
        self._again.extend(lost)

    def _on_silence(self, *, again: bool) -> None:
        self._again.extend(self._under_way)
        self._under_way.clear()
        if again:
            self._window.halve()


def compare(sent: Sequence[WireItem], read: Sequence[WireItem], *, first: int = 0) -> str | None:
    """The first difference in words; None if both mean the same. Items before ``first`` are the autopilot's own."""
    if len(sent) != len(read):
        return f"{len(read)} items instead of {len(sent)}"
    for index, (one, other) in enumerate(zip(sent, read, strict=True)):
        words = difference(one, other) if index >= first else None
        if words:
            return f"item {index}: {words}"
    return None
