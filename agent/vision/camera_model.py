"""The camera as geometry: pixel to ray and back, and how the ray lies in the world.

Frames. Camera and body: x forward, y right, z down. World: north, east, down. Angles are aerospace Euler angles in the order
yaw, pitch, roll. A pixel's position has x right and y down with its origin in the corner of the first pixel; the optical axis
meets the middle of the picture. Knows nothing of terrain or of time.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.config.camera import CameraSection

Vectors = NDArray[np.float64]
"""... x 3."""


def euler_deg(matrix: Vectors) -> tuple[float, float, float]:
    """Roll, pitch and yaw of a rotation matrix, degrees; yaw 0..360."""
    pitch = math.degrees(math.asin(-max(-1.0, min(1.0, float(matrix[2, 0])))))
    roll = math.degrees(math.atan2(matrix[2, 1], matrix[2, 2]))
    yaw = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0])) % 360.0
    return roll, pitch, yaw


@dataclass(frozen=True)
class CameraModel:
    """A pinhole with square pixels and, where it was calibrated, lens distortion.

    Attributes:
        focal_px: focal length in pixels.
        distortion: k1, k2, p1, p2, k3 as OpenCV's calibration gives them; empty for none.
    """

    width_px: int
    height_px: int
    focal_px: float
    distortion: tuple[float, ...] = ()

    @classmethod
    def of(cls, section: CameraSection) -> Self:
        """The configured camera."""
        focal_px = section.width_px / 2 / math.tan(math.radians(section.horizontal_fov_deg) / 2)
        return cls(section.width_px, section.height_px, focal_px, section.distortion)

    def scaled_to(self, width_px: int, height_px: int) -> "CameraModel":
        """The same camera delivering another size of picture with the same field of view across."""
        if (width_px, height_px) == (self.width_px, self.height_px):
            return self
        return CameraModel(width_px, height_px, self.focal_px * width_px / self.width_px, self.distortion)

    @cached_property
    def _matrix(self) -> Vectors:
        cx, cy = self.width_px / 2, self.height_px / 2
        return np.array([[self.focal_px, 0.0, cx], [0.0, self.focal_px, cy], [0.0, 0.0, 1.0]])

    def rays(self, pixels: Vectors) -> Vectors:
        """Unit vectors in the camera's frame (forward, right, down) of n x 2 pixel positions."""
        pixels = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        if self.distortion:
            coefficients = np.array(self.distortion, dtype=np.float64)
            flat = cv2.undistortPoints(pixels.reshape(-1, 1, 2), self._matrix, _padded(coefficients)).reshape(-1, 2)
        else:
            flat = (pixels - (self.width_px / 2, self.height_px / 2)) / self.focal_px
        rays = np.column_stack([np.ones(len(flat)), flat])
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))

    def pixels(self, rays: Vectors) -> Vectors:
        """Pixel positions, n x 2, of n x 3 vectors in the camera's frame; NaN for what lies behind the camera."""
        rays = np.asarray(rays, dtype=np.float64).reshape(-1, 3)
        behind = rays[:, 0] <= 1e-9
        flat = rays[:, 1:] / np.where(behind, 1.0, rays[:, 0])[:, None]
        if self.distortion:
            points = np.column_stack([flat, np.ones(len(flat))])
            coefficients = _padded(np.array(self.distortion, dtype=np.float64))
            out = cv2.projectPoints(points, np.zeros(3), np.zeros(3), self._matrix, coefficients)[0].reshape(-1, 2)
        else:
            out = flat * self.focal_px + (self.width_px / 2, self.height_px / 2)
        return np.where(behind[:, None], np.nan, out)


def _padded(coefficients: Vectors) -> Vectors:
    """OpenCV takes 4 or 5 coefficients; those not given are 0."""
    return np.concatenate([coefficients, np.zeros(5 - len(coefficients))])
