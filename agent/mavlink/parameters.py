"""Reads and writes parameters: one, some, or all.

ArduPilot sends every value as a float of the same value; PX4 puts the bytes of integers into the float. A value that was set is
read back, since ArduPilot takes out-of-range values and ignores NaN in silence. An unknown name is answered by silence
(ArduPilot) or PARAM_ERROR (PX4).

All at once come as a packed file where the autopilot has one, else as the list, whose gaps are asked for again.
"""

import asyncio
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from agent.core.errors import ProtocolError
from agent.core.outcome import Accepted, Outcome, Refused
from agent.mavlink import messages, param_file
from agent.mavlink.codec import Body, Frame, text_of
from agent.mavlink.enums import ParamError
from agent.mavlink.exchange import Exchange
from agent.mavlink.ftp import Ftp
from agent.mavlink.param_file import ParameterValue

_READ_WORK_S = 0.2  # ArduPilot answers a read after about 0.1 s
_BYTEWISE = {1: "<B3x", 2: "<b3x", 3: "<H2x", 4: "<h2x", 5: "<I", 6: "<i"}  # by MAV_PARAM_TYPE
_TOGETHER = 6  # reads under way at a time
# How long all take before it was measured: ArduCopter's file (15 kB, 1,400 parameters) on loopback and on a 57,600 baud radio.
_ALL_NEAR_S, _ALL_FAR_S = 0.4, 6.0
_NEAR_S = 0.03  # a shorter round trip is no radio
_SETTINGS_MOST = 3
_LIST_TOGETHER = 10
_LIST_SILENCES_MOST = 6
_NO_INDEX = 65535  # of a PARAM_VALUE that is no part of a list
_RELATIVE_TOLERANCE = 1e-5  # float32 has seven digits
_ANSWERS = ("PARAM_VALUE", "PARAM_ERROR")

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all; the latter may be a guess."""


def _ignore(done: int, total: int) -> None:
    """No progress wanted."""


class Parameters:
    """The autopilot's parameters.

    Args:
        exchange: the link's exchange.
        bytewise: whether integers travel as bytes in the float (PX4).
        singly_hz: how many single reads the autopilot answers in a second; None where the link alone sets the pace.
        files: the autopilot's files, where all its parameters are one of them (ArduPilot).
    """

    def __init__(self, exchange: Exchange, *, bytewise: bool, singly_hz: float | None = None, files: Ftp | None = None) -> None:
        self._exchange = exchange
        self._bytewise = bytewise
        self._singly_hz = singly_hz
        self._all_s: float | None = None  # how long all took last time
        self._files = files

    async def get(self, name: str) -> float | None:
        """A parameter's value; None where the autopilot does not know it or does not answer."""
        frame = await self._read(name)
        return None if frame is None else self._value(frame)

    async def get_many(self, names: Sequence[str]) -> dict[str, float | None]:
        """Several parameters, singly or out of all, whichever is faster by what was measured."""
        if self._all_is_faster(len(names)):
            with suppress(ProtocolError):
                found = await self.get_all()
                return {name: found[name].value if name in found else None for name in names}
        return await self._get_singly(names)

    def _all_is_faster(self, count: int) -> bool:
        trip_s = self._exchange.round_trip.mean_s or 0.0
        if self._singly_hz is None:
            return False
        guess_s = _ALL_NEAR_S if trip_s < _NEAR_S else _ALL_FAR_S
        singly_s = count * max(1 / self._singly_hz, trip_s / _TOGETHER)
        return singly_s > (guess_s if self._all_s is None else self._all_s)

    async def _get_singly(self, names: Sequence[str]) -> dict[str, float | None]:
        gate = asyncio.Semaphore(_TOGETHER)

        async def one(name: str) -> tuple[str, float | None]:
            async with gate:
                return name, await self.get(name)

        async with asyncio.TaskGroup() as tasks:
            reads = [tasks.create_task(one(name)) for name in names]
        return dict(read.result() for read in reads)

    async def get_all(self, progress: Progress = _ignore) -> dict[str, ParameterValue]:
        """Every parameter by name.

        Raises:
            ProtocolError: the autopilot fell silent.
        """
        began_s = self._exchange.now_s
        found = await self._file(progress) or await self._list(progress)
        self._all_s = self._exchange.now_s - began_s
        return found

    async def _file(self, progress: Progress) -> dict[str, ParameterValue] | None:
        """The packed file; None where there is none or it is not understood."""
        data = None if self._files is None else await self._files.read(param_file.PATH, progress)
        if isinstance(data, bytes):
            with suppress(ProtocolError):
                return param_file.decode(data)
        return None

    async def _list(self, progress: Progress) -> dict[str, ParameterValue]:
        """The list, then by index what is missing of it."""
        link, total, silences = self._exchange.link, 0, 0
        values: dict[int, tuple[str, ParameterValue]] = {}
        with link.listen("PARAM_VALUE") as inbox:
            link.send(messages.param_request_list(link.system))
            while total == 0 or len(values) < total:
                frame = await inbox.get(self._exchange.round_trip.timeout_s(min(silences, 3), _READ_WORK_S))
                if frame is None:
                    silences += 1
                    if silences > _LIST_SILENCES_MOST:
                        raise ProtocolError("vehicle.parameters_silent", f"{len(values)} of {total or 'all'} parameters came")
                    self._ask_again(values, total)
                    continue
                total = total if frame.body.param_index == _NO_INDEX else int(frame.body.param_count)
                index = int(frame.body.param_index)
                if index < total and index not in values:
                    values[index] = text_of(frame.body.param_id), ParameterValue(self._value(frame), int(frame.body.param_type))
                    silences = 0
                    progress(len(values), total)
        return dict(values[index] for index in sorted(values))

    def _ask_again(self, values: Mapping[int, object], total: int) -> None:
        """The first missing ones by index; the whole list where nothing came yet."""
        link = self._exchange.link
        if not values:
            link.send(messages.param_request_list(link.system))
        missing = (index for index in range(total) if index not in values)
        for index, _ in zip(missing, range(_LIST_TOGETHER), strict=False):
            link.send(messages.param_request_index(link.system, index))

    async def set(self, name: str, value: float) -> Outcome:
        """Sets a parameter and reads it back. One that is right already is not written: autopilots store it in flash."""
        before = await self._read(name)
        if before is None:
            return Refused("vehicle.parameter_unknown", f"{name}: the autopilot does not answer for it")
        if same(self._value(before), value):
            return Accepted()
        kind = int(before.body.param_type)
        after: float | None = None
        for _ in range(_SETTINGS_MOST):
            answer = await self._ask(name, messages.param_set(self._system, name, self._packed(value, kind), kind))
            after = await self.get(name)
            if after is not None and same(after, value):
                return Accepted()
            if answer is not None and answer.name == "PARAM_ERROR":
                return Refused("vehicle.parameter_refused", f"{name} is {after} after it was set to {value}{_words(answer)}")
            # The answer to an earlier, repeated read may have come instead: let all of them come, then try again.
            await asyncio.sleep(self._exchange.round_trip.timeout_s(work_s=_READ_WORK_S))
        return Refused("vehicle.parameter_refused", f"{name} is {after} after it was set to {value}")

    @property
    def _system(self) -> int:
        return self._exchange.link.system

    async def _ask(self, name: str, body: Body) -> Frame | None:
        """Asks something about a parameter; PARAM_VALUE, PARAM_ERROR, or None where there is silence."""
        return await self._exchange.ask(body, _ANSWERS, lambda frame: text_of(frame.body.param_id) == name, work_s=_READ_WORK_S)

    async def _read(self, name: str) -> Frame | None:
        """The PARAM_VALUE; None where there is silence or a PARAM_ERROR."""
        frame = await self._ask(name, messages.param_request(self._system, name))
        return frame if frame is not None and frame.name == "PARAM_VALUE" else None

    def _value(self, frame: Frame) -> float:
        value, kind = float(frame.body.param_value), int(frame.body.param_type)
        if self._bytewise and kind in _BYTEWISE:
            return float(struct.unpack(_BYTEWISE[kind], struct.pack("<f", value))[0])
        return value

    def _packed(self, value: float, kind: int) -> float:
        if self._bytewise and kind in _BYTEWISE:
            return float(struct.unpack("<f", struct.pack(_BYTEWISE[kind], round(value)))[0])
        return value


def _words(error: Frame) -> str:
    number = int(error.body.error)
    return f"; the autopilot says {ParamError(number).name if number in set(ParamError) else number}"


def same(one: float, other: float) -> bool:
    """Whether two values are the same as far as float32 can tell."""
    return math.isclose(one, other, rel_tol=_RELATIVE_TOLERANCE, abs_tol=_RELATIVE_TOLERANCE)
