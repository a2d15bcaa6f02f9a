"""One direction of a bad link: packets in at a time, packets out at times.

Pure and seeded: the same packets at the same times meet the same fate. Knows no sockets and no clock, so that it works in
memory in virtual time as well as in the proxy process (``proxy.py``).

What happens to a packet, in this order: it falls into a cut; it finds the sender's buffer full; it takes its time on the air;
it is lost; it is damaged; it is delayed, may be overtaken, may come twice. A packet that is lost on the air has used the air.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Self

from agent.core.errors import ConfigError

BITS_A_BYTE: Final = 10  # a UART sends a start and a stop bit with each byte
_STEP_S: Final = 1e-6  # no two packets arrive at the same moment, so that their order is certain
_SHARES: Final = ("loss", "duplicate", "reorder", "corrupt")


@dataclass(frozen=True, slots=True)
class Impairment:
    """How bad one direction is. Shares are 0..1 of the packets.

    Attributes:
        loss: packets that never arrive.
        delay_s: time on the way, beside that for sending.
        jitter_s: up to so much more, evenly spread; the order is kept.
        duplicate: packets that arrive twice.
        reorder: packets that are held back, so that later ones overtake them.
        reorder_s: how long those are held back.
        corrupt: packets with some bytes changed; on a stream of bytes some are also missing.
        baud: bits a second of the slowest stretch, ten to a byte as on a serial line; 0: no limit.
        buffer_bytes: what may wait to be sent; a packet that does not fit is lost, as in a radio without flow control.
        cuts: silences, each from and until a time in seconds.
    """

    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 0.05
    corrupt: float = 0.0
    baud: float = 0.0
    buffer_bytes: int = 4096
    cuts: tuple[tuple[float, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``loss=0.05,delay_s=0.05,baud=57600``, with the names above; ``cuts=30:50;80:90``. Empty: a good link.

        Raises:
            ConfigError: names what is wrong, with the limits.
        """
        values: dict[str, float | int | tuple[tuple[float, float], ...]] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            try:
                values[name] = _READERS[name](value)
            except (KeyError, ValueError) as error:
                names = ", ".join(_READERS)
                raise ConfigError("config.invalid", f"link {part!r}: write NAME=NUMBER with one of {names}") from error
        made = cls(**values)  # type: ignore[arg-type]
        made.check()
        return made

    def check(self) -> None:
        """Refuses what makes no sense.

        Raises:
            ConfigError: names the value and its limit.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _SHARES and not 0.0 <= value <= 1.0:
                raise ConfigError("config.invalid", f"link {field.name}={value:g}: a share of the packets is 0 to 1")
            if field.name != "cuts" and not 0.0 <= value < float("inf"):
                raise ConfigError("config.invalid", f"link {field.name}={value:g}: it cannot be below 0 or endless")
        for begin_s, end_s in self.cuts:
            if not begin_s < end_s:
                raise ConfigError("config.invalid", f"link cuts={begin_s:g}:{end_s:g}: a silence ends after it began")

    def silent_at(self, now_s: float) -> bool:
        """Whether this moment lies in a cut."""
        return any(begin_s <= now_s < end_s for begin_s, end_s in self.cuts)


def _cuts(text: str) -> tuple[tuple[float, float], ...]:
    pairs = [part.split(":") for part in text.split(";")]
    return tuple((float(begin), float(end)) for begin, end in pairs)


_READERS: Final = {
    field.name: _cuts if field.name == "cuts" else int if field.name == "buffer_bytes" else float
    for field in fields(Impairment)
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A packet that arrives, and when."""

    at_s: float
    data: bytes


@dataclass(slots=True)
class Counts:
    """What became of the packets."""

    packets: int = 0
    bytes: int = 0
    cut: int = 0
    overflowed: int = 0
    lost: int = 0
    damaged: int = 0
    doubled: int = 0
    held_back: int = 0


