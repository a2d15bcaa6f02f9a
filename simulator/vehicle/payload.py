"""The gimbal, as the autopilot drives and reports it.

It turns with a limited rate to earth-level pitch and to yaw in the body's or the earth's frame. Knows angles; must not know
MAVLink's commands.
"""

import math
from typing import Final

from simulator.vehicle.craft import Craft
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import Message, conjugate, mavlink, product, quaternion

_RATE_DEG_S: Final = 60.0
YAW_LOCK: Final = int(mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK)
_LEVEL: Final = int(mavlink.GIMBAL_DEVICE_FLAGS_ROLL_LOCK | mavlink.GIMBAL_DEVICE_FLAGS_PITCH_LOCK)
GIMBAL_DEVICE_ID: Final = 1
_SERVO_MOUNT: Final = 1  # MNT1_TYPE


class Gimbal:
    """Angles in degrees; pitch down is negative; yaw from the nose, or from north with the lock."""

    def __init__(self, craft: Craft) -> None:
        self._craft = craft
        self.pitch_deg = 0.0
        self.yaw_deg = 0.0
        self.yaw_locked = False
        self._want_pitch = 0.0
        self._want_yaw = 0.0
        self._want_rates: tuple[float, float] | None = None
        self.control = (0, 0)
        """System and component that steer it; 0 is nobody."""

    @property
    def yaw_from_north_deg(self) -> float:
        """Where it looks."""
        return self.yaw_deg if self.yaw_locked else _wrap(self.yaw_deg + math.degrees(self._craft.body.yaw))

    def point(self, pitch_deg: float, yaw_deg: float, *, lock: bool = False) -> None:
        """New angles; NaN leaves one as it is."""
        self._want_rates = None
        if lock != self.yaw_locked:
            heading = math.degrees(self._craft.body.yaw)
            self.yaw_deg = _wrap(self.yaw_deg + (heading if lock else -heading))
            self._want_yaw, self.yaw_locked = self.yaw_deg, lock
        if math.isfinite(pitch_deg):
            self._want_pitch = pitch_deg
        if math.isfinite(yaw_deg):
            self._want_yaw = _wrap(yaw_deg)

    def turn(self, pitch_deg_s: float, yaw_deg_s: float) -> None:
        """New rates."""
        self._want_rates = (pitch_deg_s, yaw_deg_s)

    def look_at(self, place: Vector) -> None:
        """Points at a place (local) once a step while a region of interest is set."""
        here = self._craft.position()
        north, east, down = place[0] - here[0], place[1] - here[1], here[2] - place[2]
        bearing = math.degrees(math.atan2(east, north))
        self.point(-math.degrees(math.atan2(down, math.hypot(north, east))), bearing, lock=True)

    def step(self, dt_s: float) -> None:
        """Turns towards what is wanted, unless it is stuck."""
        values = self._craft.parameters
        if values["SIM_GIMBAL_STUCK"]:
            return
        if self._want_rates is not None:
            self._want_pitch = self.pitch_deg + self._want_rates[0] * dt_s
            self._want_yaw = _wrap(self.yaw_deg + self._want_rates[1] * dt_s)
        want_pitch = min(max(self._want_pitch, values["MNT1_PITCH_MIN"]), values["MNT1_PITCH_MAX"])
        limit = _RATE_DEG_S * dt_s
        self.pitch_deg += min(max(want_pitch - self.pitch_deg, -limit), limit)
        self.yaw_deg = _wrap(self.yaw_deg + min(max(_wrap(self._want_yaw - self.yaw_deg), -limit), limit))

    def message(self, boot_ms: int) -> Message:
        """GIMBAL_DEVICE_ATTITUDE_STATUS: the quaternion's yaw is from the nose unless the yaw is locked to north.

        Servos are reported by their own angles, which are against the body, under the same flags.
        """
        flags = _LEVEL | (YAW_LOCK if self.yaw_locked else 0)
        q = quaternion(0.0, math.radians(self.pitch_deg), math.radians(self.yaw_deg))
        if self._craft.parameters["MNT1_TYPE"] == _SERVO_MOUNT:
            body = self._craft.body
            look = quaternion(0.0, math.radians(self.pitch_deg), math.radians(self.yaw_from_north_deg))
            q = product(conjugate(quaternion(body.roll, body.pitch, body.yaw)), look)
        nan = math.nan
        return mavlink.MAVLink_gimbal_device_attitude_status_message(
            0, 0, boot_ms, flags, q, nan, nan, nan, 0, nan, nan, GIMBAL_DEVICE_ID
        )


def _wrap(angle_deg: float) -> float:
    return math.remainder(angle_deg, 360.0)
