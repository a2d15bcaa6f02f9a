"""The reference that the vehicle follows: a point that moves with limited speed, acceleration and jerk.

As the autopilot's S-curves do, the reference flies straight legs in three dimensions, brakes for the next corner and stops
exactly at the end. Frame: north, east, up in metres. Knows no modes and no missions.
"""

import math
from dataclasses import dataclass
from typing import Final

Vector = tuple[float, float, float]

_CROSS_PULL_PER_S: Final = 0.8  # a reference beside its leg returns to it this fast
_SETTLE_S: Final = 0.35
_BRAKE_SHARE: Final = 0.8


@dataclass(slots=True)
class Limits:
    """Speeds in m/s, accelerations in m/s2, jerk in m/s3."""

    speed: float = 10.0
    up: float = 2.5
    down: float = 1.5
    accel: float = 2.5
    accel_z: float = 1.0
    jerk: float = 1.0
    jerk_z: float = 5.0


def brake_speed(distance_m: float, exit_m_s: float, accel: float, jerk: float) -> tuple[float, float]:
    """How to brake for a point.

    Returns:
        the speed from which the exit speed can still be reached in the distance with jerk-limited braking, and the
        deceleration (positive) that keeps on that curve at that speed.
    """
    accel, jerk = accel * _BRAKE_SHARE, jerk * _BRAKE_SHARE  # a reserve, so that the curve can be followed
    half = accel * accel / (2.0 * jerk)
    speed = -half + math.sqrt(half * half + 2.0 * accel * max(distance_m, 0.0) + exit_m_s * (exit_m_s + 2.0 * half))
    return speed, accel * speed / (speed + half)


@dataclass(slots=True)
class Leg:
    """A straight leg with the speed that is allowed at its end."""

    start: Vector
    end: Vector
    exit_m_s: float = 0.0

    @property
    def length_m(self) -> float:
        """Length in three dimensions."""
        return math.dist(self.start, self.end)

    def direction(self) -> Vector:
        """Unit vector along the leg; zero for a leg without length."""
        length = self.length_m
        if length < 1e-6:
            return (0.0, 0.0, 0.0)
        return (
            (self.end[0] - self.start[0]) / length,
            (self.end[1] - self.start[1]) / length,
            (self.end[2] - self.start[2]) / length,
        )


