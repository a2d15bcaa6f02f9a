"""The MAVLink link to one drone: opens, reopens, decodes, filters, counts, and sends the heartbeat.

Knows frames and system ids; knows nothing of what a message means. Runs in the event loop; the port has its own thread
(``transport.py``). Every wait goes through the loop, so the link works on a loop whose clock is scaled or virtual.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from agent.core.errors import LinkError
from agent.mavlink.address import parse_address
from agent.mavlink.codec import Body, Decoder, Encoder, Frame
from agent.mavlink.messages import ground_station_heartbeat
from agent.mavlink.ports import Peer
from agent.mavlink.transport import Chunk, ThreadTransport, Transport

OWN_COMPONENT = 190
"""MAV_COMP_ID_MISSIONPLANNER, the id every ground station uses."""
_REOPEN_FIRST_S = 0.5
_REOPEN_LONGEST_S = 10.0
_PEERS_LIMIT = 8
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LinkCounters:
    """What came in and went out since the start."""

    frames: int = 0
    malformed: int = 0
    unknown: int = 0
    foreign: int = 0
    sent: int = 0
    send_dropped: int = 0
    reopened: int = 0


class Inbox:
    """Frames of some kinds, in the order they came."""

    def __init__(self, names: frozenset[str], limit: int) -> None:
        self.names = names
        self._frames: deque[Frame] = deque(maxlen=limit)
        self._wake = asyncio.Event()

    def offer(self, frame: Frame) -> None:
        """Takes a frame in."""
        self._frames.append(frame)
        self._wake.set()

    async def get(self, timeout_s: float) -> Frame | None:
        """The next frame; None if none comes in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._frames:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            return None
        return self._frames.popleft()

    def drain(self) -> list[Frame]:
        """Everything that is there now."""
        frames = list(self._frames)
        self._frames.clear()
        return frames


class Link:
    """A link to one drone.

    Args:
        make_transport: makes one opening of the port; called again after each loss.
        system: the drone's system id; frames of others are counted and dropped.
        own_system: our system id.
        heartbeat_interval_s: how often our heartbeat is sent.
    """

    def __init__(
        self, make_transport: Callable[[], Transport], *, system: int, own_system: int = 255, heartbeat_interval_s: float = 1.0
    ) -> None:
        self.system = system
        self.own_system = own_system
        self.counters = LinkCounters()
        self.foreign_systems: set[int] = set()
        self.up = False
        self.error: LinkError | None = None
        self._make_transport = make_transport
        self._heartbeat_interval_s = heartbeat_interval_s
        self._transport: Transport | None = None
        self._encoder = Encoder(own_system, OWN_COMPONENT)
        self._decoders: dict[Peer, Decoder] = {}
        self._inboxes: list[Inbox] = []
        self._handlers: list[Callable[[Frame], None]] = []
        self._down = asyncio.Event()
        self._opened: asyncio.Future[None] | None = None

    @classmethod
    def at(cls, address: str, *, system: int, own_system: int = 255, heartbeat_interval_s: float = 1.0) -> "Link":
        """A link over a serial port or the network.

        Raises:
            ConfigError: the address has none of the known forms.
        """
        parsed = parse_address(address)
        return cls(
            lambda: ThreadTransport(parsed), system=system, own_system=own_system, heartbeat_interval_s=heartbeat_interval_s
        )

    async def open_once(self) -> None:
        """Tries the address once, to tell a wrong one at the start.

        Raises:
            LinkError: it cannot be opened; the message says what to do.
        """
        self._opened = asyncio.get_running_loop().create_future()
        self._begin()
        try:
            await self._opened
        except LinkError:
            await self._end()
            raise
        finally:
            self._opened = None

    async def run(self) -> None:
        """Keeps the link open and the heartbeat going until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_open())
                tasks.create_task(self._beat())
        finally:
            await self._end()

    async def _keep_open(self) -> None:
        delay_s = _REOPEN_FIRST_S
        while True:
            if self._transport is None:
                self._begin()
            await self._down.wait()
            was_up = self.up
            await self._end()
            delay_s = _REOPEN_FIRST_S if was_up else min(2.0 * delay_s, _REOPEN_LONGEST_S)
            await asyncio.sleep(delay_s)
            self.counters.reopened += 1

    async def _beat(self) -> None:
        """Our heartbeat comes from the loop that does the work: an agent that hangs falls silent."""
        while True:
            self.send(ground_station_heartbeat())
            await asyncio.sleep(self._heartbeat_interval_s)

    def _begin(self) -> None:
        self._down.clear()
        self._decoders.clear()
        self._transport = self._make_transport()
        self._transport.start(self)

    async def _end(self) -> None:
        self.up = False
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    def send(self, body: Body) -> None:
        """Sends a message if the link is open; otherwise it is lost and counted, as on a radio."""
        if self._transport is None or not self.up or not self._transport.write(self._encoder.pack(body)):
            self.counters.send_dropped += 1
            return
        self.counters.sent += 1

    @contextmanager
    def listen(self, *names: str, limit: int = 2000) -> Iterator[Inbox]:
        """Collects frames with these message names while the block lasts."""
        inbox = Inbox(frozenset(names), limit)
        self._inboxes.append(inbox)
        try:
            yield inbox
        finally:
            self._inboxes.remove(inbox)

    def add_handler(self, handler: Callable[[Frame], None]) -> None:
        """Calls this for every frame of the drone."""
        self._handlers.append(handler)

    def received(self, chunk: Chunk) -> None:
        """Bytes came in."""
        decoder = self._decoder_of(chunk.peer)
        malformed, unknown = decoder.malformed, decoder.unknown
        frames = decoder.feed(chunk.data, chunk.at_s)
        self.counters.malformed += decoder.malformed - malformed
        self.counters.unknown += decoder.unknown - unknown
        for frame in frames:
            if frame.system != self.system:
                self.counters.foreign += 1
                self.foreign_systems.add(frame.system)
                continue
            if chunk.peer is not None and self._transport is not None:
                self._transport.trust(chunk.peer)
            self._dispatch(frame)

    def _decoder_of(self, peer: Peer) -> Decoder:
        """One decoder per sender: a bridge may split a frame over datagrams. Strangers cannot make us keep many."""
        decoder = self._decoders.get(peer)
        if decoder is None:
            if len(self._decoders) >= _PEERS_LIMIT:
                self._decoders.pop(next(iter(self._decoders)))
            decoder = self._decoders[peer] = Decoder()
        return decoder

    def _dispatch(self, frame: Frame) -> None:
        self.counters.frames += 1
        for handler in self._handlers:
            handler(frame)
        for inbox in self._inboxes:
            if frame.name in inbox.names:
                inbox.offer(frame)

    def opened(self) -> None:
        """The port is open."""
        self.up = True
        self.error = None
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

    def closed(self, error: LinkError) -> None:
        """The port could not be opened, or is gone."""
        log = _log.debug if self.error and self.error.message == error.message else _log.warning
        log("link closed", code=error.code, words=error.message)
        self.error = error
        self._down.set()
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(error)
