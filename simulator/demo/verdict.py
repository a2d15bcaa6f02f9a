"""Did the run do what it had to? Pure: what was heard and seen against what is true in the world."""

from collections.abc import Sequence
from dataclasses import dataclass

from shapely import affinity
from shapely.geometry import Point, Polygon

from agent.core.geo import LatLon, LocalFrame, polygon_of
from simulator.demo.story import Json
from simulator.scenario import Expectation

_SPREAD_M = 5.0  # a fire is not sharp: flames and heat reach beyond the burnt ground


@dataclass(frozen=True, slots=True)
class Truth:
    """A hazard of the world: its kind and the outlines of its parts."""

    hazard: str
    outlines: tuple[tuple[LatLon, ...], ...]


@dataclass(frozen=True, slots=True)
class DockEnd:
    """The dock at the end, read from the PLC itself; and the collisions that its mechanics recorded."""

    lid_closed: bool
    charging_a: float
    pad_occupied: bool
    collisions: int


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that had to hold."""

    name: str
    passed: bool
    words: str


def judge(
    flight: Json | None,
    dock: DockEnd | None,
    alerts: Sequence[tuple[tuple[str, ...], Json]],
    duplicates: int,
    truths: Sequence[Truth],
    expected: Sequence[Expectation],
) -> list[Item]:
    """Every item of the verdict."""
    return [
        _flight_item(flight),
        _dock_item(dock),
        *(_expected_item(expectation, alerts, truths) for expectation in expected),
        Item("each alert message once", duplicates == 0, f"{duplicates} heard twice"),
    ]


def _flight_item(flight: Json | None) -> Item:
    if flight is None:
        return Item("the flight was flown", passed=False, words="no flight was reported")
    good = flight["outcome"] == "completed" and "ended_at" in flight
    reasons = "; ".join(reason["words"] for reason in flight.get("reasons", ()))
    words = f"{flight['outcome']}, {flight['points_seen']} of {flight['points_total']} points"
    return Item("the flight was flown", good, f"{words}. {reasons}" if reasons else words)


def _dock_item(dock: DockEnd | None) -> Item:
    name = "lid closed on a charging drone"
    if dock is None:
        return Item(name, passed=False, words="the dock does not answer")
    good = dock.lid_closed and dock.charging_a > 0.1 and dock.pad_occupied and dock.collisions == 0
    lid = "closed" if dock.lid_closed else "not closed"
    pad = "drone on the pad" if dock.pad_occupied else "pad empty"
    return Item(name, good, f"lid {lid}, {pad}, charging with {dock.charging_a:.1f} A, {dock.collisions} collisions")


def _expected_item(expectation: Expectation, alerts: Sequence[tuple[tuple[str, ...], Json]], truths: Sequence[Truth]) -> Item:
    name = f"{expectation.hazard} alert at the right place"
    kinds = {"fire": {"fire", "smoke"}}.get(expectation.hazard, {expectation.hazard})
    outlines = [ring for truth in truths if truth.hazard == expectation.hazard for ring in truth.outlines]
    candidates = [(heard, alert) for heard, alert in alerts if alert["hazard"] in kinds]
    if not candidates:
        return Item(name, passed=False, words=f"no alert of {' or '.join(sorted(kinds))} was received")
    if not outlines:
        return Item(name, passed=False, words="the world had no such hazard; correct the scenario")
    offs = [(offset_m(alert, outlines), heard, alert) for heard, alert in candidates]
    off_m, heard, alert = min(offs, key=lambda item: item[0])
    missing = sorted(set(expectation.departments) - set(heard))
    ellipse = alert["position"]["error_ellipse"]
    words = (
        f"{alert['hazard']} {alert['confidence']:.0%}, {_place_words(off_m)} "
        f"(ellipse {ellipse['semi_major_m']:.0f} x {ellipse['semi_minor_m']:.0f} m), told to {', '.join(heard)}"
    )
    return Item(name, off_m <= 0 and not missing, words + (f"; not told to {', '.join(missing)}" if missing else ""))


def _place_words(off_m: float) -> str:
    return "the true place lies inside the ellipse" if off_m <= 0 else f"the true place lies {off_m:.0f} m outside the ellipse"


def offset_m(alert: Json, outlines: Sequence[Sequence[LatLon]]) -> float:
    """Metres between the alert's error ellipse and the true outline; 0 where they meet."""
    position = alert["position"]
    frame = LocalFrame(LatLon(position["lat"], position["lon"]))
    shape = ellipse_polygon(position["error_ellipse"])
    return min(float(shape.distance(polygon_of(ring, frame).buffer(_SPREAD_M))) for ring in outlines)


def ellipse_polygon(ellipse: Json) -> Polygon:
    """The error ellipse in metres east (x) and north (y) of its centre."""
    circle = Point(0.0, 0.0).buffer(1.0, 32)
    scaled = affinity.scale(circle, max(ellipse["semi_minor_m"], 0.1), max(ellipse["semi_major_m"], 0.1))
    return affinity.rotate(scaled, -ellipse["azimuth_deg"], origin=(0, 0))
