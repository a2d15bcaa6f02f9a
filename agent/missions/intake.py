"""Takes in what departments ask for: authentic, in time, in rights, and never twice (S10).

Everything is answered or dropped by rule, and audited. Decides about requests; never moves anything.
"""

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from agent.config.requests import RequestRights, RequestsSection
from agent.core.bus import Subscription
from agent.core.clock import Clock
from agent.core.errors import StoreError
from agent.core.outcome import Refused
from agent.domain.hub import RequestReceived
from agent.domain.request import CancelRequest, FlightReply, FlightRequest
from agent.domain.route import Ring
from agent.domain.status import Reason
from agent.domain.topics import Topics
from agent.missions import planner
from agent.missions.book import Book, Step, reason
from agent.missions.orders import Order, OrderState, ReplyPlace, digest_of
from agent.missions.planner import Ground, Planned
from agent.missions.rate import Rate
from agent.missions.rights import Facts, check_area, earliest_start, refusals
from agent.missions.signatures import check_signature
from agent.store.audit import AuditEntry

log = structlog.get_logger(__name__)

_DEPARTMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_CORRELATION_MAX_BYTES = 256
_REASONS_TOLD = 10

Cancel = Callable[[Order, CancelRequest], Step]
Placed = Callable[[Order], tuple[int, Reason]]


