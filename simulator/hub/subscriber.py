"""A dispatcher's desk reduced to its essence: subscribes, drops duplicates by CloudEvents id, writes down what it got.

Independent of the agent on purpose: it knows only MQTT and what docs/hub.md promises. In its folder it leaves ``alerts.jsonl``
(each alert message once, in order of arrival), ``messages.jsonl`` (status and flight reports), ``duplicates.jsonl`` and
``snapshots/``.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_KEEP_SESSION_S = 3600


@dataclass(frozen=True)
class Account:
    """How to get into the broker."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    version_5: bool = True


@dataclass(frozen=True)
class Received:
    """One message as it came.

    Attributes:
        attributes: CloudEvents attributes, from user properties or from the structured payload.
        data: the payload, without an envelope.
        retained: it was already there when we subscribed.
    """

    received_unix_s: float
    topic: str
    attributes: dict[str, str]
    data: bytes
    retained: bool

    @property
    def id(self) -> str:
        """CloudEvents id; empty where there is none."""
        return self.attributes.get("id", "")

    @property
    def form(self) -> str:
        """Of a message about an alert its form: ``alert`` itself, ``cap``, ``snapshot/thermal``, …; else empty."""
        _, found, below = self.topic.partition("/alerts/")
        levels = below.split("/")  # department, hazard, nest, alert, and the form where it is another
        return "" if not found else "/".join(levels[4:]) or "alert"

    @property
    def body(self) -> Any:  # noqa: ANN401 JSON
        """The JSON payload."""
        return json.loads(self.data)


@dataclass
class _Files:
    directory: Path
    snapshots: int = 0
    seen: set[str] = field(default_factory=set)

    def line(self, name: str, content: dict[str, Any]) -> None:
        with (self.directory / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(content, ensure_ascii=False) + "\n")


class Subscriber:
    """Records everything under some topics. Use it as a context manager.

    Args:
        account: the broker.
        directory: where it writes.
        topics: what it subscribes to, QoS 1.
        client_id: its session at the broker outlives its connection under this name.
    """

    def __init__(
        self, account: Account, directory: Path, topics: tuple[str, ...] = ("nest/v1/#",), client_id: str = "desk"
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.messages: list[Received] = []
        self.duplicates: list[Received] = []
        self.retained: dict[str, Received] = {}
        self._topics = topics
        self._account = account
        self._files = _Files(directory)
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._client = self._make(client_id)

    def _make(self, client_id: str) -> mqtt.Client:
        account = self._account
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if account.version_5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if account.version_5 else MQTTProtocolVersion.MQTTv311,
        )
        client.reconnect_delay_set(min_delay=1, max_delay=2)
        if account.username is not None:
            client.username_pw_set(account.username, account.password)
        if account.ca_file is not None:
            client.tls_set(ca_certs=str(account.ca_file))
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout_s: float = 15.0) -> None:
        """Connects and waits until the subscription stands.

        Raises:
            TimeoutError: it does not stand in time.
        """
        if self._account.version_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = _KEEP_SESSION_S
            self._client.connect(self._account.host, self._account.port, 10, clean_start=False, properties=properties)
        else:
            self._client.connect(self._account.host, self._account.port, 10)
        self._client.loop_start()
        if not self._subscribed.wait(timeout_s):
            self.stop()
            raise TimeoutError(f"no subscription at {self._account.host}:{self._account.port} in {timeout_s:g} s")

    def stop(self) -> None:
        """Disconnects; the session stays at the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, body: dict[str, Any]) -> None:
        """Sends JSON, QoS 1; while there is no connection it waits in memory."""
        self._client.publish(topic, json.dumps(body), 1)

    def wait_for(self, condition: Callable[[list[Received]], bool], timeout_s: float) -> bool:
        """Waits until the messages so far fulfil a condition. Returns whether they do."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self.messages), timeout_s)

    def alerts(self) -> list[dict[str, Any]]:
        """The alert messages in order of arrival, without duplicates and clearings."""
        with self._changed:
            return [m.body for m in self.messages if m.form == "alert" and m.data]

    def _on_connect(self, client: mqtt.Client, _u: object, _f: object, reason: Any, _p: object) -> None:  # noqa: ANN401 paho's type
        if not reason.is_failure:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed.set()

    def _on_message(self, _c: mqtt.Client, _u: object, message: mqtt.MQTTMessage) -> None:
        received = _read(message)
        with self._changed:
            self._remember(received)
            if received.id and received.id in self._files.seen:
                self.duplicates.append(received)
                self._files.line("duplicates.jsonl", {"id": received.id, "topic": received.topic})
            else:
                self._files.seen.add(received.id)
                self.messages.append(received)
                self._write(received)
            self._changed.notify_all()

    def _remember(self, received: Received) -> None:
        if received.retained and received.data:
            self.retained[received.topic] = received
        elif not received.data:
            self.retained.pop(received.topic, None)

    def _write(self, received: Received) -> None:
        if received.form == "snapshot" and received.data:
            self._files.snapshots += 1
            alert = received.topic.split("/")[-2]
            path = self._files.directory / "snapshots" / f"{self._files.snapshots:03d}-{alert}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(received.data)
            content: Any = {
                "file": str(path.relative_to(self._files.directory)),
                "sha256": hashlib.sha256(received.data).hexdigest(),
            }
        else:
            content = _json_or_none(received.data)
        line = {
            "received_unix_s": received.received_unix_s,
            "topic": received.topic,
            "retained": received.retained,
            "attributes": received.attributes,
            "cleared": not received.data,
            "body": content,
        }
        if not received.topic.endswith("/telemetry"):
            self._files.line("alerts.jsonl" if received.form else "messages.jsonl", line)


def _json_or_none(data: bytes) -> Any:  # noqa: ANN401 JSON
    """The payload as JSON; None where it is empty or anything else. A recorder outlives whatever is sent."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _read(message: mqtt.MQTTMessage) -> Received:
    """Attributes from the user properties (MQTT 5) or from the structured event (3.1.1)."""
    data = bytes(message.payload)
    attributes = dict(getattr(message.properties, "UserProperty", []) or [])
    if not attributes and data.startswith(b'{"specversion"'):
        event = _json_or_none(data) or {"data": None}
        data = json.dumps(event.pop("data")).encode()
        attributes = {name: str(value) for name, value in event.items()}
    return Received(time.time(), message.topic, attributes, data, bool(message.retain))
