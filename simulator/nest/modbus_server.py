"""Serves the PLC's registers over Modbus TCP: holding registers (3, 6, 16, 22, 23) and input registers (4)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from agent.core.errors import LinkError
from simulator.nest.plc import HOLDING_COUNT, INPUT_COUNT, Plc

_READ_HOLDING, _READ_INPUT = 3, 4
_WRITES = frozenset({6, 16, 22, 23})


@asynccontextmanager
async def serve_modbus(plc: Plc, host: str, port: int, silent: Callable[[], bool]) -> AsyncIterator[None]:
    """Serves while the ``with`` block lasts.

    Args:
        plc: whose registers are served.
        host: address to listen on.
        port: TCP port.
        silent: while this is true requests are dropped unanswered and without effect.

    Raises:
        LinkError: the port cannot be opened.
    """

    async def touch(
        function: int, _start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        """The library's registers are a copy of the PLC's: refreshed before a read, written through on a write."""
        bank = plc.inputs if function == _READ_INPUT else plc.holding
        if values is not None and function in _WRITES:
            plc.holding[address : address + count] = [int(value) for value in values]
        registers[: len(bank)] = bank
        return None

    def drop_when_silent(sending: bool, pdu: ModbusPDU) -> ModbusPDU:  # noqa: FBT001 the library's signature
        # The library drops a request whose trace is empty, which is what silence is.
        return cast("ModbusPDU", None) if silent() and not sending else pdu

    spare = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
    device = SimDevice(
        0,  # answers every unit id
        (
            spare,
            list(spare),
            [SimData(0, count=HOLDING_COUNT, datatype=DataType.REGISTERS)],
            [SimData(0, count=INPUT_COUNT, datatype=DataType.REGISTERS)],
        ),
        action=touch,
    )
    server = ModbusTcpServer(device, address=(host, port), trace_pdu=drop_when_silent)
    try:
        await server.serve_forever(background=True)
    except RuntimeError as error:
        raise LinkError("sim.port", f"cannot serve Modbus on {host}:{port}: is the port taken?") from error
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
