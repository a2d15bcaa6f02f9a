"""From where something is looked at again: stations on an arc upwind of it, and whether the drone may fly there and back.

Pure. Every station, every way between stations, the way back to the route and the way home from anywhere on these is checked
against fence, exclusions and ground before a look is offered.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby, pairwise

import numpy as np

from agent.config.second_look import SecondLookSection
from agent.core.geo import LatLon, bearing_deg, destination, distance_m
from agent.core.outcome import Refused
from agent.core.terrain import Terrain
from agent.domain.hazard import Hazard
from agent.domain.mission import Fence
from agent.routes.checks import Limits, check_target, check_way
from agent.routes.compile import Pad
from agent.routes.energy import EnergyModel, Stop, WindEstimate, route_share

_STEP_DEG = 30.0  # between stations; far more than the angle from which a view counts as a new one
_ASIDE_DEG = 90.0  # from upwind; farther round the smoke drifts over the drone
_CALM_M_S = 1.0  # below it the station's wind direction says nothing
_MARGIN = 1.3  # of the picture over what it must hold
_FARTHEST = 3.0  # times the configured distance
_CEILING_M = 3.0  # autopilots overshoot a height a little
_SAMPLE_M = 15.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    Attributes:
        alt_amsl_m: of the ground there.
        spread_m: half the length of the 95 % ellipse around its place.
    """

    track: str
    hazard: Hazard
    place: LatLon
    alt_amsl_m: float
    spread_m: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a look must keep to."""

    fence: Fence
    pad: Pad
    terrain: Terrain | None
    limits: Limits
    wind: WindEstimate
    fov_deg: float


@dataclass(frozen=True, slots=True)
class Station:
    """A place to look from: height over the pad, heading towards the subject from true north."""

    place: LatLon
    alt_rel_m: float
    heading_deg: float


@dataclass(frozen=True, slots=True)
class Look:
    """A second look that may be flown: stations in their order."""

    subject: Subject
    stations: tuple[Station, ...]


def plan_look(
    subject: Subject, here: Stop, backs: Sequence[Stop], world: Surroundings, config: SecondLookSection
) -> Look | Refused:
    """The best look at the subject, or why there can be none.

    The whole arc if it may be flown, else the longest part of it around its middle, else a single station.

    Args:
        here: where the drone is.
        backs: where the route may go on; the way back to each must be free.
    """
    distance = standoff_m(subject, here.alt_rel_m - (subject.alt_amsl_m - world.pad.alt_amsl_m), world.fov_deg, config)
    arc, aside = _azimuths(subject, here.place, world.wind, config)
    alt_rel_m = _height_m(subject, here, backs, distance, world, config)
    if isinstance(alt_rel_m, Refused):
        return alt_rel_m
    first: Refused | None = None
    for azimuths in _tours(subject.place, distance, alt_rel_m, arc, aside, here.place, world):
        stations = tuple(_station(subject.place, azimuth, distance, alt_rel_m) for azimuth in azimuths)
        refused = _check_tour(here, stations, backs, world)
        if refused is None:
            return Look(subject, stations)
        first = first or refused
    return first or Refused("route.outside_fence", f"no place {distance:.0f} m upwind of it lies inside the geofence")


@dataclass(frozen=True, slots=True)
class Means:
    """What a look may use up.

    Attributes:
        charge: 0..1, now.
        reserve: of it, at the pad.
        time_left_s: until the flight lasts too long.
        look_max_s: longest time at the place.
    """

    energy: EnergyModel
    charge: float
    reserve: float
    time_left_s: float
    look_max_s: float
    speed_m_s: float


def check_budget(look: Look, here: Stop, rest: Sequence[Stop], world: Surroundings, means: Means) -> Refused | None:
    """Whether charge and time last for the look at its longest, the rest of the route, the way home and the reserve."""
    first, *others = (Stop(s.place, s.alt_rel_m) for s in look.stations)
    stops = [replace(first, hold_s=means.look_max_s), *others, *rest]
    share = route_share(means.energy, stops, world.pad.place, means.speed_m_s, world.wind, here)
    left = means.charge - share
    if left < means.reserve:
        return Refused("route.too_long", f"predicted charge at the pad {left:.0%}; at least {means.reserve:.0%} are needed")
    needed_s = share / means.energy.share(1.0)
    if needed_s > means.time_left_s:
        return Refused(
            "route.too_long", f"{needed_s:.0f} s more in the air; the flight may last {means.time_left_s:.0f} s more"
        )
    return None


def standoff_m(subject: Subject, height_m: float, fov_deg: float, config: SecondLookSection) -> float:
    """Distance across: as configured, or so far that the picture holds the whole ellipse from that height over it."""
    slant_m = _MARGIN * subject.spread_m / math.tan(math.radians(fov_deg) / 2.0)
    across_m = math.sqrt(max(slant_m**2 - max(height_m, 0.0) ** 2, 0.0))
    return min(max(config.standoff_m, across_m), _FARTHEST * config.standoff_m)


def _azimuths(
    subject: Subject, here: LatLon, wind: WindEstimate, config: SecondLookSection
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """From the subject: the arc's azimuths in order, and others that are better than none, the best first."""
    calm = wind.speed_m_s < _CALM_M_S
    middle = bearing_deg(subject.place, here) if calm else wind.from_deg
    half = math.floor(config.arc_deg / 2.0 / _STEP_DEG + 1e-9)
    arc = tuple(middle + n * _STEP_DEG for n in range(-half, half + 1))
    wide = 180.0 if calm else _ASIDE_DEG
    outside = range(half + 1, math.floor(wide / _STEP_DEG) + 1)
    return arc, tuple(middle + side * n * _STEP_DEG for n in outside for side in (1, -1))


