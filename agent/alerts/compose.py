"""From an incident's step to the messages that tell it: a table of topics for every department. Pure.

Order within a department: the alert, then its other forms, then its pictures; on closing the final state in every form, then
the clearing of what is retained; on a change of hazard the new topics first, so that at no moment nothing is retained.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.alerts.formats.cap import CapContext, Picture, cap, reference, remembered
from agent.alerts.formats.cot import cot
from agent.alerts.formats.geojson import geojson
from agent.alerts.incident import Incident, PictureKind
from agent.config.hub import AlertsSection
from agent.domain.alert import AlertEvidence
from agent.domain.hazard import Hazard
from agent.domain.topics import RETAINED_WITH_ALERT, TOPICS, Topics
from agent.store.outbox import Message, Priority


@dataclass(frozen=True)
class Step:
    """One step of an incident, ready to be told.

    Attributes:
        incident: the state after the step, already :func:`agent.alerts.incident.said`.
        old_hazard: the hazard under whose topics the alert stood before; None for a new alert.
        jpegs: new pictures by kind; those on the hub stay otherwise.
        captured_unix_s: capture time of the frame that led here; None where no frame did.
    """

    incident: Incident
    old_hazard: Hazard | None
    jpegs: dict[PictureKind, bytes]
    captured_unix_s: float | None


class Composer:
    """Makes the messages of one nest.

    Args:
        topics: the nest's topic names.
        config: how alerts are worded, and when they expire.
        new_id: gives a fresh message id at each call.
    """

    def __init__(self, topics: Topics, config: AlertsSection, new_id: Callable[[], str]) -> None:
        self._topics = topics
        self._formats = config.formats
        self._expire_after = timedelta(seconds=config.expire_after_s)
        self._new_id = new_id

    def messages(self, step: Step) -> tuple[Message, ...]:
        """Everything that must reach the hub for this step, in order."""
        return tuple(m for department in step.incident.departments for m in self._for_department(step, department))

    def remembering(self, incident: Incident) -> Incident:
        """The incident with this step's CAP messages among those that the next ones name."""
        chains = {d: incident.cap_references.get(d, ()) for d in incident.departments}
        named = {
            d: remembered(
                chain, reference(incident.current, self._cap_context(incident, d, incident.current.hazard), self._formats)
            )
            for d, chain in chains.items()
        }
        return incident.model_copy(update={"cap_references": {**incident.cap_references, **named}})

    def _for_department(self, step: Step, department: str) -> Iterator[Message]:
        incident, old = step.incident, step.old_hazard
        alert = incident.current
        # A closed alert is told on the topics where it stood, so that whoever saw it open sees it closed.
        hazard = (old or alert.hazard) if incident.closed else alert.hazard
        for row, body in self._bodies(incident, department, hazard):
            retain = TOPICS[row].retain and not incident.closed
            yield self._message(step, department, row, hazard, body, retain=retain)
        if incident.closed:
            yield from self._clearing(step, department, hazard)
            return
        for kind, jpeg in step.jpegs.items():
            yield self._message(step, department, kind, hazard, jpeg)
        if old is not None and old is not hazard:
            yield from self._clearing(step, department, old)

    def _bodies(self, incident: Incident, department: str, hazard: Hazard) -> Iterator[tuple[str, bytes]]:
        """The alert in every form: row of the table of topics, payload."""
        alert, sent, nest = incident.current, _sent_at(incident), self._topics.nest
        payload = alert.model_copy(update={"evidence": self._evidence(incident, department, hazard)})
        yield "alert", payload.model_dump_json(exclude_none=True).encode()
        context = self._cap_context(incident, department, hazard)
        if context.references or not incident.closed:  # who was never told that it began has nothing to cancel
            yield "cap", cap(alert, context, self._formats)
        yield "cot", cot(alert, nest, sent, alert.last_seen + self._expire_after, self._formats)
        yield "geojson", geojson(alert, nest, sent, self._formats)

    def _cap_context(self, incident: Incident, department: str, hazard: Hazard) -> CapContext:
        base = self._formats.picture_base
        pictures = (
            Picture(kind, base + self._topics.of_alert(kind, department, hazard, incident.id), known.size_bytes, known.sha1)
            for kind, known in incident.pictures.items()
        )
        return CapContext(
            nest=self._topics.nest,
            department=department,
            sent=_sent_at(incident),
            valid_until=incident.current.last_seen + self._expire_after,
            references=incident.cap_references.get(department, ()),
            pictures=tuple(pictures),
        )

    def _clearing(self, step: Step, department: str, hazard: Hazard) -> Iterator[Message]:
        for row in RETAINED_WITH_ALERT:
            if row == "thermal" and step.incident.thermal is None:
                continue  # most nests have no such camera
            yield self._message(step, department, row, hazard, b"")

    def _evidence(self, incident: Incident, department: str, hazard: Hazard) -> tuple[AlertEvidence, ...]:
        return tuple(
            AlertEvidence(
                kind=kind,
                topic=self._topics.of_alert(kind, department, hazard, incident.id),
                sha256=picture.sha256,
                captured_at=picture.captured_at,
                camera_pose=picture.pose,
            )
            for kind, picture in incident.pictures.items()
        )

    def _message(
        self, step: Step, department: str, row: str, hazard: Hazard, payload: bytes, *, retain: bool = True
    ) -> Message:
        alert = step.incident.current
        picture = TOPICS[row].content_type.startswith("image/")
        return Message(
            message_id=self._new_id(),
            priority=Priority.PICTURE if picture else Priority.ALERT,
            order_key=f"{alert.alert}/{department}" + ("/picture" if picture else ""),  # no news waits behind a picture
            topic=self._topics.of_alert(row, department, hazard, alert.alert),
            payload=payload,
            content_type=TOPICS[row].content_type,
            event_type=TOPICS[row].event_type,
            subject=alert.alert,
            event_unix_s=_sent_at(step.incident).timestamp(),
            retain=retain,
            captured_unix_s=step.captured_unix_s,
        )


def _sent_at(incident: Incident) -> datetime:
    assert incident.sent_at is not None  # noqa: S101 a step is said
    return incident.sent_at
