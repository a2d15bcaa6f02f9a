"""May this plan be flown? Pure checks of geometry and energy; the autopilot accepts far worse than this refuses.

An autopilot takes points 5,000 km away, negative heights and a crossing fence without a word, so every target is checked here
before it is sent.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from shapely.geometry import LineString

from agent.core.geo import Circle, LatLon, LocalFrame, distance_m, inside_margin_m, path_inside_margin_m, polygon_of
from agent.core.outcome import Refused
from agent.core.terrain import Terrain
from agent.domain.mission import Fence, FenceArea, FlightPlan, ItemKind, PlanItem
from agent.routes.compile import Pad
from agent.routes.energy import EnergyModel, Stop, WindEstimate, route_share

_SAMPLE_M = 15.0
_RADIUS_LEAST_M, _RADIUS_MOST_M = 1.0, 20_000.0
_TURN_BACK_M = 50.0  # distance between the places on a leg from which the way home is checked


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan must keep to."""

    fence_margin_m: float
    clearance_min_m: float
    return_alt_rel_m: float


def check_fence(fence: Fence, pad: Pad) -> list[Refused]:
    """Is the fence itself one that can be flown in?"""
    areas = [("fence", fence.inclusion), *((f"exclusion {n}", area) for n, area in enumerate(fence.exclusions, 1))]
    faults = [(name, _fault_of_area(area, pad)) for name, area in areas]
    found = [Refused("fence.invalid", f"{name}: {fault}") for name, fault in faults if fault]
    if not found and inside_margin_m(pad.place, fence.inclusion) <= 0:
        found.append(Refused("fence.invalid", "the pad lies outside the geofence; enlarge the fence"))
    return found


def _fault_of_area(area: FenceArea, pad: Pad) -> str | None:
    """What is wrong with one area of a fence."""
    if isinstance(area, Circle):
        good = math.isfinite(area.radius_m) and _RADIUS_LEAST_M <= area.radius_m <= _RADIUS_MOST_M
        limits = f"{_RADIUS_LEAST_M:.0f} to {_RADIUS_MOST_M:.0f} m are possible"
        return None if good else f"its radius is {area.radius_m:g} m; {limits}"
    if len(area) < 3 or not polygon_of(area, LocalFrame(pad.place)).is_valid:
        return "its sides cross or it has fewer than 3 corners; draw a simple polygon"
    return None


def check_target(place: LatLon, alt_rel_m: float, fence: Fence, margin_m: float) -> Refused | None:
    """May the drone be sent to this place and height?"""
    if not all(map(math.isfinite, (place.lat_deg, place.lon_deg, alt_rel_m))):
        return Refused("route.outside_fence", f"target {place} at {alt_rel_m} m is not a place")
    margin = inside_margin_m(place, fence.inclusion)
    if margin < margin_m:
        return Refused(
            "route.outside_fence", f"target is {margin:.0f} m inside the geofence; at least {margin_m:.0f} m are needed"
        )
    for number, area in enumerate(fence.exclusions):
        distance = -inside_margin_m(place, area)
        if distance < margin_m:
            return Refused(
                "route.outside_fence", f"target is {distance:.0f} m from exclusion {number + 1}; {margin_m:.0f} m are needed"
            )
    if not 0 < alt_rel_m <= fence.alt_max_rel_m:
        return Refused(
            "route.outside_fence",
            f"target height {alt_rel_m:.0f} m over the pad; the fence allows 0 to {fence.alt_max_rel_m:.0f} m",
        )
    return None


def check_path(a: LatLon, b: LatLon, fence: Fence) -> list[str]:
    """Where the straight way between two places breaks the geofence, in words; empty where it does not."""
    margin = path_inside_margin_m([a, b], fence.inclusion)
    found = [f"leaves the geofence by {-margin:.0f} m"] if margin < 0 else []
    frame = LocalFrame(a)
    line = LineString([(p.east_m, p.north_m) for p in (frame.to_local(a), frame.to_local(b))])
    crossed = (n for n, area in enumerate(fence.exclusions, 1) if polygon_of(area, frame).intersects(line))
    return found + [f"crosses exclusion {n}" for n in crossed]


def check_plan(plan: FlightPlan, pad: Pad, terrain: Terrain | None, limits: Limits) -> list[Refused]:
    """Everything that is wrong with the geometry of a plan; empty when it may be flown."""
    problems = check_fence(plan.fence, pad)
    if problems:
        return problems
    if limits.return_alt_rel_m > plan.fence.alt_max_rel_m:
        words = f"{limits.return_alt_rel_m:.0f} m over the pad; the fence allows {plan.fence.alt_max_rel_m:.0f} m"
        problems.append(Refused("route.outside_fence", f"height of the way home: {words}"))
    for rally in plan.rally:
        if (refused := check_target(rally.place, rally.alt_rel_m, plan.fence, 0.0)) is not None:
            problems.append(Refused(refused.code, f"rally point: {refused.words}"))
    for item in _visited(plan):
        refused = check_target(item.place or pad.place, item.alt_rel_m or 0.0, plan.fence, limits.fence_margin_m)
        if refused is not None:
            problems.append(Refused(refused.code, f"{_name(item)}: {refused.words}"))
    return problems or [*_check_legs(plan, pad, terrain, limits)]


