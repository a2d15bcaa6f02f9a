"""A flight as the autopilot shall fly it, in words every autopilot has: items, fence, rally points.

Indices count the items of :attr:`FlightPlan.items` from 0. A home item in front is the driver's affair.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent.core.geo import Circle, LatLon


class ItemKind(StrEnum):
    """What an item makes the drone do."""

    TAKEOFF = "takeoff"
    WAYPOINT = "waypoint"
    CHANGE_SPEED = "change_speed"
    POINT_CAMERA = "point_camera"
    CAPTURE = "capture"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One item. Fields that its kind does not use stay at their defaults.

    Attributes:
        kind: what it does.
        place: where (waypoint).
        alt_rel_m: metres above home (take-off, waypoint).
        hold_s: how long to stay there (waypoint).
        heading_deg: heading at a waypoint from true north; None leaves it to the autopilot.
        speed_m_s: ground speed from here on (change speed).
        camera_pitch_deg: camera axis against the horizon, -90 is straight down (point camera).
        inspection_point: which point of the route this item serves.
    """

    kind: ItemKind
    place: LatLon | None = None
    alt_rel_m: float | None = None
    hold_s: float = 0.0
    heading_deg: float | None = None
    speed_m_s: float | None = None
    camera_pitch_deg: float | None = None
    inspection_point: str | None = None


FenceArea = tuple[LatLon, ...] | Circle
"""A polygon's ring, or a circle."""


@dataclass(frozen=True, slots=True)
class Fence:
    """Where the drone may be: inside one area and outside others.

    Rings are open (the last vertex is not the first), at least three vertices. There is one inclusion, since of several an
    ArduPilot keeps inside all and a PX4 inside any.
    """

    inclusion: FenceArea
    exclusions: tuple[FenceArea, ...] = ()
    alt_max_rel_m: float = 120.0


@dataclass(frozen=True, slots=True)
class RallyPoint:
    """A place to land when the pad cannot be used."""

    place: LatLon
    alt_rel_m: float


@dataclass(frozen=True, slots=True)
class FlightPlan:
    """Everything that is uploaded before a flight.

    Attributes:
        return_alt_rel_m: height over the pad of the autopilot's own way home; None leaves what it has.
    """

    route: str
    items: tuple[PlanItem, ...]
    fence: Fence
    rally: tuple[RallyPoint, ...] = ()
    return_alt_rel_m: float | None = None
