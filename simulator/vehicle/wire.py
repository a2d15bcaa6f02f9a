"""MAVLink's vocabulary for this package: the dialect, and the few conversions of its integer fields.

Knows pymavlink's generated classes; must not know sockets or the autopilot. Scaled integers (1e7 degrees, millimetres,
centidegrees) are made and read here and in the message builders only.
"""

import math
from typing import Any, Final

from pymavlink.dialects.v20 import ardupilotmega as mavlink

Message = Any
"""One decoded or to be encoded MAVLink message (a generated class of the dialect, which carries no types)."""

SYSTEM_ID: Final = 1
AUTOPILOT_COMPONENT: Final = 1
CAMERA_COMPONENT: Final = 100
NO_FRAME: Final = 0

__all__ = ["Message", "clamp_int", "conjugate", "deg_from_e7", "e7", "mavlink", "product", "quaternion", "text_of"]


def e7(angle_deg: float) -> int:
    """Degrees as MAVLink's 1e7-scaled integer."""
    return round(angle_deg * 1e7)


def deg_from_e7(value: int) -> float:
    """MAVLink's 1e7-scaled integer as degrees."""
    return value / 1e7


def clamp_int(value: float, low: int, high: int) -> int:
    """The nearest integer inside the field's range; a field never overflows."""
    if math.isnan(value):
        return low
    return int(min(max(round(value), low), high))


def text_of(value: str | bytes) -> str:
    """A char[] field without its padding."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return text.split("\x00", 1)[0]


def quaternion(roll: float, pitch: float, yaw: float) -> list[float]:
    """Attitude quaternion w, x, y, z of the rotation by yaw, then pitch, then roll (radians)."""
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    return [
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    ]


def conjugate(q: list[float]) -> list[float]:
    """The rotation back."""
    return [q[0], -q[1], -q[2], -q[3]]


def product(a: list[float], b: list[float]) -> list[float]:
    """The rotation by b, then by a."""
    (aw, ax, ay, az), (bw, bx, by, bz) = a, b
    return [
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ]
