"""Gimbal and camera shutter, as the autopilot drives and reports them.

The gimbal turns with a limited rate to earth-level pitch and to yaw in the body's or the earth's frame. Knows angles and
pictures; must not know MAVLink's commands.
"""

import math
from collections.abc import Callable
from typing import Final

from simulator.vehicle.craft import Craft
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import Message, clamp_int, e7, mavlink, quaternion

_RATE_DEG_S: Final = 60.0
YAW_LOCK: Final = int(mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK)
_LEVEL: Final = int(mavlink.GIMBAL_DEVICE_FLAGS_ROLL_LOCK | mavlink.GIMBAL_DEVICE_FLAGS_PITCH_LOCK)
GIMBAL_DEVICE_ID: Final = 1


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
        """Turns towards what is wanted."""
        values = self._craft.parameters
        if self._want_rates is not None:
            self._want_pitch = self.pitch_deg + self._want_rates[0] * dt_s
            self._want_yaw = _wrap(self.yaw_deg + self._want_rates[1] * dt_s)
        want_pitch = min(max(self._want_pitch, values["MNT1_PITCH_MIN"]), values["MNT1_PITCH_MAX"])
        limit = _RATE_DEG_S * dt_s
        self.pitch_deg += min(max(want_pitch - self.pitch_deg, -limit), limit)
        self.yaw_deg = _wrap(self.yaw_deg + min(max(_wrap(self._want_yaw - self.yaw_deg), -limit), limit))

    def message(self, boot_ms: int) -> Message:
        """GIMBAL_DEVICE_ATTITUDE_STATUS: the quaternion's yaw is from the nose unless the yaw is locked to north."""
        flags = _LEVEL | (YAW_LOCK if self.yaw_locked else 0)
        q = quaternion(0.0, math.radians(self.pitch_deg), math.radians(self.yaw_deg))
        return mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, boot_ms, flags, q, 0.0, 0.0, 0.0, 0, 0.0, 0.0)


class Shutter:
    """Counts pictures, by command, by time or by distance.

    Args:
        craft: for where a picture is taken.
        unix_usec: product time.
        emit: sends to every ground station.
    """

    def __init__(self, craft: Craft, gimbal: Gimbal, unix_usec: Callable[[], int], emit: Callable[[Message], None]) -> None:
        self._craft, self._gimbal, self._unix_usec, self._emit = craft, gimbal, unix_usec, emit
        self.taken = 0
        self._interval_s = 0.0
        self._left = 0
        self._next_s = 0.0
        self._distance_m = 0.0
        self._last_place: Vector | None = None

    def start(self, interval_s: float, count: int) -> None:
        """Takes count pictures (0: until stopped), one now."""
        self._interval_s = max(interval_s, 0.1)
        self._left = count if count > 0 else -1
        self._next_s = self._craft.time_s

    def stop(self) -> None:
        """Ends a series."""
        self._left = 0

    def by_distance(self, distance_m: float, *, now: bool) -> None:
        """A picture each so many metres; 0 ends it."""
        self._distance_m = max(distance_m, 0.0)
        self._last_place = self._craft.position()
        if now and self._distance_m > 0:
            self.shoot()

    def step(self) -> None:
        """Takes what is due."""
        if self._left and self._craft.time_s >= self._next_s:
            self._next_s += self._interval_s
            self._left -= 1 if self._left > 0 else 0
            self.shoot()
        if self._distance_m > 0.0 and self._last_place is not None:
            here = self._craft.position()
            if math.dist(here, self._last_place) >= self._distance_m:
                self._last_place = here
                self.shoot()

    def shoot(self) -> None:
        """One picture, told by CAMERA_FEEDBACK and CAMERA_IMAGE_CAPTURED."""
        self.taken += 1
        craft, body = self._craft, self._craft.body
        here = craft.position()
        place, alt_m, rel_m = craft.latlon_of(here), craft.alt_amsl_m(here), here[2] - craft.home_up_m
        usec = self._unix_usec()
        lat, lon = e7(place.lat_deg), e7(place.lon_deg)
        self._emit(mavlink.MAVLink_camera_feedback_message(
            usec, 0, 0, self.taken % 65536, lat, lon, alt_m, rel_m, math.degrees(body.roll), math.degrees(body.pitch),
            math.degrees(body.yaw) % 360.0, 0.0, 0, self.taken % 65536,
        ))  # fmt: skip
        gimbal_yaw = self._gimbal.yaw_deg + (0.0 if self._gimbal.yaw_locked else math.degrees(body.yaw))
        q = quaternion(0.0, math.radians(self._gimbal.pitch_deg), math.radians(gimbal_yaw))
        self._emit(mavlink.MAVLink_camera_image_captured_message(
            int(craft.time_s * 1000), usec, 0, lat, lon, clamp_int(alt_m * 1000, -(2**31), 2**31 - 1),
            clamp_int(rel_m * 1000, -(2**31), 2**31 - 1), q, self.taken, 1, b"",
        ))  # fmt: skip


def _wrap(angle_deg: float) -> float:
    return math.remainder(angle_deg, 360.0)
