"""From an incident's step to the messages that tell it: a table of topics for every department. Pure.

Order within a department: the alert, then its picture; on closing the final state, then the clearing of what is retained; on a
change of hazard the new topics first, so that at no moment nothing is retained.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.alerts.incident import Incident
from agent.domain.alert import Alert, AlertEvidence
from agent.domain.hazard import Hazard
from agent.domain.topics import TOPICS, Topics
from agent.store.outbox import Message, Priority


@dataclass(frozen=True)
class Step:
    """One step of an incident, ready to be told.

    Attributes:
        incident: the state after the step, already :func:`agent.alerts.incident.said`.
        old_hazard: the hazard under whose topics the alert stood before; None for a new alert.
        jpeg: a new snapshot; None: the one on the hub stays.
        captured_unix_s: capture time of the frame that led here; None where no frame did.
    """

    incident: Incident
    old_hazard: Hazard | None
    jpeg: bytes | None
    captured_unix_s: float | None


class Composer:
    """Makes the messages of one nest.

    Args:
        topics: the nest's topic names.
        new_id: gives a fresh message id at each call.
    """

    def __init__(self, topics: Topics, new_id: Callable[[], str]) -> None:
        self._topics = topics
        self._new_id = new_id

    def messages(self, step: Step) -> tuple[Message, ...]:
        """Everything that must reach the hub for this step, in order."""
        return tuple(m for department in step.incident.departments for m in self._for_department(step, department))

    def _for_department(self, step: Step, department: str) -> Iterator[Message]:
        incident = step.incident
        alert, hazard = incident.current, incident.current.hazard
        yield self._alert(step, department)
        if incident.closed:
            yield from self._clearing(alert, department, step.old_hazard or hazard, step)
            return
        if step.jpeg is not None:
            topic = self._topics.snapshot(department, hazard, alert.alert)
            yield self._message(step, department, "snapshot", topic, step.jpeg)
        if step.old_hazard not in {None, hazard}:
            assert step.old_hazard is not None  # noqa: S101 for the type checker
            yield from self._clearing(alert, department, step.old_hazard, step)

    def _alert(self, step: Step, department: str) -> Message:
        incident = step.incident
        alert = incident.current
        # A closed alert is told on the topic where it stood, so that whoever saw it open sees it closed.
        hazard = (step.old_hazard or alert.hazard) if incident.closed else alert.hazard
        topic = self._topics.alert(department, hazard, alert.alert)
        payload = alert.model_copy(update={"evidence": self._evidence(incident, department, hazard)})
        body = payload.model_dump_json(exclude_none=True).encode()
        return self._message(step, department, "alert", topic, body, retain=not incident.closed)

    def _clearing(self, alert: Alert, department: str, hazard: Hazard, step: Step) -> Iterator[Message]:
        yield self._message(step, department, "alert", self._topics.alert(department, hazard, alert.alert), b"")
        yield self._message(step, department, "snapshot", self._topics.snapshot(department, hazard, alert.alert), b"")

    def _evidence(self, incident: Incident, department: str, hazard: Hazard) -> tuple[AlertEvidence, ...]:
        picture = incident.picture
        if picture is None:
            return ()
        topic = self._topics.snapshot(department, hazard, incident.id)
        return (
            AlertEvidence(
                kind="snapshot",
                topic=topic,
                sha256=picture.sha256,
                captured_at=picture.captured_at,
                camera_pose=picture.pose,
            ),
        )

    def _message(self, step: Step, department: str, row: str, topic: str, payload: bytes, *, retain: bool = True) -> Message:
        alert = step.incident.current
        sent_at = step.incident.sent_at
        assert sent_at is not None  # noqa: S101 a step is said
        picture = TOPICS[row].content_type.startswith("image/")
        return Message(
            message_id=self._new_id(),
            priority=Priority.PICTURE if picture else Priority.ALERT,
            order_key=f"{alert.alert}/{department}" + ("/picture" if picture else ""),  # no news waits behind a picture
            topic=topic,
            payload=payload,
            content_type=TOPICS[row].content_type,
            event_type=TOPICS[row].event_type,
            subject=alert.alert,
            event_unix_s=sent_at.timestamp(),
            retain=retain,
            captured_unix_s=step.captured_unix_s,
        )
