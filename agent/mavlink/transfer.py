"""Uploads and clears missions, fences and rally points: one protocol, three mission types.

Items are sent ahead of their requests while the autopilot takes it in order. Its requests are the acknowledgements: a request
for item n says that all before n arrived. After a sign of loss (a repeated request, INVALID_SEQUENCE, silence) everything from
the item asked for is sent again, since an autopilot keeps nothing that comes behind a gap. How many are under way is the
window's affair (``window.py``). A refusal with a window open is tried once more one by one before it counts.

INVALID_SEQUENCE is not final (ArduPilot sends it for every item behind a gap, and goes on). Silence at the end is not final
either: the caller reads back (``readback.py``) and compares.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.mavlink import messages
from agent.mavlink.codec import Frame
from agent.mavlink.enums import MissionResult, MissionType
from agent.mavlink.exchange import Exchange
from agent.mavlink.items import WireItem, body_of, meant_for_us
from agent.mavlink.link import Inbox
from agent.mavlink.window import Window

_PATIENCE_S = 10.0  # without progress: an autopilot has given up by then, and another link had time to take over
_SILENCES_MOST = 12  # in a row; where one packet in five is lost each way, that many are one in 200,000
_ASKS_MOST = 15  # an autopilot that asks for the same item for ever gets no further answers
_STALL_S = 30.0  # without progress, though it talks
_RESTARTS_MOST = 5
_BUSY_WAIT_S = 1.0
_BUSY_TRIES = 10
_BUSY = {MissionResult.DENIED, MissionResult.OPERATION_CANCELLED}
_SETTLE_MOST = 1000
_NAMES = ("MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_ACK")


class TransferEnd(StrEnum):
    """How an upload ended."""

    ACCEPTED = "accepted"
    UNCONFIRMED = "unconfirmed"  # all was sent and asked for, the final answer is missing: read back
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class TransferResult:
    """What came of an upload. item is the index at which it ended; result the autopilot's last word."""

    end: TransferEnd
    result: MissionResult | None = None
    item: int | None = None


@dataclass(frozen=True, slots=True)
class _Sending:
    """One sending of an item; the window counts them. again: it was sent before."""

    seq: int
    number: int
    again: bool
    at_s: float


