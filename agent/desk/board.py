"""What the desk shows: open alerts, nests, flights, requests and their answers. A reducer: messages in, changes out.

Knows the contract's rules for readers: the higher sequence is the truth, an empty message means that the alert is no longer
open here. Must not know a network, a clock or a page. A change is a JSON object ``{"kind", "key", "value"}``; value null: gone.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agent.core.clock import rfc3339
from agent.desk.reading import SeenAlert, event_of, is_jpeg, read, sha256
from agent.domain.request import FlightReply
from agent.domain.status import DroneTelemetry, FlightReport, NestStatus
from agent.messaging.link import Incoming

Change = dict[str, Any]

CLOSED_KEPT = 50
FLIGHTS_KEPT = 60
REQUESTS_KEPT = 60
OPEN_MAX = 5000
PICTURES = {("snapshot",): "snapshot", ("snapshot", "thermal"): "thermal"}


@dataclass
class AlertEntry:
    """One alert as the desk knows it."""

    alert: SeenAlert | None
    nest: str
    topic: str
    open: bool = True
    pictures: dict[str, bytes] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    heard_at: str = ""

    def shown(self) -> dict[str, Any]:
        """For the page."""
        body = self.alert.model_dump(mode="json", exclude_none=True) if self.alert else {}
        proved: dict[str, str] = {e.kind: e.sha256 for e in self.alert.evidence} if self.alert else {}
        pictures = {
            kind: {"version": digest[:16], "proved": digest == proved.get(kind)} for kind, digest in self.digests.items()
        }
        return {
            **body,
            "nest": self.nest,
            "open": self.open,
            "pictures": pictures,
            "asked": self.asked,
            "heard_at": self.heard_at,
        }


class Board:
    """The desk's picture of the world.

    Args:
        root: first levels of every topic.
        department: whose alerts and replies are taken.

    Attributes:
        dropped: messages that did not fit.
    """

    def __init__(self, root: str, department: str) -> None:
        self._root = root + "/"
        self._department = department
        self.alerts: dict[str, AlertEntry] = {}
        self.nests: dict[str, dict[str, Any]] = {}
        self.flights: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.dropped = 0
        self._confirmed: set[str] = set()

    def everything(self) -> dict[str, dict[str, Any]]:
        """All that is known, by kind and key."""
        alerts = {key: entry.shown() for key, entry in self.alerts.items() if entry.alert}
        return {"alert": alerts, "nest": self.nests, "flight": self.flights, "request": self.requests}

    def hear(self, message: Incoming, at: datetime) -> list[Change]:
        """Takes a message in."""
        levels = message.topic.removeprefix(self._root).split("/") if message.topic.startswith(self._root) else []
        match levels:
            case ["alerts", self._department, _, nest, key, *tail] if (kind := PICTURES.get(tuple(tail))) or not tail:
                return self._picture(message, key, nest, kind) if kind else self._alert(message, nest, key, at)
            case ["nests", nest, "status"]:
                return self._of_nest(nest, "status", read(NestStatus, _tree(message)))
            case ["nests", nest, "telemetry"]:
                return self._of_nest(nest, "telemetry", read(DroneTelemetry, _tree(message)))
            case ["nests", nest, "flights", flight]:
                return self._flight(message, nest, flight)
            case ["replies", self._department, nest, *_]:
                return self._reply(message, nest)
        return []

    # Alerts

    def _alert(self, message: Incoming, nest: str, key: str, at: datetime) -> list[Change]:
        entry = self.alerts.get(key)
        if not message.payload:
            return self._closed(entry, key, message.topic)
        alert = read(SeenAlert, _tree(message))
        full = entry is None and len(self.alerts) >= OPEN_MAX
        if alert is None or alert.alert != key or full:
            self.dropped += 1
            return []
        self._confirmed.add(key)
        if entry is None:
            entry = self.alerts[key] = AlertEntry(None, nest, message.topic)
        if entry.alert is not None and alert.sequence <= entry.alert.sequence:
            return []
        entry.alert, entry.nest, entry.topic = alert, nest, message.topic
        entry.open = not alert.status.closed
        entry.heard_at = rfc3339(at)
        entry.asked = [asked for asked in entry.asked if asked["sequence"] >= alert.sequence]
        return [_change("alert", key, entry.shown()), *self._forget_closed()]

    def _closed(self, entry: AlertEntry | None, key: str, topic: str) -> list[Change]:
        """Smoke that became fire is emptied under smoke and stands under fire: only the newest topic counts."""
        if entry is None or entry.topic != topic or not entry.open:
            return []
        entry.open = False
        if entry.alert is None:
            del self.alerts[key]
            return []
        return [_change("alert", key, entry.shown()), *self._forget_closed()]

    def _forget_closed(self) -> list[Change]:
        closed = [key for key, entry in self.alerts.items() if not entry.open]
        closed.sort(key=lambda key: self.alerts[key].heard_at)
        gone = closed[:-CLOSED_KEPT] if len(closed) > CLOSED_KEPT else []
        for key in gone:
            del self.alerts[key]
        return [_change("alert", key, None) for key in gone]

    def _picture(self, message: Incoming, key: str, nest: str, kind: str) -> list[Change]:
        entry = self.alerts.get(key)
        if not message.payload or (entry is None and len(self.alerts) >= OPEN_MAX):
            return []  # a closed alert keeps its last picture as long as it is shown
        if not is_jpeg(message.payload):
            self.dropped += 1
            return []
        if entry is None:  # it may come before its alert: there is no order between them
            entry = self.alerts[key] = AlertEntry(None, nest, "")
        entry.pictures[kind] = message.payload
        entry.digests[kind] = sha256(message.payload)
        return [_change("alert", key, entry.shown())] if entry.alert else []

    def asked(self, key: str, action: str, by: str, at: datetime) -> list[Change]:
        """Somebody answered an alert here; shown as waiting until the nest's next message."""
        entry = self.alerts[key]
        sequence = entry.alert.sequence if entry.alert else 0
        entry.asked = [*entry.asked, {"action": action, "by": by, "at": rfc3339(at), "sequence": sequence}][-8:]
        return [_change("alert", key, entry.shown())]

    # Connections

    def connected(self) -> None:
        """A connection begins: what is open will be told again."""
        self._confirmed.clear()

    def settle(self) -> list[Change]:
        """The broker has told what it keeps: what it did not tell was closed while nobody listened."""
        changes: list[Change] = []
        for key, entry in list(self.alerts.items()):
            if entry.open and key not in self._confirmed:
                changes += self._closed(entry, key, entry.topic)
        return changes

    # Nests, flights, requests

    def _of_nest(self, nest: str, part: str, value: NestStatus | DroneTelemetry | None) -> list[Change]:
        if value is None:
            self.dropped += 1
            return []
        self.nests[nest] = {**self.nests.get(nest, {}), part: value.model_dump(mode="json", exclude_none=True)}
        return [_change("nest", nest, self.nests[nest])]

    def _flight(self, message: Incoming, nest: str, flight: str) -> list[Change]:
        if not message.payload:
            return [_change("flight", flight, None)] if self.flights.pop(flight, None) else []
        report = read(FlightReport, _tree(message))
        if report is None or report.flight != flight:
            self.dropped += 1
            return []
        shown = report.model_dump(mode="json", exclude_none=True, exclude={"points", "checks"})
        self.flights.pop(flight, None)
        self.flights[flight] = {**shown, "nest": nest}
        return [_change("flight", flight, self.flights[flight]), *_oldest_out(self.flights, "flight", FLIGHTS_KEPT)]

    def requested(self, key: str, value: dict[str, Any]) -> list[Change]:
        """A request goes out, or the desk learned more of its delivery."""
        known = self.requests.get(key, {"replies": []})
        self.requests[key] = {**known, **value}
        return [_change("request", key, self.requests[key]), *_oldest_out(self.requests, "request", REQUESTS_KEPT)]

    def _reply(self, message: Incoming, nest: str) -> list[Change]:
        reply = read(FlightReply, _tree(message))
        if reply is None or reply.department != self._department:
            self.dropped += 1
            return []
        if reply.request is None:
            return []
        known = self.requests.get(reply.request, {"replies": [], "nest": nest})
        if known.get("nest", nest) != nest or any(r["sequence"] == reply.sequence for r in known["replies"]):
            return []
        told = reply.model_dump(mode="json", exclude_none=True)
        replies = sorted([*known["replies"], told], key=lambda r: int(r["sequence"]))[-30:]
        return self.requested(reply.request, {"nest": nest, "replies": replies})


def _change(kind: str, key: str, value: dict[str, Any] | None) -> Change:
    return {"kind": kind, "key": key, "value": value}


def _oldest_out(held: dict[str, dict[str, Any]], kind: str, most: int) -> list[Change]:
    gone = list(held)[: max(0, len(held) - most)]
    for key in gone:
        del held[key]
    return [_change(kind, key, None) for key in gone]


def _tree(message: Incoming) -> object:
    event = event_of(message)
    return event.tree if event else None
