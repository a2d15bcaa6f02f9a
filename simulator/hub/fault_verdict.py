"""The judgement on a fault test: from what the nest committed and what a consumer heard. Pure.

The consumer has already dropped duplicates by id, as docs/hub.md asks of a desk.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Heard:
    """An alert message as it came to the consumer."""

    at_unix_s: float
    id: str
    alert: str
    sequence: int
    department: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when all is over.

    Attributes:
        committed: (alert, sequence) -> when it was safe on disk; 0 where that is not known.
        open_alerts: alerts that are open in the nest's own file.
        departments: who must hear everything.
        heard: in order of arrival.
        retained: (department, alert) that the broker keeps.
        connected: when the nest's connections stood.
        lost: when they were lost.
        broker_died: when the broker died without saving.
    """

    committed: Mapping[tuple[str, int], float]
    open_alerts: frozenset[str]
    departments: tuple[str, ...]
    heard: Sequence[Heard]
    retained: frozenset[tuple[str, str]]
    connected: tuple[float, ...]
    lost: tuple[float, ...]
    broker_died: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What was found. All lists are empty when all is well.

    Attributes:
        alerts: how many alerts the nest committed.
        messages: how many alert messages the consumer must have heard.
        never_heard: (department, alert) of which nothing arrived.
        last_missing: (department, alert) whose last message is missing without excuse.
        doubled: (department, alert, sequence) that came under two ids.
        disordered: (department, alert) whose messages came out of order.
        retained_wrong: (department, alert) kept by the broker though closed, or open and not kept.
        died_with_broker: messages that the broker had acknowledged and lost when it died, and that a later one replaced or
            whose alert is closed.
        newest_waited_s: for each connection, how long the newest alert that waited took from there.
    """

    alerts: int
    messages: int
    never_heard: tuple[tuple[str, str], ...]
    last_missing: tuple[tuple[str, str], ...]
    doubled: tuple[tuple[str, str, int], ...]
    disordered: tuple[tuple[str, str], ...]
    retained_wrong: tuple[tuple[str, str], ...]
    died_with_broker: int
    newest_waited_s: tuple[float, ...] = field(default=())

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled or out of order."""
        return not (self.never_heard or self.last_missing or self.doubled or self.disordered or self.retained_wrong)


def judge(facts: Facts) -> Verdict:
    """The verdict."""
    by_alert: dict[tuple[str, str], list[Heard]] = defaultdict(list)
    for heard in facts.heard:
        by_alert[heard.department, heard.alert].append(heard)
    last = {alert: max(s for a, s in facts.committed if a == alert) for alert in {a for a, _ in facts.committed}}
    pairs = sorted((department, alert) for department in facts.departments for alert in last)
    missing = [
        (department, alert, sequence)
        for department in facts.departments
        for alert, sequence in facts.committed
        if sequence not in {h.sequence for h in by_alert[department, alert]}
    ]
    without_excuse = [(d, a) for d, a, s in missing if s == last[a] and not _may_be_gone(facts, a, s)]
    return Verdict(
        alerts=len(last),
        messages=len(facts.committed) * len(facts.departments),
        never_heard=tuple(pair for pair in pairs if not by_alert[pair]),
        last_missing=tuple(without_excuse),
        doubled=tuple(_doubled(facts.heard)),
        disordered=tuple(pair for pair in pairs if not _increasing(h.sequence for h in by_alert[pair])),
        retained_wrong=tuple(sorted(facts.retained ^ {(d, a) for d in facts.departments for a in facts.open_alerts})),
        died_with_broker=len(missing) - len(without_excuse),
        newest_waited_s=tuple(_newest_waited(facts, by_alert)),
    )


def _may_be_gone(facts: Facts, alert: str, sequence: int) -> bool:
    """Whether the broker can have taken the end of a closed alert with it: a consumer sees it closed by its clearing."""
    at = facts.committed[alert, sequence]
    return alert not in facts.open_alerts and any(died >= at for died in facts.broker_died)


def _doubled(heard: Iterable[Heard]) -> list[tuple[str, str, int]]:
    ids: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for message in heard:
        ids[message.department, message.alert, message.sequence].add(message.id)
    return sorted(key for key, found in ids.items() if len(found) > 1)


def _increasing(sequences: Iterable[int]) -> bool:
    return all(a < b for a, b in itertools.pairwise(sequences))


def _newest_waited(facts: Facts, by_alert: Mapping[tuple[str, str], list[Heard]]) -> list[float]:
    """For each connection at which alerts waited and that held until the newest of them was heard everywhere."""
    first = {alert: at for (alert, sequence), at in facts.committed.items() if sequence == 1 and at > 0}
    arrived = {
        alert: max((by_alert[d, alert][0].at_unix_s if by_alert[d, alert] else float("inf")) for d in facts.departments)
        for alert in first
    }
    waits = []
    for at in facts.connected:
        waiting = [alert for alert, committed in first.items() if committed < at < arrived[alert]]
        if not waiting:
            continue
        newest = arrived[max(waiting, key=lambda alert: first[alert])]
        if newest < float("inf") and not any(at < lost < newest for lost in facts.lost):
            waits.append(newest - at)
    return waits
