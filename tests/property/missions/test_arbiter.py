"""What the arbiter promises in its docstring, on calendars and queues that nobody thought of."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.request import Priority
from agent.missions.arbiter import PRESSING_S, Candidate, choose, preempts, ranked

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OWNERS = ("calendar", "forestry", "water", "grid")
minutes = st.integers(-300, 300).map(lambda n: NOW + timedelta(minutes=n))


@st.composite
def candidate(draw, number):
    earliest = draw(minutes)
    latest = earliest + timedelta(minutes=draw(st.integers(0, 300)))
    return Candidate(
        f"c{number}", draw(st.sampled_from(OWNERS)), draw(st.sampled_from(Priority)), draw(minutes), earliest, latest
    )


queues = st.integers(0, 8).flatmap(lambda n: st.tuples(*(candidate(i) for i in range(n)))).map(list)
served = st.dictionaries(st.sampled_from(OWNERS), st.integers(0, 5))


@given(queues, served, st.randoms())
def test_the_choice_does_not_hang_on_the_order_in_which_things_came(queue, flown, random):
    shuffled = random.sample(queue, len(queue))
    assert choose(queue, NOW, flown) == choose(shuffled, NOW, flown)


@given(queues, served)
def test_what_is_chosen_may_fly_now_and_nothing_of_higher_priority_waits_behind_it(queue, flown):
    choice = choose(queue, NOW, flown)
    ready = [c for c in queue if c.earliest <= NOW <= c.latest]
    assert (choice is None) == (not ready)
    if choice is not None:
        assert choice.candidate in ready
        assert choice.words
        assert all(c.priority.rank <= choice.candidate.priority.rank for c in ready)


@given(queues, served)
def test_the_order_is_total_and_its_first_is_the_choice(queue, flown):
    order = ranked(queue, NOW, flown)
    assert sorted(c.key for c in order) == sorted(c.key for c in queue)
    ready = [c for c in order if c.earliest <= NOW <= c.latest]
    choice = choose(queue, NOW, flown)
    assert (choice.candidate if choice else None) == (ready[0] if ready else None)


@given(queues, st.sampled_from(Priority))
def test_only_an_emergency_that_may_fly_now_calls_a_lower_flight_home(queue, flying):
    found = preempts(queue, flying, NOW)
    if found is not None:
        assert flying is not Priority.EMERGENCY
        assert found.priority is Priority.EMERGENCY
        assert found.earliest <= NOW <= found.latest
    elif flying is not Priority.EMERGENCY:
        assert not any(c.priority is Priority.EMERGENCY and c.earliest <= NOW <= c.latest for c in queue)


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
