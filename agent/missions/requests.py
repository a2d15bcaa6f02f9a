"""Requested flights on their way: offered, given to the flight, followed to their end. Use :func:`open_requests`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from agent.config.requests import RequestsSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import StoreError
from agent.core.tasks import background, kept_up
from agent.domain.hub import LookedAgain, RequestReceived
from agent.domain.request import CancelRequest
from agent.domain.status import FlightReport, Reason
from agent.domain.topics import Topics
from agent.missions import arbiter
from agent.missions.arbiter import Candidate, Flying
from agent.missions.book import Book, Step, reason
from agent.missions.intake import Intake
from agent.missions.orders import Order, OrderState
from agent.missions.planner import Ground, rest_of
from agent.missions.rights import RELEASED, within_hours
from agent.routes.area import load_area
from agent.store.store import Store

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S = 5.0
_ON_THE_GROUND = frozenset({"idle", "preparing", "securing", "fault"})
# What waiting does not cure: a flight that was refused for one of these is not tried again.
_FINAL = ("route.", "fence.", "mission.invalid", "mission.refused", "preflight.plan", "preflight.parameters")


@dataclass(frozen=True, slots=True)
class LastFlight:
    """What the flight journal ends with.

    Attributes:
        at: when that was; None in a new nest, or where it cannot be read.
        report: of the flight, if it was in one.
    """

    at: datetime | None = None
    report: FlightReport | None = None


class Requests:
    """The requests that wait and fly.

    Args:
        config: who may ask for what.
        book: where they are kept.
        clock: the wall clock.
        looked: is told of each look at an alert's place that was flown to its end.

    Attributes:
        flying: the flight under way, the calendar's too; None: there is none.
    """

    def __init__(
        self, config: RequestsSection, book: Book, clock: Clock, looked: Callable[[LookedAgain], None] = lambda _: None
    ) -> None:
        self._looked = looked
        self.config = config
        self.book = book
        self.flying: Flying | None = None
        self._clock = clock

    def candidates(self, now: datetime) -> list[Candidate]:
        """What could be flown, as far as the departments' hours allow."""
        waiting = (order for order in self.book.open.values() if order.state is OrderState.WAITING)
        return [order.candidate for order in waiting if self._in_hours(order, now)]

    def _in_hours(self, order: Order, now: datetime) -> bool:
        rights = self.config.departments.get(order.request.department)
        return rights is not None and within_hours(rights, now)

    def placed(self, order: Order) -> tuple[int, Reason]:
        """An accepted order's place in the queue, 1 is the next, and a reason that says so."""
        now = self._clock.utc()
        waiting = {o.key: o.candidate for o in self.book.open.values() if o.state is OrderState.WAITING}
        queue = arbiter.ranked(list({**waiting, order.key: order.candidate}.values()), now, self.book.served(now))
        place = queue.index(order.candidate) + 1
        where = f"Place {place} of {len(queue)}"
        if self.flying is None:
            return place, reason("request.queued", f"{where}.")
        if self.calls_home(order.candidate, self.flying):
            return place, reason("request.calls_home", f"{where}.")
        return place, reason("request.queued", f"{where}, after the flight under way.")

    def calls_home(self, candidate: Candidate, flying: Flying) -> bool:
        """Whether a request makes a flight come home before its end."""
        return self.config.emergency == "recall" and arbiter.preempts(candidate, flying, self._clock.utc())

    async def take(self, key: str, why: str) -> Order | None:
        """Gives an order to the flight, safely written down first; None where it cannot be written down."""
        before = self.book.open[key]
        order = before.model_copy(update={"state": OrderState.TAKEN, "taken_at": self._clock.utc(), "flight": None})
        step = self._silent(order, "taken", why)
        self.book.later(step)
        try:
            await self.book.flush()
        except StoreError as error:
            log.error("requested flight cannot be kept, it is not flown", code=error.code, message=error.message)  # noqa: TRY400
            self.book.take_back(step, before)
            return None
        return self.book.open.get(key, order)

    def release(self, key: str) -> None:
        """Puts an order back that was given to the flight and never begun."""
        order = self.book.open.get(key)
        if order is not None and order.state is OrderState.TAKEN:
            waiting = order.model_copy(update={"state": OrderState.WAITING})
            self.book.later(self._silent(waiting, "released", "the flight was not begun"))

    def cancelled(self, order: Order, cancel: CancelRequest) -> Step:
        """What becomes of an order that its department takes back."""
        by = reason("request.cancelled", f"By {cancel.by}. {cancel.reason}".strip())
        order = order.model_copy(update={"cancelled_by": by})
        if order.state is OrderState.WAITING:
            return self._closing(order, "cancelled", (by,))
        return self._silent(order, "recalled", by.words)

    def follow(self, key: str, report: FlightReport, recall: Reason | None) -> None:
        """Takes in how the flight of an order stands.

        Args:
            recall: why the flight was called home, if it was.
        """
        order = self.book.open.get(key)
        if order is None:
            return
        if order.flight != report.flight:
            order = order.model_copy(update={"flight": report.flight})
        if order.state is OrderState.TAKEN and report.state not in _ON_THE_GROUND:
            order = self._started(order)
        if report.ended_at is not None:
            self._ended(order, report, recall)

    def _started(self, order: Order) -> Order:
        now = self._clock.utc()
        flying = {"state": OrderState.FLYING, "flights": order.flights + 1, "flown_at": now}
        self.book.note_flown(order.request.department, now)
        step = self.book.said(order.model_copy(update=flying), "resumed" if order.flights else "started")
        self.book.later(step)
        return step.order or order

    def _ended(self, order: Order, report: FlightReport, recall: Reason | None) -> None:
        """Decides what follows: the end, another try, or the rest of the route later."""
        seen = {*order.points_seen, *(point.id for point in report.points)}
        order = order.model_copy(update={"points_seen": tuple(sorted(seen))})
        flown = order.state is OrderState.FLYING
        cancelled = () if order.cancelled_by is None else (order.cancelled_by,)
        if report.outcome == "completed":
            self._look_told(order, report)
        if report.outcome in {"completed", "fault"}:
            self._close(order, report.outcome, report.reasons)
        elif cancelled:
            self._close(order, "cancelled", (*cancelled, *report.reasons))
        elif flown and recall is not None:
            self._preempted(order, recall)
        elif flown or any(r.code.startswith(_FINAL) for r in report.reasons):
            self._close(order, "cut_short" if flown else "refused", report.reasons)
        else:
            pause_s = self.config.retry_after_s if recall is None else 0.0
            self._again(order, report.reasons, timedelta(seconds=pause_s))

    def _look_told(self, order: Order, report: FlightReport) -> None:
        """Only a look that watched all of its points in one flight says that nothing is there.

        What an interrupted look saw in its first part lies before the start of its second. A point that nobody watched says
        nothing.
        """
        unwatched = report.missed or len(order.points_seen) < order.points_total
        if order.alert is None or order.flown_at is None or order.flights != 1 or unwatched:
            return
        by = f"{order.request.by}@{order.request.department}"
        self._looked(LookedAgain(order.alert, by, order.flight, order.flown_at))

    def _preempted(self, order: Order, recall: Reason) -> None:
        rest = rest_of(order.route, frozenset(order.points_seen), order.flights) if order.route else None
        if rest is None:
            self._close(order, "completed", (recall,))
            return
        update = {"state": OrderState.WAITING, "route": rest, "again_at": None}
        order = order.model_copy(update=update)
        place, why = self.placed(order)
        self.book.later(self.book.said(order, "preempted", (recall, why), queue_place=place, **_points(order)))

    def _again(self, order: Order, reasons: tuple[Reason, ...], pause: timedelta) -> None:
        """It could not start now. It is tried again later; that is told when the reasons are new."""
        earliest = self._clock.utc() + pause
        order = order.model_copy(update={"state": OrderState.WAITING, "again_at": earliest})
        place, why = self.placed(order)
        told = {r.code for r in order.reply.reasons}
        if {r.code for r in reasons} <= told:
            self.book.later(self._silent(order, "postponed", "; ".join(r.words for r in reasons)))
        else:
            self.book.later(self.book.said(order, "accepted", (why, *reasons), queue_place=place, earliest_start=earliest))

    def _close(self, order: Order, outcome: str, reasons: tuple[Reason, ...]) -> None:
        self.book.later(self._closing(order, outcome, reasons))

    def _closing(self, order: Order, outcome: str, reasons: tuple[Reason, ...]) -> Step:
        order = order.model_copy(update={"state": OrderState.CLOSED})
        return self.book.said(order, "done", reasons, outcome=outcome, **_points(order))

    def _silent(self, order: Order, what: str, words: str) -> Step:
        """A change that is audited and not told."""
        asked = order.request
        return Step(self.book.entry(what, asked.department, asked.request, words=words, flight=order.flight), order=order)

    def settle(self) -> None:
        """No flight is under way: what was never begun waits again, and of what was begun nobody knows the end."""
        for order in self._given():
            if order.state is OrderState.TAKEN and order.flight is None:
                self.release(order.key)
            else:
                self._close(order, "unknown", (reason("request.lost_track"),))

    def order_of(self, report: FlightReport) -> Order | None:
        """The order that a flight was flown for, if it is open."""
        return self.book.open.get(f"{report.department}/{report.request}")

    def _given(self) -> list[Order]:
        return [o for o in self.book.open.values() if o.state in {OrderState.TAKEN, OrderState.FLYING}]

    def reconcile(self, last: LastFlight) -> None:
        """After a start: what became of the order that an earlier run had given to the flight?"""
        for order in self._given():
            if last.report is not None and order is self.order_of(last.report):
                self.follow(order.key, last.report, None)
            elif order.state is OrderState.TAKEN and last.at and order.taken_at and last.at < order.taken_at:
                self.release(order.key)
            else:
                self._close(order, "unknown", (reason("request.lost_track"),))

    async def run(self) -> None:
        """Closes what has expired and brings to the disk what waits for it; for ever."""
        while True:
            now = self._clock.utc()
            late = [o for o in self.book.open.values() if o.state is OrderState.WAITING and o.request.expires < now]
            for order in late if now >= RELEASED else []:
                self._close(order, "expired", (reason("request.expired_waiting"), *order.reply.reasons))
            self.book.changed.clear()
            try:
                await self.book.flush()
            except StoreError as error:
                log.error("answers wait for the disk", code=error.code, message=error.message)  # noqa: TRY400 the code says it
                await asyncio.sleep(_LOOK_AGAIN_S)
            await self._nap()

    async def _nap(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self.book.changed.wait()
        except TimeoutError:
            pass


def _points(order: Order) -> Mapping[str, int]:
    return {"points_seen": len(order.points_seen), "points_total": order.points_total}


@asynccontextmanager
async def open_requests(
    config: RequestsSection, ground: Ground, topics: Topics, store: Store, bus: Bus, clock: Clock, last: LastFlight
) -> AsyncIterator[Requests]:
    """The requests, for as long as the block lasts.

    Open it before the hub: what waited at the broker comes in as soon as the hub is connected.

    Raises:
        ConfigError: the file of a department's area is wrong.
        StoreError: the requests of earlier runs cannot be read.
    """
    areas = {name: load_area(rights.area_file) for name, rights in config.departments.items() if rights.area_file}
    book = Book(topics, store, clock)
    await book.load()
    requests = Requests(config, book, clock, bus.publish)
    requests.reconcile(last)
    intake = Intake(config, ground, areas, topics, book, clock, requests.placed, requests.cancelled)
    with bus.subscribe(RequestReceived) as messages:
        # No flight hangs on this: what fails in it is reported, and it is begun again.
        running = kept_up(requests.run, "requests")
        async with background(running, "requests"), background(intake.listen(messages), "intake"):
            yield requests
