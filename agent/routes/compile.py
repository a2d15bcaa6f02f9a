"""Turns a route into the plan that the autopilot flies. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agent.core.errors import ConfigError
from agent.core.geo import LatLon
from agent.core.terrain import Terrain
from agent.domain.mission import FlightPlan, ItemKind, PlanItem
from agent.domain.route import PICTURE_INTERVAL_S, InspectionPoint, Route, Site


@dataclass(frozen=True, slots=True)
class Pad:
    """Where the drone starts: place and height above mean sea level."""

    place: LatLon
    alt_amsl_m: float


def ground_rel_m(place: LatLon, pad: Pad, terrain: Terrain | None) -> float | None:
    """Height of the ground over the pad; 0 where there is no raster, None where the raster does not reach."""
    if terrain is None:
        return 0.0
    ground = terrain.height_amsl_m(place)
    return None if ground is None else ground - pad.alt_amsl_m


def compile_route(
    route: Route, site: Site, pad: Pad, terrain: Terrain | None, takeoff_alt_rel_m: float, start: int = 0
) -> FlightPlan:
    """The plan for a route, from an inspection point on.

    Each inspection point becomes: point the camera where the pitch changes, fly there and stay, take its pictures.

    Args:
        start: index of the first inspection point to visit; above 0 after a breakpoint.

    Raises:
        ConfigError: a point lies outside the height raster, so its height over ground is unknown.
    """
    items = [
        PlanItem(ItemKind.TAKEOFF, pad.place, takeoff_alt_rel_m),
        PlanItem(ItemKind.CHANGE_SPEED, speed_m_s=route.speed_m_s),
    ]
    pitch_deg: float | None = None
    for point in route.points[start:]:
        if point.camera_pitch_deg != pitch_deg:
            pitch_deg = point.camera_pitch_deg
            items.append(PlanItem(ItemKind.POINT_CAMERA, camera_pitch_deg=pitch_deg))
        items += _visit(_waypoint(route, point, pad, terrain), point)
    items.append(PlanItem(ItemKind.RETURN))
    return FlightPlan(route.id, tuple(items), site.fence, site.rally)


def _visit(waypoint: PlanItem, point: InspectionPoint) -> Iterator[PlanItem]:
    """There, and its pictures one by one.

    A series is no single item: PX4's own trigger ignores one, and an autopilot flies on the moment it has ordered it.
    """
    yield waypoint
    for number in range(point.pictures):
        if number > 0:
            yield replace(waypoint, hold_s=PICTURE_INTERVAL_S)
        yield PlanItem(ItemKind.CAPTURE, inspection_point=point.id)


def _waypoint(route: Route, point: InspectionPoint, pad: Pad, terrain: Terrain | None) -> PlanItem:
    ground = ground_rel_m(point.place, pad, terrain)
    if ground is None:
        raise ConfigError(
            "route.no_terrain",
            f"route {route.id}, point {point.id}: outside the height raster; enlarge the raster or move the point",
        )
    return PlanItem(
        ItemKind.WAYPOINT,
        point.place,
        round(ground + point.height_agl_m, 2),
        hold_s=point.dwell_s,
        heading_deg=point.heading_deg,
        inspection_point=point.id,
    )


def point_of_item(plan: FlightPlan, index: int) -> str | None:
    """Which inspection point an item of the plan serves."""
    return plan.items[index].inspection_point if 0 <= index < len(plan.items) else None
