"""The two ends of the proxy: UDP, TCP and serial behind one interface. Bytes in, bytes out.

Knows asyncio and operating-system calls; knows nothing of impairment or of MAVLink.
"""

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, cast

from agent.core.errors import ConfigError, LinkError

FORMS: Final = "udpin:HOST:PORT, udpout:HOST:PORT, tcp-listen:HOST:PORT, tcp:HOST:PORT or pty:PATH"
_READ_BYTES: Final = 65_536
_REOPEN_S: Final = 0.5

Receive = Callable[[bytes], None]


class End(Protocol):
    """One side."""

    stream: bool
    """Whether it carries a stream of bytes, not datagrams."""

    async def open(self, receive: Receive) -> None:
        """Opens it. Bytes from the other side go to ``receive``.

        Raises:
            LinkError: it cannot be opened.
        """
        ...

    def send(self, data: bytes) -> None:
        """Sends; lost where nobody is there."""
        ...

    async def close(self) -> None:
        """Closes it."""
        ...


class UdpEnd(asyncio.DatagramProtocol):
    """A UDP socket. Listening, it answers whoever spoke last."""

    stream = False

    def __init__(self, host: str, port: int, *, listen: bool) -> None:
        self._where, self._listen = (host, port), listen
        self._peer: tuple[str, int] | None = None
        self._receive: Receive = _nowhere
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, receive: Receive) -> None:
        """Binds it; a client takes any port."""
        self._receive = receive
        local, remote = (self._where, None) if self._listen else (None, self._where)
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=local, remote_addr=remote
        )

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A datagram."""
        if self._listen:
            self._peer = (addr[0], addr[1])
        self._receive(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there yet: UDP's business as usual."""
        del exc

    def send(self, data: bytes) -> None:
        """One datagram."""
        if self._transport is not None and (self._peer is not None or not self._listen):
            self._transport.sendto(data, self._peer)

    async def close(self) -> None:
        """Closes it."""
        if self._transport is not None:
            self._transport.close()


class _Stream(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, owner: "TcpListenEnd | TcpEnd") -> None:
        self._owner = owner
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._owner.joined(self)

    def data_received(self, data: bytes) -> None:
        self._owner.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.lost.set()
        self._owner.left(self)


class TcpListenEnd:
    """A TCP server with one client at a time; a new one takes the place of the former."""

    stream = True

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._server: asyncio.Server | None = None
        self._client: _Stream | None = None
        self.receive: Receive = _nowhere

    async def open(self, receive: Receive) -> None:
        """Listens."""
        self.receive = receive
        self._server = await asyncio.get_running_loop().create_server(lambda: _Stream(self), *self._where)

    def joined(self, stream: _Stream) -> None:
        """A client connected."""
        if self._client is not None and self._client.transport is not None:
            self._client.transport.abort()
        self._client = stream

    def left(self, stream: _Stream) -> None:
        """A client is gone."""
        if self._client is stream:
            self._client = None

    def send(self, data: bytes) -> None:
        """To the client."""
        if self._client is not None and self._client.transport is not None:
            self._client.transport.write(data)

    async def close(self) -> None:
        """Closes it."""
        if self._server is not None:
            self._server.close()
        if self._client is not None and self._client.transport is not None:
            self._client.transport.abort()


class TcpEnd:
    """A TCP client; connects again whenever the other end is gone."""

    stream = True

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._connection: _Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self.receive: Receive = _nowhere

    async def open(self, receive: Receive) -> None:
        """Begins to connect."""
        self.receive = receive
        self._task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            with suppress(OSError):
                _, stream = await asyncio.get_running_loop().create_connection(lambda: _Stream(self), *self._where)
                await stream.lost.wait()
            await asyncio.sleep(_REOPEN_S)

    def joined(self, stream: _Stream) -> None:
        """Connected."""
        self._connection = stream

    def left(self, stream: _Stream) -> None:
        """The other end is gone."""
        if self._connection is stream:
            self._connection = None

    def send(self, data: bytes) -> None:
        """To the server."""
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.write(data)

    async def close(self) -> None:
        """Closes it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.abort()


class PtyEnd:
    """A serial line that a program opens at PATH: one half of a pseudo-terminal, in raw mode."""

    stream = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._master = self._slave = -1
        self._receive: Receive = _nowhere

    async def open(self, receive: Receive) -> None:
        """Makes the pair and the name."""
        self._receive = receive
        self._master, self._slave = os.openpty()  # the slave stays open here, so that a program may come and go
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _readable(self) -> None:
        with suppress(BlockingIOError):
            self._receive(os.read(self._master, _READ_BYTES))

    def send(self, data: bytes) -> None:
        """To the program; what does not fit into the terminal's buffer is lost, as on a line that nobody reads."""
        with suppress(BlockingIOError):
            os.write(self._master, data)

    async def close(self) -> None:
        """Closes both halves and takes the name away."""
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self._path.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)


def _nowhere(data: bytes) -> None:
    """Before it is open nobody listens."""
    del data


_NETWORK: Final[dict[str, Callable[[str, int], End]]] = {
    "udpin": lambda host, port: UdpEnd(host, port, listen=True),
    "udpout": lambda host, port: UdpEnd(host, port, listen=False),
    "tcp-listen": TcpListenEnd,
    "tcp": TcpEnd,
}


def parse_end(text: str) -> End:
    """Reads one of the forms.

    Raises:
        ConfigError: it is none of them.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "pty" and rest:
        return PtyEnd(Path(rest))
    host, _, port = rest.rpartition(":")
    if scheme in _NETWORK and host and port.isdigit() and 0 < int(port) <= 65_535:
        return _NETWORK[scheme](host, int(port))
    raise ConfigError("config.invalid", f"end of the link {text!r}: write {FORMS}")


async def opened(end: End, text: str, receive: Receive) -> None:
    """Opens an end.

    Raises:
        LinkError: names it and says what the system said.
    """
    try:
        await end.open(receive)
    except OSError as error:
        words = error.strerror or str(error)
        raise LinkError(
            "link.cannot_open", f"{text}: {words}; choose another port or stop the program that holds it"
        ) from error