class Intake:
    """Judges messages one after the other.

    Args:
        config: who may ask for what.
        ground: where the nest flies.
        areas: of the departments that have one.
        topics: the nest's topic names.
        book: where accepted requests go.
        clock: the wall clock.
        placed: an accepted order's place in the queue, and why.
        cancelled: what becomes of an order that its department takes back.
    """

    def __init__(
        self,
        config: RequestsSection,
        ground: Ground,
        areas: Mapping[str, Ring],
        topics: Topics,
        book: Book,
        clock: Clock,
        placed: Placed,
        cancelled: Cancel,
    ) -> None:
        self._config = config
        self._ground = ground
        self._areas = areas
        self._topics = topics
        self._book = book
        self._clock = clock
        self._placed = placed
        self._cancelled = cancelled
        self._rate = Rate(config.per_minute_max)

    async def listen(self, messages: Subscription[RequestReceived]) -> None:
        """Takes messages until it is cancelled. One that cannot be kept is not answered: its sender sends it again."""
        async for received in messages:
            try:
                await self.take(received)
            except StoreError as error:
                log.error("request cannot be kept", code=error.code, message=error.message)  # noqa: TRY400 the code says it
            except Exception:  # the outermost loop of what strangers can reach: it reports
                log.exception("request.unforeseen", department=received.department[:40], request=received.request)

    async def take(self, received: RequestReceived) -> None:
        """Judges one message, answers it and enters it into the audit log.

        Raises:
            StoreError: nothing of it is safe on disk, so nothing was answered and nothing will be flown.
        """
        name, now_s = received.department, asyncio.get_running_loop().time()
        bucket = name if name in self._config.departments else ""
        if not self._rate.allows(bucket, now_s):
            if self._rate.worth_saying(bucket, now_s):
                await self._drop(received, "request.too_many", f"more than {self._config.per_minute_max} in a minute")
            return
        if not _DEPARTMENT.fullmatch(name):
            await self._drop(received, "request.no_rights", "the topic names no department")
            return
        problem = self._not_authentic(received, self._clock.utc())
        if problem is not None:
            await self._refuse(received, (problem,))
        elif isinstance(received.body, FlightRequest):
            await self._request(received, received.body)
        elif isinstance(received.body, CancelRequest):
            await self._cancel(received, received.body)

    def _not_authentic(self, received: RequestReceived, now: datetime) -> Refused | None:
        """Why a message is not looked into any further. It leaves its id free: whoever sent it may not be who owns the id."""
        rights = self._config.departments.get(received.department)
        if rights is None:
            return Refused("request.no_rights", f"department {received.department} may not ask this nest for flights")
        if isinstance(received.body, Refused):
            return received.body
        if received.body.department != received.department:
            return Refused("request.department_differs", f"the message says {received.body.department}")
        if received.reply_to is not None and self._reply_place(received) is None:
            words = f"it must lie under {self._topics.replies(received.department)}/, correlation data at most 256 bytes"
            return Refused("request.response_topic", words)
        required = self._config.signature_required
        return check_signature(received.signed, received.signature, rights.keys, now, required=required)

    async def _request(self, received: RequestReceived, request: FlightRequest) -> None:
        looking = self._looking(received)
        if looking is not None and looking.request.department != received.department:
            words = f"asked for by {looking.request.department}: {looking.reply.answer}"
            await self._refuse(received, (Refused("alert.looked_at", words),))
            return
        known = looking or await self._book.find(request.department, request.request)
        if known is not None and (known.digest == digest_of(request) or known.alert == received.alert is not None):
            await self._book.say_again(known, self._reply_place(received))
            return
        if known is not None:
            await self._refuse(received, (Refused("request.id_reused", "another request had this id"),))
            return
        rights = self._config.departments[request.department]
        if received.alert is not None:  # the nest, not the department, said how much it matters
            request = request.model_copy(update={"priority": min(request.priority, rights.priority_max, key=lambda p: p.rank)})
        now = self._clock.utc()
        facts = Facts(
            rights=rights,
            now=now,
            horizon=timedelta(seconds=self._config.horizon_s),
            accepted_today=await self._book.accepted_today(request.department, now),
            waiting=sum(order.state is OrderState.WAITING for order in self._book.open.values()),
            queue_max=self._config.queue_max,
        )
        problems = tuple(refusals(request, facts))
        planned = problems or await self._plan(request)
        await self._decide(received, request, planned, rights, now)

    def _looking(self, received: RequestReceived) -> Order | None:
        """The look at the same alert that is not yet over. One at a time is enough, whoever asks."""
        return next((o for o in self._book.open.values() if received.alert is not None and o.alert == received.alert), None)

    async def _plan(self, request: FlightRequest) -> Planned | tuple[Refused, ...]:
        """The flight that does what is asked for, if it may be flown and lies in the department's area."""
        planned = await asyncio.to_thread(planner.plan, request, self._ground)
        if isinstance(planned, Planned):
            outside = check_area(planned.looked_at, self._areas.get(request.department))
            return planned if outside is None else (outside,)
        return planned

    async def _decide(
        self,
        received: RequestReceived,
        request: FlightRequest,
        planned: Planned | tuple[Refused, ...],
        rights: RequestRights,
        now: datetime,
    ) -> None:
        accepted = isinstance(planned, Planned)
        order = Order(
            request=request,
            digest=digest_of(request),
            state=OrderState.WAITING if accepted else OrderState.CLOSED,
            received_at=now,
            earliest=earliest_start(request, rights, now),
            route=planned.route if isinstance(planned, Planned) else None,
            points_total=len(planned.route.points) if isinstance(planned, Planned) else 0,
            reply_to=self._reply_place(received),
            reply=self._reply(request.request, received),
            reply_id=self._book.new_id(),
            alert=received.alert,
        )
        if isinstance(planned, Planned):
            place, why = self._placed(order)
            more = {"answer": "accepted", "queue_place": place, "earliest_start": order.earliest, "route": planned.route.id}
            reply = order.reply.model_copy(update={**more, "reasons": (why,)})
        else:
            reply = order.reply.model_copy(update={"reasons": _told(planned)})
        entry = self._entry("request", received, reply, signed=received.signature is not None)
        order = order.model_copy(update={"reply": reply})
        await self._book.write(Step(entry, reply, order.reply_id, order.reply_to, order))

    async def _cancel(self, received: RequestReceived, cancel: CancelRequest) -> None:
        known = await self._book.find(cancel.department, cancel.cancel)
        if known is None:
            await self._refuse(received, (Refused("request.unknown", f"{cancel.cancel} of {cancel.department}"),))
            return
        known = self._book.open.get(known.key, known)
        if known.cancelled_by is None and known.state is OrderState.CLOSED:
            await self._refuse(received, (Refused("request.closed", f"{cancel.cancel}: {known.reply.answer}"),))
            return
        if known.cancelled_by is None:
            self._book.later(self._cancelled(known, cancel))
        await self._book.flush()
        reply = self._reply(cancel.request, received)
        reply = reply.model_copy(update={"answer": "accepted", "flight": known.flight})
        entry = self._entry("cancel", received, reply, signed=received.signature is not None)
        await self._book.write(Step(entry, reply, reply_to=self._reply_place(received)))

    async def _refuse(self, received: RequestReceived, problems: tuple[Refused, ...]) -> None:
        reply = self._reply(received.request, received).model_copy(update={"reasons": _told(problems)})
        entry = self._entry("request", received, reply)
        await self._book.write(Step(entry, reply, reply_to=self._reply_place(received)))

    async def _drop(self, received: RequestReceived, code: str, words: str) -> None:
        log.warning("request dropped", code=code, department=received.department[:40], words=words)
        reply = FlightReply(department="", sequence=1, at=self._clock.utc(), answer="refused", reasons=(reason(code, words),))
        await self._book.write(Step(self._entry("dropped", received, reply)))

    def _reply(self, request: str | None, received: RequestReceived) -> FlightReply:
        """A first answer; a refusal until something makes it an acceptance."""
        whose = {"request": request, "department": received.department, "alert": received.alert}
        return FlightReply(**whose, sequence=1, at=self._clock.utc(), answer="refused")

    def _entry(self, what: str, received: RequestReceived, reply: FlightReply, *, signed: bool | None = None) -> AuditEntry:
        body = received.body
        return self._book.entry(
            what,
            received.department[:64],
            received.request,
            by=None if isinstance(body, Refused) else body.by,
            codes=tuple(r.code for r in reply.reasons),
            words=f"{reply.answer}: " + "; ".join(r.words for r in reply.reasons),
            data_sha256=hashlib.sha256(received.data).hexdigest(),
            signed=signed,
        )

    def _reply_place(self, received: RequestReceived) -> ReplyPlace | None:
        """Where else the answers go; None where that is nowhere, or nowhere this department may have them."""
        wanted = received.reply_to
        if wanted is None or not self._topics.may_answer_on(received.department, wanted.topic):
            return None
        if wanted.correlation is not None and len(wanted.correlation) > _CORRELATION_MAX_BYTES:
            return None
        return ReplyPlace(topic=wanted.topic, correlation=wanted.correlation.hex() if wanted.correlation is not None else None)


def _told(problems: tuple[Refused, ...]) -> tuple[Reason, ...]:
    return tuple(reason(problem.code, problem.words) for problem in problems[:_REASONS_TOLD])
