"""A pinhole camera: from a point in the world to a pixel and from a pixel to a ray.

World axes are metres east, north and up of the world's centre (up is altitude above sea level). Camera axes are right, down,
forward. Pixels are continuous: (0, 0) is the corner of the first pixel, its centre is (0.5, 0.5).
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from simulator.world.raster import Vectors


@dataclass(frozen=True)
class Lens:
    """Size of the picture and its horizontal field of view."""

    width_px: int = 1280
    height_px: int = 720
    hfov_deg: float = 60.0

    @property
    def focal_px(self) -> float:
        """Focal length in pixels, the same both ways."""
        return self.width_px / 2.0 / math.tan(math.radians(self.hfov_deg) / 2.0)


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera at a place, looking somewhere.

    Attributes:
        lens: its optics.
        position_m: east, north, altitude above sea level.
        axes: rows are the camera's right, down and forward directions in world axes.
    """

    lens: Lens
    position_m: Vectors
    axes: Vectors

    @classmethod
    def aimed(
        cls, lens: Lens, position_m: tuple[float, float, float], yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0
    ) -> Self:
        """A camera by its angles: yaw from true north clockwise, pitch 0 level and -90 straight down, roll clockwise."""
        return cls(lens, np.array(position_m, dtype=np.float64), axes_of(yaw_deg, pitch_deg, roll_deg))

    def project(self, points_m: Vectors) -> tuple[Vectors, Vectors]:
        """Pixels (n, 2) and depths (n,) of points (n, 3). Where the depth is not positive the pixel means nothing."""
        seen = (points_m - self.position_m) @ self.axes.T
        depth = seen[:, 2]
        safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        centre = np.array([self.lens.width_px / 2.0, self.lens.height_px / 2.0])
        return seen[:, :2] / safe[:, None] * self.lens.focal_px + centre, depth

    def rays(self, pixels: Vectors) -> Vectors:
        """World directions (n, 3) of pixels (n, 2), with a component of 1 along the camera's axis."""
        centre = np.array([self.lens.width_px / 2.0, self.lens.height_px / 2.0])
        right_down = (pixels - centre) / self.lens.focal_px
        return np.asarray(np.column_stack([right_down, np.ones(len(pixels))]) @ self.axes)

    def unproject(self, pixels: Vectors, depths: Vectors) -> Vectors:
        """Points (n, 3) that lie at a depth behind each pixel."""
        return np.asarray(self.position_m + self.rays(pixels) * depths[:, None])

    @property
    def pitch_deg(self) -> float:
        """Angle of the axis over the horizon."""
        return math.degrees(math.asin(max(-1.0, min(1.0, float(self.axes[2, 2])))))

    @property
    def yaw_deg(self) -> float:
        """Azimuth of the axis; straight down, that of the picture's upper edge."""
        direction = self.axes[2] if abs(self.axes[2, 2]) < 0.999 else -self.axes[1]
        return math.degrees(math.atan2(direction[0], direction[1])) % 360.0


def axes_of(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Vectors:
    """Rows right, down, forward in east-north-up for given angles."""
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw_deg, pitch_deg, roll_deg))
    forward = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
    down = np.cross(forward, right)
    turned_right = right * math.cos(roll) + down * math.sin(roll)
    turned_down = down * math.cos(roll) - right * math.sin(roll)
    return np.stack([turned_right, turned_down, forward])
