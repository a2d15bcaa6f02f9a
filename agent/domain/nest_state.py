"""What the dock and the weather station report."""

from dataclasses import dataclass
from enum import StrEnum


class LidState(StrEnum):
    """Where the lid surely is. CONFLICT: its sensors disagree."""

    CLOSED = "closed"
    OPEN = "open"
    MOVING = "moving"
    STOPPED = "stopped"  # neither end switch, not moving
    CONFLICT = "conflict"


class ClampState(StrEnum):
    """The pad's clamps, which hold the drone."""

    ENGAGED = "engaged"
    RELEASED = "released"
    MOVING = "moving"
    CONFLICT = "conflict"


class DronePresence(StrEnum):
    """Where the drone surely is, judged from its telemetry and the pad together. UNKNOWN forbids every movement."""

    ON_PAD = "on_pad"  # on the pad and disarmed
    AWAY = "away"  # surely not on or near the pad
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DockState:
    """One consistent reading of the dock's PLC.

    Attributes:
        at_s: loop time of the reading.
        pad_occupied: what the pad's own sensor says.
        charging_a: current into the drone's battery in ampere.
        faults: codes of what is wrong with the dock.
        lid_open_fraction: the lid's position sensor, 0 closed .. 1 open; None where the dock has none.
    """

    at_s: float
    lid: LidState
    clamps: ClampState
    pad_occupied: bool
    charger_engaged: bool
    charging_a: float
    door_closed: bool
    emergency_stop: bool
    on_mains: bool
    ups_charge: float
    inside_temp_c: float
    faults: tuple[str, ...] = ()
    lid_open_fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Weather:
    """One reading of the weather station at the nest. wind_from_deg is where it comes from, true north."""

    at_s: float
    wind_m_s: float
    gust_m_s: float
    wind_from_deg: float
    rain_mm_h: float
    temp_c: float
    humidity: float
    pressure_hpa: float | None = None
    visibility_m: float | None = None
