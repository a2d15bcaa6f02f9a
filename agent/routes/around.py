"""From a place to look at to a route of one point: where the drone stands and how it turns its camera. Pure."""

import math
from dataclasses import dataclass

from agent.core.geo import LatLon, bearing_deg, destination, distance_m
from agent.core.outcome import Refused
from agent.core.terrain import Terrain
from agent.domain.route import InspectionPoint
from agent.routes.compile import Pad, ground_rel_m


@dataclass(frozen=True, slots=True)
class StandOff:
    """How to look at a place.

    Attributes:
        height_agl_m: of the drone over the ground below it.
        stand_off_m: distance across from the place; 0: right above.
        from_deg: side of the place on which the drone stands, from true north; None: the pad's side.
        dwell_s: how long it stays.
    """

    height_agl_m: float
    stand_off_m: float
    from_deg: float | None
    dwell_s: float


def look_at(place: LatLon, how: StandOff, pad: Pad, terrain: Terrain | None) -> InspectionPoint | Refused:
    """The inspection point from which a place is looked at; the camera's pitch follows from both grounds' heights."""
    side = how.from_deg
    if side is None:
        side = bearing_deg(place, pad.place) if distance_m(place, pad.place) > 1.0 else 0.0
    stand = destination(place, side, how.stand_off_m) if how.stand_off_m > 0 else place
    there, below = ground_rel_m(place, pad, terrain), ground_rel_m(stand, pad, terrain)
    if there is None or below is None:
        return Refused("route.no_terrain", "the place lies outside the height raster")
    drop_m = below + how.height_agl_m - there
    pitch_deg = -math.degrees(math.atan2(drop_m, how.stand_off_m)) if how.stand_off_m > 0 else -90.0
    return InspectionPoint(
        id="P1",
        place=stand,
        height_agl_m=how.height_agl_m,
        dwell_s=how.dwell_s,
        camera_pitch_deg=round(max(-90.0, min(30.0, pitch_deg)), 1),
        heading_deg=round((side + 180.0) % 360.0, 1) % 360.0 if how.stand_off_m > 0 else None,
    )
