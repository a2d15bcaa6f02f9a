"""Uploads and clears missions, fences and rally points: one protocol, three mission types.

Items are sent ahead of their requests while the autopilot takes it in order. Its requests are the acknowledgements: a request
for item n says that all before n arrived. A sign of trouble (a repeated request, INVALID_SEQUENCE, silence) halves the window
and goes back to the item that is asked for. A refusal with a window open is tried once more one by one before it counts.

INVALID_SEQUENCE is not final (ArduPilot sends it for every item behind a gap, and goes on). Silence at the end is not final
either: the caller reads back (``readback.py``) and compares.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.mavlink import messages
from agent.mavlink.codec import Frame
from agent.mavlink.enums import MissionResult, MissionType
from agent.mavlink.exchange import Exchange
from agent.mavlink.items import WireItem, body_of
from agent.mavlink.link import Inbox

WINDOW_FIRST = 8
_WINDOW_MOST = 64
_SILENCES_MOST = 6
_ASKS_MOST = 15  # an autopilot that asks for the same item for ever gets no further answers
_BUSY_WAIT_S = 1.0
_BUSY_TRIES = 10
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


class _Upload:
    """The state of one upload."""

    def __init__(
        self,
        exchange: Exchange,
        kind: MissionType,
        items: Sequence[WireItem],
        window: int,
        progress: Callable[[int, int], None],
    ) -> None:
        self._exchange = exchange
        self._kind = kind
        self._items = items
        self.window = window
        self._slow = window == 1
        self._progress = progress
        self.asked: int | None = None  # the item the autopilot wants; all before it arrived
        self._sent = 0  # items before this were sent since the last going back
        self._went_back_to: int | None = None
        self._quiet_until_s = 0.0
        self._asks = 0  # goings back to one item
        self._switches = exchange.link.switches

    async def run(self, inbox: Inbox) -> TransferResult:
        """Offers the items and answers until the end."""
        silences = 0
        self._offer()
        while silences < _SILENCES_MOST:
            frame = await inbox.get(self._exchange.round_trip.timeout_s(min(silences, 3)))
            if frame is None:
                silences += 1
                self._on_silence()
                continue
            if frame.body.mission_type != self._kind:
                continue
            before = self.asked
            result = self._on_ack(frame) if frame.name == "MISSION_ACK" else self._on_request(int(frame.body.seq))
            if result is not None:
                return result
            silences = 0 if self.asked != before else silences
        complete = self.asked is not None and self.asked >= len(self._items) - 1 and self._sent >= len(self._items)
        return TransferResult(TransferEnd.UNCONFIRMED if complete else TransferEnd.SILENT, None, self.asked)

    def _offer(self) -> None:
        self._exchange.link.send(messages.mission_count(self._exchange.link.system, len(self._items), self._kind))

    def _on_request(self, seq: int) -> TransferResult | None:
        if seq >= len(self._items):
            return None
        if self.asked is not None and seq < self.asked:
            if seq != 0:
                return None  # a late packet
            self.asked, self._sent = None, 0  # it began anew, since it heard a repeated offer
        if seq == self.asked:
            self._go_back()
            return TransferResult(TransferEnd.REFUSED, None, seq) if self._asks > _ASKS_MOST else None
        if self.asked is not None and not self._slow:
            self.window = min(_WINDOW_MOST, self.window + max(1, seq - self.asked))
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
            self._go_back()
            return None
        if result is MissionResult.ERROR and self.asked == len(self._items) - 1 and self._sent >= len(self._items):
            # ArduPilot's answer to an item after the end: the acceptance was lost, or the last item is bad. Read back.
            return TransferResult(TransferEnd.UNCONFIRMED, result, self.asked)
        return TransferResult(TransferEnd.REFUSED, result, self.asked)

    def _on_silence(self) -> None:
        """Nothing came in time: offer again, or repeat what was asked for."""
        if self._exchange.link.switches != self._switches:
            # Over another link. An autopilot goes on asking where the upload began, so it begins anew here.
            self._switches = self._exchange.link.switches
            self.asked, self._sent, self._went_back_to = None, 0, None
        if self.asked is None:
            self._offer()
            return
        self._quiet_until_s = 0.0
        self._go_back()

    def _go_back(self) -> None:
        """Sends again from the item asked for, with half the window.

        Once per item and time-out: every item that was under way behind the gap brings a complaint about the same item.
        """
        now_s = self._exchange.now_s
        if self.asked is None or (self.asked == self._went_back_to and now_s < self._quiet_until_s):
            return
        self._asks += 1
        self._went_back_to = self.asked
        self._quiet_until_s = now_s + self._exchange.round_trip.timeout_s()
        self.window = max(1, self.window // 2)
        self._sent = self.asked
        self._send_window()

    def _send_window(self) -> None:
        """Sends the items of the window that were not sent yet."""
        if self.asked is None:
            return
        end = min(len(self._items), self.asked + self.window)
        for seq in range(self._sent, end):
            self._exchange.link.send(body_of(self._items[seq], self._exchange.link.system, seq, self._kind))
        self._sent = max(self._sent, end)


def _ignore(done: int, total: int) -> None:
    """No progress wanted."""


async def upload(
    exchange: Exchange, kind: MissionType, items: Sequence[WireItem], progress: Callable[[int, int], None] = _ignore
) -> TransferResult:
    """Uploads items of one kind, replacing what is there. With no items it clears.

    Args:
        exchange: the link's exchange.
        kind: mission, fence or rally.
        items: what to upload, in order.
        progress: called with items done and items in all.
    """
    window = WINDOW_FIRST
    for attempt in range(_BUSY_TRIES):
        with exchange.link.listen(*_NAMES) as inbox:
            result = await _Upload(exchange, kind, items, window, progress).run(inbox)
            if result.end is TransferEnd.REFUSED:
                await _settle(exchange, inbox)
        busy = result.result in {MissionResult.DENIED, MissionResult.OPERATION_CANCELLED}
        if result.end is not TransferEnd.REFUSED or attempt == _BUSY_TRIES - 1:
            break
        if busy:  # another transfer is under way, or the autopilot gave this one up
            await asyncio.sleep(_BUSY_WAIT_S)
        elif window == 1:
            break
        window = 1
    if result.end is TransferEnd.ACCEPTED:
        progress(len(items), len(items))
    return result


async def _settle(exchange: Exchange, inbox: Inbox) -> None:
    """Waits until the answers to items that were sent ahead have all come, so that they do not end the next attempt."""
    for _ in range(_WINDOW_MOST):
        if await inbox.get(exchange.round_trip.timeout_s()) is None:
            return


async def clear(exchange: Exchange, kind: MissionType) -> MissionResult | None:
    """Clears all items of one kind; the autopilot's answer, None where none came."""
    answer = await exchange.ask(
        messages.mission_clear_all(exchange.link.system, kind),
        "MISSION_ACK",
        lambda frame: bool(frame.body.mission_type == kind and frame.body.type != MissionResult.INVALID_SEQUENCE),
    )
    if answer is None:
        return None
    try:
        return MissionResult(answer.body.type)
    except ValueError:
        return MissionResult.ERROR
