"""Other aircraft, as a transponder receiver on the drone tells of them."""

import math
from dataclasses import replace

from agent.domain.telemetry import Aircraft, Telemetry
from agent.mavlink.codec import Frame, text_of
from agent.mavlink.scale import lat_lon

_TRAFFIC_KEPT = 50
_TRAFFIC_OLD_S = 30.0
_HAS_COORDS, _HAS_ALTITUDE, _HAS_HEADING, _HAS_VELOCITY, _HAS_CLIMB = 1, 2, 4, 8, 128  # ADSB_FLAGS
_BY_SATELLITE = 1  # ADSB_ALTITUDE_TYPE_GEOMETRIC


def aircraft(telemetry: Telemetry, frame: Frame, _: object) -> Telemetry:
    """ADSB_VEHICLE: the newest of each aircraft; a crowded sky or a hostile sender does not fill the memory."""
    body, flags = frame.body, int(frame.body.flags)
    heard_s = frame.at_s - body.tslc
    others = [a for a in telemetry.traffic if a.icao != body.ICAO_address and frame.at_s - a.at_s < _TRAFFIC_OLD_S]
    if not flags & _HAS_COORDS:
        return telemetry
    moving = flags & _HAS_HEADING and flags & _HAS_VELOCITY
    course, speed_m_s = math.radians(body.heading / 100.0), body.hor_velocity / 100.0
    newest = Aircraft(
        at_s=heard_s,
        icao=int(body.ICAO_address),
        callsign="".join(c for c in text_of(body.callsign) if c.isalnum()),
        place=lat_lon(body.lat, body.lon),
        alt_amsl_m=body.altitude / 1000.0 if flags & _HAS_ALTITUDE else None,
        by_satellite=body.altitude_type == _BY_SATELLITE,
        velocity_ne_m_s=(speed_m_s * math.cos(course), speed_m_s * math.sin(course)) if moving else None,
        climb_m_s=body.ver_velocity / 100.0 if flags & _HAS_CLIMB else None,
    )
    return replace(telemetry, traffic=(*others, newest)[-_TRAFFIC_KEPT:])
