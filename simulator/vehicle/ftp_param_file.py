"""``@PARAM/param.pck``: all parameters, packed as ArduCopter packs them.

A name shares its beginning with the name before; zero bytes are put before a record whose value would lie across a block of the
size in which the file is read, and that size may not change. Written apart from the agent's decoder.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from simulator.vehicle.ftp_files import Content, FtpFailure
from simulator.vehicle.parameter_table import INT8, INT16, INT32, REAL32
from simulator.vehicle.parameters import Parameters
from simulator.vehicle.wire import mavlink

_PLAIN, _WITH_DEFAULTS = 0x671B, 0x671C
_CODES: Final = {INT8: (1, "<b"), INT16: (2, "<h"), INT32: (3, "<i"), REAL32: (4, "<f")}
_GUESS_BYTES: Final = 12
_OPTIONS: Final = ("start", "count", "withdefaults")


@dataclass(frozen=True, slots=True)
class ParamFile:
    """The made-up file."""

    parameters: Parameters

    def size_told(self) -> int:
        """A guess."""
        return _GUESS_BYTES * len(self.parameters)

    def content(self, query: str) -> Content:
        """``start``, ``count`` and ``withdefaults`` choose.

        Raises:
            FtpFailure: a number in the query is too large.
        """
        chosen = dict.fromkeys(_OPTIONS, 0)
        for part in query.split("&") if query else []:
            name, _, value = part.partition("=")
            if name in chosen and value.isdigit():
                chosen[name] = int(value)
        if chosen["withdefaults"] > 1 or chosen["start"] >= 65535 or chosen["count"] >= 65535:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FAILERRNO)
        return _Packed(self.parameters, chosen["start"], chosen["count"], with_defaults=chosen["withdefaults"] == 1)

    def take(self, data: bytes) -> None:
        """Parameters are not set this way here."""


@dataclass
class _Packed:
    """The content as it is read. It is packed at the first reading, for that size."""

    parameters: Parameters
    start: int
    count: int
    with_defaults: bool
    _block: int = 0
    _data: bytes = field(default=b"")

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from an offset.

        Raises:
            FtpFailure: the size is not that of the first reading.
        """
        if self._block == 0:
            self._block = size
            self._data = self._pack()
        if size != self._block:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FAILERRNO)
        return self._data[offset : offset + size]

    def _pack(self) -> bytes:
        names = self.parameters.names[self.start : self.start + self.count if self.count else None]
        magic = _WITH_DEFAULTS if self.with_defaults else _PLAIN
        packed = bytearray(struct.pack("<HHH", magic, len(names), len(self.parameters)))
        before = ""
        for name in names:
            packed += self._record(name, before, len(packed))
            before = name
        return bytes(packed)

    def _record(self, name: str, before: str, position: int) -> bytes:
        code, form = _CODES[self.parameters.wire_type(name)]
        shared = next((i for i, (a, b) in enumerate(zip(name, before, strict=False)) if a != b), min(len(name), len(before)))
        shared = min(shared, len(name) - 1, 15)
        rest = name[shared:].encode("ascii")
        value, default = self.parameters[name], self.parameters.default(name)
        values = [value, default] if self.with_defaults and value != default else [value]
        data = b"".join(struct.pack(form, value if form == "<f" else int(value)) for value in values)
        record = bytes([code | (len(values) - 1) << 4, shared | (len(rest) - 1) << 4]) + rest + data
        width = struct.calcsize(form)
        over = (position + len(record)) % self._block
        return bytes(width - over) + record if width > 1 and 0 < over < width else record
