"""How high the sun stands. Low-precision formulas of the Astronomical Almanac: good to 0.1 degree from 1950 to 2050."""

import math
from datetime import UTC, datetime

from agent.core.geo import LatLon

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_elevation_deg(place: LatLon, at: datetime) -> float:
    """Angle of the sun's centre over the horizon, without refraction; negative below it."""
    days = (at - _J2000).total_seconds() / 86_400.0
    mean_longitude = math.radians((280.460 + 0.9856474 * days) % 360.0)
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360.0)
    longitude = mean_longitude + math.radians(1.915 * math.sin(anomaly) + 0.020 * math.sin(2.0 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    sidereal = math.radians((280.46061837 + 360.98564736629 * days + place.lon_deg) % 360.0)
    lat = math.radians(place.lat_deg)
    hour = sidereal - ascension
    height = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.asin(max(-1.0, min(1.0, height))))
