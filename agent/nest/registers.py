"""The register map of the dock's PLC as the agent knows it, and how registers become a :class:`DockState`.

The map is documented in ``docs/dock-registers.md``. Pure: no sockets here. What is not possible by the map is a
:class:`ProtocolError`, never a guess.
"""

from collections.abc import Sequence

from agent.core.errors import ProtocolError
from agent.domain.nest_state import ClampState, DockState, LidState
from agent.nest.interface import Movement

# Holding registers, written by the agent.
HEARTBEAT = 0

COMMANDS: dict[Movement, tuple[int, int]] = {
    Movement.LID_OPEN: (1, 1),
    Movement.LID_CLOSE: (1, 2),
    Movement.LID_STOP: (1, 3),
    Movement.CLAMPS_RELEASE: (2, 1),
    Movement.CLAMPS_ENGAGE: (2, 2),
    Movement.CHARGER_RETRACT: (3, 1),
    Movement.CHARGER_ENGAGE: (3, 2),
    Movement.RESET: (4, 1),
}
"""Holding register and value that ask for each movement."""

# Input registers, read by the agent as one block from address 0.
INPUTS = 10
MAP_MARK = 0x4E44
MAP_VERSION = 1
_MARK, _VERSION, _SCANS, _STATUS, _LID, _CURRENT, _UPS, _TEMP, _FAULTS, _REFUSAL = range(INPUTS)

# Bits of the status register.
LID_OPEN_SWITCH = 1 << 0
LID_CLOSED_SWITCH = 1 << 1
LID_RUNNING = 1 << 2
CLAMPS_ENGAGED_SWITCH = 1 << 3
CLAMPS_RELEASED_SWITCH = 1 << 4
CLAMPS_RUNNING = 1 << 5
PAD_OCCUPIED = 1 << 6
CHARGER_ENGAGED_SWITCH = 1 << 7
CHARGER_RETRACTED_SWITCH = 1 << 8
DOOR_CLOSED = 1 << 9
EMERGENCY_STOP = 1 << 10
ON_MAINS = 1 << 11

LATCHED_FAULTS: dict[int, str] = {
    1 << 0: "dock.lid_jam",
    1 << 1: "dock.clamps_fault",
    1 << 2: "dock.charger_fault",
    1 << 3: "dock.watchdog",
    1 << 4: "dock.ups_low",
}
"""Bits of the PLC's fault register and the codes they become."""

REFUSALS: dict[int, str] = {
    1: "dock.emergency_stop",
    2: "dock.no_power",
    3: "dock.plc_fault_latched",
    4: "dock.plc_interlock",
    5: "dock.watchdog",
    6: "dock.protocol",
}
"""Why the PLC refused the last command by its own safety program."""

# Per mille of the lid's travel: where a switch is made the position may be so far from the end, and where it says to be so near
# to the end the switch must be made.
_SWITCH_MADE_WITHIN = 30
_SWITCH_MUST_BE_MADE_WITHIN = 4


def scans_of(registers: Sequence[int]) -> int:
    """The PLC's cycle counter, which must never stand still."""
    return registers[_SCANS]


def decode(registers: Sequence[int], at_s: float) -> DockState:
    """One reading from the block of input registers.

    Args:
        registers: the block from address 0, 16-bit unsigned.
        at_s: loop time at which it was read.

    Raises:
        ProtocolError: the block is short, of another map, or holds a value the map does not allow.
    """
    _check(registers)
    status = registers[_STATUS]
    lid = lid_state(status, registers[_LID])
    clamps = clamp_state(status)
    return DockState(
        at_s=at_s,
        lid=lid,
        lid_open_fraction=registers[_LID] / 1000.0,
        clamps=clamps,
        pad_occupied=bool(status & PAD_OCCUPIED),
        # Only a charger that is surely retracted counts as off: it must never hold a drone that takes off.
        charger_engaged=not status & CHARGER_RETRACTED_SWITCH or bool(status & CHARGER_ENGAGED_SWITCH),
        charging_a=registers[_CURRENT] / 100.0,
        door_closed=bool(status & DOOR_CLOSED),
        emergency_stop=bool(status & EMERGENCY_STOP),
        on_mains=bool(status & ON_MAINS),
        ups_charge=registers[_UPS] / 1000.0,
        inside_temp_c=_signed(registers[_TEMP]) / 10.0,
        faults=_faults(registers, lid, clamps),
    )


def lid_state(status: int, position: int) -> LidState:
    """Joins the two end switches and the position sensor; where they do not agree, nothing is sure.

    Args:
        status: the status register.
        position: 0 closed .. 1000 open.
    """
    opened, closed = bool(status & LID_OPEN_SWITCH), bool(status & LID_CLOSED_SWITCH)
    if opened and closed:
        return LidState.CONFLICT
    if status & LID_RUNNING:
        return LidState.MOVING
    for made, from_end, state in ((opened, 1000 - position, LidState.OPEN), (closed, position, LidState.CLOSED)):
        if made:
            return state if from_end <= _SWITCH_MADE_WITHIN else LidState.CONFLICT
        if from_end <= _SWITCH_MUST_BE_MADE_WITHIN:
            return LidState.CONFLICT
    return LidState.STOPPED


def clamp_state(status: int) -> ClampState:
    """Joins the clamps' two switches. Clamps that stand in between count as moving: neither hold nor surely released."""
    engaged, released = bool(status & CLAMPS_ENGAGED_SWITCH), bool(status & CLAMPS_RELEASED_SWITCH)
    if engaged and released:
        return ClampState.CONFLICT
    if status & CLAMPS_RUNNING or not (engaged or released):
        return ClampState.MOVING
    return ClampState.ENGAGED if engaged else ClampState.RELEASED


def _faults(registers: Sequence[int], lid: LidState, clamps: ClampState) -> tuple[str, ...]:
    status = registers[_STATUS]
    seen = [code for bit, code in LATCHED_FAULTS.items() if registers[_FAULTS] & bit]
    if registers[_REFUSAL]:
        seen.append(REFUSALS.get(registers[_REFUSAL], "dock.plc_interlock"))
    seen += [
        code
        for code, wrong in (
            ("dock.emergency_stop", bool(status & EMERGENCY_STOP)),
            ("dock.door_open", not status & DOOR_CLOSED),
            ("dock.on_ups", not status & ON_MAINS),
            ("dock.lid_conflict", lid is LidState.CONFLICT),
            ("dock.clamps_conflict", clamps is ClampState.CONFLICT),
        )
        if wrong
    ]
    return tuple(dict.fromkeys(seen))


def _check(registers: Sequence[int]) -> None:
    if len(registers) < INPUTS:
        raise ProtocolError("dock.protocol", f"the PLC sent {len(registers)} registers, the map has {INPUTS}")
    if registers[_MARK] != MAP_MARK or registers[_VERSION] != MAP_VERSION:
        raise ProtocolError(
            "dock.protocol",
            f"input registers 0 and 1 are {registers[_MARK]:#06x} and {registers[_VERSION]}, expected {MAP_MARK:#06x} and "
            f"{MAP_VERSION}: another device answers at this address, or its program has another register map",
        )
    for name, index, limit in (("lid position", _LID, 1000), ("UPS charge", _UPS, 1000), ("charge current", _CURRENT, 20000)):
        if registers[index] > limit:
            raise ProtocolError("dock.protocol", f"{name} (input register {index}) is {registers[index]}, at most {limit}")


def _signed(register: int) -> int:
    return register - 0x10000 if register & 0x8000 else register
