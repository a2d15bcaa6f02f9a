"""Precision landing: the pad's markers, the camera that looks down at them, and how well it must be aligned."""

from typing import Literal, Self

from pydantic import Field, model_validator

from agent.config.camera import CameraSection
from agent.config.section import Section


class MarkerSection(Section):
    """One printed marker. Pad axes: forward is the top of the print, right is its right; the origin is the pad's centre."""

    id: int = Field(ge=0, le=1023)
    """Its number in the dictionary."""
    side_m: float = Field(gt=0.005, le=5)
    """Length of the black square's side."""
    forward_m: float = Field(default=0.0, ge=-5, le=5)
    """Its centre, forward of the pad's centre."""
    right_m: float = Field(default=0.0, ge=-5, le=5)
    """Its centre, to the right of the pad's centre."""


Dictionary = Literal["4x4_50", "4x4_100", "5x5_50", "5x5_100", "6x6_50", "6x6_100", "aruco_mip_36h12", "apriltag_36h11"]

_FAMILY_SIZES: dict[Dictionary, int] = {
    "4x4_50": 50, "4x4_100": 100, "5x5_50": 50, "5x5_100": 100, "6x6_50": 50, "6x6_100": 100, "aruco_mip_36h12": 250,
    "apriltag_36h11": 587,
}  # fmt: skip


class PadMarkersSection(Section):
    """What is printed on the pad. ``nest-agent pad-marker`` draws it to scale.

    Markers 45 and 16 of the family 4x4_50 are white in their middle, where the next one lies. With a sixth of the side it does
    not disturb the reading of the larger one.
    """

    dictionary: Dictionary = "4x4_50"
    """Family of the markers; one for all."""
    markers: tuple[MarkerSection, ...] = (
        MarkerSection(id=45, side_m=0.72),
        MarkerSection(id=16, side_m=0.12),
        MarkerSection(id=7, side_m=0.02),
    )
    """The large one is for height, the small ones for the last metre; each may lie in the white middle of the one before."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        ids = [marker.id for marker in self.markers]
        if not ids or len(ids) != len(set(ids)):
            raise ValueError(f"markers {ids}: there must be at least one, and each id only once")
        if max(ids) >= (size := _FAMILY_SIZES[self.dictionary]):
            raise ValueError(f"marker {max(ids)}: the family {self.dictionary} has the ids 0 to {size - 1}")
        return self


class DownCameraSection(CameraSection):
    """The camera that looks down. Its place is given from the drone's reference point, which is at height 0 on the pad."""

    width_px: int = Field(default=640, ge=16, le=16384)
    """Width of the picture."""
    height_px: int = Field(default=480, ge=16, le=16384)
    """Height of the picture."""
    horizontal_fov_deg: float = Field(default=70.0, gt=5, lt=160)
    """Horizontal field of view of the undistorted picture."""
    mount_pitch_deg: float = Field(default=-90.0, ge=-120, le=-45)
    """Camera axis against the drone's body; -90 looks straight down."""
    mount_yaw_deg: float = Field(default=0.0, ge=-180, le=180)
    """Where the top of the picture points against the drone's nose, clockwise seen from above."""
    latency_s: float = Field(default=0.05, ge=0, le=5)
    """From the scene to the received frame, where the stream carries no capture time."""
    latency_error_s: float = Field(default=0.02, ge=0, le=2)
    """One sigma of the error of a frame's capture time."""
    forward_m: float = Field(default=0.0, ge=-5, le=5)
    """The lens, forward of the reference point."""
    right_m: float = Field(default=0.0, ge=-5, le=5)
    """The lens, to the right of the reference point."""
    down_m: float = Field(default=-0.2, ge=-5, le=5)
    """The lens, below the reference point; negative where it sits above the feet."""
    corner_px: float = Field(default=0.5, gt=0, le=10)
    """One sigma of a marker's corner in the picture."""
    mount_error_deg: float = Field(default=0.7, gt=0, le=10)
    """One sigma of the camera's tilt against the earth: mount and attitude together."""
    range_error: float = Field(default=0.01, gt=0, le=0.2)
    """One sigma of the distance as part of it: focal length, print and the blur of small markers together."""


class LandingSection(Section):
    """Landing on the pad's markers. Without this section the drone lands by the autopilot's own position."""

    source: str = "http://127.0.0.1:8090/down.mjpg"
    """rtsp://, udp://, http:// (MJPEG), a V4L2 device, a video file or a folder of pictures. 10 pictures a second or more."""
    camera: DownCameraSection = DownCameraSection()
    """The camera's geometry."""
    pad: PadMarkersSection = PadMarkersSection()
    """What is printed on the pad."""
    frames_per_s_max: float = Field(default=20.0, ge=10, le=60)
    """No more pictures than this are looked at in a second."""
    sigma_max_m: float = Field(default=0.4, gt=0, le=5)
    """A sight with a larger horizontal error is not used."""
    gate_height_m: float = Field(default=2.5, ge=1, le=20)
    """Height over the pad at which the drone must be aligned with it."""
    commit_height_m: float = Field(default=0.8, ge=0.2, le=5)
    """Below this height the landing is always finished: climbing away is the greater risk."""
    offset_max_m: float = Field(default=0.35, gt=0, le=5)
    """Farthest from the pad's centre that counts as aligned."""
    lost_after_s: float = Field(default=1.5, gt=0.2, le=10)
    """Without a sight for so long, the pad counts as not seen."""
    again_height_m: float = Field(default=8.0, ge=3, le=60)
    """Height over the pad to climb to before the next attempt."""
    required: bool = False
    """Where the pad was not seen at all: true goes around and at last diverts, false lands by position and says so."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if not self.commit_height_m < self.gate_height_m < self.again_height_m:
            heights = f"{self.commit_height_m:g}, {self.gate_height_m:g}, {self.again_height_m:g}"
            raise ValueError(f"commit_height_m, gate_height_m, again_height_m are {heights}; each must be above the one before")
        return self
