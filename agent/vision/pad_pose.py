"""From the markers' corners to where the pad lies from the drone, with an honest covariance. Pure.

One plane for all markers that are seen: first the closed solution for planes (IPPE, Collins and Bartoli 2014), then the least
squares of all corners. The covariance follows from the corners' error through the Jacobian of the projection, widened where the
corners fit worse than they should, and by the errors of the camera's tilt and scale.
"""

import math
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.config.landing import DownCameraSection, LandingSection
from agent.core.attitude import Matrix, rotation
from agent.domain.landing import PadSight
from agent.vision.camera_model import CameraModel
from agent.vision.pad_markers import Corners, corners_m

_RESIDUAL_MAX_PX = 3.0
"""Corners that fit worse do not belong to one flat pad."""
_TILT_MAX_DEG = 50.0
"""A pad that stands steeper in the drone's axes is none: a landing drone does not tilt so."""
_PAD_TO_PRINT = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
"""Pad axes (forward, right, down) to the axes that OpenCV's solver wants: right, up the print, out of the print."""
_OPTICAL_TO_CAMERA = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""OpenCV's camera axes (right, down, forward) to the camera's (forward, right, down)."""


class PadSolver:
    """Solves for one camera and one pad.

    Args:
        section: camera, pad and their errors.
    """

    def __init__(self, section: LandingSection) -> None:
        self._camera = section.camera
        self._model = CameraModel.of(section.camera)
        self._places = {marker.id: corners_m(marker) @ _PAD_TO_PRINT.T for marker in section.pad.markers}
        self._to_body = _camera_to_body(section.camera)

    def solve(self, corners: Mapping[int, Corners], width_px: int, height_px: int, captured_unix_s: float) -> PadSight | None:
        """The pad's place; None where the corners do not show a flat pad below the drone.

        Args:
            corners: by marker id, in pixels of a picture of this size.
            captured_unix_s: carried into the result.
        """
        if not corners:
            return None
        ids = sorted(corners)
        points = np.concatenate([self._places[number] for number in ids])
        # A solution needs no lens: pixels become those of an ideal camera first.
        ideal = CameraModel(width_px, height_px, self._model.scaled_to(width_px, height_px).focal_px)
        rays = self._model.scaled_to(width_px, height_px).rays(np.concatenate([corners[number] for number in ids]))
        solved = _solved(points, ideal.pixels(rays), ideal)
        if solved is None:
            return None
        turn, shift, residual_px, covariance = solved
        if residual_px > _RESIDUAL_MAX_PX:
            return None
        axes = self._to_body @ _OPTICAL_TO_CAMERA @ turn @ _PAD_TO_PRINT  # pad axes to the drone's
        if axes[2, 2] < math.cos(math.radians(_TILT_MAX_DEG)):
            return None
        turned = self._to_body @ _OPTICAL_TO_CAMERA
        place = turned @ shift
        sigma_px = max(self._camera.corner_px, residual_px)
        spread = turned @ covariance @ turned.T * sigma_px**2 + self._lens_m2(place)
        place += (self._camera.forward_m, self._camera.right_m, self._camera.down_m)
        return PadSight(
            captured_unix_s=captured_unix_s,
            forward_m=float(place[0]),
            right_m=float(place[1]),
            down_m=float(place[2]),
            covariance_m2=(*spread[0].tolist(), *spread[1, 1:].tolist(), float(spread[2, 2])),
            yaw_deg=math.degrees(math.atan2(axes[1, 0], axes[0, 0])),
            markers=tuple(ids),
            residual_px=residual_px,
        )

    def _lens_m2(self, place: NDArray[np.float64]) -> Matrix:
        """What the camera itself adds: its tilt moves the pad across the line of sight, its focal length along it."""
        along = np.outer(place, place)
        across = np.eye(3) * float(place @ place) - along
        return np.asarray(across * math.radians(self._camera.mount_error_deg) ** 2 + along * self._camera.range_error**2)


def _camera_to_body(camera: DownCameraSection) -> Matrix:
    """The mount: pitched down first, then turned about the drone's vertical."""
    return np.asarray(rotation(0.0, 0.0, camera.mount_yaw_deg) @ rotation(0.0, camera.mount_pitch_deg, 0.0))


def _solved(points: Matrix, pixels: Matrix, camera: CameraModel) -> tuple[Matrix, Matrix, float, Matrix] | None:
    """Rotation, shift, residual in pixels, and the shift's covariance for one pixel of error; None without a solution."""
    matrix = np.array([[camera.focal_px, 0, camera.width_px / 2], [0, camera.focal_px, camera.height_px / 2], [0, 0, 1.0]])
    try:
        good, turns, shifts, _ = cv2.solvePnPGeneric(points, pixels, matrix, None, flags=cv2.SOLVEPNP_IPPE)
        if not good:
            return None
        turn, shift = cv2.solvePnPRefineLM(points, pixels, matrix, None, turns[0], shifts[0])
        projected, jacobian = cv2.projectPoints(points, turn, shift, matrix, None)[:2]
        spread = np.linalg.inv(jacobian[:, :6].T @ jacobian[:, :6])[3:, 3:]
    except (cv2.error, np.linalg.LinAlgError):
        return None
    residual_px = float(np.sqrt(np.mean(np.sum((projected.reshape(-1, 2) - pixels) ** 2, axis=1))))
    if not (np.isfinite(spread).all() and np.isfinite(residual_px) and shift[2, 0] > 0):
        return None
    turned, shifted = np.asarray(cv2.Rodrigues(turn)[0], np.float64), np.asarray(shift, np.float64).ravel()
    return turned, shifted, residual_px, np.asarray(spread, np.float64)
