"""The flight on one page: state, event, next state, and the words for the operator.

Where a state can fail in a way nobody thought of, the event is FAILED, and its row is the pessimistic one: in the air it leads
home, on the ground it leads to a secured nest or to a person. Every state has a row for FAILED; a test sweeps the table.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a flight stands."""

    IDLE = "idle"
    PREPARING = "preparing"
    LAUNCHING = "launching"
    PATROLLING = "patrolling"
    INVESTIGATING = "investigating"
    RETURNING = "returning"
    LANDING = "landing"
    SECURING = "securing"
    DIVERTING = "diverting"
    LOST = "lost"
    HANDS_OFF = "hands_off"
    FAULT = "fault"


class Event(StrEnum):
    """What ends a state."""

    ASSIGNED = "assigned"
    READY = "ready"
    REFUSED = "refused"
    AIRBORNE = "airborne"
    DENIED = "denied"
    SUSPECT = "suspect"
    SEEN_ENOUGH = "seen_enough"
    ROUTE_DONE = "route_done"
    COME_HOME = "come_home"
    OVER_PAD = "over_pad"
    AUTOPILOT_LANDS = "autopilot_lands"
    DOWN = "down"
    DOWN_ELSEWHERE = "down_elsewhere"
    MISSED = "missed"
    NO_PAD = "no_pad"
    LINK_LOST = "link_lost"
    LINK_BACK = "link_back"
    ON_ROUTE = "on_route"
    GONE = "gone"
    PILOT = "pilot"
    RELEASED = "released"
    SECURED = "secured"
    NOT_SECURED = "not_secured"
    CLEARED = "cleared"
    FAILED = "failed"


AIRBORNE_STATES = frozenset(
    {
        State.LAUNCHING,
        State.PATROLLING,
        State.INVESTIGATING,
        State.RETURNING,
        State.LANDING,
        State.DIVERTING,
        State.LOST,
        State.HANDS_OFF,
    }
)
"""States in which the drone is, or must be taken to be, in the air."""

LOOKS_FOR_PAD = frozenset({State.RETURNING, State.LANDING, State.LOST})
"""States in which the drone is shown where its pad is. Not while a pilot flies: it would pull at the drone."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row's answer."""

    next: State
    words: str


S, E = State, Event

