"""CloudEvents 1.0 around a message: binary mode on MQTT 5, structured mode on 3.1.1. Pure.

Source: CloudEvents MQTT protocol binding 1.0.2. What is not plain JSON (pictures, CAP, Cursor on Target, GeoJSON) goes as it is
on 3.1.1, without attributes, since those who read it could not otherwise; the alert beside it has them. An empty payload stays
empty: it clears a retained topic.
"""

import json
from dataclasses import dataclass

from agent.core.clock import rfc3339, utc_from_unix
from agent.store.outbox import Message

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Packet:
    """What is handed to the broker's client.

    Attributes:
        content_type: MQTT 5 content type; None on 3.1.1.
        user_properties: MQTT 5 user properties.
        expiry_s: MQTT 5 message expiry; None: never.
        correlation: MQTT 5 correlation data of the request that this answers.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    content_type: str | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    expiry_s: int | None = None
    correlation: bytes | None = None

    @property
    def size_bytes(self) -> int:
        """An upper bound of the packet's length on the wire."""
        properties = sum(len(k.encode()) + len(v.encode()) + 5 for k, v in self.user_properties)
        properties += len(self.correlation or b"")
        return len(self.payload) + len(self.topic.encode()) + len(self.content_type or "") + properties + 36


def attributes(message: Message, source: str) -> dict[str, str]:
    """The CloudEvents context attributes, ``datacontenttype`` apart."""
    return {
        "specversion": "1.0",
        "id": message.message_id,
        "source": source,
        "type": message.event_type,
        "time": rfc3339(utc_from_unix(message.event_unix_s)),
        "subject": message.subject,
    }


def packet(message: Message, source: str, *, version_5: bool, qos: int = 1) -> Packet:
    """The message as it goes over the wire."""
    if version_5:
        return Packet(
            topic=message.topic,
            payload=message.payload,
            qos=qos,
            retain=message.retain,
            content_type=message.content_type,
            user_properties=tuple(attributes(message, source).items()),
            expiry_s=None if message.expiry_s is None else max(1, round(message.expiry_s)),
            correlation=message.correlation,
        )
    payload = message.payload
    if payload and message.content_type == _JSON:
        event = {**attributes(message, source), "datacontenttype": _JSON, "data": json.loads(payload)}
        payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    return Packet(topic=message.topic, payload=payload, qos=qos, retain=message.retain)
