"""The book of requests: what waits and flies, in memory and on disk, with every answer and its entry in the audit log.

One step is one transaction: the order, the answer in the outbox and the audit entry are safe together or not at all.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ulid import ULID

from agent.core.clock import Clock
from agent.domain.codes import words_of
from agent.domain.request import FlightReply
from agent.domain.route import Route
from agent.domain.status import Reason
from agent.domain.topics import TOPICS, Topics
from agent.missions import orders
from agent.missions.orders import Order, OrderState, ReplyPlace
from agent.store import audit
from agent.store.audit import AuditEntry
from agent.store.outbox import Message, Priority
from agent.store.store import Store

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a request.

    Attributes:
        entry: for the audit log.
        reply: what is said; None: nothing.
        reply_id: its message id.
        reply_to: where it is said besides the usual topic.
        order: the new state; None where the message became no order.
    """

    entry: AuditEntry
    reply: FlightReply | None = None
    reply_id: str = ""
    reply_to: ReplyPlace | None = None
    order: Order | None = None


class Book:
    """All requests that are not closed, and the disk behind them.

    Args:
        topics: the nest's topic names.
        store: where they are kept.
        clock: the wall clock.

    Attributes:
        open: by key.
        routes: of the open orders, by id.
        changed: set when a step waits for the disk.
        news: set when something may fly that could not before.
    """

    def __init__(self, topics: Topics, store: Store, clock: Clock) -> None:
        self._topics = topics
        self._store = store
        self._clock = clock
        self._pending: list[Step] = []
        self._writing = asyncio.Lock()
        self._flown: list[tuple[str, float]] = []
        self.open: dict[str, Order] = {}
        self.routes: dict[str, Route] = {}
        self.changed = asyncio.Event()
        self.news = asyncio.Event()

    async def load(self) -> None:
        """Reads what earlier runs left open.

        Raises:
            StoreError: it cannot be read.
        """
        for order in await self._store.database.read(orders.load_open):
            self._keep(order)
        self._flown = await self._store.database.read(orders.flown_since, self._clock.utc() - _DAY)

    async def find(self, department: str, request: str) -> Order | None:
        """An order, open or closed."""
        known = self.open.get(f"{department}/{request}")
        return known or await self._store.database.read(orders.find, department, request)

    async def accepted_today(self, department: str, now: datetime) -> int:
        """How many requests of a department were accepted in this UTC day."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return await self._store.database.read(orders.accepted_since, department, midnight)

    def served(self, now: datetime) -> Mapping[str, int]:
        """Flights of each department, and of the calendar, in the last day."""
        since = (now - _DAY).timestamp()
        self._flown = [(owner, at) for owner, at in self._flown if at >= since]
        names = [owner for owner, _ in self._flown]
        return {name: names.count(name) for name in names}

    def note_flown(self, owner: str, at: datetime) -> None:
        """Counts a flight for the fair share."""
        self._flown.append((owner, at.timestamp()))

    async def write(self, step: Step) -> Order | None:
        """Takes a step now; returns the order as it is kept.

        Raises:
            StoreError: it is not safe on disk, nothing has changed.
        """
        async with self._writing:
            kept = await self._commit(step)
            if kept is not None:
                self._keep(kept)
            return kept

    def later(self, step: Step) -> None:
        """Takes a step in memory at once; :meth:`flush` brings it to the disk. For what has happened and cannot be refused."""
        if step.order is not None:
            self._keep(step.order)
        self._pending.append(step)
        self.changed.set()

    def take_back(self, step: Step, before: Order) -> None:
        """Undoes a step that could not be brought to the disk, unless something came after it."""
        if step in self._pending and self.open.get(before.key) is step.order:
            self._pending.remove(step)
            self._keep(before)

    async def flush(self) -> None:
        """Brings all steps to the disk, in their order.

        Raises:
            StoreError: some are not safe yet; they stay for the next time.
        """
        async with self._writing:
            while self._pending:
                step = self._pending[0]
                kept = await self._commit(self._with_newest_reply(step))
                if step in self._pending:
                    self._pending.remove(step)
                known = self.open.get(kept.key) if kept else None
                if kept is not None and known is not None and known.reply.sequence == kept.reply.sequence:
                    self.open[kept.key] = known.model_copy(update={"reply": kept.reply})

    def _with_newest_reply(self, step: Step) -> Step:
        """A silent step keeps the last answer as it went out, with the digest of its audit entry."""
        known = self.open.get(step.order.key) if step.order is not None and step.reply is None else None
        if step.order is None or known is None or known.reply.sequence != step.order.reply.sequence:
            return step
        return replace(step, order=step.order.model_copy(update={"reply": known.reply}))

    async def say_again(self, order: Order, reply_to: ReplyPlace | None) -> None:
        """Sends an order's last answer once more, under its old message id, so that who has it drops it."""
        messages = self._messages(order.reply, order.reply_id, reply_to)
        entry = self.entry("repeated", order.request.department, order.request.request)

        def work(connection: sqlite3.Connection) -> None:
            audit.append(connection, entry)
            self._store.outbox.put(connection, messages)

        await self._store.database.run(work)
        self._store.outbox.changed.set()

    def entry(self, what: str, department: str, request: str | None, **more: object) -> AuditEntry:
        """An entry for the audit log at this moment."""
        return AuditEntry.model_validate(
            {"at": self._clock.utc(), "what": what, "department": department, "request": request, **more}
        )

    def new_id(self) -> str:
        """A message id."""
        return str(ULID.from_timestamp(self._clock.unix_s()))

    def said(self, order: Order, answer: str, reasons: Sequence[Reason] = (), **more: object) -> Step:
        """A further answer about an order, ready to be taken as a step."""
        words = {"sequence": order.reply.sequence + 1, "at": self._clock.utc(), "answer": answer, "reasons": tuple(reasons)}
        asked = order.request
        common = {"request": asked.request, "department": asked.department, "alert": order.alert, "flight": order.flight}
        route = {"route": order.route.id if order.route else None}
        reply = FlightReply.model_validate({**common, **route, **words, **more})
        told = order.model_copy(update={"reply": reply, "reply_id": self.new_id()})
        entry = self.entry(
            answer,
            asked.department,
            asked.request,
            codes=tuple(r.code for r in reasons),
            words="; ".join(r.words for r in reasons),
            flight=reply.flight,
        )
        return Step(entry, reply, told.reply_id, order.reply_to, told)

    def _keep(self, order: Order) -> None:
        if order.state is OrderState.CLOSED:
            self.open.pop(order.key, None)
        else:
            self.open[order.key] = order
        self.routes.clear()
        self.routes.update({o.route.id: o.route for o in self.open.values() if o.route})
        self.news.set()

    async def _commit(self, step: Step) -> Order | None:
        """One transaction on the worker thread."""
        kept = await self._store.database.run(self._work, step)
        self._store.outbox.changed.set()
        return kept

    def _work(self, connection: sqlite3.Connection, step: Step) -> Order | None:
        sha256 = audit.append(connection, step.entry)
        order = step.order
        if step.reply is not None:
            reply = step.reply.model_copy(update={"audit": sha256})
            self._store.outbox.put(connection, self._messages(reply, step.reply_id, step.reply_to))
            order = order.model_copy(update={"reply": reply}) if order is not None else None
        if order is not None:
            orders.save(connection, order)
        orders.prune(connection, self._clock.utc())
        return order

    def _messages(self, reply: FlightReply, reply_id: str, reply_to: ReplyPlace | None) -> list[Message]:
        kind, topic = TOPICS["reply"], self._topics.replies(reply.department)
        usual = Message(
            message_id=reply_id or self.new_id(),
            priority=Priority.FLIGHT_REPORT,
            order_key=f"{topic}/{reply.request}",
            topic=topic,
            payload=reply.model_dump_json(exclude_none=True).encode(),
            content_type=kind.content_type,
            event_type=kind.event_type,
            subject=reply.request or self._topics.nest,
            event_unix_s=reply.at.timestamp(),
            retain=kind.retain,
        )
        if reply_to is None:
            return [usual]
        correlation = bytes.fromhex(reply_to.correlation) if reply_to.correlation is not None else None
        if reply_to.topic == topic:
            return [replace(usual, correlation=correlation)]
        key = f"{reply_to.topic}/{reply.request}"
        return [
            usual,
            replace(usual, message_id=self.new_id(), topic=reply_to.topic, order_key=key, correlation=correlation),
        ]


def reason(code: str, words: str = "") -> Reason:
    """A code with its words and what is particular."""
    return Reason(code=code, words=f"{words_of(code)} {words}".strip())
