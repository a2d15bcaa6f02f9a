"""Sockets: UDP server, UDP client and TCP server, any number of each at once.

Bytes in, bytes out. Knows asyncio and framing; what a message means is the autopilot's. Bytes that do not decode are counted
and dropped.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from agent.core.errors import ConfigError
from simulator.vehicle.channel import Channel
from simulator.vehicle.wire import AUTOPILOT_COMPONENT, Message, mavlink

SCHEMES: Final = ("udpin", "udpout", "tcp-listen")
_WRITE_BUFFER_MOST: Final = 1 << 20  # bytes that may wait for a slow TCP client before the link is closed


@dataclass(frozen=True, slots=True)
class Address:
    """Where a link is: scheme, host, port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Reads ``udpin:127.0.0.1:14550``.

        Raises:
            ConfigError: another form, an unknown scheme, or no port number.
        """
        scheme, _, rest = text.partition(":")
        host, _, port_text = rest.rpartition(":")
        if scheme not in SCHEMES or not host or not port_text.isdigit() or not 0 <= int(port_text) <= 65535:
            raise ConfigError(
                "config.invalid",
                f"link {text!r}: write SCHEME:HOST:PORT with scheme {', '.join(SCHEMES)}, e.g. udpin:127.0.0.1:14550",
            )
        return cls(scheme, host, int(port_text))

    def __str__(self) -> str:
        return f"{self.scheme}:{self.host}:{self.port}"


@dataclass(eq=False)
class Peer:
    """One other end: its channel, its decoder and encoder, and how bytes reach it."""

    channel: Channel
    write: Callable[[bytes], None]
    system_id: int
    hang_up: Callable[[], None] | None = None  # closes the connection, where there is one
    forget: Callable[[], None] | None = None  # drops a UDP sender that has gone silent
    record: Callable[[bytes], None] | None = None
    dropped: int = 0
    heard_s: float = 0.0
    _codec: Message = field(init=False)

    def __post_init__(self) -> None:
        self._codec = mavlink.MAVLink(None, srcSystem=self.system_id, srcComponent=AUTOPILOT_COMPONENT)
        self._codec.robust_parsing = True

    def decode(self, data: bytes) -> list[tuple[Message, bytes]]:
        """Whole messages in the bytes, each with its frame."""
        found = []
        for message in self._codec.parse_buffer(data) or []:
            if message.get_type() == "BAD_DATA":
                self.dropped += 1
                continue
            frame = bytes(message.get_msgbuf())
            if self.record is not None:
                self.record(frame)
            found.append((message, frame))
        return found

    def flush(self) -> None:
        """Sends what waits in the channel."""
        frames = []
        for message in self.channel.take():
            frame = message if isinstance(message, bytes) else self._encode(message)
            if self.record is not None:
                self.record(frame)
            frames.append(frame)
        for frame in frames:
            self.write(frame)

    def _encode(self, message: Message) -> bytes:
        frame = bytes(message.pack(self._codec))
        self._codec.seq = (self._codec.seq + 1) % 256
        return frame


class Host(Protocol):
    """What the sockets report to."""

    def opened(self, name: str, write: Callable[[bytes], None], hang_up: Callable[[], None] | None, *, usb: bool) -> Peer:
        """A new other end."""
        ...

    def received(self, peer: Peer, data: bytes) -> None:
        """Bytes came."""
        ...

    def closed(self, peer: Peer) -> None:
        """The other end is gone."""
        ...


class UdpLink(asyncio.DatagramProtocol):
    """A UDP socket; as server each remote address is a peer of its own."""

    def __init__(self, host: Host, name: str, remote: tuple[str, int] | None, *, usb: bool) -> None:
        self._host, self._name, self._remote, self._usb = host, name, remote, usb
        self._peers: dict[tuple[str, int], Peer] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open; a client knows its peer at once."""
        # Python 3.11's datagram transport is no asyncio.DatagramTransport by its type.
        self._transport = cast("asyncio.DatagramTransport", transport)
        if self._remote is not None:
            self._peer(self._remote)

    def _peer(self, remote: tuple[str, int]) -> Peer:
        peer = self._peers.get(remote)
        if peer is None:
            name = f"{self._name} {remote[0]}:{remote[1]}"
            peer = self._host.opened(name, lambda data: self._send(data, remote), None, usb=self._usb)
            self._peers[remote] = peer
            if self._remote is None:
                peer.forget = lambda: self._forget(remote)
        return peer

    def _forget(self, remote: tuple[str, int]) -> None:
        self._host.closed(self._peers.pop(remote))

    def _send(self, data: bytes, remote: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, None if self._transport.get_extra_info("peername") else remote)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Bytes from a peer."""
        self._host.received(self._peer((addr[0], addr[1])), data)

    def error_received(self, exc: Exception) -> None:
        """A datagram did not arrive (nobody listens yet): UDP's business as usual."""
        del exc

    def close(self) -> None:
        """Closes the socket."""
        if self._transport is not None:
            self._transport.close()


class TcpLink(asyncio.Protocol):
    """One accepted TCP connection."""

    def __init__(self, host: Host, name: str, *, usb: bool) -> None:
        self._host, self._name, self._usb = host, name, usb
        self._peer: Peer | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            name = f"{self._name} {transport.get_extra_info('peername')}"
            self._peer = self._host.opened(name, self._send, transport.close, usb=self._usb)

    def _send(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _WRITE_BUFFER_MOST:
            transport.abort()  # a client that does not read must not fill our memory
            return
        transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._peer is not None:
            self._host.received(self._peer, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        del exc
        if self._peer is not None:
            self._host.closed(self._peer)
            self._peer = None