class _Upload:
    """The state of one upload."""

    def __init__(
        self,
        exchange: Exchange,
        kind: MissionType,
        items: Sequence[WireItem],
        window: Window,
        progress: Callable[[int, int], None],
    ) -> None:
        self._exchange = exchange
        self._kind = kind
        self._items = items
        self._window = window
        self._progress = progress
        self.asked: int | None = None  # the item the autopilot wants; all before it arrived
        self._sent = 0  # items before this were sent since the last going back
        self._ever_sent = 0
        self._under_way: deque[_Sending] = deque()  # in the order of sending; the autopilot answers in that order
        self._went_back_at = 0  # sendings up to this number are from before the last going back
        self._known_until_s = 0.0  # until then complaints may be about those
        self._asks = 0  # goings back to one item
        self._restarts = 0
        self._switches = exchange.link.switches

    async def run(self, inbox: Inbox) -> TransferResult:
        """Offers the items and answers until the end."""
        silences, progress_s = 0, self._exchange.now_s
        self._offer()
        while self._goes_on(silences, self._exchange.now_s - progress_s):
            frame = await inbox.get(self._window.timeout_s(silences))
            if frame is None:
                silences += 1
                self._on_silence(again=silences > 1)
                continue
            if frame.body.mission_type != self._kind or not meant_for_us(self._exchange.link, frame):
                continue
            before = self.asked
            result = self._on_ack(frame) if frame.name == "MISSION_ACK" else self._on_request(int(frame.body.seq), frame.at_s)
            if result is not None:
                return result
            if self.asked is not None and (before is None or self.asked > before):
                silences, progress_s = 0, self._exchange.now_s
        return TransferResult(TransferEnd.UNCONFIRMED if self._complete else TransferEnd.SILENT, None, self.asked)

    def _goes_on(self, silences: int, idle_s: float) -> bool:
        """Whether it is worth to go on after so many silences in a row and so long without progress."""
        if self._restarts > _RESTARTS_MOST or idle_s > _STALL_S:
            return False
        return silences < _SILENCES_MOST or idle_s < _PATIENCE_S

    @property
    def _complete(self) -> bool:
        """Whether the last item was asked for and sent."""
        return self.asked is not None and self.asked >= len(self._items) - 1 and self._sent >= len(self._items)

    def _offer(self) -> None:
        self._exchange.link.send(messages.mission_count(self._exchange.link.system, len(self._items), self._kind))

    def _on_request(self, seq: int, at_s: float) -> TransferResult | None:
        if seq >= len(self._items):
            return None
        if self.asked is not None and seq < self.asked:
            if seq != 0:
                return None  # a late packet
            self.asked, self._sent = None, 0  # it began anew, since it heard a repeated offer
            self._restarts += 1
        if seq == self.asked:
            return self._on_complaint(seq)
        if seq > self._ever_sent:
            return None  # it cannot have what was never sent
        if self.asked is not None:
            self._note_arrival(seq, at_s)
        self.asked, self._asks = seq, 0
        self._sent = max(self._sent, seq)
        self._progress(seq, len(self._items))
        self._send_window()
        return None

    def _on_ack(self, frame: Frame) -> TransferResult | None:
        try:
            result = MissionResult(frame.body.type)
        except ValueError:
            result = MissionResult.ERROR
        if result is MissionResult.ACCEPTED:
            done = self._sent >= len(self._items)
            # An acceptance before all items were sent is left over from another transfer.
            return TransferResult(TransferEnd.ACCEPTED, result) if done else None
        if result is MissionResult.INVALID_SEQUENCE:
            return self._on_complaint(None)
        if result is MissionResult.ERROR and self._complete:
            # ArduPilot's answer to an item after the end: the acceptance was lost, or the last item is bad. Read back.
            return TransferResult(TransferEnd.UNCONFIRMED, result, self.asked)
        return TransferResult(TransferEnd.REFUSED, result, self.asked)

    def _note_arrival(self, seq: int, at_s: float) -> None:
        """The item before the one asked for arrived, and with it all before it."""
        sendings = (n for n, sending in enumerate(self._under_way) if sending.seq == seq - 1)
        index = next(sendings, None)
        if index is None:
            return
        if self._went_back_at > 0:  # of several sendings of one item the last is meant that can have been answered by now
            latest_s = at_s - self._window.least_s
            index = max((n for n in sendings if self._under_way[n].at_s <= latest_s), default=index)
        self._window.answered(self._under_way[index].number, at_s, packets=seq - (self.asked or 0))
        for _ in range(index + 1):
            self._under_way.popleft()

    def _on_complaint(self, wanted: int | None) -> TransferResult | None:
        """The autopilot got an item that it did not want, or got none for a while, and may say what it wants.

        Answers come in the order of sending, so the complaint is about the first item still under way, or one behind it if that
        is lost. If the first was sent before the last going back, this is known. If it is the item asked for, or one before it,
        and was sent again, it may only have come twice.
        """
        if self._exchange.now_s > self._known_until_s:  # the answers to what was sent before are in, or lost
            while self._under_way and self._under_way[0].number <= self._went_back_at:
                self._under_way.popleft()
        about = self._under_way.popleft() if self._under_way else None
        twice = about is not None and about.again and about.seq <= (self.asked or 0)
        if twice and wanted is None and self._window.one_by_one and self.asked is not None:
            return self._on_request(self.asked + 1, self._exchange.now_s)  # it has what it asked for; its request was lost
        if about is None or (about.number > self._went_back_at and not twice):
            self._go_back()
        return TransferResult(TransferEnd.REFUSED, None, self.asked) if self._asks > _ASKS_MOST else None

    def _on_silence(self, *, again: bool) -> None:
        """Nothing came in time: offer again, or repeat what was asked for."""
        self._under_way.clear()
        if self._exchange.link.switches != self._switches:
            # Over another link. An autopilot goes on asking where the upload began, so it begins anew here.
            self._switches = self._exchange.link.switches
            self.asked, self._sent = None, 0
        if self.asked is None:
            self._offer()
            return
        if again:
            self._window.halve()
        self._go_back()

    def _go_back(self) -> None:
        """Sends again from the item asked for."""
        if self.asked is None:
            return
        self._asks += 1
        self._window.went_back()
        self._went_back_at = self._window.number
        self._known_until_s = self._exchange.now_s + self._window.trip_s
        self._sent = self.asked
        self._send_window()

    def _send_window(self) -> None:
        """Sends the items of the window that were not sent yet."""
        if self.asked is None:
            return
        link, now_s = self._exchange.link, self._exchange.now_s
        end = min(len(self._items), self.asked + self._window.size)
        for seq in range(self._sent, end):
            again = seq < self._ever_sent
            self._under_way.append(_Sending(seq, self._window.sent(now_s, first=not again), again, now_s))
            link.send(body_of(self._items[seq], link.system, seq, self._kind))
        self._sent = max(self._sent, end)
        self._ever_sent = max(self._ever_sent, self._sent)


