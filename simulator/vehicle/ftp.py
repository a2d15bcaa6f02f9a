"""The vehicle's side of MAVLink's file transfer, as ArduCopter 4.6 has it.

One file is open at a time, for all links. Its session is the number that the client proposed; for three seconds after the last
packet every other session is refused, then its file is closed. A repeated request gets the last reply again. While a burst
runs, up to five requests wait and more are lost. The offset of a burst's EOF is that of the last full piece. Knows the protocol
and virtual time; what the files are is ``ftp_files.py``'s.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from simulator.vehicle.ftp_files import Files, FtpFailure, OpenFile
from simulator.vehicle.wire import Message, mavlink

DATA_BYTES: Final = 239
BURST_PACKETS: Final = 500
PACKETS_PER_S: Final = 2000.0
IDLE_S: Final = 3.0
_QUEUE: Final = 5
_PAYLOAD: Final = 251
_HEADER: Final = struct.Struct("<HBBBBBxI")
_ENDING: Final = (mavlink.MAV_FTP_OPCODE_TERMINATESESSION, mavlink.MAV_FTP_OPCODE_RESETSESSION)
_ACK, _NAK = int(mavlink.MAV_FTP_OPCODE_ACK), int(mavlink.MAV_FTP_OPCODE_NAK)

Send = Callable[[Message], None]
Peer = tuple[int, int]


@dataclass(slots=True)
class _Request:
    """What came, or what is answered to it."""

    send: Send
    peer: Peer
    seq: int
    session: int
    opcode: int
    size: int
    req_opcode: int
    complete: int
    offset: int
    data: bytes

    def text(self) -> str:
        """The path in a request.

        Raises:
            FtpFailure: there is none, or it is not the size that the request says.
        """
        raw = self.data[: self.size]
        if not raw or b"\0" in raw:
            raise FtpFailure(mavlink.MAV_FTP_ERR_INVALIDDATASIZE)
        return raw.decode("utf-8", "replace")


@dataclass(slots=True)
class _Burst:
    request: _Request
    size: int
    sent: int = 0
    credit: float = 0.0


@dataclass
class FtpServer:
    """Serves the vehicle's files.

    Attributes:
        files: what there is.
        dropped: requests that found the queue full.
    """

    files: Files
    dropped: int = 0
    _file: OpenFile | None = None
    _session: int = -1
    _last_sent_s: float = float("-inf")
    _last: _Request | None = None
    _burst: _Burst | None = None
    _queue: list[_Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._handlers: dict[int, Callable[[_Request], bytes]] = {
            mavlink.MAV_FTP_OPCODE_NONE: lambda _: b"",
            mavlink.MAV_FTP_OPCODE_TERMINATESESSION: self._end,
            mavlink.MAV_FTP_OPCODE_RESETSESSION: self._end,
            mavlink.MAV_FTP_OPCODE_LISTDIRECTORY: self._list,
            mavlink.MAV_FTP_OPCODE_OPENFILERO: self._open_to_read,
            mavlink.MAV_FTP_OPCODE_READFILE: self._read,
            mavlink.MAV_FTP_OPCODE_CREATEFILE: self._open_to_write,
            mavlink.MAV_FTP_OPCODE_OPENFILEWO: self._open_to_write,
            mavlink.MAV_FTP_OPCODE_WRITEFILE: self._write,
            mavlink.MAV_FTP_OPCODE_REMOVEFILE: self._remove,
            mavlink.MAV_FTP_OPCODE_REMOVEDIRECTORY: self._remove,
            mavlink.MAV_FTP_OPCODE_CREATEDIRECTORY: self._make_folder,
            mavlink.MAV_FTP_OPCODE_RENAME: self._rename,
            mavlink.MAV_FTP_OPCODE_CALCFILECRC: self._checksum,
            mavlink.MAV_FTP_OPCODE_BURSTREADFILE: self._begin_burst,
        }

    def take(self, send: Send, peer: Peer, payload: bytes, now_s: float) -> None:
        """A FILE_TRANSFER_PROTOCOL message for this vehicle."""
        seq, session, opcode, size, req_opcode, complete, offset = _HEADER.unpack_from(payload)
        data = payload[_HEADER.size :]
        request = _Request(send, peer, seq, session, opcode, size, req_opcode, complete, offset, data)
        if self._burst is None:
            self._serve(request, now_s)
        elif len(self._queue) < _QUEUE:
            self._queue.append(request)
        else:
            self.dropped += 1

    def step(self, now_s: float, dt_s: float) -> None:
        """Sends what a running burst may send in this time."""
        burst = self._burst
        if burst is None:
            return
        burst.credit += PACKETS_PER_S * dt_s
        while self._burst is burst and burst.credit >= 1.0:
            burst.credit -= 1.0
            self._send_piece(burst, now_s)
        while self._burst is None and self._queue:
            self._serve(self._queue.pop(0), now_s)

    # -- requests --------------------------------------------------------------------------------------------------------

    def _serve(self, request: _Request, now_s: float) -> None:
        last = self._last
        if last is not None and (last.peer, last.session, last.seq) == (request.peer, request.session, _next(request.seq)):
            self._push(last, now_s)
            return
        if request.opcode in (_ACK, _NAK):
            return
        reply = replace(request, seq=_next(request.seq), req_opcode=request.opcode, opcode=_ACK, complete=0)
        try:
            reply.data = self._answer(request, now_s)
        except FtpFailure as failure:
            reply.opcode, reply.data = _NAK, bytes([failure.error])
        reply.size = len(reply.data)
        if self._burst is None:
            self._push(reply, now_s)

    def _answer(self, request: _Request, now_s: float) -> bytes:
        """Does what is asked; the data of the reply."""
        if request.size > DATA_BYTES:
            raise FtpFailure(mavlink.MAV_FTP_ERR_INVALIDDATASIZE)
        if request.session != self._session:
            if request.opcode in _ENDING:  # another session than the open one: nothing to end
                return b""
            self._make_room(now_s)
        handler = self._handlers.get(request.opcode)
        if handler is None:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FAIL)
        return handler(request)

    def _make_room(self, now_s: float) -> None:
        """Another session comes: the open one is refused to it while it is alive, and closed when it is not."""
        if self._file is not None:
            if now_s - self._last_sent_s < IDLE_S:
                raise FtpFailure(mavlink.MAV_FTP_ERR_INVALIDSESSION)
            self._close()

    def _end(self, _: _Request) -> bytes:
        """Closes the open file; how that ended is not told."""
        self._close()
        return b""

    def _close(self) -> None:
        file, self._file, self._session = self._file, None, -1
        if file is not None:
            self.files.close(file)

    def _open_to_read(self, request: _Request) -> bytes:
        self._must_be_free()
        size = self.files.size_told(request.text())
        self._file, self._session = self.files.open_to_read(request.text()), request.session
        return size.to_bytes(4, "little")

    def _open_to_write(self, request: _Request) -> bytes:
        self._must_be_free()
        self._file, self._session = self.files.open_to_write(request.text()), request.session
        return b""

    def _must_be_free(self) -> None:
        if self._file is not None:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FAIL)

    def _piece(self, offset: int, size: int) -> bytes:
        if self._file is None:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILENOTFOUND)
        data = self._file.read(offset, size)
        if not data:
            raise FtpFailure(mavlink.MAV_FTP_ERR_EOF)
        return data

    def _read(self, request: _Request) -> bytes:
        return self._piece(request.offset, request.size)

    def _begin_burst(self, request: _Request) -> bytes:
        if self._file is None:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILENOTFOUND)
        self._burst = _Burst(request, request.size or DATA_BYTES)
        return b""

    def _send_piece(self, burst: _Burst, now_s: float) -> None:
        asked, offset = burst.request, burst.request.offset + burst.sent * burst.size
        reply = replace(
            asked, seq=(asked.seq + 1 + burst.sent) % 65536, opcode=_ACK, req_opcode=asked.opcode, complete=0, offset=offset
        )
        try:
            reply.data = self._piece(offset, burst.size)
        except FtpFailure as failure:
            reply.opcode, reply.data = _NAK, bytes([failure.error])
            reply.offset = max(asked.offset, offset - burst.size) if burst.sent else 0
            self._burst = None
        reply.size = len(reply.data)
        burst.sent += 1
        if burst.sent == BURST_PACKETS and self._burst is burst:
            reply.complete = 1
            self._burst = None
        self._push(reply, now_s)

    def _write(self, request: _Request) -> bytes:
        if self._file is None:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILENOTFOUND)
        self._file.write(request.offset, request.data[: request.size])
        return b""

    def _list(self, request: _Request) -> bytes:
        room = b""
        for entry in self.files.listing(request.text())[request.offset :]:
            if len(room) + len(entry) >= DATA_BYTES:
                break
            room += entry
        if not room:
            raise FtpFailure(mavlink.MAV_FTP_ERR_EOF)
        return room

    def _checksum(self, request: _Request) -> bytes:
        return self.files.checksum(request.text()).to_bytes(4, "little")

    def _remove(self, request: _Request) -> bytes:
        self.files.remove(request.text())
        return b""

    def _make_folder(self, request: _Request) -> bytes:
        self.files.make_folder(request.text())
        return b""

    def _rename(self, request: _Request) -> bytes:
        old, _, new = request.data[: request.size].partition(b"\0")
        if not old or not new:
            raise FtpFailure(mavlink.MAV_FTP_ERR_INVALIDDATASIZE)
        self.files.rename(old.decode("utf-8", "replace"), new.rstrip(b"\0").decode("utf-8", "replace"))
        return b""

    # -- replies ---------------------------------------------------------------------------------------------------------

    def _push(self, reply: _Request, now_s: float) -> None:
        self._last, self._last_sent_s = reply, now_s
        if reply.req_opcode == mavlink.MAV_FTP_OPCODE_TERMINATESESSION:
            self._last_sent_s = float("-inf")
        header = _HEADER.pack(
            reply.seq, reply.session, reply.opcode, reply.size, reply.req_opcode, reply.complete, reply.offset
        )
        payload = list((header + reply.data).ljust(_PAYLOAD, b"\0"))
        reply.send(mavlink.MAVLink_file_transfer_protocol_message(0, *reply.peer, payload))


def _next(seq: int) -> int:
    return (seq + 1) % 65536
