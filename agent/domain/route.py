"""Routes and the site they lie in, as engineers draw them. Read from GeoJSON by ``agent.routes.library``."""

from dataclasses import dataclass

from agent.core.geo import LatLon
from agent.domain.mission import Fence, RallyPoint

Ring = tuple[LatLon, ...]

PICTURE_INTERVAL_S = 1.0
"""Between photographs of one place: a servo's shutter is ready again after 0.1 s, a stored picture takes most of a second."""


@dataclass(frozen=True, slots=True)
class InspectionPoint:
    """A place to look at from.

    Attributes:
        id: unique within its route.
        place: where the drone shall be.
        height_agl_m: metres over the ground below the point.
        dwell_s: how long it stays.
        camera_pitch_deg: camera axis against the horizon.
        heading_deg: which way to look; None: along the route.
        pictures: how many photographs are taken there; 0: the video alone looks.
    """

    id: str
    place: LatLon
    height_agl_m: float
    dwell_s: float = 3.0
    camera_pitch_deg: float = -45.0
    heading_deg: float | None = None
    pictures: int = 1


@dataclass(frozen=True, slots=True)
class Route:
    """Inspection points in the order of flight."""

    id: str
    name: str
    scenario: str
    speed_m_s: float
    points: tuple[InspectionPoint, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """What is true around a nest whatever the route.

    Attributes:
        fence: inclusion, exclusions and ceiling.
        rally: places to land when the pad cannot be used, in order of preference.
        normal_water: outlines of water that is there in normal times.
        normal_heat: outlines of what is hot in normal times: chimneys, kilns, flares.
    """

    fence: Fence
    rally: tuple[RallyPoint, ...]
    normal_water: tuple[Ring, ...] = ()
    normal_heat: tuple[Ring, ...] = ()
