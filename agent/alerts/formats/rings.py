"""Outline and error ellipse as rings that every reader takes: closed, not crossing themselves, at least four pairs.

Rings are (lon, lat) in degrees, counter-clockwise, on a grid of 1e-6 degrees (0.1 m).
"""

import math
from collections.abc import Iterator

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from agent.core.geo import LatLon, LocalFrame
from agent.domain.alert import GeoJsonPolygon
from agent.domain.sighting import GeoPosition

Ring = tuple[tuple[float, float], ...]

LONGEST_M = 10_000_000.0  # a quarter of the way round the earth: wider is no place
_GRID_DEG = 1e-6
_DECIMALS = 6
_CORNERS = 16
_SHORTEST_M = 1.0  # an ellipse that would vanish in the grid


def outline(area: GeoJsonPolygon | None) -> Ring | None:
    """The area's outer edge; of one that crosses itself its largest part. None where nothing with a size is left."""
    ring = area.coordinates[0] if area and area.coordinates else ()
    on_earth = all(abs(lon) <= 180.0 and abs(lat) <= 90.0 for lon, lat in ring)
    if len(ring) < 3 or not on_earth:
        return None
    return _largest(Polygon(ring))


def ellipse(position: GeoPosition) -> Ring | None:
    """A ring around the 95 % ellipse, touching it from outside. None near a pole, or where it is no place any more."""
    error = position.error_ellipse
    if error.semi_major_m > 100_000.0 or abs(position.lat) > 85.0:
        return None
    outside = 1.0 / math.cos(math.pi / _CORNERS)
    major_m, minor_m = (max(axis, _SHORTEST_M) * outside for axis in (error.semi_major_m, error.semi_minor_m))
    azimuth = math.radians(error.azimuth_deg)
    frame = LocalFrame(LatLon(position.lat, position.lon))
    corners = []
    for step in range(_CORNERS):
        angle = 2.0 * math.pi * step / _CORNERS
        along_m, across_m = major_m * math.cos(angle), minor_m * math.sin(angle)
        north_m = along_m * math.cos(azimuth) - across_m * math.sin(azimuth)
        east_m = along_m * math.sin(azimuth) + across_m * math.cos(azimuth)
        place = frame.to_latlon(north_m, east_m)
        corners.append((place.lon_deg, place.lat_deg))
    if max(lon for lon, _ in corners) - min(lon for lon, _ in corners) > 180.0:
        return None  # it lies across the date line, where a ring of degrees means something else
    return _largest(Polygon(corners))


def _largest(polygon: Polygon) -> Ring | None:
    try:
        clean = shapely.set_precision(shapely.make_valid(polygon), _GRID_DEG)
    except shapely.errors.GEOSException:
        return None  # numbers beyond geometry, such as NaN
    best = max(_polygons(clean), key=lambda p: p.area, default=None)
    if best is None:
        return None
    ring = orient(Polygon(best.exterior)).exterior.coords
    return tuple((round(lon, _DECIMALS), round(lat, _DECIMALS)) for lon, lat in ring)


def _polygons(geometry: shapely.Geometry) -> Iterator[Polygon]:
    if isinstance(geometry, Polygon) and not geometry.is_empty:
        yield geometry
    elif isinstance(geometry, MultiPolygon | shapely.GeometryCollection):
        for part in geometry.geoms:
            yield from _polygons(part)
