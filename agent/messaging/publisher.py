"""Drains the outbox to the broker: the most urgent first, a window of unacknowledged messages, each gone only on its PUBACK.

Knows delivery. Must not know paho, nor what a message says. One message of an order key is under way at a time, so that
within a key the broker sees the order of commitment whatever is sent again. The nest's status is no queue but a slot: only
the present one counts, and it must get out even when the disk takes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from agent.core.bus import Bus
from agent.core.clock import Clock, utc_from_unix
from agent.core.errors import StoreError
from agent.domain.codes import words_of
from agent.domain.hub import Delivered, HubLink, SetAside
from agent.domain.status import Reason
from agent.messaging.broker import Broker
from agent.messaging.envelope import Packet, packet
from agent.messaging.link import Incoming, Session
from agent.messaging.reconcile import Reconciler
from agent.messaging.verdict import CONNECTION_BROKE, Verdict, delay_s, verdict
from agent.messaging.window import UnderWay, Window
from agent.store.outbox import Message, Outbox, Queued

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S = 1.0
_PRUNE_EVERY_S = 3600.0
_WEIGH_EVERY_S = 60.0
_STATUS_SEQ = 0  # rows of the outbox count from 1


class Publisher:
    """The pump between outbox and broker.

    Args:
        broker: the connection; :meth:`Broker.run` must be given this object as its listener.
        outbox: what has to go.
        reconciler: compares what the broker retains with what it was told.
        source: CloudEvents source.
        bus: gets HubLink, Delivered and SetAside.
        clock: the wall clock.
        reader: is given what comes in.
        window: how much may be under way; an acknowledgement that takes too long makes a new connection.

    Attributes:
        status_delivered: set while the broker has the present status.
    """

    def __init__(
        self,
        broker: Broker,
        outbox: Outbox,
        reconciler: Reconciler,
        source: str,
        bus: Bus,
        clock: Clock,
        reader: Callable[[Incoming], None],
        window: Window,
    ) -> None:
        self._broker = broker
        self._outbox = outbox
        self._reconciler = reconciler
        self._source = source
        self._bus = bus
        self._clock = clock
        self._reader = reader
        self._window = window
        self._session: Session | None = None
        self._forgotten = False
        self._answered: list[tuple[UnderWay, int]] = []
        self._status: Message | None = None
        self._status_told = False
        self.status_delivered = asyncio.Event()
        self._pruned_at_s = self._weighed_at_s = float("-inf")
        self._set_aside_count: int | None = None  # None: not yet counted
        self._store_reason: Reason | None = None
        self._deaf: tuple[str, ...] = ()
        self._newest_first = True

    # What the broker tells; called on the event loop.

    def connected(self, session: Session) -> None:
        """Messages flow: the status is told anew, and all that is retained if the broker forgot us."""
        self._session = session
        self._window.opened(session.inflight_max)
        self._deaf = ()
        self._status_told = False
        self._forgotten = self._forgotten or not session.resumed
        self._reconciler.connected()
        self._bus.publish(HubLink(connected=True))
        log.info("hub connected", resumed=session.resumed)
        self._outbox.changed.set()

    def disconnected(self, code: str, words: str) -> None:
        """Nothing flows: what is under way counts as not sent."""
        self._window.closed(asyncio.get_running_loop().time())
        self._session = None
        self._bus.publish(HubLink(connected=False, code=code, words=words))
        log.warning("hub not connected", code=code, words=words)

    def puback(self, mid: int, reason_code: int) -> None:
        """The broker answered."""
        under_way = self._window.answered(mid)
        if under_way is not None:
            self._answered.append((under_way, reason_code))
            self._outbox.changed.set()

    def not_listening(self, filters: tuple[str, ...]) -> None:
        """The broker does not let the nest listen to these."""
        self._deaf += filters
        log.error("the broker does not let the nest listen", code="hub.not_listening", filters=filters)

    def incoming(self, message: Incoming) -> None:
        """Somebody sent something to the nest, or the broker shows what it retains of it."""
        if self._reconciler.is_own(message.topic):
            self._reconciler.take(message)
        else:
            self._reader(message)

    # What the hub's users tell.

    def set_status(self, message: Message) -> None:
        """The present status; replaces one that has not gone yet."""
        self._status = message
        self._status_told = False
        self.status_delivered.clear()
        self._outbox.changed.set()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What is wrong with the delivery, for the nest's status."""
        count = self._set_aside_count
        aside = Reason(code="hub.set_aside", words=f"{words_of('hub.set_aside')} ({count})") if count else None
        quota = Reason(code="hub.quota", words=words_of("hub.quota")) if self._window.holding else None
        evicted = self._outbox.evicted
        gone = Reason(code="store.evicted", words=f"{words_of('store.evicted')} ({evicted})") if evicted else None
        deaf = f"{words_of('hub.not_listening')} {', '.join(self._deaf)}"
        not_listening = Reason(code="hub.not_listening", words=deaf) if self._deaf else None
        return tuple(reason for reason in (self._store_reason, gone, aside, quota, not_listening) if reason)

    @property
    def online(self) -> bool:
        """Whether messages flow."""
        return self._session is not None

    async def run(self) -> None:
        """Pumps until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(_LOOK_AGAIN_S):
                    await self._outbox.changed.wait()
            except TimeoutError:
                pass
            self._outbox.changed.clear()
            # Each by itself: on a disk that takes no writes, what is in the outbox still goes out. What is new goes before what
            # goes again.
            steps = (self._settle, self._fill, self._restore, self._housekeep, self._reconcile)
            if all([await self._safely(step) for step in steps]):
                self._store_reason = None
            else:
                await asyncio.sleep(_LOOK_AGAIN_S)
            self._check_time(loop.time())

    async def _safely(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except StoreError as error:
            self._store_reason = Reason(code=error.code, words=error.message)
            log.error("outbox cannot be used", code=error.code, message=error.message)  # noqa: TRY400 the code says it
            return False
        return True

    async def _settle(self) -> None:
        """Takes the answered messages out of the outbox, or decides what else becomes of them."""
        answered, self._answered = self._answered, []
        try:
            taken = [u for u, code in answered if verdict(code, u.queued.attempts) is Verdict.TAKEN]
            stored = [u.queued for u in taken if u.queued.seq != _STATUS_SEQ]
            if stored:
                await self._outbox.delivered(stored)
        except StoreError:
            self._answered = answered + self._answered
            raise
        for under_way in taken:
            self._window.taken(under_way.queued.seq)
            self._bus.publish(self._delivered(under_way))
            if under_way.queued.message is self._status:
                self.status_delivered.set()
        for under_way, code in answered:
            if under_way not in taken:
                await self._not_taken(under_way.queued, code)

    async def _not_taken(self, queued: Queued, code: int) -> None:
        found = verdict(code, queued.attempts)
        if found is Verdict.WAIT:
            wait_s = delay_s(queued.attempts)
            log.warning("the broker takes no more for now", code="hub.quota", wait_s=wait_s)
            self._window.hold(asyncio.get_running_loop().time() + wait_s)
        if queued.seq == _STATUS_SEQ:
            log.warning("status was not taken", reason_code=code)
            self._status_told = self._status_told and found is not Verdict.WAIT
        elif found is Verdict.NEVER:
            await self._set_aside(queued, f"the broker answered with reason code 0x{code:02x}")
        else:
            await self._outbox.postpone(queued, delay_s(queued.attempts))

    async def _set_aside(self, queued: Queued, reason: str) -> None:
        await self._outbox.set_aside(queued, reason)
        self._window.forget(queued.seq)
        self._set_aside_count = None
        log.error("message set aside", topic=queued.message.topic, id=queued.message.message_id, reason=reason)
        self._bus.publish(SetAside(queued.message.message_id, queued.message.topic, reason))
        self._outbox.changed.set()

    async def _restore(self) -> None:
        """For a broker that knows nothing of us: all that it should retain goes again."""
        if self._session is not None and self._forgotten:
            count = await self._outbox.resend_retained()
            self._forgotten = False
            log.info("broker knows nothing of this nest, all that is retained goes again", messages=count)

    async def _fill(self) -> None:
        """Sends what may go until the window is full."""
        if self._session is None:
            return
        room = self._window.room(asyncio.get_running_loop().time())
        if room <= 0:
            return
        busy = self._window.seqs | {u.queued.seq for u, _ in self._answered}
        heads = [q for q in await self._outbox.heads(room + len(busy), newest_first=self._newest_first) if q.seq not in busy][
            :room
        ]
        self._newest_first = not self._newest_first
        for queued in heads:
            if not await self._send(queued):
                return
        if len(heads) < room and self._status is not None and not self._status_told:
            self._status_told = await self._send(Queued(_STATUS_SEQ, self._status, self._clock.unix_s(), 0))

    async def _send(self, queued: Queued) -> bool:
        """Hands a message to the network. False: there is no connection any more."""
        session = self._session
        if session is None:
            return False
        if self._window.is_guilty(queued.seq):
            await self._breaks_connection(queued)
            return True
        out = packet(queued.message, self._source, version_5=self._broker.version_5)
        if session.packet_max_bytes is not None and out.size_bytes > session.packet_max_bytes:
            await self._set_aside(queued, f"{out.size_bytes} bytes, the broker takes {session.packet_max_bytes}")
            return True
        return await self._hand_over(queued, out) if self._window.fits(out.size_bytes) else True

    async def _breaks_connection(self, queued: Queued) -> None:
        """A message on which the connection broke again and again: the others go first for a while, longer each time."""
        if verdict(CONNECTION_BROKE, queued.attempts) is Verdict.NEVER:
            await self._set_aside(queued, "the broker closes the connection on it")
        else:
            await self._outbox.postpone(queued, delay_s(queued.attempts))

    async def _hand_over(self, queued: Queued, out: Packet) -> bool:
        try:
            mid = self._broker.publish(out)
        except ValueError as error:
            await self._set_aside(queued, str(error))
            return True
        if mid is None:
            return False
        now_s = asyncio.get_running_loop().time()
        self._window.sent(mid, UnderWay(queued, out.size_bytes, now_s, self._clock.unix_s()))
        return True

    def _delivered(self, under_way: UnderWay) -> Delivered:
        message = under_way.queued.message
        captured = message.captured_unix_s
        return Delivered(
            message_id=message.message_id,
            kind=message.event_type,
            topic=message.topic,
            captured_at=None if captured is None else utc_from_unix(captured),
            committed_at=utc_from_unix(under_way.queued.committed_unix_s),
            published_at=utc_from_unix(under_way.sent_unix_s),
            puback_at=self._clock.utc(),
        )

    async def _housekeep(self) -> None:
        if self._set_aside_count is None:
            self._set_aside_count = (await self._outbox.depth()).set_aside
        now_s = asyncio.get_running_loop().time()
        if now_s - self._weighed_at_s >= _WEIGH_EVERY_S:
            self._weighed_at_s = now_s
            if count := await self._outbox.keep_quota():
                log.warning("too much waits for the hub, the least important went", code="store.evicted", messages=count)
        if now_s - self._pruned_at_s >= _PRUNE_EVERY_S:
            self._pruned_at_s = now_s
            await self._outbox.prune()
            if await self._outbox.retry_set_aside():  # the broker's rights and limits may have been corrected
                self._set_aside_count = None

    async def _reconcile(self) -> None:
        if self._session is not None:
            await self._reconciler.step()

    def _check_time(self, now_s: float) -> None:
        """A broker that acknowledges nothing for too long is left and called anew."""
        waited_s = self._window.overdue_s(now_s)
        if waited_s is not None:
            self._broker.renew(f"no acknowledgement for {waited_s:.0f} s")
