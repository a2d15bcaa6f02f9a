"""Runs the table: one state after the other, each step journalled before it is taken.

The only place that turns an unforeseen exception into an event. Whatever fails in the air ends in the pessimistic row of its
state.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from agent.core.bus import Bus
from agent.core.errors import LinkError, NestError, StoreError
from agent.core.outcome import Refused
from agent.domain.codes import words_of
from agent.domain.status import FlightReport, PointResult, Reason
from agent.domain.telemetry import FlightMode
from agent.flight.context import CurrentFlight, FlightContext
from agent.flight.ports import Journal, Reports
from agent.flight.record import Adoption, FlightRecord, adopt, plan_digest
from agent.flight.situation import FRESH_S, Situation
from agent.flight.states import air, ground, investigating, lost
from agent.flight.states.landing import landing
from agent.flight.table import AIRBORNE_STATES, LOOKS_FOR_PAD, TABLE, Event, State, step

_log = structlog.get_logger(__name__)
_REPORT_EVERY_S = 5.0
_REPORT_WAIT_S = 5.0  # a disk that stalls must not keep the flight from being watched
_FAILED_PAUSE_S = 1.0  # a state that fails at once must not spin

RUN: dict[State, Callable[[FlightContext], Awaitable[Event]]] = {
    State.IDLE: ground.idle,
    State.PREPARING: ground.preparing,
    State.LAUNCHING: ground.launching,
    State.PATROLLING: air.patrolling,
    State.INVESTIGATING: investigating.investigating,
    State.RETURNING: air.returning,
    State.LANDING: landing,
    State.DIVERTING: air.diverting,
    State.LOST: lost.lost,
    State.HANDS_OFF: air.hands_off,
    State.SECURING: ground.securing,
    State.FAULT: ground.fault,
}

_OUTCOMES = {
    Event.REFUSED: "refused",
    Event.DENIED: "refused",
    Event.ROUTE_DONE: "completed",
    Event.COME_HOME: "cut_short",
    Event.PILOT: "cut_short",
    Event.LINK_BACK: "cut_short",
    Event.AUTOPILOT_LANDS: "cut_short",
    Event.NOT_SECURED: "fault",
    Event.DOWN_ELSEWHERE: "fault",
    Event.GONE: "fault",
}


@dataclass(frozen=True, slots=True)
class FlightState:
    """Published on the bus at every step."""

    state: State
    words: str
    flight: str | None
    route: str | None


class Director:
    """Owns the flight under way.

    Args:
        ctx: what the states share.
        journal: where each step is written before it is taken.
        reports: where flight reports go.
        bus: where :class:`FlightState` is published.
    """

    def __init__(self, ctx: FlightContext, journal: Journal, reports: Reports, bus: Bus) -> None:
        self._ctx = ctx
        self._journal = journal
        self._reports = reports
        self._bus = bus
        self.state = State.IDLE
        self.words = ""

    async def run(self) -> None:
        """Adopts what it finds, then runs the table for ever."""
        adoption = await self._adopt()
        await self._enter(adoption.state, None, adoption.words)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_regularly())
            while True:
                event = await self._run_state()
                await self._take(event)

    async def _take(self, event: Event) -> None:
        """Takes the step that follows an event. A flight that the journal cannot keep does not start."""
        taken = step(self.state, event)
        self._settle_outcome(event)
        if taken.next is State.FAULT and self.state is not State.FAULT:
            self._forget_clearance()
        kept = await self._enter(taken.next, event, taken.words)
        if taken.next is State.LAUNCHING and not kept:
            self.state = State.PREPARING
            await self._take(Event.REFUSED)

    def _forget_clearance(self) -> None:
        """Nobody can have dealt with a fault before it came."""
        try:
            ground.clearance_of(self._ctx).unlink(missing_ok=True)
        except OSError as error:
            self._ctx.note("store.failed", f"an old clearance cannot be taken away: {error}")

    async def _run_state(self) -> Event:
        failed = Event.FAILED
        try:
            return await RUN[self.state](self._ctx)
        except LinkError as error:
            self._ctx.note(error.code, error.message)
            failed = Event.LINK_LOST if (self.state, Event.LINK_LOST) in TABLE else Event.FAILED
        except NestError as error:
            self._ctx.note(error.code, error.message)
        except Exception as error:  # noqa: BLE001 the outermost loop of the flight: it reports, and the table decides
            _log.exception("flight.unforeseen", state=self.state)
            self._ctx.note("flight.unforeseen", f"{type(error).__name__} in state {self.state.value}: {error}")
        await asyncio.sleep(_FAILED_PAUSE_S)
        return failed

    async def _enter(self, state: State, event: Event | None, words: str) -> bool:
        """Writes the step, then takes it. Returns whether the journal has it."""
        flight = self._ctx.flight
        ended = state in {State.IDLE, State.FAULT} and flight is not None
        report = self.report(state, ended=ended)
        kept = self._write(
            FlightRecord(
                at=self._ctx.clock.utc(),
                state=state,
                event=event,
                words=words,
                flight=flight.id if flight else None,
                route=flight.route.id if flight else None,
                plan_sha256=plan_digest(flight.plan) if flight and flight.plan else None,
                due=flight.due if flight else self._last_due(),
                report=report,
            )
        )
        self.state, self.words = state, words
        if self._ctx.pad_eye is not None:
            self._ctx.pad_eye.watch(state in LOOKS_FOR_PAD)
        _log.info("flight.state", state=state.value, flight_event=event.value if event else None, words=words)
        self._bus.publish(FlightState(state, words, flight.id if flight else None, flight.route.id if flight else None))
        await self._publish(report)
        return kept

    def _write(self, record: FlightRecord) -> bool:
        """A disk that fails must not keep a drone from being brought home; it is noted, and no further flight starts."""
        try:
            self._journal.write(record)
        except StoreError as error:
            self._ctx.note(error.code, error.message)
            return False
        return True

    async def _publish(self, report: FlightReport | None) -> None:
        if report is None:
            return
        self._tell_missions(report)
        self._bus.publish(report)
        try:
            async with asyncio.timeout(_REPORT_WAIT_S):
                await self._reports.publish_report(report)
        except StoreError as error:
            self._ctx.note(error.code, error.message)
        except TimeoutError:
            self._ctx.note("store.busy", f"the report was not stored within {_REPORT_WAIT_S:g} s")

    def _tell_missions(self, report: FlightReport) -> None:
        try:
            self._ctx.missions.follow(report)
        except Exception:  # noqa: BLE001 bookkeeping must not take the agent away from a flying drone
            _log.exception("missions.unforeseen", flight=report.flight)

    def _last_due(self) -> datetime | None:
        last = self._last()
        return last.due if last else None

    def _last(self) -> FlightRecord | None:
        """The journal's last record. Where it cannot be read, a flight may have been under way: the pessimistic record."""
        try:
            return self._journal.latest()
        except StoreError as error:
            self._ctx.note(error.code, error.message)
            return FlightRecord(at=self._ctx.clock.utc(), state=State.LOST, words="The journal cannot be read.")

    def _settle_outcome(self, event: Event) -> None:
        """The first thing that decided the flight names its outcome; a fault overrides all."""
        flight = self._ctx.flight
        outcome = "refused" if (self.state, event) == (State.PREPARING, Event.FAILED) else _OUTCOMES.get(event)
        if flight is not None and outcome is not None and (flight.outcome == "flying" or outcome == "fault"):
            flight.outcome = outcome

    def report(self, state: State, *, ended: bool = False) -> FlightReport | None:
        """The flight as it stands; None when there is none."""
        flight = self._ctx.flight
        if flight is None:
            return None
        self._ctx.settle_points()
        points = tuple(flight.points.values())
        upcoming = next((n for n, p in enumerate(flight.route.points) if p.id not in flight.points), None)
        return FlightReport.model_validate(
            {
                "flight": flight.id,
                "route": flight.route.id,
                "request": flight.request,
                "department": flight.department,
                "state": state.value,
                "outcome": _ended_outcome(flight.outcome, state) if ended else flight.outcome,
                "started_at": flight.started_at,
                "ended_at": self._ctx.clock.utc() if ended else None,
                "points_total": len(flight.route.points),
                "points_seen": len(points),
                "points": points,
                "missed": flight.coverage.missed(flight.route) if ended and flight.outcome != "refused" else (),
                "breakpoint_index": upcoming,
                "reasons": tuple(
                    Reason(code=code, words=f"{words_of(code)} {value}".strip()) for code, value in flight.reasons
                ),
                "checks": flight.checks,
                "energy_used": self._energy_used(flight),
            }
        )

    def _energy_used(self, flight: CurrentFlight) -> float | None:
        battery = self._ctx.vehicle.telemetry.battery
        if flight.charge_at_start is None or battery is None or battery.remaining is None:
            return None
        return min(1.0, max(0.0, flight.charge_at_start - battery.remaining))

    async def _report_regularly(self) -> None:
        """Publishes the progress of a flight in the air."""
        seen: tuple[PointResult, ...] = ()
        while True:
            await asyncio.sleep(_REPORT_EVERY_S)
            flight = self._ctx.flight
            self._ctx.settle_points()
            if self.state in AIRBORNE_STATES and flight is not None and (points := tuple(flight.points.values())) != seen:
                seen = points
                await self._publish(self.report(self.state))

    async def _adopt(self) -> Adoption:
        """Looks at journal and drone, and decides where to begin (S8)."""
        last = self._last()
        async for situation in self._ctx.ticks(self._ctx.config.vehicle.connect_timeout_s):
            if situation.heard_age_s < FRESH_S and _known(situation):
                break
        digest = self._restore(last)
        adoption = adopt(last, self._ctx.look(), self._ctx.presence(), digest)
        if adoption.state is State.PATROLLING and not await self._same_on_board():
            return Adoption(State.RETURNING, "Restarted in mid-flight, and the drone flies another plan: bringing it home.")
        return adoption

    async def _same_on_board(self) -> bool:
        """Whether the drone's mission reads back as the flight's plan; from then on its progress counts that plan's items."""
        flight = self._ctx.flight
        if flight is None or flight.plan is None:
            return False
        try:
            outcome = await self._ctx.vehicle.adopt(flight.plan)
        except NestError as error:
            outcome = Refused(error.code, error.message)
        if isinstance(outcome, Refused):
            self._ctx.note(outcome.code, outcome.words)
            return False
        return True

    def _restore(self, last: FlightRecord | None) -> str | None:
        """Makes the journal's flight the flight under way again; gives the digest of its plan compiled anew."""
        if last is None or last.flight is None or last.route is None or last.state is State.IDLE:
            return None
        if last.route not in self._ctx.routes:
            return None
        due = last.due or last.at
        flight = self._ctx.begin(last.flight, self._ctx.missions.restored(last.report, last.route, due))
        if last.report is not None:
            flight.started_at = last.report.started_at
            flight.coverage.points.update((p.id, p) for p in last.report.points)
            flight.checks = last.report.checks
            flight.outcome = last.report.outcome
        self._ctx.compile_plan(flight)
        self._ctx.note("flight.restarted", f"the agent started again in state {last.state.value}")
        return plan_digest(flight.plan) if flight.plan else None


def _known(situation: Situation) -> bool:
    """Whether enough was heard to judge. The first heartbeat only tells the autopilot; its mode is read from the next."""
    telemetry = situation.telemetry
    return telemetry.position is not None and telemetry.mode is not FlightMode.UNKNOWN and situation.dock is not None


def _ended_outcome(outcome: str, state: State) -> str:
    """A flight that a restarted agent brought home has had no event that names its outcome; it was cut short."""
    if outcome != "flying":
        return outcome
    return "fault" if state is State.FAULT else "cut_short"