def _station(place: LatLon, azimuth_deg: float, distance: float, alt_rel_m: float) -> Station:
    at = destination(place, azimuth_deg, distance)
    return Station(at, alt_rel_m, bearing_deg(at, place))


def _height_m(
    subject: Subject, here: Stop, backs: Sequence[Stop], distance: float, world: Surroundings, config: SecondLookSection
) -> float | Refused:
    """One height for the whole look: never lower than the drone is, and high enough over the highest ground around."""
    highest = _highest_ground_rel_m(subject.place, (here.place, *(back.place for back in backs)), distance, world)
    if highest is None:
        return Refused("route.no_terrain", "part of the way lies outside the height raster")
    alt_rel_m = max(here.alt_rel_m, highest + max(config.height_min_m, world.limits.clearance_min_m))
    ceiling = world.fence.alt_max_rel_m - _CEILING_M
    if alt_rel_m <= ceiling:
        return alt_rel_m
    return Refused("route.outside_fence", f"it would need a height of {alt_rel_m:.0f} m over the pad; {ceiling:.0f} m are free")


def _highest_ground_rel_m(place: LatLon, ends: Sequence[LatLon], aside_m: float, world: Surroundings) -> float | None:
    """Highest ground over the pad around a place and on the ways to it; 0 without a raster, None outside of it."""
    if world.terrain is None:
        return 0.0
    around = [destination(place, azimuth, aside_m) for azimuth in range(0, 360, 15)]
    places = np.array([*around, *chain.from_iterable(_along(end, place) for end in ends)])
    highest = float(np.max(world.terrain.heights_at(places[:, 0], places[:, 1]))) - world.pad.alt_amsl_m
    return None if math.isnan(highest) else highest


def _along(a: LatLon, b: LatLon) -> Iterator[tuple[float, float]]:
    steps = 1 + int(distance_m(a, b) / _SAMPLE_M)
    for step in range(steps + 1):
        share = step / steps
        yield a.lat_deg + (b.lat_deg - a.lat_deg) * share, a.lon_deg + (b.lon_deg - a.lon_deg) * share


def _tours(
    place: LatLon,
    distance: float,
    alt_rel_m: float,
    arc: Sequence[float],
    aside: Sequence[float],
    here: LatLon,
    world: Surroundings,
) -> Iterator[tuple[float, ...]]:
    """Azimuths to fly, the best tour first: the arc from its nearer end, from the other, then single stations."""

    def free(azimuth: float) -> bool:
        at = destination(place, azimuth, distance)
        return check_target(at, alt_rel_m, world.fence, world.limits.fence_margin_m) is None

    middle = len(arc) // 2
    runs = [[n for n, _ in group] for good, group in groupby(enumerate(arc), lambda pair: free(pair[1])) if good]
    best = min(runs, key=lambda run: min(abs(n - middle) for n in run), default=[])
    whole = tuple(arc[n] for n in best)
    if len(whole) > 1:
        ends = sorted((whole, whole[::-1]), key=lambda tour: distance_m(destination(place, tour[0], distance), here))
        yield from ends
    yield from ((arc[n],) for n in sorted(best, key=lambda n: abs(n - middle)))
    yield from ((azimuth,) for azimuth in aside if free(azimuth))


def _check_tour(here: Stop, stations: Sequence[Station], backs: Sequence[Stop], world: Surroundings) -> Refused | None:
    """What is wrong with a tour: the way there, between the stations, and back to the route; None when it may be flown."""
    there = [(here.place, here.alt_rel_m, "the route")]
    there += [(s.place, s.alt_rel_m, f"station {n}") for n, s in enumerate(stations, 1)]
    last = stations[-1]
    # The way back is judged at its lower end: not every autopilot sinks evenly.
    lows = [(back, min(back.alt_rel_m, last.alt_rel_m)) for back in backs]
    ways = [*pairwise(there), *(((last.place, low, "the look"), (back.place, low, "the route again")) for back, low in lows)]
    refusals = (check_way(a, b, world.fence, world.pad, world.terrain, world.limits) for a, b in ways)
    return next((refused for refused in refusals if refused is not None), None)
