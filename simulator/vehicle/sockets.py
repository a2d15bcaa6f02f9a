"""Sockets: UDP server, UDP client and TCP server, any number of each. Knows asyncio; must not know what the bytes are."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Generic, Protocol, TypeVar, cast

from agent.core.errors import ConfigError
from simulator.vehicle.links import Address

_WRITE_BUFFER_MOST: Final = 1 << 20  # bytes that may wait for a slow TCP client before the link is closed


class End(Protocol):
    """The other end of a link, as the host keeps it."""

    forget: Callable[[], None] | None  # set for a UDP sender: drops it when it has gone silent


E = TypeVar("E", bound=End)


class Host(Protocol[E]):
    """What the sockets report to."""

    def opened(self, name: str, write: Callable[[bytes], None], hang_up: Callable[[], None] | None, *, usb: bool) -> E:
        """A new other end."""
        ...

    def received(self, peer: E, data: bytes) -> None:
        """Bytes came."""
        ...

    def closed(self, peer: E) -> None:
        """The other end is gone."""
        ...


class UdpLink(asyncio.DatagramProtocol, Generic[E]):
    """A UDP socket; as server each remote address is a peer of its own."""

    def __init__(self, host: Host[E], name: str, remote: tuple[str, int] | None, *, usb: bool) -> None:
        self._host, self._name, self._remote, self._usb = host, name, remote, usb
        self._peers: dict[tuple[str, int], E] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open; a client knows its peer at once."""
        # Python 3.11's datagram transport is no asyncio.DatagramTransport by its type.
        self._transport = cast("asyncio.DatagramTransport", transport)
        if self._remote is not None:
            self._peer(self._remote)

    def _peer(self, remote: tuple[str, int]) -> E:
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


class TcpLink(asyncio.Protocol, Generic[E]):
    """One accepted TCP connection."""

    def __init__(self, host: Host[E], name: str, *, usb: bool) -> None:
        self._host, self._name, self._usb = host, name, usb
        self._peer: E | None = None
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


class Sockets(Generic[E]):
    """The open links of one host.

    Args:
        host: what the sockets report to.
    """

    def __init__(self, host: Host[E]) -> None:
        self._host = host
        self._udp: list[UdpLink[E]] = []
        self._tcp: list[asyncio.Server] = []

    async def open(self, address: Address, *, usb: bool) -> Address:
        """Opens a link; returns where it is really bound.

        Raises:
            ConfigError: it cannot be opened.
        """
        try:
            return await self._open(address, usb=usb)
        except OSError as error:
            raise ConfigError("link.unreachable", f"link {address}: cannot be opened ({error.strerror or error})") from error

    async def _open(self, address: Address, *, usb: bool) -> Address:
        loop = asyncio.get_running_loop()
        place = (address.host, address.port)
        if address.scheme == "tcp-listen":
            server = await loop.create_server(lambda: TcpLink(self._host, str(address), usb=usb), *place)
            self._tcp.append(server)
            return replace(address, port=server.sockets[0].getsockname()[1])
        out = address.scheme == "udpout"
        link = UdpLink(self._host, str(address), place if out else None, usb=usb)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: link, local_addr=None if out else place, remote_addr=place if out else None
        )
        self._udp.append(link)
        return address if out else replace(address, port=transport.get_extra_info("sockname")[1])

    def stop_listening(self) -> None:
        """Takes no new TCP clients."""
        for server in self._tcp:
            server.close()

    async def close(self) -> None:
        """Closes what is open. TCP connections are the host's to hang up before."""
        self.stop_listening()
        for link in self._udp:
            link.close()
        for server in self._tcp:
            await server.wait_closed()
