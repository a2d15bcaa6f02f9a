"""Where the camera is and looks, over time.

Turns a vehicle's attitude and its gimbal's into the camera's axes, keeps the last seconds, and interpolates. Knows nothing of
MAVLink. Quaternions are (w, x, y, z), body to earth (north, east, down), body axes forward, right, down.
"""

import math
import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.camera.projection import Camera, Lens

Quaternion = NDArray[np.float64]

_KEPT = 400
_EXTRAPOLATED_S = 0.25


@dataclass(frozen=True, eq=False)
class Pose:
    """The camera at a moment.

    Attributes:
        unix_s: product time.
        position_m: east and north of the world's centre, altitude above sea level.
        attitude: of the camera, body to earth.
    """

    unix_s: float
    position_m: NDArray[np.float64]
    attitude: Quaternion

    def camera(self, lens: Lens) -> Camera:
        """The pinhole camera at this pose."""
        return Camera(lens, self.position_m, axes_from(self.attitude))


def quaternion(roll_rad: float, pitch_rad: float, yaw_rad: float) -> Quaternion:
    """The attitude with these Euler angles (aerospace order: yaw, pitch, roll)."""
    cr, sr = math.cos(roll_rad / 2), math.sin(roll_rad / 2)
    cp, sp = math.cos(pitch_rad / 2), math.sin(pitch_rad / 2)
    cy, sy = math.cos(yaw_rad / 2), math.sin(yaw_rad / 2)
    return np.array(
        [
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        ]
    )


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """First b, then a."""
    w, x, y, z = a
    p, q, r, s = b
    return np.array(
        [
            w * p - x * q - y * r - z * s,
            w * q + x * p + y * s - z * r,
            w * r - x * s + y * p + z * q,
            w * s + x * r - y * q + z * p,
        ]
    )


def axes_from(attitude: Quaternion) -> NDArray[np.float64]:
    """Rows right, down, forward in east-north-up of a camera that looks along its body's forward axis."""
    w, x, y, z = attitude / np.linalg.norm(attitude)
    forward = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)])
    right = np.array([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)])
    down = np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
    return np.stack([_enu(axis) for axis in (right, down, forward)])


def _enu(ned: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([ned[1], ned[0], -ned[2]])


class PoseTrack:
    """The last poses. One thread adds, another asks."""

    def __init__(self) -> None:
        self._poses: deque[Pose] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, pose: Pose) -> None:
        """Takes a pose; one that is not newer than the last is dropped."""
        with self._lock:
            if not self._poses or pose.unix_s > self._poses[-1].unix_s:
                self._poses.append(pose)

    @property
    def newest_s(self) -> float | None:
        """Product time of the last pose."""
        with self._lock:
            return self._poses[-1].unix_s if self._poses else None

    def at(self, unix_s: float) -> Pose | None:
        """The pose at a moment: between two known ones interpolated, a little after the last extrapolated, else the nearest."""
        with self._lock:
            poses = list(self._poses)
        if not poses:
            return None
        after = next((number for number, pose in enumerate(poses) if pose.unix_s >= unix_s), None)
        if after == 0 or len(poses) == 1:
            return poses[0]
        before, behind = (poses[-2], poses[-1]) if after is None else (poses[after - 1], poses[after])
        share = (min(unix_s, behind.unix_s + _EXTRAPOLATED_S) - before.unix_s) / (behind.unix_s - before.unix_s)
        return _between(before, behind, share, unix_s)


def _between(a: Pose, b: Pose, share: float, unix_s: float) -> Pose:
    """Straight between positions and, by normalised linear interpolation, between attitudes."""
    near = b.attitude if float(a.attitude @ b.attitude) >= 0.0 else -b.attitude
    attitude = a.attitude + (near - a.attitude) * share
    return Pose(unix_s, a.position_m + (b.position_m - a.position_m) * share, attitude / np.linalg.norm(attitude))
