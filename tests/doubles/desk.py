"""A desk as its own process, and a nest that speaks the contract over a real broker."""

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import paho.mqtt.client as mqtt
import yaml
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from ulid import ULID

from agent.desk.login import hash_password
from agent.domain.alert import Alert, AlertAction, AlertEvidence, AlertStatus, HistoryEntry
from agent.domain.hazard import Hazard
from agent.domain.request import FlightReply, FlightRequest
from agent.domain.sighting import DetectorRecord, ErrorEllipse, GeoPosition
from agent.domain.status import FlightReport, NestStatus, NestSummary, PlaceRecord
from agent.domain.topics import TOPICS, Topics
from agent.domain.wire import Wire
from simulator.ports import free_port

DEPARTMENT = "forestry"
PASSWORD = "fire-watch-7"  # noqa: S105 of a desk in a test
HERE = (30.39, 119.84)
_STEPS = {
    "acknowledge": AlertStatus.ACKNOWLEDGED,
    "dispatch": AlertStatus.DISPATCHED,
    "resolve": AlertStatus.RESOLVED,
    "false_alarm": AlertStatus.FALSE_ALARM,
}


def until(condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """Waits until a condition holds and returns its value."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        if found := condition():
            return found
        threading.Event().wait(0.02)
    raise AssertionError(f"not within {timeout_s:g} s: {what}")


def jpeg(words: str = "seen", size: tuple[int, int] = (360, 640), tint: tuple[int, int, int] = (60, 110, 70)) -> bytes:
    """A picture with something on it."""
    pixels = np.full((*size, 3), tint, np.uint8)
    cv2.circle(pixels, (size[1] // 2, size[0] // 2), 60, (40, 90, 250), -1)
    cv2.putText(pixels, words, (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
    done, data = cv2.imencode(".jpg", pixels)
    assert done
    return bytes(data)


def alert(name: str | None = None, **more: Any) -> Alert:
    """An alert of a fire a bit north of the nest."""
    now = datetime.now(UTC)
    base = {
        "alert": name or str(ULID()),
        "sequence": 1,
        "status": AlertStatus.OPEN,
        "hazard": Hazard.FIRE,
        "severity": "Severe",
        "urgency": "Immediate",
        "certainty": "Observed",
        "confidence": 0.94,
        "first_seen": now,
        "last_seen": now,
        "position": GeoPosition(
            lat=HERE[0] + 0.004,
            lon=HERE[1] + 0.003,
            error_ellipse=ErrorEllipse(semi_major_m=60, semi_minor_m=25, azimuth_deg=40),
        ),
        "extent_m2": 320.0,
        "route": "ridge-east",
        "inspection_point": "P12",
        "detector": DetectorRecord(
            name="fire", version="1.0", sha256="0" * 64, threshold=0.5, frames_seen=20, frames_confirmed=17
        ),
        "history": (HistoryEntry(at=now, by="n1", status=AlertStatus.OPEN, reason="seen on 17 of 20 frames"),),
    }
    return Alert.model_validate({**base, **more})


@dataclass
class ContractNest:
    """A nest at the broker. It answers actions as the contract says, and requests as the test says."""

    port: int
    name: str = "n1"
    answers: bool = True
    actions: list[tuple[AlertAction, dict[str, str]]] = field(default_factory=list)
    requests: list[FlightRequest] = field(default_factory=list)
    open: dict[str, Alert] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.topics = Topics("nest/v1", self.name)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.name, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._heard
        joined = threading.Event()
        self._client.on_subscribe = lambda *_: joined.set()
        self._client.on_connect = lambda client, *_: client.subscribe([(self.topics.actions(), 1), (self.topics.requests(), 1)])
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()
        assert joined.wait(10)
        self.say_status()
        return self

    def __exit__(self, *_: object) -> None:
        if self._client.is_connected():
            for told in [told for told in self.open.values() if not told.status.closed]:
                self.step(told, AlertStatus.WITHDRAWN, self.name)
        self._client.disconnect()
        self._client.loop_stop()

    def say_status(self, state: NestSummary = NestSummary.READY, **more: Any) -> None:
        place = PlaceRecord(lat=HERE[0], lon=HERE[1])
        status = NestStatus(state=state, at=datetime.now(UTC), position=place, battery=0.97, **more)
        self.say("status", self.topics.status(), status)

    def raise_alert(self, told: Alert, picture: bytes | None = None, thermal: bytes | None = None) -> Alert:
        """Publishes an alert, its pictures after it."""
        topic = self.topics.snapshot(DEPARTMENT, told.hazard, told.alert)
        evidence = [
            AlertEvidence(kind=kind, topic=topic, sha256=hashlib.sha256(data).hexdigest(), captured_at=told.last_seen)
            for kind, data in (("snapshot", picture), ("thermal", thermal))
            if data
        ]
        told = told.model_copy(update={"evidence": tuple(evidence)})
        self.open[told.alert] = told
        self.say("alert", self.topics.alert(DEPARTMENT, told.hazard, told.alert), told)
        if picture:
            self.publish(topic, picture, "nest.alert.snapshot.v1", "image/jpeg")
        if thermal:
            self.publish(topic + "/thermal", thermal, "nest.alert.snapshot.v1", "image/jpeg")
        return told

    def step(self, told: Alert, status: AlertStatus, by: str, reason: str = "") -> Alert:
        """The alert's next message."""
        entry = HistoryEntry(at=datetime.now(UTC), by=by, status=status, reason=reason)
        told = told.model_copy(update={"sequence": told.sequence + 1, "status": status, "history": (*told.history, entry)})
        self.open[told.alert] = told
        topic = self.topics.alert(DEPARTMENT, told.hazard, told.alert)
        self.say("alert", topic, told, retain=not status.closed)
        if status.closed:
            for tail in ("", "/snapshot", "/snapshot/thermal"):
                self.publish(topic + tail, b"", "nest.alert.v1", retain=True)
        return told

    def reply(self, request: FlightRequest | AlertAction, sequence: int, answer: str, **more: Any) -> None:
        told = FlightReply.model_validate(
            {
                "request": request.request,
                "department": DEPARTMENT,
                "sequence": sequence,
                "at": datetime.now(UTC),
                "answer": answer,
                **more,
            }
        )
        self.say("reply", self.topics.replies(DEPARTMENT), told)

    def report(self, request: FlightRequest, flight: str, seen: int, total: int, outcome: str = "flying") -> None:
        report = FlightReport.model_validate(
            {"flight": flight, "route": f"request-{request.request[-6:]}", "request": request.request, "department": DEPARTMENT,
             "state": "patrol", "outcome": outcome, "started_at": datetime.now(UTC), "points_total": total, "points_seen": seen}
        )  # fmt: skip
        self.say("flight", self.topics.flight(flight), report)

    def say(self, row: str, topic: str, body: Wire, *, retain: bool | None = None) -> None:
        kind = TOPICS[row]
        payload = body.model_dump_json(exclude_none=True).encode()
        self.publish(topic, payload, kind.event_type, kind.content_type, retain=kind.retain if retain is None else retain)

    def publish(
        self, topic: str, payload: bytes, kind: str, content_type: str = "application/json", *, retain: bool = True
    ) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = content_type
        properties.UserProperty = [("specversion", "1.0"), ("id", str(ULID())), ("source", self.topics.source), ("type", kind)]
        self._client.publish(topic, payload, 1, retain, properties).wait_for_publish(10)

    def _heard(self, _c: mqtt.Client, _u: object, message: mqtt.MQTTMessage) -> None:
        """Runs in paho's thread: answers from another one."""
        if message.topic.startswith("nest/v1/requests/"):
            self.requests.append(FlightRequest.model_validate_json(message.payload))
            return
        action = AlertAction.model_validate_json(message.payload)
        self.actions.append((action, dict(message.properties.UserProperty)))
        if self.answers and action.action in _STEPS:
            told = self.open[action.alert]
            threading.Thread(target=self.step, args=(told, _STEPS[action.action], action.by, action.reason)).start()


@dataclass
class RunningDesk:
    """A desk's process."""

    url: str
    process: subprocess.Popen[bytes]
    directory: Path

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 our own server
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"{}") if error.code == 503 else {}
        except OSError:
            return 0, {}


