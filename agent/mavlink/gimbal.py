"""The gimbal protocol, version 2: where the camera looks, who steers it, and how control is taken and given back.

GIMBAL_DEVICE_ATTITUDE_STATUS comes from a gimbal (154, 171 to 175), or from an autopilot that drives servos itself. Its flags
say against what yaw counts; roll and pitch are against the horizon, except where an autopilot says so and does not mean it.
"""

import math
from enum import StrEnum

from agent.core.geo import wrap_180
from agent.domain.camera import GimbalControl
from agent.domain.telemetry import Attitude, Gimbal
from agent.mavlink.codec import Frame
from agent.mavlink.commands import Command
from agent.mavlink.enums import AUTOPILOT_COMPONENT, Cmd

_YAW_LOCK, _YAW_IN_VEHICLE_FRAME, _YAW_IN_EARTH_FRAME = 16, 32, 64  # GIMBAL_DEVICE_FLAGS
_OTHER_DEVICE_S = 5.0
_UNCHANGED, _GIVE_BACK = -1.0, -3.0  # DO_GIMBAL_MANAGER_CONFIGURE
_FOLLOWS_NOSE = 0.0  # GIMBAL_MANAGER_FLAGS: no yaw lock

Quaternion = tuple[float, float, float, float]
"""w, x, y, z."""


class GimbalFrame(StrEnum):
    """What the angles of an autopilot's own gimbal are against."""

    FLAGGED = "flagged"  # as the message's flags say
    BODY = "body"  # the drone's body, whatever the flags say
    UNKNOWN = "unknown"  # not known yet: better no angle than a wrong one


def gimbal_of(frame: Frame, before: Gimbal | None, attitude: Attitude | None, meaning: GimbalFrame) -> Gimbal | None:
    """The gimbal's angles against the horizon and true north; None where they cannot be told.

    Args:
        before: what was known; another gimbal's report does not replace it while it is fresh.
        attitude: the drone's newest.
        meaning: of angles that the autopilot itself reports.
    """
    body, device = frame.body, (frame.component, int(frame.body.gimbal_device_id))
    q = _unit(body.q)
    if q is None or (before is not None and before.device != device and frame.at_s - before.at_s < _OTHER_DEVICE_S):
        return None
    own = frame.component == AUTOPILOT_COMPONENT
    if own and meaning is GimbalFrame.UNKNOWN:
        return None
    in_body = own and meaning is GimbalFrame.BODY
    if in_body and attitude is not None:
        q = _product(_quaternion(attitude), q)
    roll, pitch, yaw = _euler_deg(q)
    flags = int(body.flags)
    in_earth = bool(flags & _YAW_IN_EARTH_FRAME) or (bool(flags & _YAW_LOCK) and not flags & _YAW_IN_VEHICLE_FRAME)
    if in_body or not in_earth:
        if attitude is None:
            return None
        yaw = yaw if in_body else wrap_180(yaw + attitude.yaw_deg)
    return Gimbal(frame.at_s, _boot_ms(frame, attitude), roll, pitch, yaw, device)


def _boot_ms(frame: Frame, attitude: Attitude | None) -> int:
    """The autopilot's time of the report. A gimbal of its own counts from its own boot; it is taken as fresh as it came."""
    if frame.component == AUTOPILOT_COMPONENT or attitude is None:
        return int(frame.body.time_boot_ms)
    return attitude.boot_ms + round((frame.at_s - attitude.at_s) * 1000.0)


def _unit(q: Quaternion) -> Quaternion | None:
    norm = math.sqrt(sum(part * part for part in q))
    if not math.isfinite(norm) or not 0.9 < norm < 1.1:
        return None
    w, x, y, z = (part / norm for part in q)
    return w, x, y, z


def _euler_deg(q: Quaternion) -> tuple[float, float, float]:
    """Roll, pitch, yaw of the rotation by yaw, then pitch, then roll."""
    w, x, y, z = q
    roll = math.degrees(math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)))
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x)))))
    yaw = math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
    return roll, pitch, yaw


def _quaternion(attitude: Attitude) -> Quaternion:
    """The rotation from body to world."""
    half = (math.radians(angle) / 2 for angle in (attitude.roll_deg, attitude.pitch_deg, attitude.yaw_deg))
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a), math.sin(a)) for a in half)
    return (
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    )


def _product(a: Quaternion, b: Quaternion) -> Quaternion:
    """First b, then a."""
    (aw, ax, ay, az), (bw, bx, by, bz) = a, b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def control_of(frame: Frame) -> GimbalControl:
    """GIMBAL_MANAGER_STATUS: who steers."""
    return GimbalControl(frame.at_s, int(frame.body.primary_control_sysid), int(frame.body.primary_control_compid))


def reach_of(frame: Frame) -> tuple[float, float] | None:
    """GIMBAL_MANAGER_INFORMATION: least and largest pitch; None where it does not say."""
    least, most = math.degrees(frame.body.pitch_min), math.degrees(frame.body.pitch_max)
    return (least, most) if least < most else None


def take_control(system: int, component: int) -> Command:
    """Makes this station the one that steers. By its ids: PX4 reads "myself" (-2) as itself, not as the sender."""
    return Command(Cmd.DO_GIMBAL_MANAGER_CONFIGURE, (float(system), float(component), _UNCHANGED, _UNCHANGED))


def look_ahead(pitch_deg: float) -> Command:
    """The camera over the nose, at a pitch against the horizon, which it keeps."""
    no_rate, over_nose = math.nan, 0.0
    return Command(Cmd.DO_GIMBAL_MANAGER_PITCHYAW, (pitch_deg, over_nose, no_rate, no_rate, _FOLLOWS_NOSE))


def give_control_back() -> Command:
    """Nobody steers any more, if this station did."""
    return Command(Cmd.DO_GIMBAL_MANAGER_CONFIGURE, (_GIVE_BACK, _GIVE_BACK, _UNCHANGED, _UNCHANGED))
