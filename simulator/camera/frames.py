"""Where a stream's pictures come from: the rendered world, or a real clip or folder of pictures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.core.clock import Clock
from agent.core.errors import ConfigError
from simulator.camera import sprites
from simulator.camera.optics import encode_jpeg
from simulator.camera.pose import Pose, PoseTrack, quaternion
from simulator.camera.projection import Camera, Lens
from simulator.camera.rgb import Rendered, Renderer

_LAG_S = 0.08  # pictures are taken this much behind the clock, so that the pose is mostly interpolated
_SHUTTER_S = 1.0 / 320.0
_LEGS_M = 0.35
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
_GREY = 3
"""Levels between the channels; coding leaves a grey picture below 1."""


@dataclass(frozen=True)
class Captured:
    """One picture of a stream.

    Attributes:
        jpeg: the encoded picture; of the thermal camera a 16-bit PNG.
        unix_s: product time of its capture.
        truth: what is known about it; empty for real pictures.
    """

    jpeg: bytes
    unix_s: float
    truth: dict[str, Any] = field(default_factory=dict)


class FrameSource(Protocol):
    """Gives pictures one by one."""

    def capture(self) -> Captured | None:
        """The picture of now; None when there are no more."""
        ...


class RenderedSource:
    """The world from the newest pose of a vehicle.

    Args:
        renderer: draws the world.
        lens: the camera's optics.
        track: the vehicle's poses; before the first the camera stands on the nest.
        clock: product time.
        start_unix_s: product time of the world's second 0.
    """

    def __init__(self, renderer: Renderer, lens: Lens, track: PoseTrack, clock: Clock, start_unix_s: float) -> None:
        self._renderer, self._lens, self._track, self._clock = renderer, lens, track, clock
        self._start_s = start_unix_s
        self._frame = 0
        ground = renderer.world.ground_amsl_m(0.0, 0.0)
        self._parked = Pose(0.0, np.array([0.0, 0.0, ground + 0.6]), quaternion(0.0, -0.5, 0.0))
        self._warm_up()

    def capture(self) -> Captured:
        """The picture of now."""
        moment = self._clock.unix_s() - _LAG_S
        pose = self._track.at(moment) or self._parked
        world_s = moment - self._start_s
        camera = self._off_the_ground(pose).camera(self._lens)
        rendered = self._renderer.render(camera, world_s, self._frame, self._motion_px(camera, moment))
        jpeg = encode_jpeg(rendered.picture, self._renderer.optics.jpeg_quality)
        truth = self._truth(camera, rendered, moment, world_s)
        self._frame += 1
        return Captured(jpeg, moment, truth)

    def _warm_up(self) -> None:
        """Makes now what is made at first use, so that the first picture of a fire is not a late one."""
        sprites.flames()
        sprites.puffs()
        self._renderer.render(self._parked.camera(self._lens), 0.0)

    def _off_the_ground(self, pose: Pose) -> Pose:
        """A landed drone's legs hold its camera over the ground."""
        east, north, alt = pose.position_m.tolist()
        lowest = self._renderer.world.ground_amsl_m(east, north) + _LEGS_M
        return pose if alt >= lowest else Pose(pose.unix_s, np.array([east, north, lowest]), pose.attitude)

    def _motion_px(self, camera: Camera, moment: float) -> tuple[float, float]:
        """How far what is 100 m ahead moves in the picture while the shutter is open."""
        earlier = self._track.at(moment - _SHUTTER_S)
        if earlier is None:
            return 0.0, 0.0
        ahead = (camera.position_m + camera.axes[2] * 100.0)[None, :]
        then, _ = earlier.camera(self._lens).project(ahead)
        return float(self._lens.width_px / 2 - then[0, 0]), float(self._lens.height_px / 2 - then[0, 1])

    def _truth(self, camera: Camera, rendered: Rendered, moment: float, world_s: float) -> dict[str, Any]:
        east, north, alt = (float(value) for value in camera.position_m)
        place = self._renderer.world.frame.to_latlon(north, east)
        masks = rendered.masks
        return {
            "frame": self._frame,
            "unix_s": round(moment, 6),
            "world_s": round(world_s, 3),
            "pose": {
                "lat_deg": round(place.lat_deg, 8),
                "lon_deg": round(place.lon_deg, 8),
                "alt_amsl_m": round(alt, 3),
                "yaw_deg": round(camera.yaw_deg, 3),
                "pitch_deg": round(camera.pitch_deg, 3),
            },
            "boxes": [{"kind": box.kind, "box_px": list(box.box_px)} for box in rendered.boxes],
            "water_share": _share(masks.water) if masks else 0.0,
            "flood_share": _share(masks.flood) if masks else 0.0,
        }


def _share(mask: NDArray[np.uint8]) -> float:
    return round(float(np.count_nonzero(mask)) / mask.size, 5)


class ClipSource:
    """A real video, or a folder of pictures in the order of their names.

    Args:
        path: file or folder.
        clock: product time.
        loop: begin again at the end.

    Raises:
        ConfigError: nothing at the path can be read as pictures.
    """

    def __init__(self, path: Path, clock: Clock, *, loop: bool) -> None:
        self._path, self._clock, self._loop = path, clock, loop
        self.fps = _clip_fps(path)
        self._pictures = self._play()
        self._next = next(self._pictures, None)
        if self._next is None:
            raise ConfigError(
                "config.invalid", f"play {path}: no picture can be read there; give a video file or a folder of pictures"
            )

    def capture(self) -> Captured | None:
        """The next picture; None after the last one of a clip that is played once."""
        picture = self._next
        if picture is None:
            return None
        self._next = next(self._pictures, None)
        return Captured(encode_jpeg(picture, 92), self._clock.unix_s())

    def _play(self) -> Iterator[NDArray[np.uint8]]:
        while True:
            shown = 0
            for picture in _folder(self._path) if self._path.is_dir() else _video(self._path):
                shown += 1
                yield picture
            if not self._loop or not shown:
                return


def camera_of(path: Path) -> dict[str, int | bool]:
    """The configured camera that a clip or folder stands for, by its first picture: its size, and whether it has colours.

    Raises:
        ConfigError: nothing at the path can be read as pictures.
    """
    first = next(_folder(path) if path.is_dir() else _video(path), None)
    if first is None:
        raise ConfigError(
            "config.invalid", f"play {path}: no picture can be read there; give a video file or a folder of pictures"
        )
    height_px, width_px = first.shape[:2]
    spread = first.max(axis=2) - first.min(axis=2)
    return {"width_px": width_px, "height_px": height_px, "colour": bool(np.percentile(spread, 99) >= _GREY)}


def _clip_fps(path: Path) -> float | None:
    """Pictures a second that a video says of itself; None for folders."""
    if not path.is_file():
        return None
    video = cv2.VideoCapture(str(path))
    fps = float(video.get(cv2.CAP_PROP_FPS)) if video.isOpened() else 0.0
    video.release()
    return fps if 0.1 <= fps <= 240.0 else None


def _folder(path: Path) -> Iterator[NDArray[np.uint8]]:
    for file in sorted(path.iterdir()):
        if file.suffix.lower() in _PICTURES:
            picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if picture is not None:
                yield np.asarray(picture, np.uint8)


def _video(path: Path) -> Iterator[NDArray[np.uint8]]:
    video = cv2.VideoCapture(str(path))
    try:
        while video.isOpened():
            read, picture = video.read()
            if not read:
                return
            yield np.asarray(picture, np.uint8)
    finally:
        video.release()
