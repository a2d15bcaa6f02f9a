"""One connection to the MQTT broker. The only place that knows paho.

paho's network thread hands everything over with ``call_soon_threadsafe``; nothing else crosses. Each connection has a client of
its own, so paho never keeps or repeats a message by itself: what is not acknowledged is in the outbox, and only the publisher
decides what is sent again (docs/decisions/0011-the-outbox-is-the-only-queue.md).
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.config.hub import HubSection
from agent.core.errors import LinkError
from agent.messaging.closing import refused_code, sent_away_code
from agent.messaging.envelope import Packet

_RECEIVE_MAX = 100
_GOOD_BYE_S = 2.0
_MOVED_TO = "ServerReference"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to the nest.

    Attributes:
        retained: it was stored at the broker and is not news.
        attributes: MQTT 5 user properties.
        response_topic: MQTT 5 response topic; empty where none was given.
        correlation: MQTT 5 correlation data.
    """

    topic: str
    payload: bytes
    retained: bool
    attributes: dict[str, str]
    response_topic: str = ""
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What the broker said when it let us in.

    Attributes:
        resumed: it still knew our session.
        inflight_max: messages it takes unacknowledged.
        packet_max_bytes: largest packet it takes; None: it named no limit.
    """

    resumed: bool
    inflight_max: int
    packet_max_bytes: int | None


class Listener(Protocol):
    """Who wants to know; called on the event loop."""

    def connected(self, session: Session) -> None:
        """Messages flow."""

    def disconnected(self, code: str, words: str) -> None:
        """They do not, and why."""

    def puback(self, mid: int, reason_code: int) -> None:
        """The broker answered a message."""

    def not_listening(self, filters: tuple[str, ...]) -> None:
        """The broker does not let the nest listen to these."""

    def incoming(self, message: Incoming) -> None:
        """Somebody sent something to the nest."""


class Link:
    """One connection with its own paho client."""

    def __init__(
        self, config: HubSection, client_id: str, will: Packet | None, tls: ssl.SSLContext | None, listener: Listener
    ) -> None:
        self._config = config
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._version_5 = config.protocol == "5"
        self._answer: asyncio.Future[Session] = self._loop.create_future()
        self.lost = asyncio.Event()
        self.code, self.words = "", ""
        self._asked: dict[int, tuple[str, ...]] = {}
        self._client = self._make(client_id, will, tls)

    def _make(self, client_id: str, will: Packet | None, tls: ssl.SSLContext | None) -> mqtt.Client:
        config = self._config
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if self._version_5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if self._version_5 else MQTTProtocolVersion.MQTTv311,
            transport=config.transport,
            reconnect_on_failure=False,
        )
        if config.transport == "websockets":
            client.ws_set_options(path=config.websocket_path)
        client.connect_timeout = config.connect_timeout_s
        client.max_inflight_messages_set(config.inflight_max + 1)
        if config.username is not None:
            client.username_pw_set(config.username, config.password.get_secret_value() if config.password else None)
        if tls is not None:
            client.tls_set_context(tls)
        if will is not None:
            self._set_will(client, will)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _set_will(self, client: mqtt.Client, will: Packet) -> None:
        properties = _properties(PacketTypes.WILLMESSAGE, will) if self._version_5 else None
        if properties is not None and self._config.will_delay_s:
            properties.WillDelayInterval = self._config.will_delay_s
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties)

    async def open(self) -> Session:
        """Connects and waits for the broker's answer.

        Raises:
            LinkError: with a code that says how far it came.
        """
        config = self._config
        where = f"{config.host}:{config.port}"
        try:
            await asyncio.to_thread(self._connect)
        except ssl.SSLCertVerificationError as error:
            raise LinkError("hub.certificate", f"{where}: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise LinkError("hub.tls", f"{where}: {error.reason or error}") from error
        except ConnectionResetError as error:
            raise LinkError("hub.closed", f"{where}: {error}") from error
        except OSError as error:
            raise LinkError("hub.unreachable", f"{where}: {error}") from error
        try:
            async with asyncio.timeout(config.connect_timeout_s):
                return await self._answer
        except TimeoutError as error:
            raise LinkError("hub.silent", f"{where}: no answer in {config.connect_timeout_s:g} s") from error

    def _connect(self) -> None:
        config = self._config
        if self._version_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = config.session_expiry_s
            properties.ReceiveMaximum = _RECEIVE_MAX
            self._client.connect(config.host, config.port, config.keep_alive_used_s, clean_start=False, properties=properties)
        else:
            self._client.connect(config.host, config.port, config.keep_alive_used_s)
        self._client.loop_start()

    def close(self) -> None:
        """Says good-bye if it can, and ends the network thread within seconds. Blocks; not for the event loop."""
        client = self._client
        client.on_connect = client.on_disconnect = client.on_publish = client.on_message = client.on_subscribe = None
        if self.lost.is_set():
            self._cut()
        else:
            client.disconnect()
        cut_later = threading.Timer(_GOOD_BYE_S, self._cut)
        cut_later.start()
        client.loop_stop()
        cut_later.cancel()

    def _cut(self) -> None:
        """Breaks the connection whatever waits in it, so that paho's thread ends."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def publish(self, packet: Packet) -> int | None:
        """Hands a packet to the network; its number, or None when there is no connection."""
        properties = _properties(PacketTypes.PUBLISH, packet) if self._version_5 else None
        info = self._client.publish(packet.topic, packet.payload, packet.qos, packet.retain, properties)
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def subscribe(self, filters: tuple[str, ...]) -> None:
        """Listens to these filters, QoS 1."""
        if filters:
            _, mid = self._client.subscribe([(text, 1) for text in filters])
            if mid is not None:
                self._asked[mid] = filters

    def unsubscribe(self, topic_filter: str) -> None:
        """Listens to a filter no longer."""
        self._client.unsubscribe(topic_filter)

    def give_up(self, code: str, words: str) -> None:
        """The connection counts as lost; the first reason stays."""
        if not self.lost.is_set():
            self.code, self.words = code, words
            self.lost.set()

    # The callbacks run in paho's thread and only hand over.

    def _on_connect(
        self,
        _c: mqtt.Client,
        _u: object,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._connected, flags.session_present, reason, properties)

    def _on_disconnect(
        self,
        _c: mqtt.Client,
        _u: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._disconnected, reason, getattr(properties, _MOVED_TO, ""))

    def _on_subscribe(self, _c: mqtt.Client, _u: object, mid: int, reasons: list[ReasonCode], _p: Properties | None) -> None:
        self._loop.call_soon_threadsafe(self._subscribed, mid, [reason.is_failure for reason in reasons])

    def _on_publish(self, _c: mqtt.Client, _u: object, mid: int, reason: ReasonCode, _p: Properties | None) -> None:
        self._loop.call_soon_threadsafe(self._listener_puback, mid, reason.value)

    def _on_message(self, _c: mqtt.Client, _u: object, message: mqtt.MQTTMessage) -> None:
        properties = message.properties
        incoming = Incoming(
            message.topic,
            bytes(message.payload),
            bool(message.retain),
            dict(getattr(properties, "UserProperty", ())),
            getattr(properties, "ResponseTopic", ""),
            getattr(properties, "CorrelationData", None),
        )
        self._loop.call_soon_threadsafe(self._listener.incoming, incoming)

    def _connected(self, session_present: bool, reason: ReasonCode, properties: Properties | None) -> None:  # noqa: FBT001
        if self._answer.done():
            return
        if reason.is_failure:
            words = _words(self._config, reason, getattr(properties, _MOVED_TO, ""))
            self._answer.set_exception(LinkError(refused_code(reason.value), words))
            return
        if getattr(properties, "MaximumQoS", 1) < 1 or not getattr(properties, "RetainAvailable", 1):
            self._answer.set_exception(LinkError("hub.unfit", f"{self._config.host}: it takes no QoS 1, or retains nothing"))
            return
        inflight = min(self._config.inflight_max, getattr(properties, "ReceiveMaximum", 65535))
        self._answer.set_result(Session(session_present, inflight, getattr(properties, "MaximumPacketSize", None)))

    def _disconnected(self, reason: ReasonCode, moved_to: str) -> None:
        words = _words(self._config, reason, moved_to)
        if not self._answer.done():
            self._answer.set_exception(LinkError("hub.closed", words))
        self.give_up(sent_away_code(reason.value), words)

    def _subscribed(self, mid: int, failures: list[bool]) -> None:
        refused = tuple(text for text, failed in zip(self._asked.pop(mid, ()), failures, strict=False) if failed)
        if refused and not self.lost.is_set():
            self._listener.not_listening(refused)

    def _listener_puback(self, mid: int, reason_code: int) -> None:
        if not self.lost.is_set():
            self._listener.puback(mid, reason_code)


def _words(config: HubSection, reason: ReasonCode, moved_to: str) -> str:
    """What the broker said, and where it sends us if it does."""
    return f"{config.host}:{config.port}: {reason.getName()}" + (f", go to {moved_to}" if moved_to else "")


def _properties(packet_type: int, packet: Packet) -> Properties:
    properties = Properties(packet_type)  # type: ignore[no-untyped-call]
    if packet.content_type is not None:
        properties.ContentType = packet.content_type
    if packet.user_properties:
        properties.UserProperty = list(packet.user_properties)
    if packet.expiry_s is not None:
        properties.MessageExpiryInterval = packet.expiry_s
    if packet.correlation is not None:
        properties.CorrelationData = packet.correlation
    return properties
