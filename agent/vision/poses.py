"""Where the camera was and looked when a picture was taken: interpolated between samples, never the latest.

Pure: samples in, a pose out. Knows the chain from drone to camera (gimbal, or mount and attitude) and nothing of pictures.
"""

import bisect
import math
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from agent.core.attitude import rotation
from agent.core.geo import LatLon, wrap_180
from agent.domain.sighting import CameraPoseRecord
from agent.domain.telemetry import PoseSample
from agent.vision.camera_model import Vectors, euler_deg

T = TypeVar("T")

_KEPT_S = 30.0
_SAME_S = 1.0e-3
"""Moments no farther apart are one: a report's age is known to the millisecond."""
_GAP_MAX_S = 1.5
"""Between samples farther apart than this nothing is interpolated: telemetry was lost."""
_AHEAD_MAX_S = 0.25
"""How far past the newest sample a pose is carried on with its velocity."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraPose:
    """The camera at one moment.

    Attributes:
        home_amsl_m: height of the ground at the pad, the only ground known without a raster.
        camera_to_ned: 3 x 3, from the camera's frame (forward, right, down) to the world (north, east, down).
        velocity_ned_m_s: of the camera over ground.
        turn_ned_rad_s: rate of turn of the camera as a vector of the world.
        hdop: None where unknown.
    """

    unix_s: float
    place: LatLon
    alt_amsl_m: float
    home_amsl_m: float
    camera_to_ned: Vectors
    velocity_ned_m_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn_ned_rad_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    hdop: float | None = None

    @property
    def turn_deg_s(self) -> float:
        """How fast the camera turns."""
        return math.degrees(math.hypot(*self.turn_ned_rad_s))

    @property
    def forward_ned(self) -> Vectors:
        """The camera's axis."""
        return self.camera_to_ned[:, 0]

    def record(self) -> CameraPoseRecord:
        """The pose as it goes with evidence."""
        roll, pitch, yaw = euler_deg(self.camera_to_ned)
        return CameraPoseRecord(
            lat=self.place.lat_deg,
            lon=self.place.lon_deg,
            alt_amsl_m=self.alt_amsl_m,
            roll_deg=roll,
            pitch_deg=pitch,
            yaw_deg=yaw,
        )


