"""A plain conversation with a vehicle over UDP: heartbeats, messages by name, commands, parameters, lists of items.

Times are the vehicle's: it runs on a loop whose clock is scaled. Knows MAVLink; judges nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from simulator.vehicle.wire import Message, mavlink

OWN_SYSTEM: Final = 255
_ANSWER_S: Final = 3.0
RESULTS: Final = {0: "accepted", 1: "temporarily rejected", 2: "denied", 3: "unsupported", 4: "failed", 5: "in progress"}
SILENCE: Final = "silence"
_HEARD_FROM: Final = {(1, 1), (1, int(mavlink.MAV_COMP_ID_GIMBAL))}


@dataclass(frozen=True, slots=True)
class Heard:
    """A message and the loop's time when it came."""

    at_s: float
    message: Message

    @property
    def name(self) -> str:
        """Its type."""
        return str(self.message.get_type())


class Talk(asyncio.DatagramProtocol):
    """One ground station's side. Everything heard from autopilot and gimbal is kept, but for the gimbal's heartbeats."""

    def __init__(self) -> None:
        self._mav: Any = mavlink.MAVLink(None, srcSystem=OWN_SYSTEM, srcComponent=190)
        self._reader: Any = mavlink.MAVLink(None)
        self._reader.robust_parsing = True
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: tuple[str, int] | None = None
        self._came = asyncio.Event()
        self.heard: list[Heard] = []
        self.silent = False  # sends no heartbeats

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        # Python 3.11's datagram transport is no asyncio.DatagramTransport by its type.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """The vehicle speaks."""
        self._peer = addr
        for message in self._reader.parse_buffer(data) or []:
            if message.get_type() != "BAD_DATA" and (message.get_srcSystem(), message.get_srcComponent()) in _HEARD_FROM:
                if message.get_type() == "HEARTBEAT" and message.get_srcComponent() != 1:
                    continue
                self.heard.append(Heard(self.now_s, message))
        self._came.set()
        self._came = asyncio.Event()

    def error_received(self, exc: Exception) -> None:
        """The vehicle does not listen just now."""

    @property
    def now_s(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    async def beat(self) -> None:
        """Heartbeats of a ground station, for ever."""
        while True:
            if not self.silent:
                kind, invalid = mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID
                self.send(mavlink.MAVLink_heartbeat_message(kind, invalid, 0, 0, mavlink.MAV_STATE_ACTIVE, 3))
            await asyncio.sleep(1.0)

    def send(self, message: Message) -> None:
        """To the vehicle, once it has spoken."""
        if self._transport is not None and self._peer is not None:
            self._transport.sendto(message.pack(self._mav), self._peer)
            self._mav.seq = (self._mav.seq + 1) % 256

    def since(self, since_s: float, *names: str) -> list[Heard]:
        """What was heard of these types since then; of all types without names."""
        return [heard for heard in self.heard if heard.at_s >= since_s and (not names or heard.name in names)]

    async def next(
        self, names: Sequence[str], where: Callable[[Message], bool], cursor: int, timeout_s: float = _ANSWER_S
    ) -> tuple[int, Message] | None:
        """The first message of these types from the cursor on, and the cursor after it; None where none comes in time."""
        end_s = self.now_s + timeout_s
        while True:
            for number in range(cursor, len(self.heard)):
                heard = self.heard[number]
                if heard.name in names and where(heard.message):
                    return number + 1, heard.message
            cursor = len(self.heard)
            if self.now_s >= end_s:
                return None
            try:
                async with asyncio.timeout(end_s - self.now_s):
                    await self._came.wait()
            except TimeoutError:
                continue

    async def wait(
        self, name: str, where: Callable[[Message], bool] = lambda _: True, *, since_s: float | None = None,
        timeout_s: float = _ANSWER_S,
    ) -> Message | None:  # fmt: skip
        """The first message of a type since then (now, if not given); None where none comes in time."""
        since_s = self.now_s if since_s is None else since_s
        cursor = next((n for n, heard in enumerate(self.heard) if heard.at_s >= since_s), len(self.heard))
        found = await self.next((name,), where, cursor, timeout_s)
        return None if found is None else found[1]

    async def command(self, number: int, *params: float, timeout_s: float = _ANSWER_S) -> str:
        """Sends a COMMAND_LONG once; its result in words."""
        since_s = self.now_s
        self.send(mavlink.MAVLink_command_long_message(1, 1, number, 0, *params, *([0.0] * (7 - len(params)))))
        return await self._result(number, since_s, timeout_s)

    async def command_at(self, number: int, params: Sequence[float], lat_e7: int, lon_e7: int, alt_m: float, frame: int) -> str:
        """Sends a COMMAND_INT once; its result in words."""
        since_s = self.now_s
        self.send(mavlink.MAVLink_command_int_message(1, 1, frame, number, 0, 0, *params, lat_e7, lon_e7, alt_m))
        return await self._result(number, since_s, _ANSWER_S)

    async def _result(self, number: int, since_s: float, timeout_s: float) -> str:
        ack = await self.wait("COMMAND_ACK", lambda m: m.command == number, since_s=since_s, timeout_s=timeout_s)
        return SILENCE if ack is None else RESULTS.get(ack.result, str(ack.result))

    async def texts_after(self, since_s: float, pattern: str, timeout_s: float = _ANSWER_S) -> str | None:
        """The first sentence since then that has the pattern in it."""
        found = await self.wait("STATUSTEXT", lambda m: pattern in str(m.text), since_s=since_s, timeout_s=timeout_s)
        return None if found is None else str(found.text)

    async def parameter(self, name: str) -> Message | None:
        """PARAM_VALUE of a parameter; None where no answer comes."""
        since_s = self.now_s
        self.send(mavlink.MAVLink_param_request_read_message(1, 1, name.encode(), -1))
        return await self.wait("PARAM_VALUE", lambda m: m.param_id == name, since_s=since_s)

    async def set_parameter(self, name: str, value: float, kind: int = 9) -> Message | None:
        """Sets one; the PARAM_VALUE that answers."""
        since_s = self.now_s
        self.send(mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, kind))
        return await self.wait("PARAM_VALUE", lambda m: m.param_id == name, since_s=since_s)
