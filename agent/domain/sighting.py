"""What the vision process tells the agent: observations with an honest place, never frames."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from agent.domain.hazard import Hazard
from agent.domain.wire import Azimuth, Latitude, Longitude, Unit, Utc, Wire


class ErrorEllipse(Wire):
    """Horizontal error at 95 %. The azimuth is of the semi-major axis, from true north."""

    semi_major_m: float = Field(ge=0)
    semi_minor_m: float = Field(ge=0)
    azimuth_deg: Azimuth


class GeoPosition(Wire):
    """A place on the ground with its error."""

    lat: Latitude
    lon: Longitude
    alt_m: float | None = None
    datum: Literal["WGS84"] = "WGS84"
    error_ellipse: ErrorEllipse


class CameraPoseRecord(Wire):
    """Where the camera was and looked when a picture was taken."""

    lat: Latitude
    lon: Longitude
    alt_amsl_m: float
    pitch_deg: float
    yaw_deg: float
    roll_deg: float


class Evidence(Wire):
    """A file that shows the sighting."""

    kind: Literal["snapshot", "snapshot_raw", "thermal", "clip"]
    path: str
    sha256: str
    captured_at: Utc
    pose: CameraPoseRecord | None = None


class DetectorRecord(Wire):
    """Which model said so, and on how many frames."""

    name: str
    version: str
    sha256: str
    threshold: Unit
    frames_seen: int = Field(ge=0)
    frames_confirmed: int = Field(ge=0)


class SightingLevel(StrEnum):
    """How far the evidence goes: worth a closer look, worth an alert, or looked at again and gone."""

    SUSPECT = "suspect"
    CONFIRMED = "confirmed"
    CLEARED = "cleared"


class Sighting(Wire):
    """The state of one track on the ground, sent whenever it changes materially.

    Attributes:
        track: stable while the thing is tracked.
        captured_at: capture time of the frame that made this change.
        confidence: probability that the hazard is real, from the accumulated evidence.
        area: ring of (lon, lat) around what was seen, closed, counter-clockwise; None where only a point is known.
    """

    type: Literal["sighting"] = "sighting"
    track: str
    hazard: Hazard
    level: SightingLevel
    confidence: Unit
    position: GeoPosition
    first_seen: Utc
    last_seen: Utc
    captured_at: Utc
    area: tuple[tuple[float, float], ...] | None = None
    extent_m2: float | None = Field(default=None, ge=0)
    detector: DetectorRecord
    evidence: tuple[Evidence, ...] = ()


class VisionStatus(Wire):
    """Sent about once a second: is anybody looking?

    Attributes:
        health: codes of what is wrong with the picture or the models; empty when all is well.
        frames_per_s: frames looked at, over the last seconds.
        latency_s: capture to result, median over the last seconds.
        models: name -> sha256 of the loaded models.
        time_offset_s: how much later than stated the pictures were taken, by their motion; None while that cannot be told.
    """

    type: Literal["status"] = "status"
    at: Utc
    frames: int = Field(ge=0)
    dropped: int = Field(ge=0)
    frames_per_s: float = Field(ge=0)
    latency_s: float | None = None
    health: tuple[str, ...] = ()
    models: dict[str, str] = Field(default_factory=dict)
    rss_mb: float | None = None
    time_offset_s: float | None = None
