"""The requests about one open file, and what a refusal is.

A lost reply is had again by the same request with the same number: both autopilots keep their last reply. After a burst the
number jumps, so that no request can be taken for a repeated one.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from agent.core.outcome import Refused
from agent.mavlink.exchange import Exchange
from agent.mavlink.ftp_wire import SEQUENCES, FtpError, FtpOpcode, FtpPacket, body_of, packet_of
from agent.mavlink.link import Inbox

MESSAGE = "FILE_TRANSFER_PROTOCOL"
BURST_NUMBERS = 2048  # more than any burst has packets: ArduPilot sends 500, PX4 35 kB
PIECES_UNDER_WAY = 4  # ArduPilot queues five requests and drops the rest
SILENCES_MOST = 6
WORK_S = 0.1  # the autopilot's file thread is a slow one
_ATTEMPTS = 6

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes expected in all; the autopilot may only guess the latter."""


def ignore_progress(done: int, total: int) -> None:
    """No progress wanted."""


@dataclass(frozen=True, slots=True)
class FileRefused(Refused):
    """A file operation that was not done. error is the autopilot's; None where it fell silent."""

    error: FtpError | None = None
    errno: int | None = None


def refused(what: str, reply: FtpPacket | None) -> FileRefused:
    """The refusal in a NAK; silence where there is no reply."""
    if reply is None:
        return FileRefused("vehicle.file_silent", f"{what}: the autopilot does not answer")
    error = reply.error or FtpError.FAIL
    number = "" if reply.errno is None else f", system error {reply.errno}"
    code = "vehicle.file_busy" if error in {FtpError.INVALIDSESSION, FtpError.NOSESSIONSAVAILABLE} else "vehicle.file_refused"
    return FileRefused(code, f"{what}: the autopilot answered {error.name}{number}", error, reply.errno)


def checksum(data: bytes) -> int:
    """The CRC32 that CALCFILECRC gives: the usual polynomial, beginning at 0, not inverted."""
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


class FtpSession:
    """Requests about one file, or about none yet.

    Attributes:
        exchange: the link's exchange.
        number: the session's number on the wire.
        size_bytes: what the autopilot said at opening; ArduPilot guesses it for files that it makes up.
    """

    def __init__(self, exchange: Exchange, number: int, seq: int) -> None:
        self.exchange = exchange
        self.number = number
        self.size_bytes = 0
        self.seq = seq

    def take_numbers(self, count: int) -> int:
        """Reserves request numbers; the first of them."""
        first = self.seq
        self.seq = (self.seq + count) % SEQUENCES
        return first

    def send(self, packet: FtpPacket) -> None:
        """Sends a request."""
        self.exchange.link.send(body_of(packet, self.exchange.link.system))

    def tell(self, opcode: FtpOpcode) -> None:
        """Sends a request whose reply nobody waits for."""
        self.send(FtpPacket(self.take_numbers(1), self.number, opcode))

    async def reply(self, inbox: Inbox, deadline_s: float) -> FtpPacket | None:
        """The next reply for us; None if none comes in time."""
        while (frame := await inbox.get(deadline_s - self.exchange.now_s)) is not None:
            packet = packet_of(frame.body, self.exchange.link.own_system)
            if packet is not None:
                return packet
        return None

    async def ask(
        self,
        opcode: FtpOpcode,
        data: bytes = b"",
        *,
        offset: int = 0,
        wanted: int | None = None,
        attempts: int = _ATTEMPTS,
        work_s: float = WORK_S,
    ) -> FtpPacket | None:
        """Sends one request until its reply comes; None where none does."""
        packet = FtpPacket(self.take_numbers(1), self.number, opcode, 0, offset, data, wanted)
        with self.exchange.link.listen(MESSAGE) as inbox:
            for attempt in range(attempts):
                self.send(packet)
                deadline_s = self.exchange.now_s + self.exchange.round_trip.timeout_s(attempt, work_s)
                while (reply := await self.reply(inbox, deadline_s)) is not None:
                    if reply.req_opcode == opcode and reply.seq == (packet.seq + 1) % SEQUENCES:
                        return reply
        return None
