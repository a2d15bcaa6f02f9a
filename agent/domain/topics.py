"""All topics of the hub in one table, and how a nest fills them in.

The table is the contract: who speaks, delivery, payload. Knows nothing of a broker. ``docs/hub.md`` explains it to dispatchers.
"""

from dataclasses import dataclass

from agent.domain.alert import Alert, AlertAction
from agent.domain.geojson import AlertFeatures
from agent.domain.hazard import Hazard
from agent.domain.public import PublicNotice
from agent.domain.request import CancelRequest, FlightReply, FlightRequest
from agent.domain.status import DroneTelemetry, FlightReport, NestStatus
from agent.domain.wire import Wire


@dataclass(frozen=True, slots=True)
class TopicRow:
    """One kind of topic.

    Attributes:
        pattern: levels under the configured root; names in braces are filled in.
        qos: MQTT quality of service.
        expiry_s: after so long a message is worth nothing; None: never.
        event_type: CloudEvents ``type``.
        payload: model of the JSON payload; None: not JSON.
        content_type: media type of the payload.
        retain: whether the broker keeps the newest.
        from_nest: whether nests publish here (else they listen).
    """

    pattern: str
    qos: int
    expiry_s: float | None
    event_type: str
    payload: type[Wire] | None
    content_type: str = "application/json"
    retain: bool = True
    from_nest: bool = True


_DAY_S = 86_400.0
_ALERT = "alerts/{department}/{hazard}/{nest}/{alert}"
_REQUEST = "requests/{department}/{nest}"

TOPICS: dict[str, TopicRow] = {
    "status": TopicRow("nests/{nest}/status", 1, None, "nest.status.v1", NestStatus),
    "telemetry": TopicRow("nests/{nest}/telemetry", 0, 10.0, "nest.telemetry.v1", DroneTelemetry, retain=False),
    "flight": TopicRow("nests/{nest}/flights/{flight}", 1, _DAY_S, "nest.flight.v1", FlightReport),
    "alert": TopicRow(_ALERT, 1, None, "nest.alert.v1", Alert),
    "action": TopicRow("acks/{department}/{nest}", 1, None, "nest.alert.action.v1", AlertAction, retain=False, from_nest=False),
    "cap": TopicRow(_ALERT + "/cap", 1, None, "nest.alert.cap.v1", None, "application/cap+xml"),
    "cot": TopicRow(_ALERT + "/cot", 1, None, "nest.alert.cot.v1", None, "application/xml", retain=False),
    "geojson": TopicRow(_ALERT + "/geojson", 1, None, "nest.alert.geojson.v1", AlertFeatures, "application/geo+json"),
    "snapshot": TopicRow(_ALERT + "/snapshot", 1, None, "nest.alert.snapshot.v1", None, "image/jpeg"),
    "thermal": TopicRow(_ALERT + "/snapshot/thermal", 1, None, "nest.alert.thermal.v1", None, "image/jpeg"),
    "request": TopicRow(_REQUEST, 1, None, "nest.request.v1", FlightRequest, retain=False, from_nest=False),
    "cancel": TopicRow(_REQUEST, 1, None, "nest.request.cancel.v1", CancelRequest, retain=False, from_nest=False),
    "public": TopicRow("public/{nest}", 1, None, "nest.public.v1", PublicNotice),
    "reply": TopicRow("replies/{department}/{nest}", 1, None, "nest.reply.v1", FlightReply, retain=False),
}

RETAINED_WITH_ALERT: tuple[str, ...] = tuple(n for n, row in TOPICS.items() if row.pattern.startswith(_ALERT) and row.retain)
"""Rows of what the broker keeps of an open alert, the alert itself first; all of it is cleared when the alert closes."""
RETAINED_TAILS: tuple[str, ...] = tuple(TOPICS[row].pattern.removeprefix(_ALERT) for row in RETAINED_WITH_ALERT)
"""What follows the alert's own topic on each of these."""


class Topics:
    """Topic names of one nest.

    Args:
        root: first levels of every topic, e.g. ``nest/v1``.
        nest: the nest's name.
    """

    def __init__(self, root: str, nest: str) -> None:
        self.root = root
        self.nest = nest

    @property
    def source(self) -> str:
        """CloudEvents ``source`` of everything this nest says."""
        return f"/nests/{self.nest}"

    def status(self) -> str:
        """Where the nest's status stands."""
        return self._fill("status")

    def telemetry(self) -> str:
        """Where the drone's telemetry goes."""
        return self._fill("telemetry")

    def flight(self, flight: str) -> str:
        """Where a flight's report stands."""
        return self._fill("flight", flight=flight)

    def alert(self, department: str, hazard: Hazard, alert: str) -> str:
        """Where an alert stands for a department."""
        return self.of_alert("alert", department, hazard, alert)

    def of_alert(self, row: str, department: str, hazard: Hazard, alert: str) -> str:
        """Where one form of an alert stands for a department: ``alert`` itself, or a row below it such as ``cap``."""
        return self._fill(row, department=department, hazard=hazard.value, alert=alert)

    def snapshot(self, department: str, hazard: Hazard, alert: str) -> str:
        """Where an alert's picture stands for a department."""
        return self.of_alert("snapshot", department, hazard, alert)

    def public(self) -> str:
        """Where the nest's notice for the public stands."""
        return self._fill("public")

    def actions(self) -> str:
        """Filter of the departments' answers to this nest's alerts."""
        return self._fill("action", department="+")

    def requests(self) -> str:
        """Filter of the departments' requests to this nest."""
        return self._fill("request", department="+")

    def replies(self, department: str) -> str:
        """Where this nest answers a department."""
        return self._fill("reply", department=department)

    def is_request(self, topic: str) -> bool:
        """Whether a topic is one of :meth:`requests`."""
        return self._is_to_me("requests", topic)

    def is_action(self, topic: str) -> bool:
        """Whether a topic is one of :meth:`actions`."""
        return self._is_to_me("acks", topic)

    def _is_to_me(self, what: str, topic: str) -> bool:
        levels = topic.removeprefix(self.root + "/").split("/")
        return topic.startswith(self.root + "/") and len(levels) == 3 and (levels[0], levels[2]) == (what, self.nest)

    def may_answer_on(self, department: str, topic: str) -> bool:
        """Whether a department may have its answer there: a nest must not be made to speak under another's name."""
        under = topic.startswith(f"{self.root}/replies/{department}/{self.nest}/")
        return under and not any(sign in topic for sign in "+#\0") and len(topic.encode()) <= 512

    def own_alerts(self) -> tuple[str, ...]:
        """Filters of what the broker keeps of this nest's alerts, the alerts themselves first; without the pictures."""
        rows = (row for row in RETAINED_WITH_ALERT if not TOPICS[row].content_type.startswith("image/"))
        return tuple(self._fill(row, department="+", hazard="+", alert="+") for row in rows)

    def department_of(self, topic: str) -> str:
        """Which department sent an answer or request: the broker lets each publish under its own name only."""
        return topic.removeprefix(self.root + "/").split("/")[1]

    def _fill(self, row: str, **levels: str) -> str:
        return f"{self.root}/{TOPICS[row].pattern.format(nest=self.nest, **levels)}"
