"""The incident record that leaves the nest. Field meanings and the lifecycle stand in docs/hub.md."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from agent.domain.hazard import Hazard
from agent.domain.request import RequestId
from agent.domain.sighting import CameraPoseRecord, DetectorRecord, GeoPosition
from agent.domain.wire import Azimuth, Person, Unit, Utc, Wire


class AlertStatus(StrEnum):
    """Where an alert is in its life; the table of steps is ``agent.alerts.lifecycle``."""

    OPEN = "open"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def closed(self) -> bool:
        """Whether nothing follows."""
        return self in {AlertStatus.RESOLVED, AlertStatus.FALSE_ALARM, AlertStatus.WITHDRAWN, AlertStatus.EXPIRED}


class AlertWeather(Wire):
    """Weather at the nest when the alert was raised."""

    wind_m_s: float
    wind_from_deg: Azimuth
    temp_c: float
    humidity: Unit


class AlertEvidence(Wire):
    """Where a receiver finds a picture, and how to know it is unchanged."""

    kind: Literal["snapshot", "thermal", "clip"]
    topic: str
    sha256: str
    captured_at: Utc
    camera_pose: CameraPoseRecord | None = None


class HistoryEntry(Wire):
    """Who did what and when."""

    at: Utc
    by: str
    status: AlertStatus
    reason: str = ""


class AlertAction(Wire):
    """A department's answer to an alert, sent to the nest that raised it."""

    alert: str = Field(min_length=1, max_length=64)
    action: Literal["acknowledge", "dispatch", "resolve", "false_alarm", "look_again"]
    by: Person
    reason: str = Field(default="", max_length=2000)
    request: RequestId | None = None
    """ULID of this answer, made by its sender. A look that is asked for twice with one id is flown once."""
    expires: Utc | None = None
    """Not to be followed after that."""


class GeoJsonPolygon(Wire):
    """RFC 7946 polygon: rings of [lon, lat], closed."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: tuple[tuple[tuple[float, float], ...], ...]


class Alert(Wire):
    """One incident, as the hub sees it. ``sequence`` grows by one with every message about it."""

    alert: str
    sequence: int = Field(ge=1)
    status: AlertStatus
    hazard: Hazard
    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
    urgency: Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
    certainty: Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
    confidence: Unit
    first_seen: Utc
    last_seen: Utc
    position: GeoPosition
    area: GeoJsonPolygon | None = None
    extent_m2: float | None = Field(default=None, ge=0)
    growth_m2_per_min: float | None = None
    flight: str | None = None
    route: str | None = None
    inspection_point: str | None = None
    weather: AlertWeather | None = None
    evidence: tuple[AlertEvidence, ...] = ()
    detector: DetectorRecord
    history: tuple[HistoryEntry, ...] = ()
    simulated: bool = False
