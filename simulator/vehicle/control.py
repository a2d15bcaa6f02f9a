"""The controller: from the reference to what the body shall do.

A position loop around a velocity loop with feed-forward and an integrator that learns the wind, as the autopilot's own. Knows
the estimate, not the truth.
"""

import math
from dataclasses import dataclass, field
from typing import Final

from simulator.vehicle.dynamics import GRAVITY_M_S2, Drive
from simulator.vehicle.trajectory import Reference, Vector

_POSITION_GAIN: Final = 1.0
_VELOCITY_GAIN: Final = 2.0
_INTEGRAL_GAIN: Final = 0.8
_INTEGRAL_MOST: Final = 5.0
_CLIMB_GAIN: Final = 4.0
_YAW_GAIN: Final = 2.0
_YAW_RATE_RAD_S: Final = math.radians(60.0)


@dataclass(slots=True)
class Controller:
    """Keeps the integrators of the velocity loops."""

    integral: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def reset(self) -> None:
        """Forgets the learnt wind; done on the ground."""
        self.integral = [0.0, 0.0, 0.0]

    def follow(self, dt_s: float, reference: Reference, position: Vector, velocity: Vector, drive: Drive) -> None:
        """Fills the drive's accelerations so that the reference is followed."""
        wanted = [0.0, 0.0, 0.0]
        for axis in range(3):
            gain = _CLIMB_GAIN if axis == 2 else _VELOCITY_GAIN
            short = reference.vel[axis] + _POSITION_GAIN * (reference.pos[axis] - position[axis]) - velocity[axis]
            learnt = self.integral[axis] + _INTEGRAL_GAIN * short * dt_s
            self.integral[axis] = min(max(learnt, -_INTEGRAL_MOST), _INTEGRAL_MOST)
            wanted[axis] = reference.acc[axis] + gain * short + self.integral[axis]
        drive.acc_north, drive.acc_east = wanted[0], wanted[1]
        drive.lift = GRAVITY_M_S2 + wanted[2]

    def hold_climb(self, dt_s: float, reference: Reference, up_m: float, climb_m_s: float, drive: Drive) -> None:
        """Follows the reference's height only; the horizontal thrust is nil, so the vehicle drifts with the wind."""
        short = reference.vel[2] + _POSITION_GAIN * (reference.pos[2] - up_m) - climb_m_s
        learnt = self.integral[2] + _INTEGRAL_GAIN * short * dt_s
        self.integral[2] = min(max(learnt, -_INTEGRAL_MOST), _INTEGRAL_MOST)
        drive.acc_north = drive.acc_east = 0.0
        drive.lift = GRAVITY_M_S2 + reference.acc[2] + _CLIMB_GAIN * short + self.integral[2]


def yaw_rate_towards(target_rad: float, yaw_rad: float, most_rad_s: float = _YAW_RATE_RAD_S) -> float:
    """Yaw rate, rad/s, that turns the shorter way to the target."""
    away = math.remainder(target_rad - yaw_rad, math.tau)
    return min(max(away * _YAW_GAIN, -most_rad_s), most_rad_s)
