"""What the arbiter promises in its docstring, on calendars and queues that nobody thought of."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.request import Priority
from agent.missions.arbiter import HOLD_S, PRESSING_S, Candidate, Flying, choose, preempts, ranked

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OWNERS = ("calendar", "forestry", "water", "grid")
minutes = st.integers(-300, 300).map(lambda n: NOW + timedelta(minutes=n))


@st.composite
def candidate(draw, number):
    earliest = draw(minutes)
    latest = earliest + timedelta(minutes=draw(st.integers(0, 300)))
    owner, priority = draw(st.sampled_from(OWNERS)), draw(st.sampled_from(Priority))
    return Candidate(f"c{number}", owner, priority, draw(minutes), earliest, latest, draw(st.none() | minutes))


def may_fly(candidate):
    return candidate.earliest <= NOW <= candidate.latest and (candidate.again is None or candidate.again <= NOW)


def held_for(candidate):
    """An emergency that could not start, not long ago: the others wait for it."""
    in_time = candidate.earliest <= NOW <= candidate.latest
    return candidate.priority is Priority.EMERGENCY and in_time and NOW - candidate.asked <= timedelta(seconds=HOLD_S)


queues = st.integers(0, 8).flatmap(lambda n: st.tuples(*(candidate(i) for i in range(n)))).map(list)
served = st.dictionaries(st.sampled_from(OWNERS), st.integers(0, 5))


@given(queues, served, st.randoms())
def test_the_choice_does_not_hang_on_the_order_in_which_things_came(queue, flown, random):
    shuffled = random.sample(queue, len(queue))
    assert choose(queue, NOW, flown) == choose(shuffled, NOW, flown)


@given(queues, served)
def test_what_is_chosen_may_fly_now_and_nothing_of_higher_priority_waits_behind_it(queue, flown):
    choice = choose(queue, NOW, flown)
    ready = [c for c in queue if may_fly(c)]
    if choice is None:
        assert not any(c.priority is Priority.EMERGENCY for c in ready)
        assert not ready or any(map(held_for, queue))
    else:
        assert choice.candidate in ready
        assert choice.words
        assert all(c.priority.rank <= choice.candidate.priority.rank for c in ready)


@given(queues, served)
def test_the_order_is_total_and_its_first_is_the_choice(queue, flown):
    order = ranked(queue, NOW, flown)
    assert sorted(c.key for c in order) == sorted(c.key for c in queue)
    ready = [c for c in order if may_fly(c)]
    choice = choose(queue, NOW, flown)
    assert choice is None or choice.candidate == ready[0]


@given(queues, st.sampled_from(Priority), minutes)
def test_an_emergency_calls_home_what_matters_less_and_was_flying_before_it(queue, flying, since):
    for candidate in queue:
        expected = (
            candidate.priority is Priority.EMERGENCY
            and flying is not Priority.EMERGENCY
            and may_fly(candidate)
            and candidate.asked >= since
        )
        assert preempts(candidate, Flying(flying, since), NOW) == expected


@given(queues, served)
def test_nothing_flies_away_the_charge_that_an_emergency_waits_for(queue, flown):
    waiting = Candidate("urgent", "fire", Priority.EMERGENCY, NOW, NOW, NOW + timedelta(hours=3), NOW + timedelta(minutes=5))
    choice = choose([*queue, waiting], NOW, flown)
    assert choice is None or choice.candidate.priority is Priority.EMERGENCY


@given(st.lists(st.sampled_from(OWNERS[1:]), min_size=2, max_size=30))
def test_departments_that_all_wait_with_time_to_spare_fly_equally_often(asked):
    """However many one of them asks for: their counts never differ by more than one while both still wait."""
    latest = NOW + timedelta(days=2)
    queue = [Candidate(f"c{n}", owner, Priority.ROUTINE, NOW, NOW, latest) for n, owner in enumerate(asked)]
    flown: Counter[str] = Counter()
    while queue:
        waiting = {c.owner for c in queue}
        assert max(flown[o] for o in waiting) - min(flown[o] for o in waiting) <= 1
        choice = choose(queue, NOW, flown)
        queue.remove(choice.candidate)
        flown[choice.candidate.owner] += 1


@given(
    st.integers(0, 20),
    st.integers(600, int(PRESSING_S)),
    st.integers(1, 48).map(lambda n: n * 1800.0),
)
@settings(max_examples=60)
def test_who_has_flown_less_is_not_made_too_late_by_a_department_that_never_stops_asking(head_start, flight_s, patience_s):
    """Each time the drone is free, the greedy one has a request that is about to expire."""
    now, flown = NOW, Counter({"greedy": head_start + 1})
    modest = Candidate("modest", "modest", Priority.ROUTINE, NOW, NOW, NOW + timedelta(seconds=patience_s))
    for n in range(200):
        greedy = Candidate(f"g{n}", "greedy", Priority.ROUTINE, now, now, now + timedelta(seconds=60))
        choice = choose([greedy, modest], now, flown)
        assert choice is not None
        if choice.candidate is modest:
            return
        flown["greedy"] += 1
        now += timedelta(seconds=flight_s)
    raise AssertionError("never flown")
