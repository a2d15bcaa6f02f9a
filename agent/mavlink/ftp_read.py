"""Reads an open file in bursts.

A burst begins at an offset and runs to the end of the file, or until the autopilot pauses. What was lost of it is asked for
piece by piece afterwards, some pieces at a time. A piece is always 239 bytes from a multiple of 239: ArduPilot's parameter
file wants one size of reading, and lays out its records by it. The end of the file is known by a short piece, or by the number
of a burst's EOF; the size told at the opening may be a guess, and the offset in the EOF may be wrong.
"""

from agent.mavlink.ftp_session import (
    BURST_NUMBERS,
    MESSAGE,
    PIECES_UNDER_WAY,
    SILENCES_MOST,
    FileRefused,
    FtpSession,
    Progress,
    refused,
)
from agent.mavlink.ftp_wire import DATA_BYTES, SEQUENCES, FtpError, FtpOpcode, FtpPacket
from agent.mavlink.link import Inbox

BYTES_MOST = 16 << 20
_GAPS_WAITED = 3.0


async def read_open_file(session: FtpSession, path: str, progress: Progress) -> bytes | FileRefused:
    """The whole file."""
    with session.exchange.link.listen(MESSAGE) as inbox:
        return await _Reading(session, path, progress, inbox).run()


class _Reading:
    """The state of one reading."""

    def __init__(self, session: FtpSession, path: str, progress: Progress, inbox: Inbox) -> None:
        self._session = session
        self._exchange = session.exchange
        self._path = path
        self._progress = progress
        self._inbox = inbox
        self._pieces: dict[int, bytes] = {}
        self._tail = 0  # end of the last piece that came
        self._end: int | None = None  # no piece begins here or later
        self._silences = 0
        self._gap_s = 0.0  # longest time between two packets of a burst

    async def run(self) -> bytes | FileRefused:
        """Bursts until the end is known, then the pieces that are missing."""
        while self._end is None:
            problem = await self._burst()
            if problem is not None:
                return problem
            if self._silences > SILENCES_MOST:
                return refused(self._path, None)
            if self._tail > BYTES_MOST:
                return FileRefused("vehicle.file_refused", f"{self._path}: it is larger than {BYTES_MOST >> 20} MiB")
        problem = await self._fill(self._end)
        return problem or b"".join(self._pieces[offset] for offset in range(0, self._end, DATA_BYTES))

    def _take(self, packet: FtpPacket) -> None:
        if packet.session == self._session.number and packet.offset % DATA_BYTES == 0 and packet.data:
            self._pieces[packet.offset] = packet.data
            self._tail = max(self._tail, packet.offset + len(packet.data))
            self._silences = 0
            if len(packet.data) < DATA_BYTES:
                self._end = packet.offset + len(packet.data)
            self._progress(self._tail, max(self._tail, self._session.size_bytes))

    async def _burst(self) -> FileRefused | None:
        """One burst from the tail on, until it ends or falls silent."""
        session, began = self._session, self._tail
        first = session.take_numbers(BURST_NUMBERS)
        session.send(FtpPacket(first, session.number, FtpOpcode.BURSTREADFILE, 0, began, b"", DATA_BYTES))
        heard_s = self._exchange.now_s
        while True:
            wait_s = self._exchange.round_trip.timeout_s(min(self._silences, 3), _GAPS_WAITED * self._gap_s)
            packet = await session.reply(self._inbox, self._exchange.now_s + wait_s)
            if packet is None:
                self._silences += 1
                return None
            if packet.req_opcode != FtpOpcode.BURSTREADFILE or not 0 < (packet.seq - first) % SEQUENCES < BURST_NUMBERS:
                continue
            if packet.error is FtpError.EOF:
                # Its number tells how many pieces went before it, also those that are lost or still under way.
                self._end = began + DATA_BYTES * ((packet.seq - first) % SEQUENCES - 1)
                return None
            if packet.error is not None:
                return refused(self._path, packet)
            if self._tail > began:
                self._gap_s = max(self._gap_s, self._exchange.now_s - heard_s)
            heard_s = self._exchange.now_s
            self._take(packet)
            if packet.burst_complete or self._end is not None:
                return None

    async def _fill(self, end: int) -> FileRefused | None:
        """Asks for every missing piece before the end."""
        missing = [offset for offset in range(0, end, DATA_BYTES) if offset not in self._pieces]
        silences = 0
        while missing:
            before = len(missing)
            problem = await self._ask_for(missing[:PIECES_UNDER_WAY], silences)
            if problem is not None:
                return problem
            missing = [offset for offset in missing if offset not in self._pieces]
            silences = silences + 1 if len(missing) == before else 0
            if silences > SILENCES_MOST:
                return refused(self._path, None)
        return None

    async def _ask_for(self, offsets: list[int], silences: int) -> FileRefused | None:
        """Asks for some pieces at a time and takes what comes."""
        session = self._session
        first = session.take_numbers(len(offsets))
        for index, offset in enumerate(offsets):
            number = (first + index) % SEQUENCES
            session.send(FtpPacket(number, session.number, FtpOpcode.READFILE, 0, offset, b"", DATA_BYTES))
        deadline_s = self._exchange.now_s + self._exchange.round_trip.timeout_s(min(silences, 3), self._gap_s * len(offsets))
        while not all(offset in self._pieces for offset in offsets):
            packet = await session.reply(self._inbox, deadline_s)
            if packet is None:
                return None
            if packet.req_opcode != FtpOpcode.READFILE:
                continue
            if packet.error is not None:
                return refused(self._path, packet)
            if packet.offset in offsets:
                self._take(packet)
        return None
