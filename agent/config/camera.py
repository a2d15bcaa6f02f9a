"""A camera's geometry."""

from pydantic import Field

from agent.config.section import Section


class CameraSection(Section):
    """The camera's geometry."""

    width_px: int = Field(default=1280, ge=16, le=16384)
    """Width of the picture."""
    height_px: int = Field(default=720, ge=16, le=16384)
    """Height of the picture."""
    colour: bool = True
    """Whether it gives colours. A grey picture of a camera that should is told as another camera's."""
    horizontal_fov_deg: float = Field(default=60.0, gt=5, lt=160)
    """Horizontal field of view of the undistorted picture."""
    mount_pitch_deg: float = Field(default=-45.0, ge=-90, le=30)
    """Camera axis against the drone's body where no gimbal reports its angles."""
    latency_s: float = Field(default=0.2, ge=0, le=5)
    """From the scene to the received frame, where the stream carries no capture time."""
    latency_error_s: float = Field(default=0.05, ge=0, le=2)
    """One sigma of the error of a frame's capture time; it widens the error ellipse."""
    distortion: tuple[float, ...] = Field(default=(), max_length=5)
    """Lens distortion k1, k2, p1, p2, k3 as OpenCV's calibration gives it; empty for a corrected picture."""
