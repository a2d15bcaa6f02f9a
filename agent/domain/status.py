"""What the nest says of itself on the hub: status, telemetry, flight reports."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from agent.domain.wire import Azimuth, Latitude, Longitude, Unit, Utc, Wire


class NestSummary(StrEnum):
    """The nest in one word. LOST is only ever sent by the broker, as the last will."""

    READY = "ready"
    FLYING = "flying"
    BUSY = "busy"
    NOT_READY = "not_ready"
    FAULT = "fault"
    STOPPED = "stopped"
    LOST = "lost"


class Reason(Wire):
    """A health code with its words."""

    code: str
    words: str


class PlaceRecord(Wire):
    """A place without an error: where a nest or drone is."""

    lat: Latitude
    lon: Longitude
    alt_amsl_m: float | None = None


class NestStatus(Wire):
    """Retained; also the last will with ``state: lost``."""

    state: NestSummary
    at: Utc
    reasons: tuple[Reason, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    position: PlaceRecord | None = None
    lid: str | None = None
    battery: Unit | None = None
    next_flight: Utc | None = None


class DroneTelemetry(Wire):
    """1 Hz flying, 0.1 Hz idle; never stored."""

    at: Utc
    flight_state: str
    mode: str
    armed: bool | None = None
    position: PlaceRecord | None = None
    alt_rel_m: float | None = None
    ground_speed_m_s: float | None = None
    heading_deg: Azimuth | None = None
    battery: Unit | None = None
    battery_v: float | None = None


class ImageEvidence(StrEnum):
    """What proves that a point was imaged, strongest first."""

    CAPTURED = "captured"  # the camera reported its pictures
    TRIGGERED = "triggered"  # the autopilot reported the releases; this camera reports nothing itself
    VIDEO = "video"  # no camera reports pictures; the video was well while the drone was there


class PointResult(Wire):
    """One inspection point of a flight. pictures counts those that were reported there."""

    id: str
    reached_at: Utc | None = None
    imaged: bool = False
    evidence: ImageEvidence | None = None
    pictures: int = Field(default=0, ge=0)
    lacks: str | None = Field(default=None, description="Why it does not count as imaged; a row of the table of codes.")


class MissedPoint(Wire):
    """An inspection point that has to be flown again; code is a row of the table of codes."""

    id: str
    code: str
    words: str


class CheckResult(Wire):
    """One preflight check as it was judged."""

    code: str
    passed: bool | None
    value: str
    limit: str
    mandatory: bool
    words: str


class FlightReport(Wire):
    """A flight from its assignment to its end; updated as it goes."""

    flight: str
    route: str
    request: str | None = Field(default=None, description="The request that it answers; left out for the nest's own calendar.")
    department: str | None = Field(default=None, description="Whose request that is.")
    state: str
    outcome: Literal["flying", "completed", "refused", "cut_short", "fault"]
    started_at: Utc
    ended_at: Utc | None = None
    points_total: int = Field(ge=0)
    points_seen: int = Field(ge=0)
    points: tuple[PointResult, ...] = ()
    missed: tuple[MissedPoint, ...] = ()
    breakpoint_index: int | None = None
    reasons: tuple[Reason, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    energy_used: Unit | None = None
