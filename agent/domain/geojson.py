"""An alert as a layer for a map: a GeoJSON FeatureCollection (RFC 7946). Places are [lon, lat] on WGS84."""

from typing import Literal

from agent.domain.alert import AlertStatus, GeoJsonPolygon
from agent.domain.hazard import Hazard
from agent.domain.wire import Unit, Utc, Wire


class GeoJsonPoint(Wire):
    """RFC 7946 point."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class AlertProperties(Wire):
    """What a map shows beside an alert. The whole record stands on the alert's own topic.

    Attributes:
        part: what the feature's geometry is: the most likely place, the ellipse in which it lies with 95 %, or the outline.
        title: a line for people, in the nest's first language.
        error_m: half the long axis of the ellipse.
    """

    part: Literal["position", "ellipse", "outline"]
    alert: str
    sequence: int
    nest: str
    status: AlertStatus
    hazard: Hazard
    severity: str
    urgency: str
    certainty: str
    confidence: Unit
    title: str
    first_seen: Utc
    last_seen: Utc
    told_at: Utc
    error_m: float
    extent_m2: float | None = None
    growth_m2_per_min: float | None = None
    simulated: bool = False


class AlertFeature(Wire):
    """One geometry of an alert; ``id`` is the alert and the part."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: GeoJsonPoint | GeoJsonPolygon
    properties: AlertProperties


class AlertFeatures(Wire):
    """All geometries of one alert."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: tuple[AlertFeature, ...]
