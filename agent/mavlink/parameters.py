"""Reads and writes parameters by name.

ArduPilot sends every value as a float of the same value; PX4 puts the bytes of integers into the float. A value that was set is
read back, since ArduPilot takes out-of-range values and ignores NaN in silence. An unknown name is answered by silence
(ArduPilot) or PARAM_ERROR (PX4).
"""

import asyncio
import math
import struct
from collections.abc import Sequence

from agent.core.outcome import Accepted, Outcome, Refused
from agent.mavlink import messages
from agent.mavlink.codec import Frame, text_of
from agent.mavlink.exchange import Exchange

_READ_WORK_S = 0.2  # ArduPilot answers a read after about 0.1 s
_REAL32 = 9  # MAV_PARAM_TYPE
_BYTEWISE = {1: "<B3x", 2: "<b3x", 3: "<H2x", 4: "<h2x", 5: "<I", 6: "<i"}
_TOGETHER = 6  # reads under way at a time
_RELATIVE_TOLERANCE = 1e-5  # float32 has seven digits


class Parameters:
    """The autopilot's parameters.

    Args:
        exchange: the link's exchange.
        bytewise: whether integers travel as bytes in the float (PX4).
    """

    def __init__(self, exchange: Exchange, *, bytewise: bool) -> None:
        self._exchange = exchange
        self._bytewise = bytewise

    async def get(self, name: str) -> float | None:
        """A parameter's value; None where the autopilot does not know it or does not answer."""
        frame = await self._read(name)
        return None if frame is None else self._value(frame)

    async def get_many(self, names: Sequence[str]) -> dict[str, float | None]:
        """Several parameters, some at a time."""
        gate = asyncio.Semaphore(_TOGETHER)

        async def one(name: str) -> tuple[str, float | None]:
            async with gate:
                return name, await self.get(name)

        async with asyncio.TaskGroup() as tasks:
            reads = [tasks.create_task(one(name)) for name in names]
        return dict(read.result() for read in reads)

    async def set(self, name: str, value: float) -> Outcome:
        """Sets a parameter and reads it back. One that is right already is not written: autopilots store it in flash."""
        before = await self._read(name)
        if before is None:
            return Refused("vehicle.parameter_unknown", f"{name}: the autopilot does not answer for it")
        if _close(self._value(before), value):
            return Accepted()
        kind = int(before.body.param_type)
        link = self._exchange.link
        await self._exchange.ask(
            messages.param_set(link.system, name, self._packed(value, kind), kind),
            "PARAM_VALUE",
            lambda frame: text_of(frame.body.param_id) == name,
            work_s=_READ_WORK_S,
        )
        after = await self.get(name)
        if after is not None and _close(after, value):
            return Accepted()
        return Refused("vehicle.parameter_refused", f"{name} is {after} after it was set to {value}")

    async def _read(self, name: str) -> Frame | None:
        return await self._exchange.ask(
            messages.param_request(self._exchange.link.system, name),
            "PARAM_VALUE",
            lambda frame: text_of(frame.body.param_id) == name,
            work_s=_READ_WORK_S,
        )

    def _value(self, frame: Frame) -> float:
        value, kind = float(frame.body.param_value), int(frame.body.param_type)
        if self._bytewise and kind in _BYTEWISE:
            return float(struct.unpack(_BYTEWISE[kind], struct.pack("<f", value))[0])
        return value

    def _packed(self, value: float, kind: int) -> float:
        if self._bytewise and kind in _BYTEWISE:
            return float(struct.unpack("<f", struct.pack(_BYTEWISE[kind], round(value)))[0])
        return value


def _close(one: float, other: float) -> bool:
    """Whether two values are the same as far as float32 can tell."""
    return math.isclose(one, other, rel_tol=_RELATIVE_TOLERANCE, abs_tol=_RELATIVE_TOLERANCE)