def _visited(plan: FlightPlan) -> list[PlanItem]:
    return [item for item in plan.items if item.kind in {ItemKind.TAKEOFF, ItemKind.WAYPOINT}]


def _name(item: PlanItem) -> str:
    return f"point {item.inspection_point}" if item.inspection_point else item.kind.value


def _check_legs(plan: FlightPlan, pad: Pad, terrain: Terrain | None, limits: Limits) -> Iterator[Refused]:
    """Each leg of the route, and the straight way home from everywhere on it."""
    takeoff, *points = _visited(plan)
    previous = (pad.place, takeoff.alt_rel_m or 0.0, "take-off")
    for item in points:
        here = (item.place or pad.place, item.alt_rel_m or 0.0, _name(item))
        yield from _check_leg(previous, here, plan.fence, pad, terrain, limits)
        yield from _check_ways_home(previous, here, plan.fence, pad, terrain, limits)
        previous = here


End = tuple[LatLon, float, str]
"""An end of a leg: place, metres over the pad, and its name."""


def check_way(a: End, b: End, fence: Fence, pad: Pad, terrain: Terrain | None, limits: Limits) -> Refused | None:
    """May the drone be sent from one place to the next on its own, and home from anywhere between? The first that is wrong.

    A place comes with its height over the pad and a name. The leg climbs evenly; the fence's margin holds at its end.
    """
    refused = check_target(b[0], b[1], fence, limits.fence_margin_m)
    if refused is not None:
        return Refused(refused.code, f"{b[2]}: {refused.words}")
    ways = (check(a, b, fence, pad, terrain, limits) for check in (_check_leg, _check_ways_home))
    return next(chain.from_iterable(ways), None)


def _check_ways_home(a: End, b: End, fence: Fence, pad: Pad, terrain: Terrain | None, limits: Limits) -> Iterator[Refused]:
    """The level way home from places all along a leg: the autopilot may turn back anywhere. The first that is wrong."""
    steps = 1 + int(distance_m(a[0], b[0]) / _TURN_BACK_M)
    for step in range(1, steps + 1):
        share = step / steps
        lat_deg, lon_deg = (p + (q - p) * share for p, q in zip(a[0], b[0], strict=True))
        alt = max(a[1] + (b[1] - a[1]) * share, limits.return_alt_rel_m)
        name = b[2] if step == steps else f"between {a[2]} and {b[2]}"
        found = [*_check_leg((LatLon(lat_deg, lon_deg), alt, name), (pad.place, alt, "home"), fence, pad, terrain, limits)]
        if found:
            yield from found
            return


def _check_leg(a: End, b: End, fence: Fence, pad: Pad, terrain: Terrain | None, limits: Limits) -> Iterator[Refused]:
    name = f"leg {a[2]} to {b[2]}"
    for words in check_path(a[0], b[0], fence):
        yield Refused("route.outside_fence", f"{name}: {words}")
    clearance = _least_clearance_m(a, b, pad, terrain)
    if clearance is None:
        yield Refused("route.no_terrain", f"{name}: part of it lies outside the height raster")
    elif clearance < limits.clearance_min_m:
        yield Refused(
            "route.too_low",
            f"{name}: only {clearance:.0f} m over the ground; at least {limits.clearance_min_m:.0f} m are needed",
        )


def _least_clearance_m(a: End, b: End, pad: Pad, terrain: Terrain | None) -> float | None:
    """Least height over ground on a straight leg; the leg climbs evenly, as autopilots fly it."""
    if terrain is None:
        return min(a[1], b[1])
    share = np.linspace(0.0, 1.0, 2 + int(distance_m(a[0], b[0]) / _SAMPLE_M))
    lat_deg = a[0].lat_deg + (b[0].lat_deg - a[0].lat_deg) * share
    lon_deg = a[0].lon_deg + (b[0].lon_deg - a[0].lon_deg) * share
    ground_rel = terrain.heights_at(lat_deg, lon_deg) - pad.alt_amsl_m
    least = float(np.min(a[1] + (b[1] - a[1]) * share - ground_rel))
    return None if math.isnan(least) else least


def check_energy(
    plan: FlightPlan, pad: Pad, model: EnergyModel, speed_m_s: float, wind: WindEstimate, charge: float, reserve: float
) -> tuple[Refused | None, float]:
    """Does the charge last for the whole flight and the reserve? Also gives the predicted charge at the pad (0..1)."""
    stops: Sequence[Stop] = [Stop(i.place or pad.place, i.alt_rel_m or 0.0, i.hold_s) for i in _visited(plan)]
    left = charge - route_share(model, stops, pad.place, speed_m_s, wind)
    if left >= reserve:
        return None, left
    return (
        Refused("route.too_long", f"predicted charge at the pad {left:.0%}; at least {reserve:.0%} are needed"),
        left,
    )
