"""Carries bytes between a port and the event loop.

The port lives in one thread, which opens, reads and writes it; the loop is only ever called through ``call_soon_threadsafe``.
To wake the loop costs more than to decode a frame. So after each handing over the thread rests for some milliseconds, in which
more frames gather; not while an answer is awaited. The in-memory pair has no thread: it is for tests and for an autopilot in
the same process.
"""

import asyncio
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.core.errors import LinkError
from agent.mavlink.address import Address
from agent.mavlink.ports import Peer, Port, PortClosedError, open_port

_QUEUE_LIMIT_BYTES = 262_144
_REST_S = 0.01
_REST_LOOP_S = 0.05  # nor longer than this on a loop whose clock runs faster than the computer's
_AWAITED_S = 0.05  # so long after a sending its answer is awaited; over longer round trips a rest does not matter
_READS_MOST = 64


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes as read, the loop time of reading, and the UDP sender."""

    data: bytes
    at_s: float
    peer: Peer = None


class Receiver(Protocol):
    """Who gets what a transport carries. Called in the event loop."""

    def received(self, chunk: Chunk) -> None:
        """Bytes came in."""
        ...

    def opened(self) -> None:
        """The port is open."""
        ...

    def closed(self, error: LinkError) -> None:
        """The port could not be opened, or is gone."""
        ...


class Transport(Protocol):
    """One opening of a port."""

    def start(self, receiver: Receiver) -> None:
        """Begins to open; the receiver hears of it."""
        ...

    def write(self, data: bytes) -> bool:
        """Queues bytes; False when the queue is full and they are dropped."""
        ...

    def trust(self, peer: Peer) -> None:
        """The drone speaks from here."""
        ...

    async def close(self) -> None:
        """Closes and waits until its thread has ended. Never raises."""
        ...


class ThreadTransport:
    """A port served by its own thread.

    Args:
        address: what to open.
        opener: opens it; tests give their own.
    """

    def __init__(self, address: Address, opener: Callable[[Address], Port] = open_port) -> None:
        self._address = address
        self._opener = opener
        self._loop = asyncio.get_running_loop()
        self._out: deque[bytes] = deque()
        self._out_bytes = 0
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.settimeout(0.0)
        self._wake_write.settimeout(0.0)
        self._stopping = False
        self._sent_s = self._handed_over_s = float("-inf")
        self._began = (0.0, 0.0)  # when the thread began, by the computer's clock and by the loop's
        self._trusted: Peer = None
        self._receiver: Receiver | None = None
        self._thread = threading.Thread(target=self._run, name="mavlink-io", daemon=True)
        self._ended = asyncio.Event()

    def start(self, receiver: Receiver) -> None:
        """Begins to open."""
        self._receiver = receiver
        self._thread.start()

    def write(self, data: bytes) -> bool:
        """Queues bytes."""
        with self._lock:
            if self._out_bytes + len(data) > _QUEUE_LIMIT_BYTES:
                return False
            self._out.append(data)
            self._out_bytes += len(data)
        self._sent_s = time.monotonic()
        self._wake()
        return True

    def trust(self, peer: Peer) -> None:
        """The drone speaks from here."""
        self._trusted = peer

    async def close(self) -> None:
        """Closes and waits for the thread."""
        self._stopping = True
        self._wake()
        if self._receiver is not None:
            await self._ended.wait()
            self._thread.join()
        self._wake_read.close()
        self._wake_write.close()

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"\0")
        except BlockingIOError:
            pass  # it is awake already
        except OSError:
            pass  # closed

    def _call(self, function: Callable[..., None], *args: object) -> None:
        """Calls in the loop; a loop that is closed already has nobody left to tell."""
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            self._stopping = True

    def _run(self) -> None:
        """The thread."""
        assert self._receiver is not None  # noqa: S101 start() sets it before the thread runs
        receiver = self._receiver
        self._began = (time.monotonic(), self._loop.time())
        try:
            port = self._opener(self._address)
        except LinkError as error:
            self._call(receiver.closed, error)
            self._call(self._ended.set)
            return
        self._call(receiver.opened)
        try:
            while not self._stopping:
                self._turn(port, receiver)
        except PortClosedError as error:
            self._call(receiver.closed, LinkError("link.closed", f"{self._address}: {error}; it is opened again"))
        finally:
            port.close()
            self._call(self._ended.set)

    def _turn(self, port: Port, receiver: Receiver) -> None:
        """Waits for work once and does it."""
        rest_s = self._rest_s()
        own: list[Port | socket.socket] = [self._wake_read] if rest_s > 0.0 else [self._wake_read, port]
        readable, _, _ = select.select(own, [port] if self._out else [], [], rest_s if rest_s > 0.0 else None)
        if self._wake_read in readable:
            self._wake_read.recv(4096)
        if self._trusted is not None:
            port.trust(self._trusted)
        if port in readable:
            chunks = self._read(port)
            if chunks:
                self._call(_hand_over, receiver, chunks)
                self._handed_over_s = time.monotonic()
        self._flush(port)

    def _rest_s(self) -> float:
        """How much longer nothing is read."""
        now_s = time.monotonic()
        if now_s - self._sent_s < _AWAITED_S:
            return 0.0
        began_s, loop_began_s = self._began
        rate = (self._loop.time() - loop_began_s) / max(now_s - began_s, _REST_S)
        return self._handed_over_s + min(_REST_S, _REST_LOOP_S / max(rate, 1.0)) - now_s

    def _read(self, port: Port) -> list[Chunk]:
        """What is there now; what one peer sent without a break is one chunk."""
        parts: list[tuple[Peer, list[bytes]]] = []
        for _ in range(_READS_MOST):
            data, peer = port.read()
            if not data:
                break
            if parts and parts[-1][0] == peer:
                parts[-1][1].append(data)
            else:
                parts.append((peer, [data]))
        now_s = self._loop.time()
        return [Chunk(b"".join(data), now_s, peer) for peer, data in parts]

    def _flush(self, port: Port) -> None:
        """Writes what the port takes now."""
        while self._out:
            taken = port.write(self._out[0])
            with self._lock:
                self._out_bytes -= taken
                if taken < len(self._out[0]):
                    self._out[0] = self._out[0][taken:]
                    return
                self._out.popleft()


def _hand_over(receiver: Receiver, chunks: Sequence[Chunk]) -> None:
    """In the loop."""
    for chunk in chunks:
        receiver.received(chunk)


class MemoryTransport:
    """One end of a pair that lives in the loop; what one end writes, the other receives. See :func:`memory_pair`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._receiver: Receiver | None = None
        self._other: MemoryTransport | None = None

    def start(self, receiver: Receiver) -> None:
        """Open at once."""
        self._receiver = receiver
        self._loop.call_soon(receiver.opened)

    def write(self, data: bytes) -> bool:
        """Hands the bytes to the other end in the loop's next turn; they are lost if nobody is there."""
        if self._other is not None:
            self._loop.call_soon(self._other.take, data)
        return True

    def trust(self, peer: Peer) -> None:
        """Nothing to do: there is one peer."""

    async def close(self) -> None:
        """Takes nothing from now on."""
        self._receiver = None

    def take(self, data: bytes) -> None:
        """Receives from the other end."""
        if self._receiver is not None:
            self._receiver.received(Chunk(data, self._loop.time()))

    def join(self, other: "MemoryTransport") -> None:
        """Connects the two ends."""
        self._other, other._other = other, self  # noqa: SLF001 both are of this class


def memory_pair() -> tuple[MemoryTransport, MemoryTransport]:
    """Two connected ends."""
    one, two = MemoryTransport(), MemoryTransport()
    one.join(two)
    return one, two
