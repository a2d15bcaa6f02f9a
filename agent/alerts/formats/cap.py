"""An alert as a message of the Common Alerting Protocol 1.2 (OASIS Standard, 1 July 2010). Pure.

Each department has its own chain: its first message is an Alert, later ones are Updates, the one that closes is a Cancel, and
each names those before it (``docs/decisions/0070-alerts-in-other-formats.md``).
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from xml.etree import ElementTree as ET

from agent.alerts.formats.rings import LONGEST_M, Ring, ellipse, outline
from agent.alerts.formats.words import WORDS, description, headline, place_in_words
from agent.alerts.formats.xml_text import child, clean, document
from agent.config.formats import FormatsSection, Language
from agent.domain.alert import Alert, AlertStatus
from agent.domain.hazard import Hazard

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
REFERENCES_MAX = 200

# Category of each hazard, in the words of section 3.2.2. A flood is Met there ("meteorological, including flood").
CATEGORY: dict[Hazard, Literal["Fire", "Met", "Env", "Infra", "Rescue"]] = {
    Hazard.FIRE: "Fire",
    Hazard.SMOKE: "Fire",
    Hazard.HOT_SPOT: "Fire",
    Hazard.FLOOD: "Met",
    Hazard.PERSON: "Rescue",
    Hazard.VEHICLE: "Infra",
    Hazard.LOGGING: "Env",
    Hazard.POLLUTION: "Env",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that goes with an alert.

    Attributes:
        kind: of the camera, or of the thermal camera.
        uri: where it is found.
        sha1: digest as CAP wants it; None for a picture of an earlier program.
    """

    kind: Literal["snapshot", "thermal"]
    uri: str
    size_bytes: int | None = None
    sha1: str | None = None


@dataclass(frozen=True, slots=True)
class CapContext:
    """What a CAP message needs beside the alert.

    Attributes:
        nest: the nest's name.
        department: who is told.
        sent: when this message was committed.
        valid_until: when the alert expires if nothing more is heard.
        references: earlier messages to this department, as :func:`reference` made them.
    """

    nest: str
    department: str
    sent: datetime
    valid_until: datetime
    references: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()


def cap(alert: Alert, context: CapContext, formats: FormatsSection) -> bytes:
    """The message as XML in UTF-8."""
    root = ET.Element("alert", xmlns=NAMESPACE)
    rows = (
        ("identifier", _identifier(alert, context)),
        ("sender", _sender(context, formats)),
        ("sent", _time(context.sent)),
        ("status", "Exercise" if alert.simulated else "Actual"),
        ("msgType", _kind(alert, context)),
        ("source", f"{alert.detector.name} {alert.detector.version}"),
        ("scope", "Private"),
        ("addresses", context.department),
        ("note", _note(alert, formats)),
        ("references", " ".join(context.references)),
        ("incidents", alert.alert),
    )
    for tag, text in rows:
        child(root, tag, text)
    for language in formats.languages:
        _info(ET.SubElement(root, "info"), alert, context, formats, language)
    return document(root)


def reference(alert: Alert, context: CapContext, formats: FormatsSection) -> str:
    """How later messages name this one: sender, identifier, sent (section 3.2.1)."""
    return f"{_sender(context, formats)},{_identifier(alert, context)},{_time(context.sent)}"


def remembered(references: tuple[str, ...], new: str) -> tuple[str, ...]:
    """The references of the next message: all, or the first and the newest where they would not fit into a message any more.

    Those left out were named by messages that are still named.
    """
    grown = (*references, new)
    return grown if len(grown) <= REFERENCES_MAX else (grown[0], *grown[1 - REFERENCES_MAX :])


