"""Turns a route into the plan that the autopilot flies. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from agent.core.errors import ConfigError
from agent.core.geo import LatLon
from agent.core.terrain import Terrain
from agent.domain.mission import PICTURE_INTERVAL_S, FlightPlan, ItemKind, PlanItem
from agent.domain.route import InspectionPoint, Route, Site

_SHUTTER_SLACK = 1.2  # ArduCopter looks for the next picture 50 times a second and waits for more than the interval


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
    """There, and the pictures. Autopilots fly on the moment they have ordered pictures, so for several they are held there."""
    yield waypoint
    if point.pictures > 0:
        yield PlanItem(ItemKind.CAPTURE, pictures=point.pictures, inspection_point=point.id)
    if point.pictures > 1:
        yield replace(waypoint, hold_s=math.ceil((point.pictures - 1) * PICTURE_INTERVAL_S * _SHUTTER_SLACK))


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
