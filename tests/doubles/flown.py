"""Words for flights in virtual time: until when they are flown, and what came of them."""

import itertools
from collections.abc import Callable
from typing import Any

from agent.domain.nest_state import ClampState, LidState
from agent.flight.table import State
from tests.doubles.flight import loop_s, run_virtual
from tests.doubles.flight_nest import Journal, Nest


def ended(nest: Nest) -> bool:
    return len(nest.states) > 2 and nest.states[-1] in {State.IDLE, State.FAULT}


def path(nest: Nest) -> list[State]:
    """The states in order, each once for as long as it lasted."""
    return [state for state, _ in itertools.groupby(nest.states)]


def codes(nest: Nest) -> set[str]:
    """Of the reasons in the last report."""
    return {reason.code for reason in nest.reports.reports[-1].reasons}


def words_of(nest: Nest, code: str) -> list[str]:
    """What the last report says under a code."""
    return [reason.words for reason in nest.reports.reports[-1].reasons if reason.code == code]


def once(condition: Callable[[], Any], action: Callable[[], Any]) -> Callable[[], bool]:
    """For use in ``until``: runs the action the first time that the condition holds; True from then on."""
    done: list[float] = []

    def check() -> bool:
        if not done and condition():
            done.append(loop_s())
            action()
        return bool(done)

    return check


def flown_until(make_nest: Callable[..., Nest], state: State, **drone: Any) -> Nest:
    """A journal and a drone from a run that was killed in a state, well in the air."""
    nest = make_nest(**drone)
    run_virtual(nest.run(lambda n: n.director.state is state and n.drone.alt_m > 10))
    return nest


def restarted(make_nest: Callable[..., Nest], before: Nest) -> Nest:
    """The agent after it was killed: journal and drone as they were, the lid open."""
    after = make_nest(journal=Journal(list(before.journal.records)), assigned=False)
    after.drone.__dict__.update({k: v for k, v in before.drone.__dict__.items() if k != "orders"})
    after.dock.lid, after.dock.clamps, after.dock.charger = LidState.OPEN, ClampState.RELEASED, False
    return after
