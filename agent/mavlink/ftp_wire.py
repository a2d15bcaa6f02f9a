"""One packet of MAVLink's file transfer as a value, and its bytes.

Layout: https://mavlink.io/en/services/ftp.html . Knows no session, no time and no file. What does not decode is None.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from pymavlink.dialects.v20 import ardupilotmega as dialect

from agent.mavlink.codec import Body
from agent.mavlink.link import OWN_COMPONENT

PAYLOAD_BYTES = 251
DATA_BYTES = 239
SEQUENCES = 1 << 16

_HEADER = struct.Struct("<HBBBBBxI")
_AUTOPILOT_COMPONENT = 1


class FtpOpcode(IntEnum):
    """MAV_FTP_OPCODE."""

    NONE = 0
    TERMINATESESSION = 1
    RESETSESSION = 2
    LISTDIRECTORY = 3
    OPENFILERO = 4
    READFILE = 5
    CREATEFILE = 6
    WRITEFILE = 7
    REMOVEFILE = 8
    CREATEDIRECTORY = 9
    REMOVEDIRECTORY = 10
    OPENFILEWO = 11
    TRUNCATEFILE = 12
    RENAME = 13
    CALCFILECRC = 14
    BURSTREADFILE = 15
    ACK = 128
    NAK = 129


class FtpError(IntEnum):
    """MAV_FTP_ERR."""

    NONE = 0
    FAIL = 1
    FAILERRNO = 2
    INVALIDDATASIZE = 3
    INVALIDSESSION = 4
    NOSESSIONSAVAILABLE = 5
    EOF = 6
    UNKNOWNCOMMAND = 7
    FILEEXISTS = 8
    FILEPROTECTED = 9
    FILENOTFOUND = 10


@dataclass(frozen=True, slots=True)
class FtpPacket:
    """A request or a reply.

    Attributes:
        seq: its number; a reply has its request's plus one, the replies of a burst count on.
        session: which open file.
        opcode: FtpOpcode.
        req_opcode: of a reply: what was asked.
        offset: bytes from the file's beginning, or entries of a folder.
        data: up to 239 bytes.
        wanted: of a request to read: how many bytes; else the number of data bytes.
        burst_complete: of a burst's packet: none follows until it is asked for again.
    """

    seq: int
    session: int
    opcode: int
    req_opcode: int = 0
    offset: int = 0
    data: bytes = b""
    wanted: int | None = None
    burst_complete: bool = False

    @property
    def error(self) -> FtpError | None:
        """The error of a NAK, FAIL where it names none that is known; None of an ACK."""
        if self.opcode != FtpOpcode.NAK:
            return None
        number = self.data[0] if self.data else FtpError.FAIL
        return FtpError(number) if number in set(FtpError) else FtpError.FAIL

    @property
    def errno(self) -> int | None:
        """The operating system's number in a NAK that has one."""
        return self.data[1] if self.error is FtpError.FAILERRNO and len(self.data) > 1 else None


def pack(packet: FtpPacket) -> bytes:
    """The payload of a FILE_TRANSFER_PROTOCOL message."""
    size = len(packet.data) if packet.wanted is None else packet.wanted
    header = _HEADER.pack(
        packet.seq, packet.session, packet.opcode, size, packet.req_opcode, int(packet.burst_complete), packet.offset
    )
    return (header + packet.data).ljust(PAYLOAD_BYTES, b"\0")


def unpack(payload: bytes) -> FtpPacket | None:
    """The packet in a payload; None where there is none, or it claims more data than there can be."""
    if len(payload) < _HEADER.size:
        return None
    seq, session, opcode, size, req_opcode, complete, offset = _HEADER.unpack_from(payload)
    if size > DATA_BYTES or len(payload) < _HEADER.size + size:
        return None
    data = bytes(payload[_HEADER.size : _HEADER.size + size])
    return FtpPacket(seq, session, opcode, req_opcode, offset, data, None, bool(complete))


def body_of(packet: FtpPacket, system: int) -> Body:
    """The message that carries a request to the autopilot of a system."""
    return dialect.MAVLink_file_transfer_protocol_message(0, system, _AUTOPILOT_COMPONENT, pack(packet))


def packet_of(body: Body, own_system: int) -> FtpPacket | None:
    """The reply in a FILE_TRANSFER_PROTOCOL message; None where it is none, or another station's."""
    if body.target_system not in {0, own_system} or body.target_component not in {0, OWN_COMPONENT}:
        return None
    packet = unpack(bytes(body.payload))
    return packet if packet is not None and packet.opcode in {FtpOpcode.ACK, FtpOpcode.NAK} else None


@dataclass(frozen=True, slots=True)
class FtpEntry:
    """One name in a folder; size_bytes is None for a folder."""

    name: str
    size_bytes: int | None


def entries_of(data: bytes) -> Iterator[FtpEntry | None]:
    """The entries of a listing in order; None for one that is counted but not shown, such as the folder itself."""
    for raw in data.split(b"\0"):
        kind, text = raw[:1], raw[1:].decode("utf-8", errors="replace")
        if kind == b"D" and text not in {".", ".."}:
            yield FtpEntry(text, None)
        elif kind == b"F":
            name, _, size = text.partition("\t")
            yield FtpEntry(name, int(size) if size.isdigit() else 0)
        elif kind:
            yield None
