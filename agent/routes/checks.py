"""May this plan be flown? Pure checks of geometry and energy; the autopilot accepts far worse than this refuses.

An autopilot takes points 5,000 km away, negative heights and a crossing fence without a word, so every target is checked here
before it is sent.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shapely.geometry import LineString

from agent.core.geo import LatLon, LocalFrame, inside_margin_m, path_inside_margin_m, polygon_of
from agent.core.outcome import Refused
from agent.core.terrain import Terrain
from agent.domain.mission import Fence, FlightPlan, ItemKind, PlanItem
from agent.routes.compile import Pad, ground_rel_m
from agent.routes.energy import EnergyModel, Stop, WindEstimate, route_share

_SAMPLE_M = 15.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan must keep to."""

    fence_margin_m: float
    clearance_min_m: float
    return_alt_rel_m: float


def check_fence(fence: Fence, pad: Pad) -> list[Refused]:
    """Is the fence itself one that can be flown in?"""
    rings = [("fence", fence.inclusion), *((f"exclusion {n + 1}", ring) for n, ring in enumerate(fence.exclusions))]
    found = [
        Refused("fence.invalid", f"{name}: its sides cross or it has fewer than 3 corners; draw a simple polygon")
        for name, ring in rings
        if len(ring) < 3 or not polygon_of(ring, LocalFrame(pad.place)).is_valid
    ]
    if not found and inside_margin_m(pad.place, fence.inclusion) <= 0:
        found.append(Refused("fence.invalid", "the pad lies outside the geofence; enlarge the fence"))
    return found


def check_target(place: LatLon, alt_rel_m: float, fence: Fence, margin_m: float) -> Refused | None:
    """May the drone be sent to this place and height?"""
    if not all(map(math.isfinite, (place.lat_deg, place.lon_deg, alt_rel_m))):
        return Refused("route.outside_fence", f"target {place} at {alt_rel_m} m is not a place")
    margin = inside_margin_m(place, fence.inclusion)
    if margin < margin_m:
        return Refused(
            "route.outside_fence", f"target is {margin:.0f} m inside the geofence; at least {margin_m:.0f} m are needed"
        )
    for number, ring in enumerate(fence.exclusions):
        distance = -inside_margin_m(place, ring)
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


def check_plan(plan: FlightPlan, pad: Pad, terrain: Terrain | None, limits: Limits) -> list[Refused]:
    """Everything that is wrong with the geometry of a plan; empty when it may be flown."""
    problems = check_fence(plan.fence, pad)
    if problems:
        return problems
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
    """Each leg of the route, and the straight way home from each of its points."""
    takeoff, *points = _visited(plan)
    previous = (pad.place, takeoff.alt_rel_m or 0.0, "take-off")
    for item in points:
        here = (item.place or pad.place, item.alt_rel_m or 0.0, _name(item))
        yield from _check_leg(previous, here, plan.fence, pad, terrain, limits)
        home_alt = max(here[1], limits.return_alt_rel_m)
        yield from _check_leg((here[0], home_alt, here[2]), (pad.place, home_alt, "home"), plan.fence, pad, terrain, limits)
        previous = here


_End = tuple[LatLon, float, str]


def _check_leg(a: _End, b: _End, fence: Fence, pad: Pad, terrain: Terrain | None, limits: Limits) -> Iterator[Refused]:
    name = f"leg {a[2]} to {b[2]}"
    margin = path_inside_margin_m([a[0], b[0]], fence.inclusion)
    if margin < 0:
        yield Refused("route.outside_fence", f"{name}: leaves the geofence by {-margin:.0f} m")
    frame = LocalFrame(a[0])
    line = LineString([(p.east_m, p.north_m) for p in (frame.to_local(a[0]), frame.to_local(b[0]))])
    for number, ring in enumerate(fence.exclusions):
        if polygon_of(ring, frame).intersects(line):
            yield Refused("route.outside_fence", f"{name}: crosses exclusion {number + 1}")
    if b[2] == "home":
        return  # the descent to the pad ends at the ground by intent; what matters is the fence
    clearance = _least_clearance_m(a, b, pad, terrain)
    if clearance is None:
        yield Refused("route.no_terrain", f"{name}: part of it lies outside the height raster")
    elif clearance < limits.clearance_min_m:
        yield Refused(
            "route.too_low",
            f"{name}: only {clearance:.0f} m over the ground; at least {limits.clearance_min_m:.0f} m are needed",
        )


def _least_clearance_m(a: _End, b: _End, pad: Pad, terrain: Terrain | None) -> float | None:
    """Least height over ground on a straight leg; the leg climbs evenly, as autopilots fly it."""
    frame = LocalFrame(a[0])
    end = frame.to_local(b[0])
    steps = max(1, math.ceil(math.hypot(*end) / _SAMPLE_M))
    least = math.inf
    for step in range(steps + 1):
        share = step / steps
        ground = ground_rel_m(frame.to_latlon(end.north_m * share, end.east_m * share), pad, terrain)
        if ground is None:
            return None
        least = min(least, a[1] + (b[1] - a[1]) * share - ground)
    return least


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
