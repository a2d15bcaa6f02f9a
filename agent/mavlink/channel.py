"""One of the links to a drone: a port that is kept open, and of its bytes the frames that are surely this drone's.

Opens, reopens, decodes, filters, verifies and counts. Knows frames, system ids and signatures; knows nothing of what a message
means, nor of the other links. Runs in the event loop; the port has its own thread (``transport.py``).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from agent.core.errors import LinkError
from agent.mavlink.codec import Body, Decoder, Encoder, Frame
from agent.mavlink.failover import SILENT_S, LinkView
from agent.mavlink.ports import Peer
from agent.mavlink.quality import LossMeter
from agent.mavlink.repeats import SameBytes
from agent.mavlink.signing import Signing, Verdict
from agent.mavlink.transport import Chunk, Transport

OWN_COMPONENT = 190
"""MAV_COMP_ID_MISSIONPLANNER, the id every ground station uses."""
_REOPEN_FIRST_S = 0.5
_REOPEN_LONGEST_S = 10.0
_PEERS_LIMIT = 8
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LinkCounters:
    """What came in and went out since the start.

    Attributes:
        frames: of the drone, taken.
        malformed: runs of bytes that are no frame.
        unknown: frames of kinds that the dialect does not know.
        foreign: frames of other systems.
        echoed: frames with our own system id: what we sent on another link, or another station that uses our id.
        repeated: frames that came twice.
        unsigned: frames refused since they carry no signature.
        wrong_key: frames refused since they are signed with another key.
        replayed: frames refused since their time stamp is not newer than the last.
        old: frames refused since they begin a stream more than a minute behind our time.
        sent: frames sent.
        send_dropped: frames that could not be sent.
        reopened: how often the port was opened again.
    """

    frames: int = 0
    malformed: int = 0
    unknown: int = 0
    foreign: int = 0
    echoed: int = 0
    repeated: int = 0
    unsigned: int = 0
    wrong_key: int = 0
    replayed: int = 0
    old: int = 0
    sent: int = 0
    send_dropped: int = 0
    reopened: int = 0


_REFUSED = {
    Verdict.UNSIGNED: "unsigned",
    Verdict.WRONG_KEY: "wrong_key",
    Verdict.REPLAYED: "replayed",
    Verdict.OLD: "old",
}
"""The counter of each reason to refuse a frame."""


class Channel:
    """A link to the drone.

    Args:
        name: its address, for people.
        number: which of the drone's links; the link id in signatures.
        make_transport: makes one opening of the port; called again after each loss.
        deliver: called with each frame of the drone.
        system: the drone's system id; frames of others are counted and dropped.
        own_system: our system id.
        signing: signs and judges; None where nothing is signed.
    """

    def __init__(
        self,
        name: str,
        number: int,
        make_transport: Callable[[], Transport],
        deliver: Callable[["Channel", Frame], None],
        *,
        system: int,
        own_system: int,
        signing: Signing | None,
    ) -> None:
        self.name = name
        self.number = number
        self.counters = LinkCounters()
        self.foreign_systems: set[int] = set()
        self.up = False
        self.error: LinkError | None = None
        self.heard_s = float("-inf")
        self.refusal: tuple[Verdict, float] | None = None  # the newest frame that was refused for its signature
        self.signed_s = float("-inf")  # when the newest frame with a signature came, right or wrong
        self._make_transport = make_transport
        self._deliver = deliver
        self._system = system
        self._own_system = own_system
        self._signing = signing
        self._since_s = float("inf")
        self._loss = LossMeter()
        self._same = SameBytes()
        self._encoder = Encoder(own_system, OWN_COMPONENT, None if signing is None else self._sign)
        self._decoders: dict[Peer, Decoder] = {}
        self._transport: Transport | None = None
        self._first_opened_s: float | None = None
        self._down = asyncio.Event()
        self._opened: asyncio.Future[None] | None = None

    def view(self, now_s: float) -> LinkView:
        """How it does. A port that is closed is silent from that moment on."""
        return LinkView(self.heard_s if self.up else float("-inf"), self._since_s, self._loss.loss(now_s))

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
            await self.close()
            raise
        finally:
            self._opened = None

    async def keep_open(self) -> None:
        """Keeps the port open until cancelled."""
        delay_s = _REOPEN_FIRST_S
        while True:
            if self._transport is None:
                self._begin()
            await self._down.wait()
            was_up = self.up
            await self.close()
            delay_s = _REOPEN_FIRST_S if was_up else min(2.0 * delay_s, _REOPEN_LONGEST_S)
            await asyncio.sleep(delay_s)
            self.counters.reopened += 1

    def _begin(self) -> None:
        self._down.clear()
        self._decoders.clear()
        self._same = SameBytes()
        self._transport = self._make_transport()
        self._transport.start(self)

    async def close(self) -> None:
        """Closes the port."""
        self.up = False
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    def send(self, body: Body) -> None:
        """Sends a message if the port is open; otherwise it is lost and counted, as on a radio."""
        if self._transport is None or not self.up or not self._transport.write(self._encoder.pack(body)):
            self.counters.send_dropped += 1
            return
        self.counters.sent += 1

    def _began_s(self) -> float:
        """When the port was opened for the first time."""
        if self._first_opened_s is None:
            self._first_opened_s = asyncio.get_running_loop().time()
        return self._first_opened_s

    def _sign(self, frame: bytes) -> bytes:
        assert self._signing is not None  # noqa: S101 the encoder signs only where there is one
        return self._signing.sign(frame, self.number)

    def received(self, chunk: Chunk) -> None:
        """Bytes came in."""
        decoder = self._decoder_of(chunk.peer)
        malformed, unknown = decoder.malformed, decoder.unknown
        frames = decoder.feed(chunk.data, chunk.at_s)
        self.counters.malformed += decoder.malformed - malformed
        self.counters.unknown += decoder.unknown - unknown
        for frame in frames:
            if self._is_the_drones(frame):
                if chunk.peer is not None and self._transport is not None:
                    self._transport.trust(chunk.peer)
                self._take(frame)

    def _decoder_of(self, peer: Peer) -> Decoder:
        """One decoder per sender: a bridge may split a frame over datagrams. Strangers cannot make us keep many."""
        decoder = self._decoders.get(peer)
        if decoder is None:
            if len(self._decoders) >= _PEERS_LIMIT:
                self._decoders.pop(next(iter(self._decoders)))
            decoder = self._decoders[peer] = Decoder()
        return decoder

    def _is_the_drones(self, frame: Frame) -> bool:
        """Whether a frame is new and surely of this drone; counts it where it is not."""
        if frame.system == self._own_system:
            self.counters.echoed += 1
            return False
        if frame.system != self._system:
            self.counters.foreign += 1
            self.foreign_systems.add(frame.system)
            return False
        if self._same.seen(frame.raw, frame.at_s):
            self.counters.repeated += 1
            return False
        if frame.signed:
            self.signed_s = frame.at_s
        if self._signing is None:
            return True
        verdict = self._signing.judge(frame.raw, frame.system, frame.component)
        if self._signing.takes(verdict, frame.name):
            return True
        self.refusal = (verdict, frame.at_s)
        counter = _REFUSED[verdict]
        setattr(self.counters, counter, getattr(self.counters, counter) + 1)
        return False

    def _take(self, frame: Frame) -> None:
        self.counters.frames += 1
        self._loss.on_frame(frame)
        if frame.name:  # of an unknown kind the checksum cannot be verified: noise must not keep a dead link alive
            if frame.at_s - self.heard_s > SILENT_S:
                self._since_s = frame.at_s
            self.heard_s = frame.at_s
        self._deliver(self, frame)

    def opened(self) -> None:
        """The port is open. The first time it gets a moment to be heard, before another link is used instead."""
        self.up = True
        self.error = None
        self.heard_s = max(self.heard_s, self._began_s())
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
