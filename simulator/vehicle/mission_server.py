"""The mission protocol's vehicle side: one server for each of mission, fence and rally.

Measured on ArduCopter 4.6.3: asks with MISSION_REQUEST, takes MISSION_ITEM_INT (and ahead of its request when in order), asks
again each second of silence, gives up after 8 s with OPERATION_CANCELLED; an item out of order gets INVALID_SEQUENCE while the
transfer goes on. Knows the store; must not know what an item does in flight.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.vehicle.mission_items import FENCE, MISSION, accept, item_message, item_of
from simulator.vehicle.mission_store import CAPACITY, ItemStore
from simulator.vehicle.wire import Message, mavlink

ASK_AGAIN_S: Final = 1.0
GIVE_UP_S: Final = 8.0
_DONE_WORDS: Final = {0: "Flight plan received", 1: "Fence Indexed OK", 2: "Rally points received"}
_TIMEOUT_WORDS: Final = {0: "Mission upload timeout", 1: "Fence upload timeout", 2: "Rally upload timeout"}

Send = Callable[[Message], None]
"""Sends on the link that the request came from."""


@dataclass(slots=True)
class _Upload:
    send: Send
    peer: tuple[int, int]
    next_seq: int
    last_seq: int
    heard_s: float
    asked_s: float


class MissionServer:
    """The protocol for one mission type.

    Args:
        mission_type: 0 mission, 1 fence, 2 rally.
        store: the lists.
        say: STATUSTEXT with its severity.
        may_clear: whether CLEAR_ALL is allowed now.
        is_current: whether the index is the mission's current one.
    """

    def __init__(
        self,
        mission_type: int,
        store: ItemStore,
        say: Callable[[str, int], None],
        may_clear: Callable[[], bool],
        is_current: Callable[[int], bool],
    ) -> None:
        self.type = mission_type
        self._store = store
        self._say = say
        self._may_clear = may_clear
        self._is_current = is_current
        self._upload: _Upload | None = None

    @property
    def receiving(self) -> bool:
        """Whether an upload is under way."""
        return self._upload is not None

    def _ack(self, send: Send, peer: tuple[int, int], result: int) -> None:
        send(mavlink.MAVLink_mission_ack_message(peer[0], peer[1], result, self.type))

    # -- upload ----------------------------------------------------------------------------------------------------------

    def count(self, message: Message, send: Send, now_s: float, *, ready: bool) -> None:
        """MISSION_COUNT: an upload starts, unless another station is at it."""
        peer = _peer(message)
        if self._upload is not None and self._upload.peer != peer:
            self._ack(send, peer, mavlink.MAV_MISSION_DENIED)
            return
        if message.count > CAPACITY[self.type] or not ready:
            self._ack(send, peer, mavlink.MAV_MISSION_NO_SPACE)
            if ready:
                self._say(f"Only {CAPACITY[self.type]} items are supported", mavlink.MAV_SEVERITY_WARNING)
            return
        self._store.begin(self.type, message.count)
        if message.count == 0:
            self._upload = None
            self._complete(send, peer)
            return
        self._upload = _Upload(send, peer, 0, message.count - 1, now_s, now_s)
        self._ask(self._upload, now_s)

    def partial(self, message: Message, send: Send, now_s: float) -> None:
        """MISSION_WRITE_PARTIAL_LIST: replaces a range of what is stored."""
        peer, size = _peer(message), self._store.count(self.type)
        first, last = int(message.start_index), int(message.end_index)
        if self.type != MISSION or not 0 <= first <= last <= size:
            self._ack(send, peer, mavlink.MAV_MISSION_ERROR)
            return
        self._upload = _Upload(send, peer, first, last, now_s, now_s)
        self._ask(self._upload, now_s)

    def item(self, message: Message, send: Send, now_s: float) -> None:
        """MISSION_ITEM_INT."""
        peer, upload = _peer(message), self._upload
        if upload is None:
            self._ack(send, peer, mavlink.MAV_MISSION_ERROR)
            return
        if message.seq != upload.next_seq:
            self._ack(upload.send, peer, mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        if peer != upload.peer:
            self._ack(upload.send, peer, mavlink.MAV_MISSION_DENIED)
            return
        result, kept = accept(item_of(message), self.type)
        if result == mavlink.MAV_MISSION_ACCEPTED and not self._store.put(self.type, message.seq, kept):
            result = int(mavlink.MAV_MISSION_ERROR)
        if result != mavlink.MAV_MISSION_ACCEPTED:
            self._upload = None
            self._ack(upload.send, peer, result)
            return
        upload.heard_s = now_s
        upload.next_seq += 1
        if upload.next_seq > upload.last_seq:
            self._upload = None
            self._complete(upload.send, peer)
        else:
            self._ask(upload, now_s)

    def _complete(self, send: Send, peer: tuple[int, int]) -> None:
        result = self._store.finish(self.type)
        self._ack(send, peer, result)
        if result == mavlink.MAV_MISSION_ACCEPTED:
            severity = mavlink.MAV_SEVERITY_DEBUG if self.type == FENCE else mavlink.MAV_SEVERITY_INFO
            self._say(_DONE_WORDS[self.type], severity)

    def _ask(self, upload: _Upload, now_s: float) -> None:
        upload.asked_s = now_s
        upload.send(mavlink.MAVLink_mission_request_message(*upload.peer, upload.next_seq, self.type))

    def step(self, now_s: float) -> None:
        """Silence: asks again, then gives up."""
        upload = self._upload
        if upload is None:
            return
        if now_s - upload.heard_s > GIVE_UP_S:
            self._upload = None
            self._say(_TIMEOUT_WORDS[self.type], mavlink.MAV_SEVERITY_WARNING)
            self._ack(upload.send, upload.peer, mavlink.MAV_MISSION_OPERATION_CANCELLED)
        elif now_s - upload.asked_s > ASK_AGAIN_S:
            self._ask(upload, now_s)

    # -- download and clear ----------------------------------------------------------------------------------------------

    def request_list(self, message: Message, send: Send) -> None:
        """MISSION_REQUEST_LIST."""
        peer = _peer(message)
        if self._upload is not None:
            self._ack(send, peer, mavlink.MAV_MISSION_DENIED)
            return
        send(mavlink.MAVLink_mission_count_message(*peer, self._store.count(self.type), self.type))

    def request_item(self, message: Message, send: Send) -> None:
        """MISSION_REQUEST_INT, and MISSION_REQUEST, whose answer is a MISSION_ITEM with float coordinates."""
        peer = _peer(message)
        if self._upload is not None:
            self._ack(send, peer, mavlink.MAV_MISSION_DENIED)
            return
        item = self._store.item(self.type, message.seq)
        if item is None and self.type == MISSION:
            # The real autopilot says how many there are, then refuses.
            send(mavlink.MAVLink_mission_count_message(*peer, self._store.count(self.type), self.type))
            self._ack(send, peer, mavlink.MAV_MISSION_ERROR)
            return
        if item is None:
            self._ack(send, peer, mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        current = self.type == MISSION and self._is_current(message.seq)
        answer = item_message(item, message.seq, self.type, peer, current=current)
        if message.get_type() == "MISSION_REQUEST":
            answer = mavlink.MAVLink_mission_item_message(
                *peer, answer.seq, answer.frame, answer.command, answer.current, answer.autocontinue,
                answer.param1, answer.param2, answer.param3, answer.param4, answer.x / 1e7, answer.y / 1e7, answer.z, self.type,
            )  # fmt: skip
        send(answer)

    def clear(self, message: Message, send: Send) -> None:
        """MISSION_CLEAR_ALL: ends an upload of the same station; refused during another's, and while the mission is flown."""
        if self._upload is not None and self._upload.peer != _peer(message):
            self._ack(send, _peer(message), mavlink.MAV_MISSION_DENIED)
            self._ack(send, _peer(message), mavlink.MAV_MISSION_ERROR)
            return
        self._upload = None
        if not self._may_clear():
            self._ack(send, _peer(message), mavlink.MAV_MISSION_ERROR)
            return
        self._store.clear(self.type)
        self._ack(send, _peer(message), mavlink.MAV_MISSION_ACCEPTED)


def _peer(message: Message) -> tuple[int, int]:
    return (int(message.get_srcSystem()), int(message.get_srcComponent()))
