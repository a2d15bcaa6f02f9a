"""The pose of drone and camera at one moment, put together from messages of different moments. Pure."""

from agent.core.geo import LocalFrame
from agent.domain.telemetry import PoseSample, Telemetry

_POSITION_OLD_MS = 1000  # carried forward by its velocity for no longer than this


def pose_sample(telemetry: Telemetry, unix_s: float) -> PoseSample | None:
    """The pose at the newest attitude's moment; None while position or attitude are missing or too old.

    The position is carried forward to the attitude's moment by its velocity, since a drone at 10 m/s moves a metre between two
    messages. Both carry the autopilot's own time, so this does not depend on the link's delay.

    Args:
        telemetry: what is known.
        unix_s: Unix time of the newest attitude.
    """
    attitude, position, gimbal = telemetry.attitude, telemetry.position, telemetry.gimbal
    if attitude is None or position is None:
        return None
    behind_ms = attitude.boot_ms - position.boot_ms
    if abs(behind_ms) > _POSITION_OLD_MS:
        return None
    behind_s = behind_ms / 1000.0
    north, east, down = position.velocity_ned_m_s
    place = LocalFrame(position.place).to_latlon(north * behind_s, east * behind_s)
    return PoseSample(
        unix_s=unix_s,
        lat_deg=place.lat_deg,
        lon_deg=place.lon_deg,
        alt_amsl_m=position.alt_amsl_m - down * behind_s,
        alt_rel_m=position.alt_rel_m - down * behind_s,
        velocity_ned_m_s=position.velocity_ned_m_s,
        roll_deg=attitude.roll_deg,
        pitch_deg=attitude.pitch_deg,
        yaw_deg=attitude.yaw_deg,
        gimbal_roll_deg=None if gimbal is None else gimbal.roll_deg,
        gimbal_pitch_deg=None if gimbal is None else gimbal.pitch_deg,
        gimbal_yaw_deg=None if gimbal is None else gimbal.yaw_deg,
        gimbal_age_s=0.0 if gimbal is None else (attitude.boot_ms - gimbal.boot_ms) / 1000.0,
        hdop=telemetry.gps.hdop if telemetry.gps else None,
    )
