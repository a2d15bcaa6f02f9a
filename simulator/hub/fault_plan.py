"""What happens to a nest and its hub in the fault test: a list of events, the same for the same seed. Pure.

Times are minutes of the told story; the run may tell it faster.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_MENDED = 0.94  # from this share of the story on nothing breaks, so that what waits can go
_ANSWERED_MIN = 1.5


class Kind(StrEnum):
    """What can happen."""

    ALERT = "alert"
    BURST = "burst"
    ANSWERS = "answers"
    BROKER_RESTART = "broker restarted"
    BROKER_KILL = "broker killed"
    BROKER_FORGETS = "broker killed, state lost"
    AGENT_KILL = "agent killed"
    LINE_SILENT = "line silent"
    LINE_BROKEN = "line broken"
    DISK_FULL = "disk full"
    CLOCK = "clock jumps"


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One thing that happens.

    Attributes:
        at_min: when.
        amount: how many alerts, how many minutes, by how many seconds the clock jumps, or how many minutes ago an alert must
            have been heard to be answered.
    """

    at_min: float
    kind: Kind
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Story:
    """How much of everything.

    Attributes:
        minutes: length.
        alerts_per_min: single alerts.
        burst: alerts in one burst.
        bursts: how many.
        faults: how often each fault comes.
        longest_cut_min: longest time without a line; one cut is that long.
        disk: whether the disk can be filled.
    """

    minutes: float = 120.0
    alerts_per_min: float = 10.0
    burst: int = 500
    bursts: int = 4
    faults: int = 4
    longest_cut_min: float = 30.0
    disk: bool = True


def plan(story: Story, seed: int) -> tuple[Event, ...]:
    """The events in order."""
    chance = random.Random(seed)  # noqa: S311 no secret
    return tuple(sorted((*_alerts(story, chance), *_faults(story, chance), *_answers(story, chance))))


def _alerts(story: Story, chance: random.Random) -> Iterator[Event]:
    at = 0.0
    while (at := at + chance.expovariate(story.alerts_per_min)) < story.minutes:
        yield Event(at, Kind.ALERT, 1)
    for n in range(story.bursts):
        share = (n + chance.random()) / story.bursts
        yield Event(share * story.minutes * _MENDED, Kind.BURST, story.burst)


def _answers(story: Story, chance: random.Random) -> Iterator[Event]:
    """People acknowledge and resolve what they have heard of, so that alerts have several messages and close."""
    at = 0.0
    while (at := at + chance.uniform(0.2, 0.8)) < story.minutes * _MENDED:
        yield Event(at, Kind.ANSWERS, _ANSWERED_MIN)


def _faults(story: Story, chance: random.Random) -> Iterator[Event]:
    kinds = [kind for kind in Kind if kind not in {Kind.ALERT, Kind.BURST, Kind.ANSWERS}]
    last = story.minutes * _MENDED
    for kind in kinds if story.disk else [k for k in kinds if k is not Kind.DISK_FULL]:
        for n in range(story.faults):
            amount = _amount(kind, story, chance, longest=n == 0)
            lasts_min = 0.0 if kind is Kind.CLOCK else amount
            yield Event(chance.uniform(0.02 * story.minutes, last - lasts_min), kind, amount)


def _amount(kind: Kind, story: Story, chance: random.Random, *, longest: bool) -> float:
    if kind is Kind.CLOCK:
        return chance.choice((-1, 1)) * chance.choice((5.0, 300.0, 7200.0))
    most = {Kind.LINE_SILENT: 1.0, Kind.LINE_BROKEN: 0.3, Kind.DISK_FULL: 0.1}.get(kind, 0.0) * story.longest_cut_min
    return most if longest else chance.uniform(0.02, 0.3) * most