def _info(info: ET.Element, alert: Alert, context: CapContext, formats: FormatsSection, language: Language) -> None:
    words, closed = WORDS[language], alert.status.closed
    rows: tuple[tuple[str, str], ...] = (
        ("language", language.value),
        ("category", CATEGORY[alert.hazard]),
        ("event", words.event[alert.hazard]),
        ("responseType", _RESPONSE.get(alert.status, "Assess")),
        ("urgency", "Past" if closed else alert.urgency),
        ("severity", alert.severity),
        ("certainty", "Unlikely" if alert.status is AlertStatus.FALSE_ALARM else alert.certainty),
    )
    for tag, text in rows:
        child(info, tag, text)
    _named(info, "eventCode", (("nest.hazard", alert.hazard.value),))
    more = (
        ("effective", _time(context.sent)),
        ("onset", _time(alert.first_seen)),
        ("expires", _time(context.sent if closed else max(context.sent, context.valid_until))),
        ("senderName", formats.cap_sender_name or context.nest),
        ("headline", headline(alert, words)),
        ("description", description(alert, words, context.nest)),
        ("instruction", words.nobody if alert.simulated else ""),
        ("contact", formats.cap_contact),
    )
    for tag, text in more:
        child(info, tag, text)
    _named(info, "parameter", _parameters(alert))
    for picture in () if closed else context.pictures:
        _resource(ET.SubElement(info, "resource"), picture, words.picture if picture.kind == "snapshot" else words.thermal)
    _area(ET.SubElement(info, "area"), alert, place_in_words(alert, words))


# What those who read it shall do (section 3.2.2); for every other status: judge it.
_RESPONSE = {
    AlertStatus.RESOLVED: "AllClear",
    AlertStatus.FALSE_ALARM: "None",
    AlertStatus.WITHDRAWN: "None",
    AlertStatus.EXPIRED: "None",
}


def _parameters(alert: Alert) -> Iterator[tuple[str, str]]:
    """The alert's own fields for programs; under the names of ``nest.alert.v1``."""
    yield "nest.alert", alert.alert
    yield "nest.sequence", str(alert.sequence)
    yield "nest.status", alert.status.value
    for name in ("confidence", "extent_m2", "growth_m2_per_min", "flight", "route", "inspection_point"):
        value = getattr(alert, name)
        if value is not None:
            yield f"nest.{name}", f"{value:.6g}" if isinstance(value, float) else value


def _resource(resource: ET.Element, picture: Picture, words: str) -> None:
    child(resource, "resourceDesc", words)
    child(resource, "mimeType", "image/jpeg")
    child(resource, "size", str(picture.size_bytes) if picture.size_bytes is not None else None)
    child(resource, "uri", picture.uri)
    child(resource, "digest", picture.sha1)


def _area(area: ET.Element, alert: Alert, words: str) -> None:
    """The ellipse as a circle around it; the outline as a polygon, or that of the ellipse where none is known."""
    child(area, "areaDesc", words)
    ring = outline(alert.area) or ellipse(alert.position)
    if ring is not None:
        child(area, "polygon", _pairs(ring))
    position = alert.position
    radius_m = min(max(position.error_ellipse.semi_major_m, 1.0), LONGEST_M)
    child(area, "circle", f"{position.lat:.6f},{position.lon:.6f} {math.ceil(radius_m) / 1000.0:.3f}")


def _pairs(ring: Ring) -> str:
    return " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat in ring)


def _named(parent: ET.Element, tag: str, rows: Iterable[tuple[str, str]]) -> None:
    for name, value in rows:
        element = ET.SubElement(parent, tag)
        ET.SubElement(element, "valueName").text = name
        ET.SubElement(element, "value").text = clean(value)


def _kind(alert: Alert, context: CapContext) -> Literal["Alert", "Update", "Cancel"]:
    if alert.status.closed:
        return "Cancel"
    return "Update" if context.references else "Alert"


def _note(alert: Alert, formats: FormatsSection) -> str:
    words = WORDS[formats.languages[0]]
    reason = alert.history[-1].reason if alert.history else ""
    return " ".join(filter(None, (words.nobody if alert.simulated else "", reason)))


def _identifier(alert: Alert, context: CapContext) -> str:
    """One of its kind: the alert's ULID, the chain, the place in it. Without the characters that CAP forbids there."""
    return f"{alert.alert}.{context.department}.{alert.sequence}"


def _sender(context: CapContext, formats: FormatsSection) -> str:
    return formats.cap_sender or context.nest


def _time(moment: datetime) -> str:
    """Whole seconds with a numeric offset, never ``Z`` (section 3.3.2)."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
