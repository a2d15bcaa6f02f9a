"""What the journal keeps of a flight, and what a restarted agent makes of it."""

import hashlib
from dataclasses import dataclass

from pydantic import ValidationError

from agent.core.errors import StoreError
from agent.core.outcome import Refused
from agent.domain.mission import FlightPlan
from agent.domain.nest_state import DronePresence
from agent.domain.status import FlightReport
from agent.domain.telemetry import FlightMode, LandedState
from agent.domain.wire import Utc, Wire
from agent.flight.situation import Situation
from agent.flight.table import AIRBORNE_STATES, Event, State
from agent.store.journal import Journal, JournalEntry


class FlightRecord(Wire):
    """One step of a flight."""

    at: Utc
    state: State
    event: Event | None = None
    words: str = ""
    flight: str | None = None
    route: str | None = None
    plan_sha256: str | None = None
    due: Utc | None = None
    report: FlightReport | None = None


def plan_digest(plan: FlightPlan) -> str:
    """SHA-256 of everything that is uploaded; equal plans have equal digests."""
    return hashlib.sha256(repr(plan).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Adoption:
    """Where a starting agent begins, and why."""

    state: State
    words: str


def adopt(last: FlightRecord | None, situation: Situation, presence: DronePresence, plan_sha256: str | None) -> Adoption:
    """What a starting agent does about the drone it finds (S8). Pure.

    Args:
        last: the journal's last record.
        presence: where the drone surely is.
        plan_sha256: digest of the plan compiled again for the journal's route; None if that cannot be done.
    """
    was_flying = last is not None and last.state in AIRBORNE_STATES
    if situation.telemetry.heartbeat is None:
        if was_flying:
            return Adoption(State.LOST, "Restarted in mid-flight and the drone is silent: listening.")
        return _grounded(last, presence)
    # Motors that run on the ground in a nest that started no flight are a technician's, not the nest's to order about.
    theirs = last is not None and last.state not in AIRBORNE_STATES and situation.telemetry.landed is LandedState.ON_GROUND
    if situation.in_air or (situation.telemetry.armed and not theirs):
        return _flying(last, situation, plan_sha256)
    if was_flying and presence is not DronePresence.ON_PAD:
        return Adoption(State.LANDING, "Restarted after a flight: looking where the drone is.")
    return _grounded(last, presence, was_flying=was_flying)


_ON_ROUTE = frozenset({State.PATROLLING, State.INVESTIGATING})  # a look begins and ends in the mission


def _flying(last: FlightRecord | None, situation: Situation, plan_sha256: str | None) -> Adoption:
    same_plan = last is not None and plan_sha256 is not None and last.plan_sha256 == plan_sha256
    ours = last is None or (last.state in AIRBORNE_STATES and last.state is not State.HANDS_OFF)
    rows = (
        (situation.mode is FlightMode.MANUAL, State.HANDS_OFF, "Restarted; somebody flies the drone by hand: watching."),
        (situation.mode is FlightMode.UNKNOWN, State.HANDS_OFF, "Restarted; the drone flies in an unknown mode: watching."),
        (
            not ours and situation.mode not in {FlightMode.RETURN, FlightMode.LAND},
            State.HANDS_OFF,
            "Restarted; the drone flies, and the nest did not send it: watching.",
        ),
        (
            # On its route it flies its mission and nothing else; in a second look the nest itself had sent it elsewhere.
            last is not None and last.state is State.PATROLLING and situation.mode in {FlightMode.GUIDED, FlightMode.HOLD},
            State.HANDS_OFF,
            "Restarted; the drone left its route, and the nest had not ordered that: watching.",
        ),
        (situation.mode is FlightMode.LAND, State.LANDING, "Restarted; the drone is landing: supervising."),
        (
            situation.mode is FlightMode.MISSION and same_plan and last is not None and last.state in _ON_ROUTE,
            State.PATROLLING,
            "Restarted in mid-flight on the plan in the journal: supervising on.",
        ),
    )
    found = next((Adoption(state, words) for holds, state, words in rows if holds), None)
    return found or Adoption(State.RETURNING, "Restarted and found a drone in the air: bringing it home.")


def _grounded(last: FlightRecord | None, presence: DronePresence, *, was_flying: bool = False) -> Adoption:
    if last is not None and last.state is State.FAULT:
        return Adoption(State.FAULT, last.words or "The fault from before the restart remains: a person must look.")
    busy = was_flying or (last is not None and last.state in {State.PREPARING, State.SECURING})
    if busy and presence is DronePresence.ON_PAD:
        return Adoption(State.SECURING, "Restarted with the drone on the pad: closing the nest.")
    if busy:
        return Adoption(State.SECURING, "Restarted while the nest was being closed: finishing that.")
    return Adoption(State.IDLE, "Ready.")


def worded(refused: Refused) -> str:
    """A refusal in one line."""
    return f"{refused.code}: {refused.words}" if refused.words else refused.code


class FlightJournal:
    """The flight's records in the store's journal.

    Args:
        journal: where they are kept.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def write(self, record: FlightRecord) -> None:
        """Appends durably.

        Raises:
            StoreError: it is not safe on disk.
        """
        report = record.report
        self._journal.append(
            JournalEntry(
                flight=record.flight or "",
                route=record.route or "",
                state=record.state.value,
                at=record.at,
                event=record.event.value if record.event else "",
                plan_sha256=record.plan_sha256,
                breakpoint_index=report.breakpoint_index if report else None,
                points_seen=tuple(point.id for point in report.points) if report else (),
                detail=record.model_dump(mode="json"),
            )
        )

    def latest(self) -> FlightRecord | None:
        """The last record, None in a new nest.

        Raises:
            StoreError: the journal cannot be read.
        """
        try:
            entry = self._journal.latest()
            return FlightRecord.model_validate(entry.detail) if entry else None
        except ValidationError as error:
            words = f"the journal's last record is not understood: {error.errors()[0]['msg']}"
            raise StoreError("store.failed", words) from error