TABLE: dict[tuple[State, Event], Step] = {
    (S.IDLE, E.ASSIGNED): Step(S.PREPARING, "A flight is due: checking drone, dock, weather and plan."),
    (S.IDLE, E.PILOT): Step(S.HANDS_OFF, "Somebody flies the drone by hand: the nest only watches."),
    (S.IDLE, E.FAILED): Step(S.FAULT, "The nest failed while idle: a person must look."),
    (S.PREPARING, E.READY): Step(S.LAUNCHING, "All checks passed, lid open, plan verified: starting."),
    (S.PREPARING, E.REFUSED): Step(S.SECURING, "The flight is refused: closing the nest again."),
    (S.PREPARING, E.FAILED): Step(S.SECURING, "Preparation failed: closing the nest again."),
    (S.LAUNCHING, E.AIRBORNE): Step(S.PATROLLING, "In the air: flying the route."),
    (S.LAUNCHING, E.DENIED): Step(S.SECURING, "The autopilot refused to start: closing the nest again."),
    (S.LAUNCHING, E.COME_HOME): Step(S.RETURNING, "The start went wrong in the air: coming home."),
    (S.LAUNCHING, E.LINK_LOST): Step(S.LOST, "The link was lost at the start: listening."),
    (S.LAUNCHING, E.PILOT): Step(S.HANDS_OFF, "A pilot took over: the nest only watches."),
    (S.LAUNCHING, E.AUTOPILOT_LANDS): Step(S.LANDING, "It lands or is down: looking where."),
    (S.LAUNCHING, E.FAILED): Step(S.RETURNING, "The start failed in an unknown way: coming home."),
    (S.PATROLLING, E.SUSPECT): Step(S.INVESTIGATING, "Something doubtful was seen: flying there for a second look."),
    (S.PATROLLING, E.ROUTE_DONE): Step(S.RETURNING, "The route is done: coming home."),
    (S.PATROLLING, E.COME_HOME): Step(S.RETURNING, "The route is cut short: coming home."),
    (S.PATROLLING, E.LINK_LOST): Step(S.LOST, "The link is lost: the autopilot's own failsafe acts; listening."),
    (S.PATROLLING, E.PILOT): Step(S.HANDS_OFF, "A pilot took over: the nest only watches."),
    (S.PATROLLING, E.AUTOPILOT_LANDS): Step(S.LANDING, "It lands or is down: looking where."),
    (S.PATROLLING, E.FAILED): Step(S.RETURNING, "The patrol failed in an unknown way: coming home."),
    (S.INVESTIGATING, E.SEEN_ENOUGH): Step(S.PATROLLING, "Seen enough: going on with the route."),
    (S.INVESTIGATING, E.COME_HOME): Step(S.RETURNING, "The second look is broken off: coming home."),
    (S.INVESTIGATING, E.LINK_LOST): Step(S.LOST, "The link is lost: the autopilot's own failsafe acts; listening."),
    (S.INVESTIGATING, E.PILOT): Step(S.HANDS_OFF, "A pilot took over: the nest only watches."),
    (S.INVESTIGATING, E.AUTOPILOT_LANDS): Step(S.LANDING, "It lands or is down: looking where."),
    (S.INVESTIGATING, E.FAILED): Step(S.RETURNING, "The second look failed in an unknown way: coming home."),
    (S.RETURNING, E.OVER_PAD): Step(S.LANDING, "Over the pad: landing."),
    (S.RETURNING, E.NO_PAD): Step(S.DIVERTING, "The pad cannot be used: diverting to a rally point."),
    (S.RETURNING, E.LINK_LOST): Step(S.LOST, "The link is lost on the way home: listening."),
    (S.RETURNING, E.PILOT): Step(S.HANDS_OFF, "A pilot took over: the nest only watches."),
    (S.RETURNING, E.AUTOPILOT_LANDS): Step(S.LANDING, "It lands or is down: looking where."),
    (S.RETURNING, E.FAILED): Step(S.RETURNING, "Coming home failed in an unknown way: trying again."),
    (S.LANDING, E.DOWN): Step(S.SECURING, "Down on the pad: closing the nest."),
    (S.LANDING, E.DOWN_ELSEWHERE): Step(S.FAULT, "Down, but not on the pad: a person must fetch the drone."),
    (S.LANDING, E.MISSED): Step(S.RETURNING, "The landing did not end in time: going around."),
    (S.LANDING, E.NO_PAD): Step(S.DIVERTING, "The pad cannot be used: diverting to a rally point."),
    (S.LANDING, E.LINK_LOST): Step(S.LOST, "The link is lost while landing: listening."),
    (S.LANDING, E.PILOT): Step(S.HANDS_OFF, "A pilot took over: the nest only watches."),
    (S.LANDING, E.FAILED): Step(S.RETURNING, "The landing failed in an unknown way: going around."),
    (S.DIVERTING, E.DOWN): Step(S.SECURING, "Down on the pad after all: closing the nest."),
    (S.DIVERTING, E.DOWN_ELSEWHERE): Step(S.FAULT, "Landed away from the pad: a person must fetch the drone."),
    (S.DIVERTING, E.LINK_LOST): Step(S.LOST, "The link is lost while diverting: listening."),
    (S.DIVERTING, E.PILOT): Step(S.HANDS_OFF, "A pilot took over: the nest only watches."),
    (S.DIVERTING, E.FAILED): Step(S.DIVERTING, "Diverting failed in an unknown way: trying again."),
    (S.LOST, E.LINK_BACK): Step(S.RETURNING, "The drone is heard again: bringing it home."),
    (S.LOST, E.ON_ROUTE): Step(S.PATROLLING, "The drone is heard again and may go on: flying the route."),
    (S.LOST, E.AUTOPILOT_LANDS): Step(S.LANDING, "The drone is heard again, landing or down: looking where."),
    (S.LOST, E.PILOT): Step(S.HANDS_OFF, "The drone is heard again, flown by a pilot: the nest only watches."),
    (S.LOST, E.GONE): Step(S.FAULT, "The drone was not heard for longer than its battery lasts: a person must search for it."),
    (S.LOST, E.FAILED): Step(S.LOST, "Listening failed in an unknown way: listening again."),
    (S.HANDS_OFF, E.RELEASED): Step(S.RETURNING, "The pilot sent the drone home: supervising its return."),
    (S.HANDS_OFF, E.AUTOPILOT_LANDS): Step(S.LANDING, "It lands or is down: looking where."),
    (S.HANDS_OFF, E.LINK_LOST): Step(S.LOST, "The link is lost while a pilot flies: listening."),
    (S.HANDS_OFF, E.FAILED): Step(S.HANDS_OFF, "Watching failed in an unknown way: watching again."),
    (S.SECURING, E.SECURED): Step(S.IDLE, "Drone clamped, lid closed, charging."),
    (S.SECURING, E.NOT_SECURED): Step(S.FAULT, "The nest could not be closed: a person must look."),
    (S.SECURING, E.FAILED): Step(S.FAULT, "Closing failed in an unknown way: a person must look."),
    (S.FAULT, E.CLEARED): Step(S.SECURING, "A person cleared the fault: closing the nest."),
    (S.FAULT, E.PILOT): Step(S.HANDS_OFF, "Somebody flies the drone by hand: the nest only watches."),
    (S.FAULT, E.FAILED): Step(S.FAULT, "The fault remains: a person must look."),
}


def step(state: State, event: Event) -> Step:
    """What follows. An event that a state has no row for is a failure of that state."""
    return TABLE.get((state, event)) or TABLE[state, Event.FAILED]
