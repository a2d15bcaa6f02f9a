"""Writes an open file: some pieces at a time, the first piece last.

The first piece goes when all others are acknowledged. ArduPilot judges a mission or parameter file by its beginning when the
file is closed, and it closes a forgotten file by itself: without its beginning it is refused whole, so a writing that is cut
changes nothing on board.
"""

from agent.core.outcome import Accepted
from agent.mavlink.ftp_session import (
    MESSAGE,
    PIECES_UNDER_WAY,
    SILENCES_MOST,
    WORK_S,
    FileRefused,
    FtpSession,
    Progress,
    refused,
)
from agent.mavlink.ftp_wire import DATA_BYTES, SEQUENCES, FtpOpcode, FtpPacket
from agent.mavlink.link import Inbox


async def write_open_file(session: FtpSession, path: str, data: bytes, progress: Progress) -> Accepted | FileRefused:
    """Writes all of it, each piece acknowledged."""
    with session.exchange.link.listen(MESSAGE) as inbox:
        writing = _Writing(session, path, data, progress, inbox)
        for offsets in (range(DATA_BYTES, len(data), DATA_BYTES), range(min(1, len(data)))):
            problem = await writing.run(list(offsets))
            if problem is not None:
                return problem
    return Accepted()


class _Writing:
    """The state of one writing."""

    def __init__(self, session: FtpSession, path: str, data: bytes, progress: Progress, inbox: Inbox) -> None:
        self._session = session
        self._exchange = session.exchange
        self._path = path
        self._data = data
        self._progress = progress
        self._inbox = inbox
        self._done = 0

    async def run(self, offsets: list[int]) -> FileRefused | None:
        """Writes the pieces at these offsets. A piece may arrive twice: it is the same."""
        waiting: dict[int, FtpPacket] = {}  # by the number of the reply
        silences = 0
        while offsets or waiting:
            while offsets and len(waiting) < PIECES_UNDER_WAY:
                self._send(self._piece(offsets.pop(0)), waiting)
            wait_s = self._exchange.round_trip.timeout_s(min(silences, 3), WORK_S)
            reply = await self._session.reply(self._inbox, self._exchange.now_s + wait_s)
            if reply is None:
                silences += 1
                if silences > SILENCES_MOST:
                    return refused(self._path, None)
                for packet in waiting.values():
                    self._session.send(packet)
                continue
            packet_done = waiting.pop(reply.seq, None)
            if packet_done is None or reply.req_opcode != FtpOpcode.WRITEFILE:
                continue
            if reply.error is not None:
                return refused(self._path, reply)
            silences = 0
            self._done += len(packet_done.data)
            self._progress(self._done, len(self._data))
        return None

    def _piece(self, offset: int) -> FtpPacket:
        number = self._session.take_numbers(1)
        piece = self._data[offset : offset + DATA_BYTES]
        return FtpPacket(number, self._session.number, FtpOpcode.WRITEFILE, 0, offset, piece)

    def _send(self, packet: FtpPacket, waiting: dict[int, FtpPacket]) -> None:
        waiting[(packet.seq + 1) % SEQUENCES] = packet
        self._session.send(packet)