class Reference:
    """Position, velocity and acceleration that the controller follows."""

    def __init__(self) -> None:
        self.pos: list[float] = [0.0, 0.0, 0.0]
        self.vel: list[float] = [0.0, 0.0, 0.0]
        self.acc: list[float] = [0.0, 0.0, 0.0]

    def reset(self, pos: Vector, vel: Vector) -> None:
        """Starts again from where the vehicle is."""
        self.pos, self.vel, self.acc = list(pos), list(vel), [0.0, 0.0, 0.0]

    def along(self, dt_s: float, leg: Leg, limits: Limits) -> float:
        """Moves along the leg.

        Returns:
            metres left to the leg's end along the leg.
        """
        unit = leg.direction()
        if unit == (0.0, 0.0, 0.0):
            self.to_point(dt_s, leg.end, limits)
            return math.dist(self.pos, leg.end)
        flat = math.hypot(unit[0], unit[1])
        vertical = abs(unit[2])
        climb = limits.up if unit[2] > 0 else limits.down
        speed = min(limits.speed / flat if flat > 1e-6 else math.inf, climb / vertical if vertical > 1e-6 else math.inf)
        accel = min(
            limits.accel / flat if flat > 1e-6 else math.inf, limits.accel_z / vertical if vertical > 1e-6 else math.inf
        )
        jerk = min(limits.jerk / flat if flat > 1e-6 else math.inf, limits.jerk_z / vertical if vertical > 1e-6 else math.inf)
        off = (self.pos[0] - leg.start[0], self.pos[1] - leg.start[1], self.pos[2] - leg.start[2])
        done = off[0] * unit[0] + off[1] * unit[1] + off[2] * unit[2]
        left = leg.length_m - done
        most, braking = brake_speed(left, leg.exit_m_s, accel, jerk)
        want, braking = (speed, 0.0) if most > speed else (most, braking)
        want += min(left, 0.0)
        for axis in range(3):
            cross = off[axis] - done * unit[axis]
            pull = _capped(-cross * _CROSS_PULL_PER_S, climb if axis == 2 else speed * 0.5)
            self._steer(axis, dt_s, unit[axis] * want + pull, accel, jerk, -unit[axis] * braking)
        return left

    def to_point(self, dt_s: float, target: Vector, limits: Limits) -> None:
        """Moves to the point from wherever it is, horizontally in a straight line, vertically on its own."""
        self.to_place(dt_s, target, limits)
        self.to_height(dt_s, target[2], limits)

    def to_place(self, dt_s: float, target: Vector, limits: Limits) -> None:
        """Moves over the point; the height is left alone."""
        away_n, away_e = target[0] - self.pos[0], target[1] - self.pos[1]
        distance = math.hypot(away_n, away_e)
        speed, braking = brake_speed(distance, 0.0, limits.accel, limits.jerk)
        if speed > limits.speed:
            speed, braking = limits.speed, 0.0
        scale, slow = (speed / distance, braking / distance) if distance > 1e-6 else (0.0, 0.0)
        self._steer(0, dt_s, away_n * scale, limits.accel, limits.jerk, -away_n * slow)
        self._steer(1, dt_s, away_e * scale, limits.accel, limits.jerk, -away_e * slow)

    def to_height(self, dt_s: float, up_m: float, limits: Limits) -> None:
        """Moves to the height; the horizontal axes are left alone."""
        away = up_m - self.pos[2]
        speed, braking = brake_speed(abs(away), 0.0, limits.accel_z, limits.jerk_z)
        most = limits.up if away > 0 else limits.down
        if speed > most:
            speed, braking = most, 0.0
        self._steer(2, dt_s, math.copysign(speed, away), limits.accel_z, limits.jerk_z, -math.copysign(braking, away))

    def slew(self, dt_s: float, north: float, east: float, limits: Limits) -> None:
        """Brings the horizontal velocity to the wanted one."""
        self._steer(0, dt_s, north, limits.accel, limits.jerk)
        self._steer(1, dt_s, east, limits.accel, limits.jerk)

    def climb(self, dt_s: float, up_m_s: float, limits: Limits) -> None:
        """Brings the climb rate to the wanted one."""
        self._steer(2, dt_s, min(max(up_m_s, -limits.down), limits.up), limits.accel_z, limits.jerk_z)

    def _steer(self, axis: int, dt_s: float, want_m_s: float, accel: float, jerk: float, ahead: float = 0.0) -> None:
        """One axis: velocity towards the wanted one, acceleration and jerk limited, easing out in time.

        ``ahead`` is the acceleration that the wanted velocity itself is known to have.
        """
        short = want_m_s - self.vel[axis]
        ease = math.sqrt(2.0 * jerk * abs(short)) * 0.8
        wish = ahead + math.copysign(min(accel, abs(short) / _SETTLE_S, ease), short)
        change = jerk * dt_s
        self.acc[axis] += _capped(_capped(wish, accel) - self.acc[axis], change)
        self.vel[axis] += self.acc[axis] * dt_s
        self.pos[axis] += self.vel[axis] * dt_s


def corner_speed(before: Vector, after: Vector, radius_m: float, accel: float) -> float:
    """Horizontal speed at which the corner between two unit directions can be cut inside the acceptance radius."""
    flat_before, flat_after = math.hypot(before[0], before[1]), math.hypot(after[0], after[1])
    if flat_before < 0.2 or flat_after < 0.2:
        return 0.0
    cosine = (before[0] * after[0] + before[1] * after[1]) / (flat_before * flat_after)
    turn = math.acos(min(max(cosine, -1.0), 1.0))
    if turn < math.radians(1.0):
        return math.inf
    if turn > math.radians(120.0):
        return 0.0
    half_cos = math.cos(turn / 2.0)
    return math.sqrt(accel * radius_m * half_cos / (1.0 - half_cos))


def _capped(value: float, most: float) -> float:
    return min(max(value, -most), most)
