"""The verdict says no for every way in which a run can be wrong."""

import dataclasses

import pytest

from agent.core.geo import LatLon, LocalFrame
from simulator.demo.story import Story
from simulator.demo.verdict import DockEnd, Truth, judge, offset_m
from simulator.scenario import Expectation

FIRE = LatLon(30.391, 119.844)
FRAME = LocalFrame(FIRE)
OUTLINE = tuple(FRAME.to_latlon(20.0 * n, 20.0 * e) for n, e in ((1, -1), (1, 1), (-1, 1), (-1, -1)))
TRUTH = [Truth("fire", (OUTLINE,))]
EXPECTED = [Expectation(hazard="fire", departments=("forestry", "emergency"))]
DOCK = DockEnd(lid_closed=True, charging_a=4.0, pad_occupied=True, collisions=0)
FLIGHT = {"outcome": "completed", "points_seen": 3, "points_total": 3, "ended_at": "2026-01-01T00:00:00Z"}


def alert(north_m=0.0, east_m=0.0, hazard="fire", major=10.0, minor=5.0, azimuth=0.0):
    at = FRAME.to_latlon(north_m, east_m)
    ellipse = {"semi_major_m": major, "semi_minor_m": minor, "azimuth_deg": azimuth}
    return {
        "alert": "A",
        "sequence": 1,
        "hazard": hazard,
        "confidence": 0.9,
        "position": {"lat": at.lat_deg, "lon": at.lon_deg, "error_ellipse": ellipse},
    }


def verdict(*, flight=FLIGHT, dock=DOCK, alerts=None, duplicates=0, truths=TRUTH):
    heard = [(("emergency", "forestry"), alert())] if alerts is None else alerts
    return {item.name: item.passed for item in judge(flight, dock, heard, duplicates, truths, EXPECTED)}


def test_a_good_run_passes():
    assert all(verdict().values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"flight": None},
        {"flight": {**FLIGHT, "outcome": "cut_short"}},
        {"flight": {k: v for k, v in FLIGHT.items() if k != "ended_at"}},
        {"dock": None},
        {"dock": dataclasses.replace(DOCK, lid_closed=False)},
        {"dock": dataclasses.replace(DOCK, charging_a=0.0)},
        {"dock": dataclasses.replace(DOCK, pad_occupied=False)},
        {"dock": dataclasses.replace(DOCK, collisions=1)},
        {"alerts": []},
        {"alerts": [(("forestry",), alert())]},
        {"alerts": [(("emergency", "forestry"), alert(hazard="flood"))]},
        {"alerts": [(("emergency", "forestry"), alert(north_m=100.0))]},
        {"duplicates": 1},
        {"truths": []},
    ],
)
def test_each_thing_that_is_wrong_fails_exactly_one_item(wrong):
    assert list(verdict(**wrong).values()).count(False) == 1


def test_smoke_counts_as_a_fire_and_flood_does_not():
    assert all(verdict(alerts=[(("emergency", "forestry"), alert(hazard="smoke"))]).values())


@pytest.mark.parametrize(
    ("azimuth", "inside"),
    [(0.0, True), (90.0, False), (180.0, True), (45.0, False)],
)
def test_the_ellipse_is_turned_as_its_azimuth_says(azimuth, inside):
    """A long thin ellipse 80 m south of the fire reaches it only when its long axis points north."""
    off_m = offset_m(alert(north_m=-80.0, major=70.0, minor=5.0, azimuth=azimuth), [OUTLINE])
    assert (off_m <= 0) is inside


def test_a_story_keeps_the_newest_of_each_alert_and_who_heard_it():
    story = Story()
    for department, sequence in (("forestry", 1), ("emergency", 1), ("forestry", 2)):
        story.hear(f"nest/v1/alerts/{department}/fire/n/A", {**alert(), "sequence": sequence})
    story.hear("nest/v1/nests/n/flights/F", {**FLIGHT, "flight": "F", "state": "idle"})
    story.hear("nest/v1/nests/n/status", {"state": "ready"})
    [(departments, newest)] = story.newest_alerts
    assert departments == ("emergency", "forestry")
    assert newest["sequence"] == 2
    assert story.ended
