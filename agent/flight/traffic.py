"""Will somebody else's aircraft come too close? Pure: what ADS-B tells, and where the drone is and goes.

"Well clear" is 2,000 feet across and 250 feet up or down (ASTM F3442/F3442M for small drones). Altitudes by pressure and by
satellite differ by a hundred metres and more, so a wider band counts where the other's altitude is by pressure.
"""

import math

from agent.core.geo import LocalFrame
from agent.domain.telemetry import Aircraft, Position

_ACROSS_M = 610.0
_UP_M = 75.0
_PRESSURE_UP_M = 200.0
_AHEAD_S = 60.0  # a helicopter at 60 m/s comes from 3.6 km away
_OLD_S = 10.0


def conflict(own: Position, others: tuple[Aircraft, ...], now_s: float) -> str | None:
    """The aircraft that is, or within a minute will be, too close, in words; None where there is none."""
    near = (_approach(own, other, now_s) for other in others)
    soonest = min((found for found in near if found is not None), default=None)
    return soonest[1] if soonest else None


def _approach(own: Position, other: Aircraft, now_s: float) -> tuple[float, str] | None:
    """Seconds until it is nearest, and the words; None where it stays away."""
    age_s = now_s - other.at_s
    if age_s > _OLD_S or other.alt_amsl_m is None:
        return None
    north, east = LocalFrame(own.place).to_local(other.place)
    speed = _relative(own, other)
    north, east = north + speed[0] * age_s, east + speed[1] * age_s
    after_s = _nearest_s(north, east, speed)
    across_m = math.hypot(north + speed[0] * after_s, east + speed[1] * after_s)
    up_m = other.alt_amsl_m - own.alt_amsl_m + (own.velocity_ned_m_s[2] + (other.climb_m_s or 0.0)) * (age_s + after_s)
    band_m = _UP_M if other.by_satellite else _PRESSURE_UP_M
    if across_m > _ACROSS_M or abs(up_m) > band_m:
        return None
    name = other.callsign or f"{other.icao:06X}"
    return after_s, f"{name}: {across_m:.0f} m across and {up_m:+.0f} m up in {after_s:.0f} s"


def _relative(own: Position, other: Aircraft) -> tuple[float, float]:
    """Velocity of the other against the drone, north and east; only the drone's where the other's is not known."""
    north, east = other.velocity_ne_m_s or (0.0, 0.0)
    return north - own.velocity_ned_m_s[0], east - own.velocity_ned_m_s[1]


def _nearest_s(north: float, east: float, speed: tuple[float, float]) -> float:
    """When a straight flight passes nearest, from now until as far ahead as is looked."""
    square = speed[0] ** 2 + speed[1] ** 2
    return 0.0 if square < 1e-6 else min(_AHEAD_S, max(0.0, -(north * speed[0] + east * speed[1]) / square))
