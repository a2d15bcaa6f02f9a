"""Where the camera was and looked when a picture was taken: interpolated between samples, never the latest.

Pure: samples in, a pose out. Knows the chain from drone to camera (gimbal, or mount and attitude) and nothing of pictures.
"""

import bisect
import math
from dataclasses import dataclass

import numpy as np

from agent.core.attitude import rotation
from agent.core.geo import LatLon, wrap_180
from agent.domain.sighting import CameraPoseRecord
from agent.domain.telemetry import PoseSample
from agent.vision.camera_model import Vectors, euler_deg

_KEPT_S = 30.0
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


class PoseHistory:
    """The samples of the last half minute.

    Args:
        mount_pitch_deg: camera axis against the body, used where no gimbal reports.
    """

    def __init__(self, mount_pitch_deg: float) -> None:
        self._mount = rotation(0.0, mount_pitch_deg, 0.0)
        self._times: list[float] = []
        self._samples: list[PoseSample] = []

    def add(self, sample: PoseSample) -> None:
        """Takes a sample in, in any order; a second one of the same moment replaces the first."""
        at = bisect.bisect_left(self._times, sample.unix_s)
        if at < len(self._times) and self._times[at] == sample.unix_s:
            self._samples[at] = sample
            return
        self._times.insert(at, sample.unix_s)
        self._samples.insert(at, sample)
        old = bisect.bisect_left(self._times, self._times[-1] - _KEPT_S)
        del self._times[:old], self._samples[:old]

    @property
    def newest_unix_s(self) -> float | None:
        """Moment of the newest sample."""
        return self._times[-1] if self._times else None

    def at(self, unix_s: float) -> CameraPose | None:
        """The pose at a moment; None where no samples lie close enough around it."""
        after = bisect.bisect_left(self._times, unix_s)
        if after == len(self._times):
            return self._ahead(unix_s)
        if self._times[after] == unix_s and (after == 0 or self._times[after] - self._times[after - 1] > _GAP_MAX_S):
            return self._pose(self._samples[after], self._samples[after], unix_s)
        if after == 0 or self._times[after] - self._times[after - 1] > _GAP_MAX_S:
            return None
        return self._pose(self._samples[after - 1], self._samples[after], unix_s)

    def _ahead(self, unix_s: float) -> CameraPose | None:
        """Past the newest sample: carried on from the last two."""
        if not self._times or unix_s - self._times[-1] > _AHEAD_MAX_S:
            return None
        before = self._samples[-2] if len(self._samples) > 1 and self._times[-1] - self._times[-2] <= _GAP_MAX_S else None
        return self._pose(before or self._samples[-1], self._samples[-1], unix_s)

    def _pose(self, a: PoseSample, b: PoseSample, unix_s: float) -> CameraPose:
        span_s = b.unix_s - a.unix_s
        part = (unix_s - a.unix_s) / span_s if span_s > 0 else 0.0
        turn_a, turn_b = self._camera_to_ned(a), self._camera_to_ned(b)
        axis_angle = _log(turn_b @ turn_a.T)
        velocity = tuple(_mix(va, vb, part) for va, vb in zip(a.velocity_ned_m_s, b.velocity_ned_m_s, strict=True))
        rate = axis_angle / span_s if span_s > 0 else np.zeros(3)
        return CameraPose(
            unix_s=unix_s,
            place=LatLon(_mix(a.lat_deg, b.lat_deg, part), wrap_180(a.lon_deg + part * wrap_180(b.lon_deg - a.lon_deg))),
            alt_amsl_m=_mix(a.alt_amsl_m, b.alt_amsl_m, part),
            home_amsl_m=b.alt_amsl_m - b.alt_rel_m,
            camera_to_ned=_exp(axis_angle * part) @ turn_a,
            velocity_ned_m_s=(velocity[0], velocity[1], velocity[2]),
            turn_ned_rad_s=(float(rate[0]), float(rate[1]), float(rate[2])),
            hdop=b.hdop,
        )

    def _camera_to_ned(self, sample: PoseSample) -> Vectors:
        """The gimbal's angles where it gives them, else attitude and mount."""
        if sample.gimbal_pitch_deg is not None:
            yaw_deg = sample.gimbal_yaw_deg if sample.gimbal_yaw_deg is not None else sample.yaw_deg
            return rotation(sample.gimbal_roll_deg or 0.0, sample.gimbal_pitch_deg, yaw_deg)
        return np.asarray(rotation(sample.roll_deg, sample.pitch_deg, sample.yaw_deg) @ self._mount)


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
