"""Message kinds by number, and their payloads as values, from the tables of pymavlink's generated dialect.

pymavlink's own decoder makes an object of some thirty attributes for every frame and computes the checksum in Python. Here the
tables are used and the objects are plain tuples with names, made only when somebody reads them.
"""

import struct
from binascii import crc_hqx
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as dialect

Body = Any
"""A message's fields by name: of the generated dialect where we made it, of :class:`Kind` where we received it."""

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ALL_ONES = 0xFFFF


def checksum(data: bytes) -> int:
    """MAVLink's checksum (CRC-16/MCRF4XX) of bytes.

    It is the checksum of :func:`binascii.crc_hqx` with the bits of every byte in the other order.
    """
    crc = crc_hqx(data.translate(_REVERSED), _ALL_ONES)
    return _REVERSED[crc & 0xFF] << 8 | _REVERSED[crc >> 8]


class Kind:
    """One kind of message.

    Attributes:
        name: e.g. ``HEARTBEAT``.
        number: message id.
        crc_extra: the byte that stands for the definition in the checksum.
    """

    def __init__(self, definition: Any) -> None:  # noqa: ANN401 a class of the generated dialect
        self.name: str = definition.msgname
        self.number: int = definition.id
        self.crc_extra = bytes([definition.crc_extra])
        self._unpacker: struct.Struct = definition.unpacker
        self._definition = definition
        self._make: Callable[[tuple[Any, ...]], Body] | None = None

    def body(self, payload: bytes) -> Body:
        """The fields. A short payload is filled with zeros (MAVLink 2 cuts them off), one of a newer definition is cut.

        Never raises: every payload of any length has a meaning. Text is ``str`` up to its first NUL, an array is a tuple.
        """
        size = self._unpacker.size
        if len(payload) != size:
            payload = payload[:size].ljust(size, b"\0")
        if self._make is None:
            self._make = _maker(self._definition)
        return self._make(self._unpacker.unpack(payload))


def _maker(definition: Any) -> Callable[[tuple[Any, ...]], Body]:  # noqa: ANN401 a class of the generated dialect
    """Turns what the unpacker gives into a tuple with the names of the fields, in the order of the wire."""
    types = dict(zip(definition.fieldnames, definition.fieldtypes, strict=True))  # by name: these two are in another order
    names = definition.ordered_fieldnames
    named: Any = namedtuple(definition.msgname, names)  # type: ignore[misc]  # noqa: PYI024 the names are data
    make: Callable[[Iterable[Any]], Body] = named._make
    arrays = [(length, types[name] == "char") for name, length in zip(names, definition.array_lengths, strict=True)]
    if not any(definition.array_lengths):
        return make

    def grouped(values: tuple[Any, ...]) -> Body:
        return make(_grouped(values, arrays))

    return grouped


def _grouped(values: tuple[Any, ...], arrays: list[tuple[int, bool]]) -> Iterator[Any]:
    """One value a field: the unpacker gives an array as so many values, and text as one."""
    at = 0
    for length, is_text in arrays:
        if length and not is_text:
            yield values[at : at + length]
            at += length
        else:
            yield text_of(values[at]) if length else values[at]
            at += 1


def text_of(value: bytes | str) -> str:
    """A character array as text: up to the first NUL, undecodable bytes replaced."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return value.split("\0", 1)[0]


KINDS = {number: Kind(definition) for number, definition in dialect.mavlink_map.items()}
"""Every kind of the dialect by its number."""
