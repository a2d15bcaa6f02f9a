"""The camera that looks down at the pad: grey, small and quick, sharp from fifteen metres to the touch-down.

The ground is a plane with grain; the pad's print is laid into the picture by the homography of its plane. Nothing of the world
is traced, so that a picture takes a few milliseconds.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.core.clock import Clock
from simulator.camera.frames import Captured
from simulator.camera.optics import smeared
from simulator.camera.pad import Grey, PadPrint
from simulator.camera.pose import Pose, PoseTrack
from simulator.camera.projection import Camera, Lens

DOWN_LENS = Lens(640, 480, 70.0)
LENS_OVER_FEET_M = 0.2
_LAG_S = 0.08  # pictures are taken this much behind the clock, so that the pose is mostly interpolated
_SHUTTER_S = 1.0 / 500.0
_GRAIN_M = 8.0
_GRAIN_PX = 512
_NOISE = 2.5
_BLUR_PX = 0.55
_QUALITY = 85

Matrix = NDArray[np.float64]


class DownView:
    """Draws the pad from above. One instance is used by one thread.

    Args:
        pad: what is printed; its top points north.
        lens: the optics.
        pad_alt_amsl_m: height of the pad, which lies at the world's centre.
    """

    def __init__(self, pad: PadPrint, pad_alt_amsl_m: float, lens: Lens = DOWN_LENS) -> None:
        self.lens = lens
        self._pad = pad
        self._pad_alt_amsl_m = pad_alt_amsl_m
        chance = np.random.default_rng(11)
        coarse = chance.normal(0.0, 14.0, (64, 64)).astype(np.float32)
        fine = chance.normal(0.0, 9.0, (_GRAIN_PX, _GRAIN_PX)).astype(np.float32)
        rough = np.asarray(cv2.resize(coarse, (_GRAIN_PX, _GRAIN_PX), interpolation=cv2.INTER_CUBIC)) + fine
        self._ground = np.clip(118.0 + rough, 0, 255).astype(np.uint8)
        self._ground_levels = [self._ground]
        while self._ground_levels[-1].shape[0] > 16:
            smaller = cv2.resize(self._ground_levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            self._ground_levels.append(np.asarray(smaller, np.uint8))
        self._noise = chance.normal(0.0, _NOISE, (lens.height_px + 64, lens.width_px + 64)).astype(np.int8)

    def render(self, pose: Pose, frame: int = 0, earlier: Pose | None = None) -> Grey:
        """The picture from the drone's pose: its place (of the feet) and attitude.

        Args:
            pose: where the drone is.
            frame: chooses the noise.
            earlier: where it was when the shutter opened; None: the picture is not smeared.
        """
        camera = self.camera(pose)
        size = self.lens.width_px, self.lens.height_px
        range_m = max(0.05, float(camera.position_m[2]) - self._pad_alt_amsl_m)
        pixel_m = range_m / self.lens.focal_px
        ground = _level(self._ground_levels, _GRAIN_M, pixel_m)
        picture = cv2.warpPerspective(ground, self._homography(camera, _GRAIN_M, ground), size, borderMode=cv2.BORDER_WRAP)
        sheet = _level(self._pad.pictures, self._pad.sheet_m, pixel_m)
        onto = self._homography(camera, self._pad.sheet_m, sheet)
        # Where the print is not, the ground stays as it is.
        cv2.warpPerspective(sheet, onto, size, dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
        moved = smeared(np.asarray(picture, np.uint8), self._motion_px(camera, earlier), longest_px=30.0)
        picture = cv2.GaussianBlur(moved, (0, 0), _BLUR_PX)
        row, column = frame * 29 % 64, frame * 17 % 64
        noise = self._noise[row : row + size[1], column : column + size[0]]
        return np.asarray(cv2.add(picture, noise, dtype=cv2.CV_8U), np.uint8)

    def camera(self, pose: Pose) -> Camera:
        """The camera of a drone: over its feet, its axis to the drone's belly, the top of its picture to the nose."""
        body = pose.camera(self.lens).axes  # rows: right, down, forward of the drone
        right, down, forward = body
        return Camera(self.lens, pose.position_m - down * LENS_OVER_FEET_M, np.stack([right, -forward, down]))

    def _homography(self, camera: Camera, side_m: float, texture: Grey) -> Matrix:
        """From pixels of a texture that lies on the pad's plane, centred, its top to the north, to pixels of the picture."""
        step_m = side_m / texture.shape[0]
        east, north, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
        corner = (step_m / 2 - side_m / 2) * east + (side_m / 2 - step_m / 2) * north + self._pad_alt_amsl_m * up
        plane = np.column_stack([east * step_m, -north * step_m, corner - camera.position_m])
        focal_px, half = self.lens.focal_px, 0.5
        inner = np.array(
            [[focal_px, 0, self.lens.width_px / 2 - half], [0, focal_px, self.lens.height_px / 2 - half], [0, 0, 1.0]]
        )
        return np.asarray(inner @ camera.axes @ plane)

    def _motion_px(self, camera: Camera, earlier: Pose | None) -> tuple[float, float]:
        if earlier is None:
            return 0.0, 0.0
        middle = np.array([[0.0, 0.0, self._pad_alt_amsl_m]])
        now, depth = camera.project(middle)
        then, depth_then = self.camera(earlier).project(middle)
        if min(float(depth[0]), float(depth_then[0])) <= 0.0:
            return 0.0, 0.0
        return float(now[0, 0] - then[0, 0]), float(now[0, 1] - then[0, 1])


def _level(levels: "tuple[Grey, ...] | list[Grey]", side_m: float, pixel_m: float) -> Grey:
    """The texture whose own pixels are about as large as the picture's, or finer."""
    number = math.floor(math.log2(max(1.0, pixel_m * levels[0].shape[0] / side_m)))
    return levels[min(number, len(levels) - 1)]


class DownSource:
    """Pictures of the pad from the newest pose of a vehicle.

    Args:
        view: draws.
        track: poses of the drone's body; before the first it stands on the pad.
        clock: product time.
    """

    def __init__(self, view: DownView, track: PoseTrack, clock: Clock, pad_alt_amsl_m: float) -> None:
        self._view, self._track, self._clock = view, track, clock
        self._parked = Pose(0.0, np.array([0.0, 0.0, pad_alt_amsl_m]), np.array([1.0, 0.0, 0.0, 0.0]))
        self._frame = 0

    def capture(self) -> Captured:
        """The picture of now."""
        moment = self._clock.unix_s() - _LAG_S
        pose = self._track.at(moment) or self._parked
        picture = self._view.render(pose, self._frame, self._track.at(moment - _SHUTTER_S))
        self._frame += 1
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return Captured(data.tobytes(), moment)
