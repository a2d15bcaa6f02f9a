"""Laws of evidence, association and fusion, whatever is seen and in whatever order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.geo import NorthEast
from agent.domain.hazard import Hazard
from agent.vision.confirmation import (
    LEAST,
    MOST,
    STRONGEST,
    Evidence,
    Levels,
    View,
    after_agreement,
    after_miss,
    after_sighting,
    next_level,
)
from agent.vision.fusion import fused
from agent.vision.tracker import Seen, associate, begun

LEVELS = Levels(2.0, 4.6)
QUICK = settings(max_examples=40, deadline=None)

angles = st.floats(0, 6.28)
views = angles.map(lambda a: View((float(np.sin(a)), 0.0, float(np.cos(a))), 80.0))
looks = st.tuples(st.floats(-1, STRONGEST), views, st.floats(0, 3))
"""What a frame adds (below 0: a miss of that part), from where, and seconds since the last."""


def looked(frames) -> Evidence:
    evidence, unix_s = Evidence(), 1000.0
    for added, view, pause_s in frames:
        unix_s += pause_s
        if added < 0:
            evidence = after_miss(evidence, -added, view, unix_s, LEVELS)
        else:
            evidence = after_sighting(evidence, added, view, unix_s, LEVELS)
    return evidence


@given(st.lists(looks, max_size=40))
@QUICK
def test_evidence_keeps_its_bounds_and_its_level(frames):
    evidence = looked(frames)
    assert LEAST <= evidence.log_odds <= MOST
    assert next_level(evidence.level, evidence.log_odds, LEVELS) is evidence.level
    assert 0 <= evidence.frames_confirmed <= evidence.frames_seen == sum(added >= 0 for added, *_ in frames)


@given(st.lists(looks, max_size=20), st.floats(0, STRONGEST), st.floats(0, STRONGEST), views, st.floats(0, 3))
@QUICK
def test_a_surer_look_never_gives_less(frames, one, other, view, pause_s):
    evidence, unix_s = looked(frames), 1000.0 + sum(p for *_, p in frames) + pause_s
    less, more = (after_sighting(evidence, added, view, unix_s, LEVELS) for added in sorted((one, other)))
    assert less.log_odds <= more.log_odds


@given(st.lists(looks, min_size=1, max_size=20), st.integers(1, 10))
@QUICK
def test_the_same_frame_again_proves_nothing(frames, times):
    evidence = looked(frames)
    again = evidence
    for _ in range(times):
        again = after_sighting(again, STRONGEST, evidence.view, evidence.counted_unix_s, LEVELS)
    assert again.log_odds == pytest.approx(evidence.log_odds)


@given(st.lists(looks, max_size=20))
@QUICK
def test_a_second_sensor_counts_once(frames):
    once = after_agreement(looked(frames), LEVELS)
    assert after_agreement(once, LEVELS) == once
    assert once.log_odds >= looked(frames).log_odds


def thing(hazard: Hazard, north: float, east: float, sigma: float, added: float) -> Seen:
    place = NorthEast(north, east)
    return Seen(hazard, 0.8, place, 30.0, np.eye(2) * sigma**2, 100.0, 2.0, added, 0.5, (0, 0, 9, 9), "m", points=(place,))


things = st.builds(
    thing,
    st.sampled_from([Hazard.FIRE, Hazard.SMOKE, Hazard.HOT_SPOT]),
    st.floats(-300, 300),
    st.floats(-300, 300),
    st.floats(1, 30),
    st.floats(0, STRONGEST),
)


@given(st.lists(things, max_size=8), st.lists(things, max_size=8))
@QUICK
def test_each_thing_goes_to_one_track_of_its_hazard_or_begins_one(known, seen):
    tracks = [begun(i, one, 100.0) for i, one in enumerate(known)]
    found = associate(tracks, seen)
    placed = [id(one) for group in found.matched.values() for one in group] + [id(one) for one in found.fresh]
    assert len(placed) == len(set(placed)) <= len(seen)
    assert all(tracks[i].hazard is one.hazard for i, group in found.matched.items() for one in group)
    assert not found.absorbed.keys() & found.matched.keys()
    assert all(tracks[i].hazard is tracks[j].hazard and j not in found.absorbed for i, j in found.absorbed.items())


@given(st.lists(things, max_size=6, unique_by=lambda s: s.added), st.randoms(use_true_random=False))
@QUICK
def test_the_order_of_boxes_in_a_frame_does_not_matter(seen, random):
    mixed = list(seen)
    random.shuffle(mixed)
    first, second = associate([], seen), associate([], mixed)
    assert [id(one) for one in first.fresh] == [id(one) for one in second.fresh]


places = st.tuples(st.floats(-50, 50), st.floats(-50, 50)).map(lambda p: NorthEast(*p))


@st.composite
def covariances(draw) -> np.ndarray:
    angle, major, minor = draw(angles), draw(st.floats(1, 60)), draw(st.floats(1, 60))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag([major**2, minor**2]) @ turn.T


@given(places, covariances(), places, covariances())
@QUICK
def test_two_looks_are_never_less_sure_than_the_better_and_have_no_order(a, cov_a, b, cov_b):
    place, cov = fused(a, cov_a, b, cov_b)
    swapped, cov_swapped = fused(b, cov_b, a, cov_a)
    assert np.linalg.det(cov) <= min(np.linalg.det(cov_a), np.linalg.det(cov_b)) * (1 + 1e-9)
    assert np.linalg.det(cov_swapped) == pytest.approx(np.linalg.det(cov), rel=1e-6)
    assert np.isfinite(place).all()
    assert np.isfinite(swapped).all()