class _Series(Generic[T]):
    """Values by their moments, of the last half minute."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._values: list[T] = []

    def add(self, unix_s: float, value: T) -> None:
        """Takes a value in, in any order; a second one of the same moment replaces the first."""
        at = bisect.bisect_left(self.times, unix_s - _SAME_S)
        if at < len(self.times) and self.times[at] <= unix_s + _SAME_S:
            self._values[at] = value
            return
        self.times.insert(at, unix_s)
        self._values.insert(at, value)
        old = bisect.bisect_left(self.times, self.times[-1] - _KEPT_S)
        del self.times[:old], self._values[:old]

    def around(self, unix_s: float) -> "_Between[T] | None":
        """The two values around a moment, or the last two for a moment just past them; None where none lie close enough."""
        after = bisect.bisect_left(self.times, unix_s)
        if after == len(self.times):
            if not self.times or unix_s - self.times[-1] > _AHEAD_MAX_S:
                return None
            return self._pair(after - 2 if self._close(after - 1) else after - 1, after - 1, unix_s)
        if self._close(after):
            return self._pair(after - 1, after, unix_s)
        return self._pair(after, after, unix_s) if self.times[after] == unix_s else None

    def _close(self, at: int) -> bool:
        """Whether a value lies close enough after the one before it."""
        return at > 0 and self.times[at] - self.times[at - 1] <= _GAP_MAX_S

    def _pair(self, a: int, b: int, unix_s: float) -> "_Between[T]":
        span_s = self.times[b] - self.times[a]
        part = (unix_s - self.times[a]) / span_s if span_s > 0 else 0.0
        return _Between(self._values[a], self._values[b], part, span_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Between(Generic[T]):
    """Two values, and which part of the way from one to the other is asked for; more than 1 past the second."""

    a: T
    b: T
    part: float
    span_s: float


class PoseHistory:
    """The samples of the last half minute.

    A gimbal's angles are interpolated between their own moments: it may swing while its reports are farther apart than those
    of the drone's attitude. Where a gimbal that was there has fallen silent, nobody knows where the camera looks.

    Args:
        mount_pitch_deg: camera axis against the body, used where there is no gimbal.
    """

    def __init__(self, mount_pitch_deg: float) -> None:
        self._mount = rotation(0.0, mount_pitch_deg, 0.0)
        self._drone = _Series[PoseSample]()
        self._gimbal = _Series[Vectors]()

    def add(self, sample: PoseSample) -> None:
        """Takes a sample in, in any order; a second one of the same moment replaces the first."""
        self._drone.add(sample.unix_s, sample)
        if sample.gimbal_pitch_deg is not None:
            yaw_deg = sample.gimbal_yaw_deg if sample.gimbal_yaw_deg is not None else sample.yaw_deg
            turn = rotation(sample.gimbal_roll_deg or 0.0, sample.gimbal_pitch_deg, yaw_deg)
            self._gimbal.add(sample.unix_s - sample.gimbal_age_s, turn)

    @property
    def newest_unix_s(self) -> float | None:
        """Moment up to which drone and camera are known."""
        newest = [series.times[-1] for series in (self._drone, self._gimbal) if series.times]
        return min(newest, default=None)

    def at(self, unix_s: float) -> CameraPose | None:
        """The pose at a moment; None where no samples lie close enough around it."""
        drone = self._drone.around(unix_s)
        if drone is None:
            return None
        turn = self._gimbal.around(unix_s) if self._gimbal.times else self._fixed(drone)
        if turn is None:
            return None
        a, b, part = drone.a, drone.b, drone.part
        axis_angle = _log(turn.b @ turn.a.T)
        velocity = tuple(_mix(va, vb, part) for va, vb in zip(a.velocity_ned_m_s, b.velocity_ned_m_s, strict=True))
        rate = axis_angle / turn.span_s if turn.span_s > 0 else np.zeros(3)
        return CameraPose(
            unix_s=unix_s,
            place=LatLon(_mix(a.lat_deg, b.lat_deg, part), wrap_180(a.lon_deg + part * wrap_180(b.lon_deg - a.lon_deg))),
            alt_amsl_m=_mix(a.alt_amsl_m, b.alt_amsl_m, part),
            home_amsl_m=b.alt_amsl_m - b.alt_rel_m,
            camera_to_ned=_exp(axis_angle * turn.part) @ turn.a,
            velocity_ned_m_s=(velocity[0], velocity[1], velocity[2]),
            turn_ned_rad_s=(float(rate[0]), float(rate[1]), float(rate[2])),
            hdop=b.hdop,
        )

    def _fixed(self, drone: _Between[PoseSample]) -> _Between[Vectors]:
        """Of a camera that is fixed to the drone: attitude and mount."""
        a, b = (np.asarray(rotation(one.roll_deg, one.pitch_deg, one.yaw_deg) @ self._mount) for one in (drone.a, drone.b))
        return _Between(a, b, drone.part, drone.span_s)


def _mix(a: float, b: float, part: float) -> float:
    return a + (b - a) * part


def _log(turn: Vectors) -> Vectors:
    """A rotation matrix as a vector: its axis times its angle in radians."""
    angle = math.acos(max(-1.0, min(1.0, (float(np.trace(turn)) - 1.0) / 2.0)))
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    length = float(np.linalg.norm(axis))
    if length < 1e-12:
        # No turn, or half a turn, which no camera makes between two samples.
        return np.zeros(3)
    return np.asarray(axis * (angle / length))


def _exp(vector: Vectors) -> Vectors:
    """The rotation matrix of an axis times an angle in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + math.sin(angle) * k + (1.0 - math.cos(angle)) * (k @ k))
