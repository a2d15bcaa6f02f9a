"""The landing pad as the down camera shows it: one sight a picture, and where that puts the pad."""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from agent.domain.wire import Utc, Wire


class PadSight(Wire):
    """The pad in one picture, in the drone's body axes (forward, right, down) at the moment of capture.

    Attributes:
        captured_unix_s: when the light fell on the sensor, product time.
        forward_m: the pad's centre from the drone's reference point; likewise right_m and down_m.
        covariance_m2: of these three, one sigma squared: ff, fr, fd, rr, rd, dd.
        yaw_deg: the pad's own forward against the drone's nose, clockwise seen from above, -180..180.
        markers: ids that were seen.
        residual_px: root mean square between the corners seen and those of the solution.
    """

    type: Literal["pad_sight"] = "pad_sight"
    captured_unix_s: float
    forward_m: float
    right_m: float
    down_m: float
    covariance_m2: tuple[float, float, float, float, float, float]
    yaw_deg: float
    markers: tuple[int, ...]
    residual_px: float = Field(ge=0)


class PadCameraStatus(Wire):
    """Sent about once a second by the process that looks for the pad.

    Attributes:
        frames: pictures looked at since it was told to look.
        latency_s: capture to result, median over the last seconds; None without pictures.
        looked_s: product time since the first picture after it was told to look; 0 without pictures.
        health: codes of what is wrong with camera or picture; empty when all is well.
    """

    type: Literal["pad_status"] = "pad_status"
    at: Utc
    frames: int = Field(ge=0)
    latency_s: float | None = None
    looked_s: float = Field(default=0.0, ge=0)
    health: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PadFix:
    """Where the pad's centre lies from the drone, against the earth, at the moment of capture.

    Attributes:
        captured_unix_s: product time.
        north_m: from the drone's reference point to the pad's centre; likewise east_m and down_m.
        sigma_m: one sigma of the worse horizontal direction.
        heading_deg: of the pad's own forward, from true north, 0..360.
    """

    captured_unix_s: float
    north_m: float
    east_m: float
    down_m: float
    sigma_m: float
    heading_deg: float

    @property
    def offset_m(self) -> float:
        """Metres across from the drone to the pad's centre."""
        return math.hypot(self.north_m, self.east_m)


@dataclass(frozen=True, slots=True)
class PadView:
    """The newest fix, and when its picture was taken: the event loop's time."""

    at_s: float
    fix: PadFix
