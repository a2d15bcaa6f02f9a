"""What looks at the video, and with which camera."""

from typing import Literal

from pydantic import Field

from agent.config.section import ExpandedPath, Section


class CameraSection(Section):
    """The camera's geometry."""

    width_px: int = Field(default=1280, ge=16, le=16384)
    """Width of the picture."""
    height_px: int = Field(default=720, ge=16, le=16384)
    """Height of the picture."""
    horizontal_fov_deg: float = Field(default=60.0, gt=5, lt=160)
    """Horizontal field of view of the undistorted picture."""
    mount_pitch_deg: float = Field(default=-45.0, ge=-90, le=30)
    """Camera axis against the drone's body where no gimbal reports its angles."""
    latency_s: float = Field(default=0.2, ge=0, le=5)
    """From the scene to the received frame, where the stream carries no capture time."""
    latency_error_s: float = Field(default=0.05, ge=0, le=2)
    """One sigma of the error of a frame's capture time; it widens the error ellipse."""


class VisionSection(Section):
    """The vision process."""

    source: str = "http://127.0.0.1:8090/stream.mjpg"
    """rtsp://, udp://, http:// (MJPEG), a V4L2 device, a video file or a folder of pictures."""
    camera: CameraSection = CameraSection()
    """The camera's geometry."""
    models: tuple[ExpandedPath, ...] = ()
    """Model folders. Empty: the models shipped with the product."""
    providers: tuple[Literal["cpu", "cuda", "tensorrt", "openvino", "xnnpack", "qnn"], ...] = ("cpu",)
    """Execution providers in order of preference; falls back to cpu, and says so."""
    threads: int = Field(default=1, ge=1, le=16)
    """Threads of the inference runtime."""
    frames_per_s_max: float = Field(default=5.0, gt=0, le=60)
    """No more frames than this are looked at in a second."""
    suspect_log_odds: float = Field(default=2.0, gt=-10, lt=20)
    """Evidence (natural log of the odds) from which a track is worth a closer look."""
    confirm_log_odds: float = Field(default=4.6, gt=0, lt=20)
    """Evidence from which an alert is raised; 4.6 is odds of 99 to 1."""
    stall_after_s: float = Field(default=10.0, gt=0, le=300)
    """Without a word from the vision process for so long, it is killed and started again."""
