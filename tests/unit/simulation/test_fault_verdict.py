"""The fault test's own judgement: it must see each way in which alerts can go wrong."""

from dataclasses import replace

import pytest

from simulator.hub.fault_plan import Kind, Story, plan
from simulator.hub.fault_verdict import Facts, Heard, judge

_BOTH = ("forestry", "emergency")


def _heard(alert: str, sequence: int, department: str, at: float = 20.0, name: str = "") -> Heard:
    return Heard(at, name or f"{alert}{sequence}{department}", alert, sequence, department)


GOOD = Facts(
    committed={("a", 1): 10.0, ("a", 2): 11.0, ("b", 1): 12.0},
    open_alerts=frozenset({"b"}),
    departments=_BOTH,
    heard=tuple(_heard(alert, n, d) for alert, n in (("a", 1), ("a", 2), ("b", 1)) for d in _BOTH),
    retained=frozenset((d, "b") for d in _BOTH),
    connected=(5.0,),
    lost=(),
)


def _without(*gone: tuple[str, int, str]) -> tuple[Heard, ...]:
    return tuple(h for h in GOOD.heard if (h.alert, h.sequence, h.department) not in gone)


def test_all_is_well() -> None:
    verdict = judge(GOOD)
    assert verdict.good
    assert (verdict.alerts, verdict.messages) == (2, 6)


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        (replace(GOOD, heard=_without(("b", 1, "forestry"))), "never_heard"),
        (replace(GOOD, heard=_without(("a", 2, "emergency"))), "last_missing"),
        (replace(GOOD, heard=_without(("b", 1, "forestry")), broker_died=(13.0,)), "last_missing"),  # open: no excuse
        (replace(GOOD, heard=_without(("a", 2, "forestry")), broker_died=(10.5,)), "last_missing"),  # died before
        (replace(GOOD, heard=(*GOOD.heard, _heard("a", 2, "forestry", name="other"))), "doubled"),
        (replace(GOOD, heard=tuple(reversed(GOOD.heard))), "disordered"),
        (replace(GOOD, retained=frozenset({("forestry", "b")})), "retained_wrong"),
        (replace(GOOD, retained=GOOD.retained | {("forestry", "a")}), "retained_wrong"),
    ],
)
def test_each_fault_is_seen(facts: Facts, what: str) -> None:
    verdict = judge(facts)
    assert not verdict.good
    assert getattr(verdict, what)


def test_what_a_broker_took_with_it_is_counted_and_excused_where_it_does_no_harm() -> None:
    superseded = judge(replace(GOOD, heard=_without(("a", 1, "forestry"))))
    assert (superseded.good, superseded.died_with_broker) == (True, 1)
    closed = judge(replace(GOOD, heard=_without(("a", 2, "forestry")), broker_died=(30.0,)))
    assert (closed.good, closed.died_with_broker) == (True, 1)


def test_how_long_the_newest_waited_counts_from_the_connection_that_held() -> None:
    heard = tuple(replace(h, at_unix_s=100.0 if h.alert == "a" else 15.5) for h in GOOD.heard)
    facts = replace(GOOD, heard=heard, connected=(5.0, 12.5, 15.0), lost=(14.0,))
    assert judge(facts).newest_waited_s == (0.5,), "not at 5 (nothing waited), not at 12.5 (lost before it was heard)"


def test_the_same_seed_tells_the_same_story() -> None:
    story = Story()
    assert plan(story, 7) == plan(story, 7) != plan(story, 8)


@pytest.mark.parametrize("seed", range(20))
def test_everything_happens_in_time_and_the_longest_cut_is_as_long_as_it_should_be(seed: int) -> None:
    story = Story()
    events = plan(story, seed)
    assert {event.kind for event in events} == set(Kind)
    assert list(events) == sorted(events)
    lasting = [e for e in events if e.kind in {Kind.LINE_SILENT, Kind.LINE_BROKEN, Kind.DISK_FULL}]
    assert max(e.amount for e in lasting) == story.longest_cut_min
    assert all(e.at_min >= 0 and e.at_min + e.amount <= story.minutes for e in lasting)
    assert abs(sum(e.kind is Kind.ALERT for e in events) / story.minutes - story.alerts_per_min) < 2.0