def desk_config(port: int, web_port: int, **more: Any) -> dict[str, Any]:
    hub = {"host": "127.0.0.1", "port": port, "tls": None, "reconnect_max_s": 0.5}
    users = {
        "anna": {"name": "Anna Li", "password": hash_password(PASSWORD)},
        "wei": {"name": "Wei Chen", "password": hash_password(PASSWORD), "role": "viewer"},
    }
    base = {"department": DEPARTMENT, "hub": hub, "web": {"port": web_port}, "users": users}
    routes = {"n1": [{"id": "ridge-east", "scenario": "fire", "title": "Ridge, east"}]}
    return {**base, "map": {"lat": HERE[0], "lon": HERE[1]}, "routes": routes, **more}


@contextmanager
def running_desk(directory: Path, broker_port: int, **more: Any) -> Iterator[RunningDesk]:
    """A desk that is connected, for as long as the block lasts."""
    directory.mkdir(parents=True, exist_ok=True)
    web_port = free_port()
    (directory / "desk.yaml").write_text(yaml.safe_dump(desk_config(broker_port, web_port, **more)))
    with (directory / "desk.log").open("ab") as log:
        command = [sys.executable, "-m", "agent.desk", "serve", "-c", str(directory / "desk.yaml")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    desk = RunningDesk(f"http://127.0.0.1:{web_port}", process, directory)
    try:
        until(lambda: desk.get("/healthz")[0] == 200 or process.poll() is not None, "the desk is connected", 120)
        assert process.poll() is None, (directory / "desk.log").read_text()
        yield desk
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
