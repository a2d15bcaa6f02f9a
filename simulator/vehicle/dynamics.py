"""The body: a point mass that tilts, with drag, wind and ground.

Frame: north, east and up in metres from the place where the vehicle was put; up is zero at that place's altitude. This is the
truth; what the autopilot believes is in ``sensors``. Plain floats only, because it runs thousands of times a second.
"""

import math
from dataclasses import dataclass
from typing import Final

GRAVITY_M_S2: Final = 9.80665
_DRAG_PER_M: Final = 0.0114  # 25 degrees of tilt hold 20 m/s
_TILT_LAG_S: Final = 0.12
_LIFT_LAG_S: Final = 0.08
_TILT_SLEW_M_S3: Final = 30.0
_MOST_LIFT: Final = 1.9  # thrust over weight
_YAW_ACCEL_RAD_S2: Final = 1.6
_GROUND_GRIP_S: Final = 0.05


@dataclass(slots=True)
class Drive:
    """What the controller asks of the body for one step.

    Attributes:
        acc_north: horizontal thrust acceleration wanted, m/s2.
        acc_east: likewise.
        lift: vertical thrust acceleration wanted, m/s2; 9.8 hovers, 0 is motors at idle.
        yaw_rate: wanted, rad/s, positive clockwise.
        tilt_max_rad: limit of the tilt.
    """

    acc_north: float = 0.0
    acc_east: float = 0.0
    lift: float = 0.0
    yaw_rate: float = 0.0
    tilt_max_rad: float = math.radians(30.0)


class Body:
    """True state of the airframe. Speeds m/s, accelerations m/s2, angles rad, yaw from true north clockwise."""

    def __init__(self, heading_rad: float) -> None:
        self.north_m = self.east_m = self.up_m = 0.0
        self.v_north = self.v_east = self.v_up = 0.0
        self.a_north = self.a_east = self.a_up = 0.0
        self.roll = self.pitch = 0.0
        self.yaw = heading_rad
        self.roll_rate = self.pitch_rate = self.yaw_rate = 0.0
        self.on_ground = True
        self.lift_loss = 1.0  # below 1 when a motor is lost
        self.impact_m_s: float | None = None  # set for one step when it hits the ground
        self._push_north = self._push_east = 0.0
        self._lift = 0.0

    @property
    def thrust_ratio(self) -> float:
        """Thrust over weight."""
        return math.sqrt(self._push_north**2 + self._push_east**2 + self._lift**2) / GRAVITY_M_S2

    @property
    def ground_speed(self) -> float:
        """Horizontal speed over ground, m/s."""
        return math.hypot(self.v_north, self.v_east)

    def step(self, dt_s: float, drive: Drive, wind: tuple[float, float, float], ground_up_m: float) -> None:
        """Advances by dt in moving air over ground at the given height."""
        self._thrust(dt_s, drive)
        air_n, air_e, air_u = self.v_north - wind[0], self.v_east - wind[1], self.v_up - wind[2]
        drag = _DRAG_PER_M * math.sqrt(air_n * air_n + air_e * air_e + air_u * air_u)
        self.a_north = self._push_north - drag * air_n
        self.a_east = self._push_east - drag * air_e
        self.a_up = self._lift - GRAVITY_M_S2 - drag * air_u
        self.impact_m_s = None
        if self.on_ground and self.a_up <= 0.0:
            self._rest(dt_s, ground_up_m)
        else:
            self.on_ground = False
            self._fly(dt_s, ground_up_m)
        self._attitude(dt_s, drive)

    def _thrust(self, dt_s: float, drive: Drive) -> None:
        lift = min(max(drive.lift, 0.0), _MOST_LIFT * GRAVITY_M_S2) * self.lift_loss
        self._lift += (lift - self._lift) * min(dt_s / _LIFT_LAG_S, 1.0)
        most = max(self._lift, 0.0) * math.tan(drive.tilt_max_rad)
        want_n, want_e = drive.acc_north, drive.acc_east
        size = math.hypot(want_n, want_e)
        if size > most:
            scale = most / size
            want_n, want_e = want_n * scale, want_e * scale
        ease = min(dt_s / _TILT_LAG_S, 1.0)
        limit = _TILT_SLEW_M_S3 * dt_s
        self._push_north += min(max((want_n - self._push_north) * ease, -limit), limit)
        self._push_east += min(max((want_e - self._push_east) * ease, -limit), limit)

    def _fly(self, dt_s: float, ground_up_m: float) -> None:
        self.v_north += self.a_north * dt_s
        self.v_east += self.a_east * dt_s
        self.v_up += self.a_up * dt_s
        self.north_m += self.v_north * dt_s
        self.east_m += self.v_east * dt_s
        self.up_m += self.v_up * dt_s
        if self.up_m <= ground_up_m:
            if self.v_up < 0.0:
                self.impact_m_s = -self.v_up
            self.on_ground = True
            self.up_m = ground_up_m
            self.v_up = max(self.v_up, 0.0)

    def _rest(self, dt_s: float, ground_up_m: float) -> None:
        grip = max(1.0 - dt_s / _GROUND_GRIP_S, 0.0)
        self.v_north *= grip
        self.v_east *= grip
        self.north_m += self.v_north * dt_s
        self.east_m += self.v_east * dt_s
        self.v_up = 0.0
        self.up_m = ground_up_m
        self.a_north = self.a_east = self.a_up = 0.0

    def _attitude(self, dt_s: float, drive: Drive) -> None:
        limit = _YAW_ACCEL_RAD_S2 * dt_s
        rate = 0.0 if self.on_ground else drive.yaw_rate
        self.yaw_rate = 0.0 if self.on_ground else self.yaw_rate + min(max(rate - self.yaw_rate, -limit), limit)
        self.yaw = math.remainder(self.yaw + self.yaw_rate * dt_s, math.tau)
        if self.on_ground:
            roll = pitch = 0.0
        else:
            cos_y, sin_y = math.cos(self.yaw), math.sin(self.yaw)
            forward = cos_y * self._push_north + sin_y * self._push_east
            right = cos_y * self._push_east - sin_y * self._push_north
            lift = max(self._lift, 1.0)
            pitch, roll = -math.atan2(forward, lift), math.atan2(right, lift)
        self.roll_rate, self.pitch_rate = (roll - self.roll) / dt_s, (pitch - self.pitch) / dt_s
        self.roll, self.pitch = roll, pitch


def power_w(body: Body, hover_w: float, *, armed: bool, avionics_w: float = 12.0) -> float:
    """Electrical power: momentum theory has it grow with thrust to the power 1.5; climbing costs weight times speed."""
    if not armed:
        return avionics_w
    idle_w = 0.04 * hover_w
    climb = 1.0 + 0.06 * max(body.v_up, -1.0)
    return avionics_w + max(idle_w, hover_w * math.pow(body.thrust_ratio, 1.5) * climb)
