"""Reads a dock's PLC as any engineer's Modbus tool would; a second opinion on what the agent says of the lid."""

from dataclasses import dataclass

from pymodbus import ModbusException
from pymodbus.client import ModbusTcpClient

_STATUS, _LID_POSITION, _CHARGE_CURRENT = 3, 4, 5  # addresses: docs/dock-registers.md
_CLOSED_SWITCH, _PAD_SENSOR = 1 << 1, 1 << 6
_CLOSED_AT_MOST = 30


@dataclass(frozen=True, slots=True)
class PlcView:
    """What the registers say."""

    lid_closed: bool
    pad_occupied: bool
    charging_a: float


def read_plc(port: int) -> PlcView | None:
    """One reading over Modbus TCP on the loopback interface; None when the PLC does not answer."""
    client = ModbusTcpClient("127.0.0.1", port=port, timeout=2)
    try:
        if not client.connect():  # type: ignore[no-untyped-call]
            return None
        answer = client.read_input_registers(0, count=10)
    except ModbusException:
        return None
    finally:
        client.close()  # type: ignore[no-untyped-call]
    if answer.isError() or len(answer.registers) < 10:
        return None
    status = answer.registers[_STATUS]
    closed = bool(status & _CLOSED_SWITCH) and answer.registers[_LID_POSITION] <= _CLOSED_AT_MOST
    return PlcView(closed, bool(status & _PAD_SENSOR), answer.registers[_CHARGE_CURRENT] / 100.0)
