"""The parameter store and its protocol: list, read, set.

As measured on ArduCopter 4.6.3: an unknown name is met with silence, NaN is ignored in silence, a value out of any sensible
range is taken. Knows nothing of what a parameter does.
"""

import math
import struct
from collections.abc import Iterable
from typing import Final

from agent.core.errors import ConfigError
from simulator.vehicle.parameter_table import REAL32, ROWS, Row
from simulator.vehicle.wire import Message, mavlink, text_of

READ_DELAY_S: Final = 0.099
LIST_PER_S: Final = 2000.0
ANNOUNCED_INDEX: Final = 65535  # the index of a PARAM_VALUE that is no part of a list


def _as_float32(value: float) -> float:
    """The value as it travels in a float field."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


class Parameters:
    """Values by name. Reading is attribute-free and fast: ``parameters["RTL_ALT"]``."""

    def __init__(self, rows: Iterable[Row] = ROWS) -> None:
        self._rows = {row.name: row for row in rows}
        self._values = {name: _as_float32(row.default) for name, row in self._rows.items()}
        self._names = list(self._rows)

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __len__(self) -> int:
        return len(self._names)

    def flag(self, name: str, bit: int) -> bool:
        """Whether a bit mask's bit is set; bit is its value, not its number."""
        return bool(int(self._values[name]) & bit)

    def set(self, name: str, value: float) -> bool:
        """Stores a value; False when the name is unknown or the value is no number."""
        row = self._rows.get(name)
        if row is None or math.isnan(value) or math.isinf(value):
            return False
        self._values[name] = _as_float32(value) if row.wire_type == REAL32 else float(round(value))
        return True

    def set_from_text(self, text: str) -> None:
        """Stores ``NAME=VALUE``.

        Raises:
            ConfigError: the form is another, the name unknown or the value no number.
        """
        name, _, value_text = text.partition("=")
        name = name.strip().upper()
        try:
            value = float(value_text)
        except ValueError as error:
            raise ConfigError("config.invalid", f"parameter {text!r}: write NAME=NUMBER, e.g. WPNAV_SPEED=800") from error
        if name not in self._values:
            raise ConfigError("config.invalid", f"parameter {name!r}: the built-in vehicle has no such parameter")
        if not self.set(name, value):
            raise ConfigError("config.invalid", f"parameter {text!r}: the value must be a finite number")

    def copy_from(self, other: "Parameters") -> None:
        """Takes all values of another store."""
        self._values.update({name: other[name] for name in self._names})

    def value_message(self, name: str, index: int = ANNOUNCED_INDEX) -> Message:
        """PARAM_VALUE of a known name."""
        return mavlink.MAVLink_param_value_message(
            name.encode("ascii"), self._values[name], self._rows[name].wire_type, len(self._names), index
        )

    @property
    def names(self) -> list[str]:
        """All names, in the order of their index."""
        return list(self._names)

    def wire_type(self, name: str) -> int:
        """MAV_PARAM_TYPE of a known name."""
        return self._rows[name].wire_type

    def default(self, name: str) -> float:
        """The default of a known name."""
        return _as_float32(self._rows[name].default)

    def name_at(self, index: int) -> str | None:
        """The name with that index."""
        return self._names[index] if 0 <= index < len(self._names) else None

    def index_of(self, name: str) -> int:
        """The index of a known name."""
        return self._names.index(name)


class ParameterReplies:
    """One link's pending parameter traffic, sent at the pace of the real autopilot."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._reads: list[tuple[float, str, int]] = []
        self._next_index: int | None = None
        self._credit = 0.0

    def ask_list(self) -> None:
        """PARAM_REQUEST_LIST: starts over."""
        self._next_index, self._credit = 0, 0.0

    def ask(self, message: Message, now_s: float) -> None:
        """PARAM_REQUEST_READ by name or by index."""
        index = int(message.param_index)
        name = self._parameters.name_at(index) if index >= 0 else text_of(message.param_id)
        if name is not None and name in self._parameters:
            self._reads.append((now_s + READ_DELAY_S, name, index if index >= 0 else ANNOUNCED_INDEX))

    def due(self, now_s: float, dt_s: float) -> list[Message]:
        """What is to be sent in this step."""
        if not self._reads and self._next_index is None:
            return []
        out = [self._parameters.value_message(name, index) for at_s, name, index in self._reads if at_s <= now_s]
        self._reads = [read for read in self._reads if read[0] > now_s]
        if self._next_index is not None:
            self._credit += LIST_PER_S * dt_s
            while self._credit >= 1.0 and (name := self._parameters.name_at(self._next_index)) is not None:
                out.append(self._parameters.value_message(name, self._next_index))
                self._next_index += 1
                self._credit -= 1.0
            if self._next_index >= len(self._parameters):
                self._next_index = None
        return out
