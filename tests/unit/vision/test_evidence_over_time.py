"""When evidence suffices, when it fades, and what never counts."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agent.core.geo import NorthEast
from agent.domain.hazard import Hazard
from agent.domain.sighting import SightingLevel
from agent.vision.confirmation import (
    MOST,
    PRIOR,
    STRONGEST,
    Evidence,
    Levels,
    View,
    after_miss,
    after_sighting,
    next_level,
    strength,
)
from agent.vision.fusion import fused
from agent.vision.tracker import Seen, associate, begun, joined, updated

LEVELS = Levels(suspect=2.0, confirm=4.6)
ABOVE = View((0.0, 0.0, 1.0), 80.0)


def view(angle_deg: float, range_m: float = 80.0) -> View:
    return View((math.sin(math.radians(angle_deg)), 0.0, math.cos(math.radians(angle_deg))), range_m)


def watched(seconds: float, frames_per_s: float, turn_deg_s: float, added: float = STRONGEST) -> Evidence:
    evidence = Evidence()
    for i in range(int(seconds * frames_per_s)):
        t = i / frames_per_s
        evidence = after_sighting(evidence, added, view(turn_deg_s * t), 100.0 + t, LEVELS)
    return evidence


def test_no_single_frame_convinces():
    assert after_sighting(Evidence(), STRONGEST, ABOVE, 0.0, LEVELS).level is None
    assert LEVELS.suspect > PRIOR + STRONGEST


def test_thirty_frames_of_one_second_are_not_thirty_proofs():
    slow, fast = watched(1.0, 2, 0.0), watched(1.0, 30, 0.0)
    assert fast.log_odds - slow.log_odds < STRONGEST
    assert fast.level is not SightingLevel.CONFIRMED


def test_flying_past_convinces_sooner_than_hovering():
    assert watched(5.0, 4, 6.0).log_odds > watched(5.0, 4, 0.0).log_odds + 1.0
    assert watched(5.0, 4, 6.0).level is SightingLevel.CONFIRMED


def test_the_same_view_is_worth_less_every_second():
    gains = np.diff([watched(s, 4, 0.0, added=0.5).log_odds for s in (1, 2, 3, 4, 5, 6)])
    assert (gains > 0).all()
    assert (np.diff(gains) < 0).all()


def test_a_look_that_sees_nothing_takes_evidence_away():
    evidence = watched(6.0, 4, 6.0)
    levels = []
    for i in range(40):
        evidence = after_miss(evidence, 1.0, view(40.0 + 6.0 * i), 110.0 + i, LEVELS)
        levels.append(evidence.level)
    assert levels[0] is SightingLevel.CONFIRMED
    assert SightingLevel.SUSPECT in levels
    assert levels[-1] is SightingLevel.CLEARED


def test_a_place_hardly_in_the_picture_hardly_counts_as_looked_at():
    evidence = watched(6.0, 4, 6.0)
    whole = after_miss(evidence, 1.0, view(90), 120.0, LEVELS)
    corner = after_miss(evidence, 0.2, view(90), 120.0, LEVELS)
    assert evidence.log_odds > corner.log_odds > whole.log_odds


def test_evidence_is_bounded_so_that_a_fire_put_out_is_noticed():
    assert watched(600, 2, 6.0).log_odds == MOST


@pytest.mark.parametrize(
    ("before", "log_odds", "after"),
    [
        (None, 1.9, None),
        (None, 2.0, SightingLevel.SUSPECT),
        (None, 4.6, SightingLevel.CONFIRMED),
        (SightingLevel.SUSPECT, 1.0, SightingLevel.SUSPECT),
        (SightingLevel.SUSPECT, 0.4, SightingLevel.CLEARED),
        (SightingLevel.CONFIRMED, 3.2, SightingLevel.CONFIRMED),
        (SightingLevel.CONFIRMED, 3.0, SightingLevel.SUSPECT),
        (SightingLevel.CONFIRMED, 0.0, SightingLevel.CLEARED),
        (SightingLevel.CLEARED, 2.5, SightingLevel.SUSPECT),
    ],
)
def test_levels_have_hysteresis(before, log_odds, after):
    assert next_level(before, log_odds, LEVELS) is after


def test_a_box_below_its_threshold_adds_little_and_never_takes():
    assert strength(0.1, 0.6) == 0.0
    assert 0 < strength(0.6, 0.6) < strength(0.8, 0.6) < strength(0.999999, 0.6) == STRONGEST


def seen(north: float, east: float, sigma: float = 5.0, hazard: Hazard = Hazard.FIRE, **changes: object) -> Seen:
    values = {
        "hazard": hazard,
        "confidence": 0.8,
        "place": NorthEast(north, east),
        "alt_amsl_m": 30.0,
        "covariance_m2": np.eye(2) * sigma**2,
        "range_m": 100.0,
        "reach_m": 2.0,
        "added": 1.0,
        "threshold": 0.5,
        "box_px": (0.0, 0.0, 10.0, 10.0),
        "model": "m",
    }
    return Seen(**(values | changes))


def test_what_is_near_belongs_together_and_what_is_far_does_not():
    tracks = [begun(1, seen(0, 0), 0.0), begun(2, seen(0, 200), 0.0)]
    found = associate(tracks, [seen(3, 4), seen(5, 195), seen(100, 100)])
    assert {i: s[0].place for i, s in found.matched.items()} == {0: NorthEast(3, 4), 1: NorthEast(5, 195)}
    assert [s.place for s in found.fresh] == [NorthEast(100, 100)]


def test_smoke_is_not_fire():
    found = associate([begun(1, seen(0, 0), 0.0)], [seen(0, 0, hazard=Hazard.SMOKE)])
    assert not found.matched
    assert len(found.fresh) == 1


def test_two_boxes_of_one_new_fire_make_one_track():
    found = associate([], [seen(0, 0, added=0.5), seen(4, 4, added=1.5), seen(300, 0)])
    assert [s.place for s in found.fresh] == [NorthEast(4, 4), NorthEast(300, 0)]


def test_the_gate_is_wide_where_the_place_is_uncertain():
    track = begun(1, seen(0, 0, sigma=50.0), 0.0)
    assert associate([track], [seen(120, 0, sigma=20.0)]).matched
    assert not associate([begun(1, seen(0, 0, sigma=5.0), 0.0)], [seen(120, 0, sigma=20.0)]).matched


def parts(*places: tuple[float, float]) -> tuple[NorthEast, ...]:
    return tuple(NorthEast(float(n), float(e)) for n, e in places)


def test_two_tracks_that_one_look_shows_to_be_one_fire_become_one():
    strong = after_sighting(Evidence(), 2.0, ABOVE, 0.0, LEVELS)
    tracks = [begun(1, seen(0, 0, points=parts((0, 0))), 0.0), begun(2, seen(0, 60, points=parts((0, 60))), 5.0)]
    tracks[1] = replace(tracks[1], evidence=strong)
    found = associate(tracks, [seen(0, 30, points=parts((0, 5), (0, 30), (0, 55)))])
    assert found.absorbed == {0: 1}
    assert list(found.matched) == [1]
    whole = joined(updated(tracks[1], found.matched[1], 6.0), tracks[0])
    assert {p.east_m for p in whole.parts} == {0.0, 60.0}
    assert whole.first_unix_s == 0.0


def test_an_uncertain_look_near_two_fires_does_not_make_them_one():
    tracks = [begun(1, seen(0, 0, points=parts((0, 0))), 0.0), begun(2, seen(0, 150, points=parts((0, 150))), 0.0)]
    assert not associate(tracks, [seen(0, 70, sigma=60.0, points=parts((0, 70)))]).absorbed


def test_a_front_is_told_with_its_extent():
    track = begun(1, seen(0, 0, points=parts((0, 0), (0, 80), (20, 40))), 0.0)
    assert track.place.east_m == pytest.approx(40)
    assert track.stated_covariance_m2[1, 1] > 5 * track.stated_covariance_m2[0, 0] > 5 * 25


def test_many_looks_with_a_common_error_do_not_make_a_small_ellipse():
    track = begun(1, seen(0, 0, sigma=10.0), 0.0)
    for i in range(200):
        track = updated(track, [seen(0, 0, sigma=10.0)], float(i))
    assert np.sqrt(np.linalg.eigvalsh(track.covariance_m2)) == pytest.approx([10.0, 10.0], rel=1e-6)


def test_looks_from_two_sides_cross():
    along_north, along_east = np.diag([100.0**2, 5.0**2]), np.diag([5.0**2, 100.0**2])
    place, covariance = fused(NorthEast(60, 1), along_north, NorthEast(-1, 80), along_east)
    assert place == pytest.approx((0, 0), abs=5)
    assert np.sqrt(np.diag(covariance)).max() < 8


def test_fusion_never_claims_more_than_is_sure():
    # Whatever the common part of two equal errors is, the fused ellipse holds the true spread of the fused estimate.
    rng = np.random.default_rng(3)
    for _ in range(30):
        a, b = (m @ m.T + np.eye(2) for m in rng.normal(0, 5, (2, 2, 2)))
        _, covariance = fused(NorthEast(0, 0), a, NorthEast(1, 1), b)
        smallest = np.linalg.inv(np.linalg.inv(a) + np.linalg.inv(b))
        assert np.linalg.eigvalsh(covariance - smallest).min() > -1e-9
        assert np.linalg.det(covariance) <= min(np.linalg.det(a), np.linalg.det(b)) * (1 + 1e-9)
