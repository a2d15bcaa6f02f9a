"""Where the vehicle's links are, and the other end of each: its channel, its decoder and its encoder.

Bytes in, bytes out. Knows framing; must not know sockets. What a message means is the autopilot's. Bytes that do not decode are
counted and dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from agent.core.errors import ConfigError
from simulator.vehicle.channel import Channel
from simulator.vehicle.signing import Signing
from simulator.vehicle.wire import AUTOPILOT_COMPONENT, Message, mavlink

SCHEMES: Final = ("udpin", "udpout", "tcp-listen")


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
    signing: Signing = field(default_factory=Signing)
    dropped: int = 0
    heard_s: float = 0.0
    _codec: Message = field(init=False)
    _link_id: int = field(init=False)

    def __post_init__(self) -> None:
        self._link_id = self.signing.new_link()
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
            if not self.signing.accepts(frame, message, usb=self.channel.usb):
                self.dropped += 1
                continue
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
        return self.signing.sign(frame, message.crc_extra, self._link_id)
