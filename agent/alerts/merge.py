"""Which incident a sighting belongs to. Pure: a sighting and the incidents in, one of them or None out.

The rule. A sighting belongs to the incident that already holds its track, if that is near enough to be true. Else to the
nearest incident of its family whose place, beyond both error ellipses, is within the merge distance; the reach of a hazard
(``catalogue``) widens it, since smoke is seen downwind of its fire and water lies far along its river. A place inside the area
that an incident covers is always within it.
"""

import math
from collections.abc import Iterable

from shapely.geometry import Point

from agent.alerts.catalogue import CATALOGUE
from agent.alerts.incident import Incident
from agent.core.geo import LatLon, LocalFrame, bearing_deg, distance_m, polygon_of
from agent.domain.alert import GeoJsonPolygon
from agent.domain.hazard import Hazard
from agent.domain.sighting import ErrorEllipse, GeoPosition, Sighting

_SAME_TRACK_FACTOR = 10.0
_SHORTEST_AXIS_M = 0.001  # keeps the formula well-behaved; no ellipse is that small


def incident_of(sighting: Sighting, incidents: Iterable[Incident], merge_distance_m: float) -> Incident | None:
    """The incident that the sighting is part of; None: it is a new one."""
    near: list[tuple[float, Incident]] = []
    for incident in incidents:
        if CATALOGUE[incident.current.hazard].family != CATALOGUE[sighting.hazard].family:
            continue
        gap = gap_m(sighting, incident)
        reach_m = merge_distance_m * _reach(sighting.hazard, incident)
        if sighting.track in incident.tracks and gap <= reach_m * _SAME_TRACK_FACTOR:
            return incident
        if gap <= reach_m:
            near.append((gap, incident))
    return min(near, key=lambda pair: pair[0])[1] if near else None


def gap_m(sighting: Sighting, incident: Incident) -> float:
    """Metres between sighting and incident beyond their error ellipses; 0 where they overlap or it lies in the area."""
    places = [incident.current.position, *(s.position for s in incident.tracks.values())]
    if incident.current.area and _inside(sighting.position, incident.current.area):
        return 0.0
    return min(beyond_ellipses_m(sighting.position, place) for place in places)


def beyond_ellipses_m(a: GeoPosition, b: GeoPosition) -> float:
    """Distance of the centres less each ellipse's radius towards the other, at least 0."""
    place_a, place_b = LatLon(a.lat, a.lon), LatLon(b.lat, b.lon)
    towards_b = bearing_deg(place_a, place_b)
    radii = radius_m(a.error_ellipse, towards_b) + radius_m(b.error_ellipse, towards_b + 180.0)
    return max(0.0, distance_m(place_a, place_b) - radii)


def radius_m(ellipse: ErrorEllipse, azimuth_deg: float) -> float:
    """Distance from an ellipse's centre to its edge in a direction."""
    major, minor = max(ellipse.semi_major_m, _SHORTEST_AXIS_M), max(ellipse.semi_minor_m, _SHORTEST_AXIS_M)
    angle = math.radians(azimuth_deg - ellipse.azimuth_deg)
    return major * minor / math.hypot(minor * math.cos(angle), major * math.sin(angle))


def _reach(hazard: Hazard, incident: Incident) -> float:
    hazards = {hazard, incident.current.hazard, *(s.hazard for s in incident.tracks.values())}
    return max(CATALOGUE[h].reach for h in hazards)


def _inside(position: GeoPosition, area: GeoJsonPolygon) -> bool:
    frame = LocalFrame(LatLon(position.lat, position.lon))
    ring = [LatLon(lat, lon) for lon, lat in area.coordinates[0]]
    return bool(polygon_of(ring, frame).buffer(0).contains(Point(0.0, 0.0)))
