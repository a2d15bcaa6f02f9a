"""An alert as a GeoJSON FeatureCollection (RFC 7946): place, ellipse and outline. Pure."""

from collections.abc import Iterator
from datetime import datetime

from agent.alerts.formats.rings import ellipse, outline
from agent.alerts.formats.words import WORDS, headline
from agent.config.formats import FormatsSection
from agent.domain.alert import Alert, GeoJsonPolygon
from agent.domain.geojson import AlertFeature, AlertFeatures, AlertProperties, GeoJsonPoint

_DECIMALS = 6


def geojson(alert: Alert, nest: str, sent: datetime, formats: FormatsSection) -> bytes:
    """The collection as JSON in UTF-8."""
    return features(alert, nest, sent, formats).model_dump_json(exclude_none=True).encode()


def features(alert: Alert, nest: str, sent: datetime, formats: FormatsSection) -> AlertFeatures:
    """The collection: the place always, ellipse and outline where they can be drawn."""
    told = AlertProperties(
        part="position",
        **{name: getattr(alert, name) for name in _COPIED},
        nest=nest,
        title=headline(alert, WORDS[formats.languages[0]]),
        told_at=sent,
        error_m=alert.position.error_ellipse.semi_major_m,
    )
    return AlertFeatures(features=tuple(_features(alert, told)))


_COPIED = (
    *("alert", "sequence", "status", "hazard", "severity", "urgency", "certainty", "confidence"),
    *("first_seen", "last_seen", "extent_m2", "growth_m2_per_min", "simulated"),
)


def _features(alert: Alert, told: AlertProperties) -> Iterator[AlertFeature]:
    place = (round(alert.position.lon, _DECIMALS), round(alert.position.lat, _DECIMALS))
    yield AlertFeature(id=f"{alert.alert}/position", geometry=GeoJsonPoint(coordinates=place), properties=told)
    for part, ring in (("ellipse", ellipse(alert.position)), ("outline", outline(alert.area))):
        if ring is not None:
            yield AlertFeature(
                id=f"{alert.alert}/{part}",
                geometry=GeoJsonPolygon(coordinates=(ring,)),
                properties=told.model_copy(update={"part": part}),
            )
