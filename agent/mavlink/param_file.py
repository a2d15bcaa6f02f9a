"""Reads ArduPilot's packed parameter file, ``@PARAM/param.pck``.

A header of magic number, parameters in the file and parameters in all, then one record a parameter: type and flags, lengths,
the part of the name that differs from the name before, the value, and the default where the file was asked for with
``?withdefaults=1`` and it differs. Zero bytes before a record are padding, so that no value lies across a block of reading.
Source: https://github.com/ArduPilot/ardupilot/tree/master/libraries/AP_Filesystem .
"""

import struct
from dataclasses import dataclass

from agent.core.errors import ProtocolError

PATH = "@PARAM/param.pck"

_HEADER = struct.Struct("<HHH")
_MAGIC = 0x671B
_MAGIC_WITH_DEFAULTS = 0x671C
_HAS_DEFAULT = 1
_NAME_MOST = 16
# The file's type -> how the value is stored, and its MAV_PARAM_TYPE.
_TYPES = {1: (struct.Struct("<b"), 2), 2: (struct.Struct("<h"), 4), 3: (struct.Struct("<i"), 6), 4: (struct.Struct("<f"), 9)}


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """A parameter as the autopilot has it.

    Attributes:
        value: its value.
        kind: MAV_PARAM_TYPE.
        default: the firmware's default, where it is known.
    """

    value: float
    kind: int
    default: float | None = None


def decode(data: bytes) -> dict[str, ParameterValue]:
    """All parameters of a file, in its order.

    Raises:
        ProtocolError: it is no such file, or not a whole one.
    """
    try:
        magic, count, _ = _HEADER.unpack_from(data)
        if magic not in {_MAGIC, _MAGIC_WITH_DEFAULTS}:
            raise _damaged(f"it begins with {magic:#06x}")
        found = _records(data, with_defaults=magic == _MAGIC_WITH_DEFAULTS)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
        raise _damaged("a record in it is not understood") from error
    if len(found) != count:
        raise _damaged(f"{len(found)} parameters in it, {count} by its header")
    return found


def _damaged(words: str) -> ProtocolError:
    return ProtocolError("vehicle.file_damaged", f"{PATH}: {words}")


def _records(data: bytes, *, with_defaults: bool) -> dict[str, ParameterValue]:
    found: dict[str, ParameterValue] = {}
    name, position = b"", _HEADER.size
    while True:
        while position < len(data) and data[position] == 0:
            position += 1
        if position >= len(data):
            return found
        flags, lengths = data[position] >> 4, data[position + 1]
        form, kind = _TYPES[data[position] & 0xF]
        end = position + 2 + (lengths >> 4) + 1
        name = name[: lengths & 0xF] + data[position + 2 : end]
        (value,) = form.unpack_from(data, end)
        position = end + form.size
        default = float(value) if with_defaults else None
        if flags & _HAS_DEFAULT:
            default = float(form.unpack_from(data, position)[0])
            position += form.size
        if not 0 < len(name) <= _NAME_MOST:
            raise _damaged(f"a name of {len(name)} bytes")
        found[name.decode("ascii")] = ParameterValue(float(value), kind, default)
