"""The reference that the vehicle follows: a point that moves with limited speed, acceleration and jerk.

As the autopilot's S-curves do, the reference flies straight legs in three dimensions, brakes for the next corner and stops
exactly at the end. Frame: north, east, up in metres. Knows no modes and no missions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Vector = tuple[float, float, float]

_CROSS_PULL_PER_S: Final = 0.8  # a reference beside its leg returns to it this fast
_SETTLE_S: Final = 0.35
_BRAKE_SHARE: Final = 0.8
_CORNER_SHARE: Final = 0.65  # measured: a right angle is flown with about 2.8 m/s at the default radius


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
    jerk_turn: float = 5.0


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
    """A straight leg.

    Attributes:
        start: where it begins.
        end: where it ends.
        exit_m_s: speed that is allowed at its end.
        cut_m: so far before the end the exit speed is reached, where the corner is cut.
    """

    start: Vector
    end: Vector
    exit_m_s: float = 0.0
    cut_m: float = 0.0

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
        """Moves along the leg, and back to its line where it is beside it.

        Returns:
            metres left to the leg's end along the leg.
        """
        unit = leg.direction()
        if unit == (0.0, 0.0, 0.0):
            self.to_point(dt_s, leg.end, limits)
            return math.dist(self.pos, leg.end)
        flat, vertical = math.hypot(unit[0], unit[1]), abs(unit[2])
        climb = limits.up if unit[2] > 0 else limits.down
        speed = _both(limits.speed, flat, climb, vertical)
        accel = _both(limits.accel, flat, limits.accel_z, vertical)
        jerk = _both(limits.jerk, flat, limits.jerk_z, vertical)
        off = (self.pos[0] - leg.start[0], self.pos[1] - leg.start[1], self.pos[2] - leg.start[2])
        done, speed_now, accel_now = _dot(off, unit), _dot(self.vel, unit), _dot(self.acc, unit)
        left = leg.length_m - done
        most, braking = brake_speed(left - leg.cut_m, leg.exit_m_s, accel, jerk)
        want, braking = (speed, 0.0) if most > speed else (most, braking)
        gain = _next_accel(want + min(left, 0.0) - speed_now, accel_now, accel, (jerk, dt_s), -braking)
        side = self._back_to_line(dt_s, unit, (off, done, speed_now, accel_now), limits)
        for axis in range(3):
            self._move(axis, dt_s, gain * unit[axis] + side[axis])
        return left

    def _back_to_line(
        self, dt_s: float, unit: Vector, along: tuple[Vector, float, float, float], limits: Limits
    ) -> Sequence[float]:
        """The acceleration across the leg that brings the reference onto its line."""
        off, done, speed_now, accel_now = along
        pull = [done * unit[axis] - off[axis] for axis in range(3)]
        away = math.hypot(*pull)
        wanted = min(away * _CROSS_PULL_PER_S, limits.speed * 0.5) / away if away > 1e-9 else 0.0
        short = [pull[axis] * wanted - self.vel[axis] + speed_now * unit[axis] for axis in range(3)]
        turning = [self.acc[axis] - accel_now * unit[axis] for axis in range(3)]
        return _next_vector(short, turning, limits.accel, limits.jerk_turn * dt_s, limits.jerk_turn)

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
        self._steer_flat(dt_s, (away_n * scale, away_e * scale), limits, (-away_n * slow, -away_e * slow))

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
        self._steer_flat(dt_s, (north, east), limits, (0.0, 0.0))

    def climb(self, dt_s: float, up_m_s: float, limits: Limits) -> None:
        """Brings the climb rate to the wanted one."""
        self._steer(2, dt_s, min(max(up_m_s, -limits.down), limits.up), limits.accel_z, limits.jerk_z)

    def _steer(self, axis: int, dt_s: float, want_m_s: float, accel: float, jerk: float, ahead: float = 0.0) -> None:
        """One axis: velocity towards the wanted one, which itself changes by ``ahead`` (m/s2)."""
        self._move(axis, dt_s, _next_accel(want_m_s - self.vel[axis], self.acc[axis], accel, (jerk, dt_s), ahead))

    def _steer_flat(self, dt_s: float, want: Sequence[float], limits: Limits, ahead: Sequence[float]) -> None:
        """Both horizontal axes together, so that the limits hold for the whole vector."""
        short = [want[0] - self.vel[0], want[1] - self.vel[1]]
        acc = _next_vector(short, self.acc[:2], limits.accel, limits.jerk * dt_s, limits.jerk, ahead)
        self._move(0, dt_s, acc[0])
        self._move(1, dt_s, acc[1])

    def _move(self, axis: int, dt_s: float, acc: float) -> None:
        self.acc[axis] = acc
        self.vel[axis] += acc * dt_s
        self.pos[axis] += self.vel[axis] * dt_s


def _next_accel(short_m_s: float, now: float, most: float, jerk_dt: tuple[float, float], ahead: float) -> float:
    """Acceleration for the next step: towards the wanted velocity, jerk limited, easing out in time."""
    jerk, dt_s = jerk_dt
    ease = math.sqrt(2.0 * jerk * abs(short_m_s)) * 0.8
    wish = ahead + math.copysign(min(most, abs(short_m_s) / _SETTLE_S, ease), short_m_s)
    change = jerk * dt_s
    return now + _capped(_capped(wish, most) - now, change)


def _next_vector(
    short: Sequence[float], now: Sequence[float], most: float, change: float, jerk: float, ahead: Sequence[float] | None = None
) -> list[float]:
    """The same for a vector: the limits hold for its length, so its direction is not bent."""
    size = math.hypot(*short)
    ease = math.sqrt(2.0 * jerk * size) * 0.8
    scale = min(most, size / _SETTLE_S, ease) / size if size > 1e-9 else 0.0
    wish = [part * scale for part in short]
    if ahead is not None:
        wish = [part + known for part, known in zip(wish, ahead, strict=True)]
        wish = _shortened(wish, most)
    step = _shortened([part - was for part, was in zip(wish, now, strict=True)], change)
    return [was + part for was, part in zip(now, step, strict=True)]


def _shortened(vector: list[float], most: float) -> list[float]:
    size = math.hypot(*vector)
    return vector if size <= most else [part * most / size for part in vector]


def _both(flat_limit: float, flat: float, vertical_limit: float, vertical: float) -> float:
    """A limit along a slanted direction that keeps both the horizontal and the vertical one."""
    by_flat = flat_limit / flat if flat > 1e-6 else math.inf
    return min(by_flat, vertical_limit / vertical if vertical > 1e-6 else math.inf)


def _dot(a: Sequence[float], b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


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
    return _CORNER_SHARE * math.sqrt(accel * radius_m * half_cos / (1.0 - half_cos))


def _capped(value: float, most: float) -> float:
    return min(max(value, -most), most)
