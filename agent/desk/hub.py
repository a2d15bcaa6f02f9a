"""The desk at the broker: what it hears, what it sends, and whether it hears anything at all.

Two connections. One shows: it is this desk's own, and the broker tells it first what is open. One writes the history: its
subscription is shared among all desks of the department, so each message is written by one of them, and the broker keeps what
comes while they are away. Neither must know a page.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from agent.config.desk import DeskConfig
from agent.core.clock import Clock, rfc3339
from agent.core.errors import LinkError, StoreError
from agent.desk.board import Board, Change
from agent.desk.history import History, Record
from agent.desk.reading import event_of
from agent.messaging.broker import Broker
from agent.messaging.envelope import Packet
from agent.messaging.link import Incoming, Session

log = structlog.get_logger(__name__)

_SETTLE_S = 4.0
_PUBACK_S = 10.0
_HISTORY_QUEUE = 10_000
_BATCH = 200
_AGAIN_S = 5.0
NOBODY_LISTENS = 0x10
_FAILURE = 0x80


class DeskHub:
    """What is heard becomes changes of the board; see the module.

    Args:
        config: the broker and the department.
        board: is told everything.
        tell: gets each change.
        keep: gets what the shared subscription of the history does not bring: what the broker keeps, and on 3.1.1 everything.
        clock: the wall clock.
    """

    def __init__(
        self,
        config: DeskConfig,
        board: Board,
        tell: Callable[[Change], None],
        keep: Callable[[Incoming], None],
        clock: Clock,
    ) -> None:
        root, department = config.hub.topic_root, config.department
        filters = (f"{root}/alerts/{department}/#", f"{root}/nests/#", f"{root}/replies/{department}/#")
        # A session of its own would only repeat what the retained messages say.
        hub = config.hub.model_copy(update={"session_expiry_s": 0})
        self._broker = Broker(hub, f"desk-{department}-{config.station}", lambda: None, filters)
        self._board, self._tell, self._keep, self._clock = board, tell, keep, clock
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._settling: asyncio.TimerHandle | None = None
        self.link: dict[str, Any] = {"connected": False, "code": "hub.connecting", "words": "", "since": rfc3339(clock.utc())}

    async def run(self) -> None:
        """Connects, and connects again, until it is cancelled."""
        await self._broker.run(self)

    async def send(self, packet: Packet) -> int:
        """Sends a message and waits for the broker's word.

        Returns:
            the broker's reason code; NOBODY_LISTENS where no nest is there to hear it.

        Raises:
            LinkError: it is not known whether the broker has it, or the broker does not take it.
        """
        mid = self._broker.publish(packet)
        if mid is None:
            raise LinkError("hub.unreachable", "there is no connection to the hub; nothing was sent")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[mid] = answer
        try:
            async with asyncio.timeout(_PUBACK_S):
                code = await answer
        except TimeoutError as error:
            raise LinkError("hub.silent", f"the hub did not answer in {_PUBACK_S:g} s; it may have it or not") from error
        finally:
            self._waiting.pop(mid, None)
        if code >= _FAILURE:
            raise LinkError("hub.refused", f"the hub does not take it: reason code 0x{code:02x}")
        return code

    # The broker's listener

    def connected(self, _session: Session) -> None:
        """Messages flow; the broker tells what is open."""
        self._board.connected()
        self._tell_link(connected=True, code="", words="")
        self._settle_later()

    def disconnected(self, code: str, words: str) -> None:
        """They do not."""
        if self._settling:
            self._settling.cancel()
        lost = [answer for answer in self._waiting.values() if not answer.done()]
        for answer in lost:
            answer.set_exception(LinkError("hub.lost", "the connection was lost; the hub may have it or not"))
        if self.link["connected"] or self.link["code"] != code:
            self._tell_link(connected=False, code=code, words=words)

    def puback(self, mid: int, reason_code: int) -> None:
        """The broker has a message, or will not have it."""
        answer = self._waiting.get(mid)
        if answer and not answer.done():
            answer.set_result(reason_code)

    def not_listening(self, filters: tuple[str, ...]) -> None:
        """The broker does not let us listen: what the page shows would be a lie."""
        self._tell_link(connected=False, code="hub.not_listening", words=f"the hub does not let us read {', '.join(filters)}")

    def incoming(self, message: Incoming) -> None:
        """A message."""
        if message.retained and self._settling and not self._settling.cancelled():
            self._settle_later()
        if message.retained or not self._broker.version_5:
            self._keep(message)
        for change in self._board.hear(message, self._clock.utc()):
            self._tell(change)

    def _settle_later(self) -> None:
        if self._settling:
            self._settling.cancel()
        self._settling = asyncio.get_running_loop().call_later(_SETTLE_S, self._settle)

    def _settle(self) -> None:
        self._settling = None
        for change in self._board.settle():
            self._tell(change)

    def _tell_link(self, *, connected: bool, code: str, words: str) -> None:
        self.link = {"connected": connected, "code": code, "words": words, "since": rfc3339(self._clock.utc())}
        log.info("hub", **self.link)
        self._tell({"kind": "link", "key": "hub", "value": self.link})


class HistoryWriter:
    """Writes down what is said, on a connection of its own.

    Attributes:
        trouble: why nothing can be written; empty: all is well.
    """

    def __init__(self, config: DeskConfig, history: History, clock: Clock) -> None:
        self._root = config.hub.topic_root + "/"
        group = f"$share/desk-{config.department}/"
        names = (f"alerts/{config.department}/#", f"replies/{config.department}/#", "nests/+/flights/+")
        filters = tuple(f"{group}{self._root}{name}" for name in names)
        client = f"desk-{config.department}-{config.station}-history"
        self._broker = Broker(config.hub, client, lambda: None, filters if config.hub.protocol == "5" else ())
        self._history, self._clock = history, clock
        self._queue: asyncio.Queue[Record] = asyncio.Queue(_HISTORY_QUEUE)
        self.trouble = ""

    async def run(self) -> None:
        """Listens and writes, until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._broker.run(self), name="desk-history-connection")
            tasks.create_task(self._write(), name="desk-history-writer")

    def keep(self, record: Record) -> None:
        """Something to be written. What does not fit into the queue is lost, and told."""
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            self.trouble = "too much waits to be written; the newest is not kept"

    async def _write(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            while (problem := await asyncio.to_thread(self._try, batch)) is not None:
                if not self.trouble:
                    log.error("history.failed", code=problem.code, words=problem.message)
                self.trouble = problem.message
                await asyncio.sleep(_AGAIN_S)
            self.trouble = ""

    def _try(self, batch: list[Record]) -> StoreError | None:
        try:
            self._history.write(batch)
        except StoreError as error:
            return error
        return None

    def connected(self, _session: Session) -> None:
        """Nothing to do."""

    def disconnected(self, code: str, words: str) -> None:
        """The desk's other connection tells people."""

    def puback(self, mid: int, reason_code: int) -> None:
        """It sends nothing."""

    def not_listening(self, filters: tuple[str, ...]) -> None:
        """The broker shares no subscriptions with us."""
        self.trouble = f"the hub does not let us read {', '.join(filters)}"
        log.error("history.not_listening", filters=filters)

    def incoming(self, message: Incoming) -> None:
        """A message that this desk, of all desks, has to write down."""
        record = record_of(message, self._root, self._clock.unix_s())
        if record:
            self.keep(record)


_KINDS = {"alerts": ("alert", "alert", 5), "replies": ("reply", "request", 3), "nests": ("flight", "flight", 4)}


def record_of(message: Incoming, root: str, now_unix_s: float) -> Record | None:
    """What is written of a message; None: nothing, for it is a picture, another format, the end of an alert, or has no id."""
    levels = message.topic.removeprefix(root).split("/")
    kind, field, depth = _KINDS.get(levels[0], ("", "", 0))
    if len(levels) != depth or not message.payload:
        return None
    event = event_of(message)
    if event is None or not isinstance(event.tree, dict) or not event.message_id:
        return None
    subject = event.tree.get(field)
    nest = levels[1] if kind == "flight" else levels[3] if kind == "alert" else levels[2]
    return Record(event.message_id, now_unix_s, kind, nest, str(subject or ""), event.tree)
