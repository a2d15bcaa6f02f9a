"""An alert as a Cursor on Target event 2.0 (MITRE, Event-PUBLIC.xsd). Pure.

``ce`` is the radius of the circle that holds the whole 95 % ellipse: a reader who takes it for a smaller quantile looks in too
large a place, never in too small a one. The height above the ellipsoid is not known: the ground's height is above the sea.
"""

import math
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

from agent.alerts.formats.rings import LONGEST_M, outline
from agent.alerts.formats.words import WORDS, description, headline
from agent.alerts.formats.xml_text import clean, document
from agent.config.formats import FormatsSection
from agent.core.clock import rfc3339
from agent.domain.alert import Alert
from agent.domain.hazard import Hazard
from agent.domain.sighting import ErrorEllipse

# Branches of the CoT tree under incident (X-i): fire (f) wild, smoke, hot spot; weather (m) flood; environment (e); rescue (r);
# security (l) and its law enforcement. The affiliation is unknown (u).
TYPE: dict[Hazard, str] = {
    Hazard.FIRE: "a-u-X-i-f-w",
    Hazard.SMOKE: "a-u-X-i-f-s",
    Hazard.HOT_SPOT: "a-u-X-i-f-h",
    Hazard.FLOOD: "a-u-X-i-m-f",
    Hazard.POLLUTION: "a-u-X-i-e",
    Hazard.PERSON: "a-u-X-i-r",
    Hazard.VEHICLE: "a-u-X-i-l",
    Hazard.LOGGING: "a-u-X-i-l-l",
}

UNKNOWN_M = "9999999.0"
_MACHINE, _SIMULATED = "m-f", "m-s"
_WITHDRAWN_BEFORE = timedelta(seconds=1)
_CALLSIGN_ID = 6


def cot(alert: Alert, nest: str, sent: datetime, valid_until: datetime, formats: FormatsSection) -> bytes:
    """The event as XML in UTF-8. A closed alert's is stale before it starts, which takes it off the map."""
    words = WORDS[formats.languages[0]]
    stale = sent - _WITHDRAWN_BEFORE if alert.status.closed else max(sent, valid_until)
    event = ET.Element(
        "event",
        {
            "version": "2.0",
            "uid": f"{nest}.{alert.alert}",
            "type": TYPE[alert.hazard],
            "how": _SIMULATED if alert.simulated else _MACHINE,
            "opex": "e" if alert.simulated else "o",
            "time": rfc3339(sent),
            "start": rfc3339(sent),
            "stale": rfc3339(stale),
        },
    )
    position = alert.position
    point = {"lat": f"{position.lat:.7f}", "lon": f"{position.lon:.7f}", "hae": UNKNOWN_M}
    ET.SubElement(event, "point", {**point, "ce": _metres(position.error_ellipse.semi_major_m), "le": UNKNOWN_M})
    detail = ET.SubElement(event, "detail")
    ET.SubElement(detail, "contact", callsign=f"{words.event[alert.hazard]} {alert.alert[-_CALLSIGN_ID:]}")
    remarks = ET.SubElement(detail, "remarks")
    remarks.text = clean(f"{headline(alert, words)}\n{description(alert, words, nest)}")
    _shape(ET.SubElement(detail, "shape"), alert)
    told = {"alert": alert.alert, "sequence": str(alert.sequence), "status": alert.status.value, "certainty": alert.certainty}
    ET.SubElement(detail, "nest", {**told, "confidence": f"{alert.confidence:.3f}"})
    return document(event)


def _shape(shape: ET.Element, alert: Alert) -> None:
    """Ellipse and outline for those who draw them; as in the CoT sub-schema for shapes."""
    error: ErrorEllipse = alert.position.error_ellipse
    axes = {"major": _metres(error.semi_major_m), "minor": _metres(error.semi_minor_m)}
    ET.SubElement(shape, "ellipse", {**axes, "angle": f"{error.azimuth_deg:.1f}"})
    ring = outline(alert.area)
    if ring is not None:
        line = ET.SubElement(shape, "polyline", closed="true")
        for lon, lat in ring[:-1]:
            ET.SubElement(line, "vertex", lat=f"{lat:.6f}", lon=f"{lon:.6f}", hae=UNKNOWN_M)


def _metres(length_m: float) -> str:
    return f"{math.ceil(min(length_m, LONGEST_M) * 10.0) / 10.0:.1f}"
