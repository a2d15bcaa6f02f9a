"""The dock's PLC over Modbus TCP.

Knows how requests travel: connection, unit id, time-outs, exceptions of the protocol. What the registers mean is in
:mod:`agent.nest.registers`; whether a movement is allowed is not its business. Never blocks the loop; every time-out is the
loop's. A connection that failed once is thrown away, so that a late answer can never be taken for a new one.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from agent.config.nest import DockSection
from agent.core.errors import DeviceError, LinkError, ProtocolError
from agent.domain.nest_state import DockState
from agent.nest.interface import Movement
from agent.nest.registers import COMMANDS, HEARTBEAT, INPUTS, decode, scans_of

_PLC_STOPPED_AFTER_S = 5.0
_TAKEN_POLL_S = 0.1


class ModbusDock:
    """A :class:`agent.nest.interface.Dock` behind Modbus TCP. Use as ``async with``; connects when first needed.

    Args:
        config: address and time-outs.
    """

    def __init__(self, config: DockSection) -> None:
        self._config = config
        self._client: AsyncModbusTcpClient | None = None
        self._turn = asyncio.Lock()
        self._beat = 0
        self._scans: tuple[int, float] | None = None
        # The library logs each failed attempt; here each is an exception with a code, which the station reports once.
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    async def read(self) -> DockState:
        """See :meth:`agent.nest.interface.Dock.read`."""
        async with self._turn:
            client = await self._connected()
            self._beat = (self._beat + 1) % 0x10000
            unit = self._config.unit_id
            await self._ask(lambda: client.write_register(HEARTBEAT, self._beat, device_id=unit))
            answer = await self._ask(lambda: client.read_input_registers(0, count=INPUTS, device_id=unit))
        now_s = asyncio.get_running_loop().time()
        state = decode(answer.registers, now_s)
        self._watch_scans(scans_of(answer.registers), now_s)
        return state

    async def command(self, movement: Movement) -> None:
        """See :meth:`agent.nest.interface.Dock.command`."""
        register, value = COMMANDS[movement]
        async with self._turn:
            client = await self._connected()
            unit = self._config.unit_id
            await self._ask(lambda: client.write_register(register, value, device_id=unit))
            deadline_s = asyncio.get_running_loop().time() + self._config.response_timeout_s
            # The PLC sets the register back to 0 in the cycle that takes the request.
            while (await self._ask(lambda: client.read_holding_registers(register, count=1, device_id=unit))).registers != [0]:
                if asyncio.get_running_loop().time() > deadline_s:
                    await self._ask(lambda: client.write_register(register, 0, device_id=unit))  # nobody may take it later
                    raise ProtocolError("dock.protocol", f"the PLC did not take {value} from holding register {register}")
                await asyncio.sleep(_TAKEN_POLL_S)

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self._drop()
        config = self._config
        client = AsyncModbusTcpClient(
            config.host, port=config.port, timeout=config.response_timeout_s, retries=0, reconnect_delay=0, name="dock"
        )
        if not await client.connect():
            client.close()
            raise LinkError(
                "dock.unreachable", f"the PLC at {config.host}:{config.port} cannot be reached; check its power and network"
            )
        _discard_unsent_on_close(client)
        self._client = client
        return client

    async def _ask(self, request: Callable[[], Awaitable[ModbusPDU]]) -> ModbusPDU:
        """One request and its answer. Anything but a proper answer costs the connection."""
        try:
            answer = await request()  # the library gives up after the client's time-out
        except (ModbusException, OSError) as error:
            self._drop()
            where = f"{self._config.host}:{self._config.port}"
            words = f"the PLC at {where} gave no proper answer within {self._config.response_timeout_s:g} s"
            raise LinkError("dock.unreachable", words) from error
        except BaseException:
            self._drop()  # cancelled in between: the answer would meet the next request
            raise
        if answer.isError():
            raise ProtocolError("dock.protocol", f"the PLC answers with Modbus exception {answer.exception_code}: {answer}")
        return answer

    def _watch_scans(self, scans: int, now_s: float) -> None:
        """A PLC whose program stands still goes on answering with old values; its cycle counter gives it away."""
        if self._scans is None or self._scans[0] != scans:
            self._scans = (scans, now_s)
        elif now_s - self._scans[1] > _PLC_STOPPED_AFTER_S:
            raise DeviceError("dock.plc_stopped", f"the PLC's cycle counter stands at {scans}; its program does not run")

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _discard_unsent_on_close(client: AsyncModbusTcpClient) -> None:
    """Makes closing a reset. Else the kernel would go on delivering a request after an outage, when it is long withdrawn."""
    sock = client.ctx.transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
