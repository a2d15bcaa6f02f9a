"""The MAVLink link to one drone, over one radio or several at once: what everything above speaks through.

Heartbeats go out on all links; everything else goes on the one in use, and what the drone says is taken from the one in use, so
that nothing is done twice and the order is kept. Which one that is, ``failover.py`` says. Events that a drone tells on every
link are taken from whichever brings them first. Knows frames; knows nothing of what a message means. Every wait goes through
the loop, so the link works on a loop whose clock is scaled or virtual.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial

import structlog

from agent.core.errors import LinkError
from agent.core.outcome import Refused
from agent.mavlink.address import baud_of, parse_address
from agent.mavlink.channel import OWN_COMPONENT, Channel, LinkCounters
from agent.mavlink.codec import Body, Frame
from agent.mavlink.failover import choose
from agent.mavlink.messages import ground_station_heartbeat
from agent.mavlink.repeats import BROADCAST, SameContent
from agent.mavlink.signing import Signing, Verdict
from agent.mavlink.transport import ThreadTransport, Transport

__all__ = ["OWN_COMPONENT", "Inbox", "Link", "LinkCounters"]

_DOWN_S = 5.0
_RESERVE_S = 15.0
_REPORT_S = 60.0
_ODD = ("malformed", "foreign", "repeated", "unsigned", "wrong_key", "replayed", "old")
_SIGNING_TROUBLE = {
    Verdict.UNSIGNED: ("vehicle.signing_missing", "its messages carry no signature, and vehicle.signing is 'required'"),
    Verdict.WRONG_KEY: ("vehicle.signing_key_wrong", "its messages are signed with another key than vehicle.signing_key"),
    Verdict.REPLAYED: ("vehicle.signing_time_wrong", "the time in its signatures does not grow"),
    Verdict.OLD: ("vehicle.signing_time_wrong", "the time in its signatures is more than a minute behind ours"),
}
_log = structlog.get_logger(__name__)


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
    """The link to one drone.

    Args:
        transports: how to open each way to the drone, the preferred one first: makes one opening of a port, and is called again
            after each loss. A mapping from the address, for people; one alone needs no name.
        system: the drone's system id; frames of others are counted and dropped.
        own_system: our system id.
        heartbeat_interval_s: how often our heartbeat is sent.
        signing: signs and judges; None where nothing is signed.

    Attributes:
        channels: the ways to the drone.
        used: index of the one in use.
        switches: how often it was changed.
    """

    def __init__(
        self,
        transports: Callable[[], Transport] | Mapping[str, Callable[[], Transport]],
        *,
        system: int,
        own_system: int = 255,
        heartbeat_interval_s: float = 1.0,
        signing: Signing | None = None,
    ) -> None:
        self.system = system
        self.own_system = own_system
        self.signing = signing
        named = transports if isinstance(transports, Mapping) else {"link": transports}
        self.channels = [
            Channel(name, number, make, self._on_frame, system=system, own_system=own_system, signing=signing)
            for number, (name, make) in enumerate(named.items())
        ]
        self.used = 0
        self.switches = 0
        self._heartbeat_interval_s = heartbeat_interval_s
        self._told = SameContent()
        self._inboxes: list[Inbox] = []
        self._handlers: list[tuple[Callable[[Frame], None], frozenset[str] | None]] = []
        self._handlers_of: dict[str, list[Callable[[Frame], None]]] = {}  # by message name, worked out when one comes

    @classmethod
    def at(
        cls,
        address: str | Sequence[str],
        *,
        system: int,
        own_system: int = 255,
        heartbeat_interval_s: float = 1.0,
        signing: Signing | None = None,
    ) -> "Link":
        """A link over serial ports and the network; with several addresses the first is preferred.

        Raises:
            ConfigError: an address has none of the known forms.
        """
        addresses = [parse_address(text) for text in ([address] if isinstance(address, str) else address)]
        return cls(
            {str(parsed): partial(ThreadTransport, parsed) for parsed in addresses},
            system=system,
            own_system=own_system,
            heartbeat_interval_s=heartbeat_interval_s,
            signing=signing,
        )

    @property
    def baud(self) -> int | None:
        """Speed of the serial line in use; None where it is another kind of link."""
        return baud_of(self.channels[self.used].name)

    @property
    def up(self) -> bool:
        """Whether a port is open."""
        return any(channel.up for channel in self.channels)

    @property
    def error(self) -> LinkError | None:
        """Why a port is not open."""
        return next((channel.error for channel in self.channels if channel.error), None)

    @property
    def counters(self) -> LinkCounters:
        """What came and went on all of them."""
        return LinkCounters(*(sum(getattr(c.counters, row.name) for c in self.channels) for row in fields(LinkCounters)))

    @property
    def foreign_systems(self) -> set[int]:
        """System ids that were heard and are not the drone's."""
        return set().union(*(channel.foreign_systems for channel in self.channels))

    def loss(self, now_s: float) -> float:
        """Share of the drone's frames that are lost on the link in use, 0..1."""
        return self.channels[self.used].view(now_s).loss

    async def open_once(self) -> None:
        """Tries each address once, to tell a wrong one at the start.

        Raises:
            LinkError: none can be opened; the message says what to do about the first.
        """
        results = await asyncio.gather(*(channel.open_once() for channel in self.channels), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        if len(errors) == len(results) or not all(isinstance(error, LinkError) for error in errors):
            raise errors[0]

    async def run(self) -> None:
        """Keeps the ports open and the heartbeat going until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for channel in self.channels:
                    tasks.create_task(channel.keep_open())
                tasks.create_task(self._beat())
                tasks.create_task(self._report())
                if self.signing is not None:
                    tasks.create_task(self._reserve_stamps(self.signing))
        finally:
            for channel in self.channels:
                await channel.close()

    async def _beat(self) -> None:
        """Our heartbeat comes from the loop that does the work: an agent that hangs falls silent."""
        while True:
            for channel in self.channels:
                channel.send(ground_station_heartbeat())
            await asyncio.sleep(self._heartbeat_interval_s)

    async def _reserve_stamps(self, signing: Signing) -> None:
        """Reserves time stamps in good time, in a thread: the disk may be slow."""
        while True:
            await asyncio.to_thread(signing.stamps.reserve_ahead)
            await asyncio.sleep(_RESERVE_S)

    async def _report(self) -> None:
        """Tells the log of traffic that was not taken."""
        before = [LinkCounters() for _ in self.channels]
        while True:
            await asyncio.sleep(_REPORT_S)
            for index, channel in enumerate(self.channels):
                new = {name: getattr(channel.counters, name) - getattr(before[index], name) for name in _ODD}
                if any(new.values()):
                    odd = {name: count for name, count in new.items() if count}
                    _log.info("traffic not taken", link=channel.name, in_s=_REPORT_S, **odd)
                before[index] = LinkCounters(*(getattr(channel.counters, row.name) for row in fields(LinkCounters)))

    def send(self, body: Body) -> None:
        """Sends a message on the link in use; where none is open it is lost and counted, as on a radio."""
        if not self.channels[self.used].up:
            self._choose(asyncio.get_running_loop().time())
        self.channels[self.used].send(body)

    @contextmanager
    def listen(self, *names: str, limit: int = 2000) -> Iterator[Inbox]:
        """Collects frames with these message names while the block lasts."""
        inbox = Inbox(frozenset(names), limit)
        self._inboxes.append(inbox)
        try:
            yield inbox
        finally:
            self._inboxes.remove(inbox)

    def add_handler(self, handler: Callable[[Frame], None], names: Iterable[str] | None = None) -> None:
        """Calls this for every frame of the drone, or for those with these message names."""
        self._handlers.append((handler, None if names is None else frozenset(names)))
        self._handlers_of.clear()

    def _on_frame(self, channel: Channel, frame: Frame) -> None:
        """A frame came on one of the links."""
        if len(self.channels) > 1:
            if channel.number != self.used:
                self._choose(frame.at_s)
            if frame.name in BROADCAST:
                if self._told.seen(frame, channel.number):
                    channel.counters.repeated += 1
                    return
            elif channel.number != self.used:
                return
        handlers = self._handlers_of.get(frame.name)
        if handlers is None:
            handlers = [handler for handler, names in self._handlers if names is None or frame.name in names]
            self._handlers_of[frame.name] = handlers
        for handler in handlers:
            handler(frame)
        for inbox in self._inboxes:
            if frame.name in inbox.names:
                inbox.offer(frame)

    def _choose(self, now_s: float) -> None:
        """Changes to another link where that is better."""
        index, why = choose([channel.view(now_s) for channel in self.channels], self.used, now_s)
        if index != self.used:
            before, self.used = self.channels[self.used], index
            _log.warning("another link is used", link=self.channels[index].name, instead_of=before.name, why=why)
            self.switches += 1

    def problems(self, now_s: float) -> list[Refused]:
        """What is wrong with the links right now: signatures that are refused, and one of several that does not work."""
        found = [trouble] if (trouble := self.signing_trouble(now_s)) else []
        if self.signing is None and any(now_s - channel.signed_s <= _DOWN_S for channel in self.channels):
            found.append(Refused("vehicle.signing_unused", "it may ignore what we send"))
        if len(self.channels) > 1:
            views = [(channel, channel.view(now_s)) for channel in self.channels]
            for channel, view in views:
                if now_s - view.heard_s > _DOWN_S and any(other.alive(now_s) for _, other in views):
                    why = channel.error.message if channel.error else "the drone is not heard on it"
                    found.append(Refused("link.down", f"{channel.name}: {why}"))
        return found

    def signing_trouble(self, now_s: float) -> Refused | None:
        """Why the drone's signatures are refused, where it is heard on no link for that reason."""
        if any(now_s - channel.heard_s <= _DOWN_S for channel in self.channels):
            return None
        for channel in self.channels:
            if channel.refusal is not None and now_s - channel.refusal[1] <= _DOWN_S:
                code, words = _SIGNING_TROUBLE[channel.refusal[0]]
                return Refused(code, f"{channel.name}: {words}")
        return None
