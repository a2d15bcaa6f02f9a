"""Draws a pad as a down camera sees it: the print as a texture, put into the picture by the homography of its plane.

A second opinion beside the simulator's: it draws from the agent's own configuration, for tests of the detector alone.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from agent.config.landing import LandingSection, PadMarkersSection
from agent.core.attitude import rotation
from agent.vision.pad_markers import dictionary_of

_PRINT_M = 0.9
_PRINT_PX = 2700
_WHITE, _BLACK = 225, 25


@dataclass(frozen=True)
class View:
    """Where the pad lies in the drone's axes, and how the drone is turned against it."""

    forward_m: float = 0.0
    right_m: float = 0.0
    down_m: float = 5.0
    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    pitch_deg: float = 0.0


def printed(pad: PadMarkersSection) -> np.ndarray:
    """The print, its top forward."""
    sheet = np.full((_PRINT_PX, _PRINT_PX), _WHITE, np.uint8)
    per_m = _PRINT_PX / _PRINT_M
    family = dictionary_of(pad)
    for marker in sorted(pad.markers, key=lambda m: -m.side_m):
        size = round(marker.side_m * per_m)
        left = round(_PRINT_PX / 2 + marker.right_m * per_m - size / 2)
        top = round(_PRINT_PX / 2 - marker.forward_m * per_m - size / 2)
        cells = cv2.aruco.generateImageMarker(family, marker.id, family.markerSize + 2)
        square = cv2.resize(cells, (size, size), interpolation=cv2.INTER_NEAREST)
        sheet[top : top + size, left : left + size] = np.where(square > 0, _WHITE, _BLACK)
    return sheet


class PadPainter:
    """Paints pictures of one pad with one camera.

    Args:
        section: the camera and the pad.
    """

    def __init__(self, section: LandingSection, ground: int = 110) -> None:
        self._camera = section.camera
        self._ground = ground
        self._sheets = [printed(section.pad)]
        while self._sheets[-1].shape[0] > 60:
            self._sheets.append(cv2.resize(self._sheets[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))

    def paint(self, view: View, *, blur_px: float = 0.6, noise: float = 3.0, seed: int = 0) -> np.ndarray:
        """The grey picture."""
        camera = self._camera
        focal_px = camera.width_px / 2 / np.tan(np.radians(camera.horizontal_fov_deg) / 2)
        body = rotation(view.roll_deg, view.pitch_deg, 0.0).T @ rotation(0.0, 0.0, view.yaw_deg)  # pad axes to the drone's
        mount = rotation(0.0, 0.0, camera.mount_yaw_deg) @ rotation(0.0, camera.mount_pitch_deg, 0.0)
        lens = np.array([camera.forward_m, camera.right_m, camera.down_m])
        centre = mount.T @ (np.array([view.forward_m, view.right_m, view.down_m]) - lens)
        axes = mount.T @ body
        optical = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # camera (forward, right, down) to OpenCV's
        level = max(0, int(np.floor(np.log2(max(1e-6, _PRINT_PX / _PRINT_M * centre[0] / focal_px)))))
        sheet = self._sheets[min(level, len(self._sheets) - 1)]
        per_px = _PRINT_M / sheet.shape[0]
        # Pixel (u, v) of the sheet, counted from its first pixel's middle, to the pad's forward and right.
        forward, right = np.array([0.0, -per_px, _PRINT_M / 2 - per_px / 2]), np.array([per_px, 0.0, per_px / 2 - _PRINT_M / 2])
        points = np.outer(axes[:, 0], forward) + np.outer(axes[:, 1], right) + np.outer(centre, [0.0, 0.0, 1.0])
        middle = camera.width_px / 2 - 0.5, camera.height_px / 2 - 0.5
        lens_matrix = np.array([[focal_px, 0, middle[0]], [0, focal_px, middle[1]], [0, 0, 1.0]])
        size = camera.width_px, camera.height_px
        picture = cv2.warpPerspective(sheet, lens_matrix @ optical @ points, size, borderValue=self._ground)
        if blur_px > 0:
            picture = cv2.GaussianBlur(picture, (0, 0), blur_px)
        grain = np.random.default_rng(seed).normal(0.0, noise, picture.shape)
        return np.clip(picture + grain, 0, 255).astype(np.uint8)