class Direction:
    """One direction of a link.

    Args:
        impairment: how bad it is; may be replaced while it runs.
        seed: of all chance.
        stream: whether it carries a stream of bytes, where damage may also lose bytes.
    """

    def __init__(self, impairment: Impairment, seed: int, *, stream: bool = False) -> None:
        self.impairment = impairment
        self.counts = Counts()
        self._chance = random.Random(seed)  # noqa: S311 repeatable, no secret
        self._stream = stream
        self._free_s = float("-inf")  # when the sender has sent all that waits
        self._last_s = float("-inf")  # latest arrival of a packet in order

    def offer(self, data: bytes, now_s: float) -> Sequence[Delivery]:
        """Takes a packet in. Empty where it never arrives.

        Args:
            data: the packet; not empty.
            now_s: the moment, in seconds from the link's beginning; never earlier than before.
        """
        how, counts = self.impairment, self.counts
        counts.packets += 1
        counts.bytes += len(data)
        # Chance is drawn alike whatever becomes of the packet, so that one more cut does not change the fate of all later ones.
        lost, damaged, doubled, held, late = (self._chance.random() for _ in range(5))
        if how.silent_at(now_s):
            counts.cut += 1
            return ()
        sent_s = self._send(len(data), now_s)
        if sent_s is None:
            counts.overflowed += 1
            return ()
        if lost < how.loss:
            counts.lost += 1
            return ()
        if damaged < how.corrupt:
            counts.damaged += 1
            data = self._damaged(data)
        at_s = sent_s + how.delay_s + late * how.jitter_s
        if held < how.reorder:
            counts.held_back += 1
            at_s += how.reorder_s
        else:
            at_s = self._last_s = max(at_s, self._last_s + _STEP_S)
        if doubled >= how.duplicate:
            return (Delivery(at_s, data),) if data else ()
        counts.doubled += 1
        self._last_s = max(self._last_s, at_s + _STEP_S)
        return (Delivery(at_s, data), Delivery(self._last_s, data)) if data else ()

    def _send(self, size: int, now_s: float) -> float | None:
        """When the packet's last byte has left; None where the buffer is full."""
        how = self.impairment
        if not how.baud:
            return now_s
        byte_s = BITS_A_BYTE / how.baud
        begin_s = max(now_s, self._free_s)
        if begin_s - now_s + size * byte_s > how.buffer_bytes * byte_s:
            return None
        self._free_s = begin_s + size * byte_s
        return self._free_s

    def _damaged(self, data: bytes) -> bytes:
        """One to three bytes changed, or on a stream now and then up to eight missing."""
        spoilt = bytearray(data)
        if self._stream and self._chance.random() < 0.5:
            at = self._chance.randrange(len(spoilt))
            del spoilt[at : at + self._chance.randint(1, 8)]
            return bytes(spoilt)
        for _ in range(self._chance.randint(1, 3)):
            spoilt[self._chance.randrange(len(spoilt))] ^= self._chance.randint(1, 255)
        return bytes(spoilt)


@dataclass(frozen=True, slots=True)
class LinkModel:
    """Both directions.

    Attributes:
        to_vehicle: what the ground station sends.
        to_agent: what the vehicle sends.
    """

    to_vehicle: Direction
    to_agent: Direction

    @classmethod
    def of(cls, to_vehicle: Impairment, to_agent: Impairment, seed: int, *, stream: bool = False) -> Self:
        """A link with its two directions; their chances are independent."""
        return cls(Direction(to_vehicle, 2 * seed, stream=stream), Direction(to_agent, 2 * seed + 1, stream=stream))

    @classmethod
    def alike(cls, both: Impairment, seed: int, *, stream: bool = False) -> Self:
        """A link that is as bad one way as the other."""
        return cls.of(both, both, seed, stream=stream)

    def cut(self, from_s: float, until_s: float) -> None:
        """One more silence, both ways."""
        for direction in (self.to_vehicle, self.to_agent):
            cuts = (*direction.impairment.cuts, (from_s, until_s))
            direction.impairment = replace(direction.impairment, cuts=cuts)
