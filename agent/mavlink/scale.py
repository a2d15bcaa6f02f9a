"""Degrees as MAVLink's scaled integers. The only place that knows the factor of ten million."""

from agent.core.geo import LatLon

_PER_DEG = 1e7


def lat_lon(lat_e7: int, lon_e7: int) -> LatLon:
    """A place from a message's integers."""
    return LatLon(lat_e7 / _PER_DEG, lon_e7 / _PER_DEG)


def scaled(place: LatLon) -> tuple[int, int]:
    """A place as the integers of a message."""
    return round(place.lat_deg * _PER_DEG), round(place.lon_deg * _PER_DEG)
