"""From a request to a route that may be flown, or why there is none. Pure; takes up to seconds, so not for the event loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.config import Config
from agent.core.errors import ConfigError
from agent.core.geo import LatLon, inside_margin_m
from agent.core.outcome import Refused
from agent.core.terrain import Terrain
from agent.domain.request import AreaTarget, FlightRequest, LineTarget, LonLat, PointTarget
from agent.domain.route import InspectionPoint, Route, Site
from agent.routes.area import ring_of
from agent.routes.around import StandOff, look_at
from agent.routes.checks import Limits, check_energy, check_plan
from agent.routes.compile import Pad, compile_route
from agent.routes.corridor import STOP_S, Corridor, along
from agent.routes.coverage import cover, picture_from_above
from agent.routes.energy import EnergyModel, WindEstimate

_POINTS_MAX = 300  # two items each: ArduPilot holds 650 items in all


@dataclass(frozen=True)
class Ground:
    """Where the nest flies, and with what."""

    config: Config
    site: Site
    terrain: Terrain | None
    routes: Mapping[str, Route]

    @property
    def pad(self) -> Pad:
        """Where the drone lives."""
        pad = self.config.nest.pad
        return Pad(LatLon(pad.lat, pad.lon), pad.alt_amsl_m)


@dataclass(frozen=True, slots=True)
class Planned:
    """A route, and the places that are looked at from it."""

    route: Route
    looked_at: tuple[LatLon, ...]


def plan(request: FlightRequest, ground: Ground) -> Planned | tuple[Refused, ...]:
    """The route that does what is asked for, checked as each route is; or everything that forbids it."""
    drone_does = ground.config.flight.on_link_loss  # by its parameters: nobody can tell a drone that does not hear
    if request.on_link_loss not in {None, drone_does}:
        return (Refused("request.link_loss", f"asked for: {request.on_link_loss}; the drone does: {drone_does}"),)
    planned = _draw(request, ground)
    if isinstance(planned, Refused):
        return (planned,)
    return tuple(_problems(planned.route, ground)) or planned


def _draw(request: FlightRequest, ground: Ground) -> Planned | Refused:
    if request.route is not None:
        return _from_library(request, request.route, ground)
    if request.point is not None:
        return _around(request, request.point, ground)
    if request.area is not None:
        return _over(request, request.area, ground)
    if request.line is not None:
        return _along(request, request.line, ground)
    return Refused("request.invalid", "it says nothing of where to fly")


def _from_library(request: FlightRequest, name: str, ground: Ground) -> Planned | Refused:
    route = ground.routes.get(name)
    if route is None:
        return Refused("route.unknown", f"{name!r} is not in the library")
    if route.scenario != request.scenario:
        return Refused("request.scenario_differs", f"route {name} is for {route.scenario}, not for {request.scenario}")
    if request.speed_m_s is not None:
        return Refused("request.invalid", "speed_m_s: a route of the library has its own speed")
    return Planned(route, tuple(point.place for point in route.points))


def _around(request: FlightRequest, target: PointTarget, ground: Ground) -> Planned | Refused:
    place = LatLon(target.lat, target.lon)
    how = StandOff(target.height_agl_m, target.stand_off_m, target.from_deg, target.dwell_s)
    point = look_at(place, how, ground.pad, ground.terrain)
    return point if isinstance(point, Refused) else Planned(_route(request, "point", (point,), ground), (place,))


def _over(request: FlightRequest, target: AreaTarget, ground: Ground) -> Planned | Refused:
    ring = ring_of(target.polygon)
    if (outside := _outside_fence(ring, ground)) is not None:
        return outside
    camera = ground.config.vision.camera
    picture = picture_from_above(target.height_agl_m, camera.horizontal_fov_deg, camera.width_px, camera.height_px)
    stands = cover(ring, picture, target.overlap, ground.pad.place, _POINTS_MAX)
    if isinstance(stands, Refused):
        return stands
    points = tuple(
        InspectionPoint(f"P{n}", s.place, target.height_agl_m, STOP_S, -90.0, round(s.heading_deg, 1) % 360.0)
        for n, s in enumerate(stands, 1)
    )
    return Planned(_route(request, "area", points, ground), ring)


def _along(request: FlightRequest, target: LineTarget, ground: Ground) -> Planned | Refused:
    line = tuple(map(place_of, target.line.coordinates))
    if (outside := _outside_fence(line, ground)) is not None:
        return outside
    camera = ground.config.vision.camera
    aspect = camera.height_px / camera.width_px
    how = Corridor(target.height_agl_m, target.offset_m, target.side, target.overlap, camera.horizontal_fov_deg, aspect)
    points = along(line, how, ground.pad, ground.terrain, _POINTS_MAX)
    return points if isinstance(points, Refused) else Planned(_route(request, "line", points, ground), line)


def _outside_fence(places: Sequence[LatLon], ground: Ground) -> Refused | None:
    """Before anything is planned: what lies half a world away would take for ever."""
    outside = sum(inside_margin_m(place, ground.site.fence.inclusion) < 0 for place in places)
    return Refused("route.outside_fence", f"{outside} of {len(places)} corners") if outside else None


def _route(request: FlightRequest, kind: str, points: tuple[InspectionPoint, ...], ground: Ground) -> Route:
    speed = request.speed_m_s or ground.config.flight.cruise_speed_m_s
    return Route(f"{kind}-{request.request.lower()}", f"{kind} for {request.department}", request.scenario, speed, points)


def _problems(route: Route, ground: Ground) -> list[Refused]:
    """What the checks of every route say, for a full battery in calm air; both are judged again before take-off."""
    if len(route.points) > _POINTS_MAX:
        return [Refused("route.too_many_points", f"{len(route.points)}, the limit is {_POINTS_MAX}")]
    flight = ground.config.flight
    try:
        compiled = compile_route(route, ground.site, ground.pad, ground.terrain, flight.takeoff_alt_rel_m)
    except ConfigError as error:
        return [Refused(error.code, error.message)]
    limits = Limits(flight.fence_margin_m, flight.clearance_min_m, flight.return_alt_rel_m)
    energy = EnergyModel(flight.cruise_power_w, flight.battery_capacity_wh)
    too_long, _ = check_energy(compiled, ground.pad, energy, route.speed_m_s, WindEstimate(), 1.0, flight.battery_reserve)
    return [*check_plan(compiled, ground.pad, ground.terrain, limits), *([too_long] if too_long else [])]


def rest_of(route: Route, seen: frozenset[str], number: int) -> Route | None:
    """The route without the points that were seen, under a name of its own; None where nothing is left."""
    left = tuple(point for point in route.points if point.id not in seen)
    base = route.id.rsplit("-rest-", 1)[0]
    return Route(f"{base}-rest-{number}", route.name, route.scenario, route.speed_m_s, left) if left else None


def place_of(lonlat: LonLat) -> LatLon:
    """GeoJSON's order turned round."""
    return LatLon(lonlat[1], lonlat[0])
