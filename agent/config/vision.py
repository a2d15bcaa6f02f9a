"""What looks at the video, and with which camera."""

from typing import Literal

from pydantic import Field

from agent.config.camera import CameraSection
from agent.config.section import ExpandedPath, Section
from agent.config.thermal import ThermalSection


class ErrorSection(Section):
    """How wrong the measurements may be, one sigma each. From these follows the ellipse around everything seen."""

    tilt_deg: float = Field(default=0.7, gt=0, le=10)
    """Roll and pitch of the camera."""
    heading_deg: float = Field(default=2.0, gt=0, le=30)
    """Yaw of the camera against true north."""
    position_m: float = Field(default=1.2, gt=0, le=50)
    """Horizontal position per axis at HDOP 1; multiplied by a greater HDOP."""
    altitude_m: float = Field(default=2.0, gt=0, le=50)
    """Altitude of the drone against the height raster's datum."""
    terrain_m: float = Field(default=3.0, gt=0, le=100)
    """Height raster."""
    flat_ground_m: float = Field(default=25.0, gt=0, le=500)
    """Height of the ground against the pad's where there is no raster."""
    pixel_px: float = Field(default=2.0, gt=0, le=50)
    """A point in the picture."""
    box_fraction: float = Field(default=0.2, ge=0, le=1)
    """Where in its box a thing stands, as part of the box's width and height."""


class VisionSection(Section):
    """The vision process."""

    source: str = "http://127.0.0.1:8090/stream.mjpg"
    """rtsp://, udp://, http:// (MJPEG), a V4L2 device, a video file or a folder of pictures."""
    camera: CameraSection = CameraSection()
    """The camera's geometry."""
    thermal: ThermalSection | None = None
    """A radiometric thermal camera beside it; null: none."""
    errors: ErrorSection = ErrorSection()
    """How wrong the measurements may be."""
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
    start_timeout_s: float = Field(default=60.0, gt=0, le=600)
    """Longest time until the first word of a started vision process; it loads and proves its models first."""
    tiles: Literal["never", "rotate", "always"] = "rotate"
    """Frames larger than a network's input: whole only, whole and a few tiles in turn within the time budget, or all tiles."""
    tile_budget_s: float = Field(default=0.2, ge=0, le=10)
    """Computing time of one frame that tiles may use, with rotate."""
    range_max_m: float = Field(default=3000.0, ge=50, le=50000)
    """What is seen farther off has a bearing and no place of its own."""
    flood_area_min_m2: float = Field(default=400.0, ge=1)
    """Less water outside its normal bed is not a flood."""
    flood_bank_margin_m: float = Field(default=8.0, ge=0, le=500)
    """Water within this distance of its normal bed counts as normal, besides the error of the place."""
    evidence_interval_s: float = Field(default=5.0, ge=0, le=600)
    """Least time between two snapshots of one track."""