def _ignore(done: int, total: int) -> None:
    """No progress wanted."""


async def upload(
    exchange: Exchange, kind: MissionType, items: Sequence[WireItem], progress: Callable[[int, int], None] = _ignore
) -> TransferResult:
    """Uploads items of one kind, replacing what is there. With no items it clears.

    Whatever ends it early, a cancellation too, ends it at the autopilot as well, as far as the autopilot has a word for that
    (PX4 has; ArduPilot drops the transfer when it is cleared, or after 8 s). What has arrived by then is the caller's to clear.

    Args:
        exchange: the link's exchange.
        kind: mission, fence or rally.
        items: what to upload, in order.
        progress: called with items done and items in all.
    """
    finished = False
    try:
        result = await _upload(exchange, kind, items, progress)
        finished = result.end in {TransferEnd.ACCEPTED, TransferEnd.UNCONFIRMED}
    finally:
        if not finished:
            _abort(exchange, kind)
    if result.end is TransferEnd.ACCEPTED:
        progress(len(items), len(items))
    return result


async def _upload(
    exchange: Exchange, kind: MissionType, items: Sequence[WireItem], progress: Callable[[int, int], None]
) -> TransferResult:
    """Tries until it is done, refused for good, or the autopilot was busy for too long."""
    window = Window(exchange.round_trip)
    result, switches = TransferResult(TransferEnd.SILENT), exchange.link.switches
    for _ in range(_BUSY_TRIES):
        with exchange.link.listen(*_NAMES) as inbox:
            result = await _Upload(exchange, kind, items, window, progress).run(inbox)
            if result.end is not TransferEnd.REFUSED:
                break
            _abort(exchange, kind)
            await _settle(window, inbox)
        moved = exchange.link.switches != switches  # PX4 says ERROR while the part on the dead link has not timed out (5 s)
        if result.result in _BUSY or (moved and result.result is MissionResult.ERROR):
            await asyncio.sleep(_BUSY_WAIT_S)  # another transfer is under way, or the autopilot gave this one up
        elif window.one_by_one:
            break
        else:
            window = Window(exchange.round_trip, one_by_one=True)
    return result


def _abort(exchange: Exchange, kind: MissionType) -> None:
    exchange.link.send(messages.mission_ack(exchange.link.system, MissionResult.OPERATION_CANCELLED, kind))


async def _settle(window: Window, inbox: Inbox) -> None:
    """Waits until the answers to items that were sent ahead have all come, so that they do not end the next attempt."""
    for _ in range(_SETTLE_MOST):
        if await inbox.get(window.timeout_s()) is None:
            return


async def clear(exchange: Exchange, kind: MissionType) -> MissionResult | None:
    """Clears all items of one kind; the autopilot's answer, None where none came."""
    answer = await exchange.ask(
        messages.mission_clear_all(exchange.link.system, kind),
        "MISSION_ACK",
        lambda frame: bool(
            frame.body.mission_type == kind
            and frame.body.type != MissionResult.INVALID_SEQUENCE
            and meant_for_us(exchange.link, frame)
        ),
    )
    if answer is None:
        return None
    try:
        return MissionResult(answer.body.type)
    except ValueError:
        return MissionResult.ERROR
