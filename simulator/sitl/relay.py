"""Passes MAVLink between a real autopilot's telemetry ports and the links that the simulator was asked for.

Each link gets a telemetry port of its own while there are any, so that nobody sets another's message rates; the last port is
shared. Bytes pass as they are, but for what :class:`Bridge` puts into other words.
"""

import asyncio
import functools
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self, cast

from agent.core.errors import ConfigError
from simulator.sitl.bridge import Bridge
from simulator.sitl.frames import frames
from simulator.vehicle.links import Address
from simulator.vehicle.sockets import Sockets

_BUFFER = 1 << 20  # bytes that may wait while this process gets no processor
Record = Callable[[bytes], None]


class Port(asyncio.DatagramProtocol):
    """One UDP socket to which the autopilot speaks; what is sent goes to where it spoke from.

    Args:
        autopilot: where the autopilot listens, if that is known before it speaks; then nobody else is heard.
    """

    def __init__(self, autopilot: tuple[str, int] | None = None) -> None:
        self.take: Callable[[bytes], None] = lambda _: None
        self._transport: asyncio.DatagramTransport | None = None
        self._fixed = autopilot is not None
        self._autopilot = autopilot

    @classmethod
    async def open(cls, autopilot_port: int | None = None) -> Self:
        """Binds a free port of the loopback interface."""
        autopilot = None if autopilot_port is None else ("127.0.0.1", autopilot_port)
        _, port = await asyncio.get_running_loop().create_datagram_endpoint(lambda: cls(autopilot), local_addr=("127.0.0.1", 0))
        return port

    @property
    def number(self) -> int:
        """The port's number."""
        assert self._transport is not None  # noqa: S101 made by open()
        return int(self._transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        # Python 3.11's datagram transport is no asyncio.DatagramTransport by its type.
        self._transport = cast("asyncio.DatagramTransport", transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """The autopilot speaks."""
        if not self._fixed:
            self._autopilot = addr
        elif addr != self._autopilot:
            return
        self.take(data)

    def error_received(self, exc: Exception) -> None:
        """The autopilot does not listen just now, as while it starts."""

    def send(self, data: bytes) -> None:
        """To the autopilot, once it is known where it is."""
        if self._transport is not None and self._autopilot is not None and not self._transport.is_closing():
            self._transport.sendto(data, self._autopilot)

    def close(self) -> None:
        """Frees the port."""
        if self._transport is not None:
            self._transport.close()


@dataclass(eq=False)
class Leg:
    """One other end of a link."""

    write: Callable[[bytes], None]
    hang_up: Callable[[], None] | None
    forget: Callable[[], None] | None = None


class Link:
    """One link with whoever is at its other end; a host of sockets."""

    def __init__(self, port: Port, bridge: Bridge, record: Record) -> None:
        self._port, self._bridge, self._record = port, bridge, record
        self._legs: list[Leg] = []
        self.sockets = Sockets[Leg](self)

    def opened(self, name: str, write: Callable[[bytes], None], hang_up: Callable[[], None] | None, *, usb: bool) -> Leg:
        """A new other end."""
        del name, usb
        leg = Leg(write, hang_up)
        self._legs.append(leg)
        return leg

    def closed(self, peer: Leg) -> None:
        """The other end is gone."""
        if peer in self._legs:
            self._legs.remove(peer)

    def received(self, peer: Leg, data: bytes) -> None:
        """Somebody speaks to the autopilot."""
        for frame in frames(data):
            self._record(frame)
            answer = self._bridge.answered(frame)
            if answer is None:
                self._port.send(frame)
            else:
                peer.write(answer)

    def send(self, frame: bytes) -> None:
        """The autopilot speaks to all."""
        for leg in list(self._legs):
            leg.write(frame)

    async def close(self) -> None:
        """Hangs up and closes."""
        self.sockets.stop_listening()
        for leg in list(self._legs):
            if leg.hang_up is not None:
                leg.hang_up()
        await self.sockets.close()


class Relay:
    """All links of one autopilot. Use as ``async with``.

    Args:
        ports: the autopilot's telemetry ports.
        addresses: links to open.
        bridge: what is said in other words.
        record: takes every frame that passes.
    """

    def __init__(self, ports: Sequence[Port], addresses: Sequence[Address], bridge: Bridge, record: Record) -> None:
        self._ports, self._addresses, self._bridge, self._record = ports, addresses, bridge, record
        self._stack = AsyncExitStack()
        self._served: list[list[Link]] = [[] for _ in ports]
        self.bound: list[Address] = []
        self.heard = asyncio.Event()

    async def __aenter__(self) -> Self:
        served = self._served
        try:
            for index, address in enumerate(self._addresses):
                number = min(index, len(self._ports) - 1)
                link = Link(self._ports[number], self._bridge, self._record)
                self._stack.push_async_callback(link.close)
                self.bound.append(await link.sockets.open(address, usb=index == 0))
                served[number].append(link)
        except ConfigError:
            await self._stack.aclose()
            raise
        for port, links in zip(self._ports, served, strict=True):
            port.take = functools.partial(self._pass, links)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def show(self, number: int, frame: bytes) -> None:
        """A frame of another device's to the links of a port, past the autopilot."""
        for link in self._served[number]:
            link.send(frame)

    def _pass(self, links: Sequence[Link], data: bytes) -> None:
        for frame in frames(data):
            self.heard.set()
            told = self._bridge.from_autopilot(frame)
            if told is not None and links:
                self._record(told)
                for link in links:
                    link.send(told)
