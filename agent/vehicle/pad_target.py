"""A fix of the pad as autopilots want it: from the drone as it is now, or in the drone's own local frame. Pure."""

from agent.core.attitude import rotation
from agent.domain.landing import PadFix
from agent.domain.telemetry import Telemetry

_AGE_MAX_S = 1.0
"""A fix is carried over no longer time by the drone's velocity."""

Metres = tuple[float, float, float]


def in_body(fix: PadFix, telemetry: Telemetry, now_unix_s: float) -> Metres | None:
    """The pad from the drone at this moment, forward, right and down.

    The fix is some tenths of a second old. Carried on by the velocity since and turned by the newest attitude it is what a
    camera without delay would see, whatever delay this one has. None where the drone does not say how it flies.
    """
    attitude, position = telemetry.attitude, telemetry.position
    age_s = now_unix_s - fix.captured_unix_s
    if attitude is None or position is None or not -_AGE_MAX_S < age_s < _AGE_MAX_S:
        return None
    north, east, down = position.velocity_ned_m_s
    from_drone = (fix.north_m - north * age_s, fix.east_m - east * age_s, fix.down_m - down * age_s)
    forward, right, below = rotation(attitude.roll_deg, attitude.pitch_deg, attitude.yaw_deg).T @ from_drone
    return float(forward), float(right), float(below)


def in_local(fix: PadFix, telemetry: Telemetry, local_unix_s: float | None) -> Metres | None:
    """The pad in the drone's local frame, north, east and down of its origin.

    Args:
        local_unix_s: product time of the telemetry's local position, which is carried back from there to the capture.
    """
    local = telemetry.local
    if local is None or local_unix_s is None or abs(local_unix_s - fix.captured_unix_s) > _AGE_MAX_S:
        return None
    later_s = local_unix_s - fix.captured_unix_s
    from_drone = (fix.north_m, fix.east_m, fix.down_m)
    north, east, down = (
        place - speed * later_s + away
        for place, speed, away in zip(local.ned_m, local.velocity_ned_m_s, from_drone, strict=True)
    )
    return north, east, down
