"""MAVLink's file transfer: list, read, write, make, remove and check files on the autopilot.

Both autopilots keep one open file at a time. ArduPilot takes the session number that the client proposes and refuses all others
for three seconds after the last packet; PX4 always gives session 0. A file that another station has open is waited for.
A refusal is a value with the autopilot's error.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.core.outcome import Accepted
from agent.mavlink.exchange import Exchange
from agent.mavlink.ftp_read import read_open_file
from agent.mavlink.ftp_session import BURST_NUMBERS, FileRefused, FtpSession, Progress, ignore_progress, refused
from agent.mavlink.ftp_wire import DATA_BYTES, SEQUENCES, FtpEntry, FtpError, FtpOpcode, entries_of
from agent.mavlink.ftp_write import write_open_file

_CRC_WORK_S = 5.0
# A forgotten file is closed after 3 s (ArduPilot) or 10 s (PX4) in which nobody asks for anything: asking must pause as long.
_BUSY_PAUSES_S = (3.5, 11.0)
_ENTRIES_MOST = 10_000
_BUSY = frozenset({FtpError.FAIL, FtpError.INVALIDSESSION, FtpError.NOSESSIONSAVAILABLE})


class Ftp:
    """The autopilot's files.

    Args:
        exchange: the link's exchange.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._one_at_a_time = asyncio.Lock()
        # Two stations that begin with the same numbers would take each other's replies for their own.
        self._seq = random.randrange(SEQUENCES)  # noqa: S311 no secret
        self._number = random.randrange(1, 256)  # noqa: S311 no secret
        self._unclosed: int | None = None  # session whose closing was not answered

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[FtpSession]:
        """Requests without an open file."""
        async with self._one_at_a_time:
            session = FtpSession(self._exchange, self._number, self._seq)
            try:
                yield session
            finally:
                self._seq = session.seq

    @asynccontextmanager
    async def _opened(self, opcode: FtpOpcode, path: str) -> AsyncIterator[FtpSession | FileRefused]:
        """An open file, which is closed at the end of the block. While another station has a file open, it is waited for."""
        async with self._alone() as session:
            problem = await self._open(session, opcode, path)
            if problem is not None:
                yield problem
                return
            try:
                yield session
            except BaseException:  # broken off: the file is closed without waiting for an answer
                session.take_numbers(BURST_NUMBERS)
                self._unclosed = session.number
                session.tell(FtpOpcode.TERMINATESESSION)
                raise
            session.take_numbers(BURST_NUMBERS)
            await self._close(session)

    async def _close(self, session: FtpSession) -> None:
        """Closes the file. Where that is not answered it is asked for again before the next opening."""
        self._unclosed = session.number
        if await session.ask(FtpOpcode.TERMINATESESSION) is not None:
            self._unclosed = None

    async def _open(self, session: FtpSession, opcode: FtpOpcode, path: str) -> FileRefused | None:
        name = path.encode()
        if not 0 < len(name) < DATA_BYTES:
            return FileRefused("vehicle.file_refused", f"{path!r}: a path has 1 to {DATA_BYTES - 1} bytes")
        if self._unclosed is not None:
            session.number = self._unclosed
            await self._close(session)
        for pause_s in (*_BUSY_PAUSES_S, None):
            self._number = self._number % 255 + 1
            session.number = self._number
            reply = await session.ask(opcode, name)
            if reply is not None and reply.opcode == FtpOpcode.ACK:
                session.number = reply.session
                session.size_bytes = int.from_bytes(reply.data[:4], "little")
                return None
            if reply is None or reply.error not in _BUSY or pause_s is None:
                break
            await asyncio.sleep(pause_s)
        return refused(path, reply)

    async def read(self, path: str, progress: Progress = ignore_progress) -> bytes | FileRefused:
        """A whole file, by bursts with the lost packets asked for again."""
        async with self._opened(FtpOpcode.OPENFILERO, path) as session:
            return session if isinstance(session, FileRefused) else await read_open_file(session, path, progress)

    async def write(self, path: str, data: bytes, progress: Progress = ignore_progress) -> Accepted | FileRefused:
        """Makes or replaces a file. Its beginning is written last.

        Where a file's beginning says what it is (ArduPilot's missions and parameters), a writing that is cut leaves nothing
        that the autopilot would take. What the autopilot makes of such a file at its closing is not told by it: read it back.
        """
        async with self._opened(FtpOpcode.CREATEFILE, path) as session:
            return session if isinstance(session, FileRefused) else await write_open_file(session, path, data, progress)

    async def list(self, path: str) -> "list[FtpEntry] | FileRefused":
        """The names in a folder."""
        found: list[FtpEntry] = []
        offset = 0
        async with self._alone() as session:
            while offset < _ENTRIES_MOST:
                reply = await session.ask(FtpOpcode.LISTDIRECTORY, path.encode(), offset=offset)
                if reply is not None and reply.error is FtpError.EOF:
                    break
                if reply is None or reply.error is not None:
                    return refused(path, reply)
                entries = list(entries_of(reply.data))
                if not entries:
                    break
                found += [entry for entry in entries if entry is not None]
                offset += len(entries)
        return found

    async def crc(self, path: str) -> int | FileRefused:
        """The CRC32 that the autopilot computes of its file; compare with :func:`agent.mavlink.ftp_session.checksum`."""
        async with self._alone() as session:
            reply = await session.ask(FtpOpcode.CALCFILECRC, path.encode(), work_s=_CRC_WORK_S)
        if reply is None or reply.error is not None or len(reply.data) < 4:
            return refused(path, reply)
        return int.from_bytes(reply.data[:4], "little")

    async def remove(self, path: str) -> Accepted | FileRefused:
        """Removes a file."""
        return await self._do(FtpOpcode.REMOVEFILE, path)

    async def make_folder(self, path: str) -> Accepted | FileRefused:
        """Makes a folder."""
        return await self._do(FtpOpcode.CREATEDIRECTORY, path)

    async def remove_folder(self, path: str) -> Accepted | FileRefused:
        """Removes an empty folder."""
        return await self._do(FtpOpcode.REMOVEDIRECTORY, path)

    async def _do(self, opcode: FtpOpcode, path: str) -> Accepted | FileRefused:
        async with self._alone() as session:
            reply = await session.ask(opcode, path.encode())
        return Accepted() if reply is not None and reply.error is None else refused(path, reply)
