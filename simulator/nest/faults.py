"""What can be broken in the dock on purpose."""

from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """One thing that can go wrong."""

    LID_JAM = "lid_jam"  # the lid stays where it is
    LID_HALF_OPEN = "lid_half_open"  # the lid opens to the middle
    LYING_SENSOR = "lying_sensor"  # one sensor says the opposite; which one is named with it
    CHARGER_CONTACT = "charger_contact"  # the contacts do not carry current
    POWER_CUT = "power_cut"
    EMERGENCY_STOP = "emergency_stop"
    DOOR_OPEN = "door_open"
    MODBUS_SILENT = "modbus_silent"  # requests are not answered
    PLC_STOPPED = "plc_stopped"  # the program stands still; the registers are still served


SENSORS = (
    "lid_open",
    "lid_closed",
    "lid_position",
    "clamps_engaged",
    "clamps_released",
    "charger_engaged",
    "charger_retracted",
    "pad",
)


@dataclass
class Faults:
    """The faults that are active now."""

    active: set[Fault] = field(default_factory=set)
    lying: set[str] = field(default_factory=set)

    def __contains__(self, fault: Fault) -> bool:
        return fault in self.active

    def change(self, name: str, *, active: bool, sensor: str = "lid_open") -> None:
        """Sets or clears a fault; ``none`` clears all.

        Raises:
            ValueError: there is no such fault or sensor.
        """
        if name == "none":
            self.active.clear()
            self.lying.clear()
            return
        fault = Fault(name)
        if fault is Fault.LYING_SENSOR:
            if sensor not in SENSORS:
                raise ValueError(f"there is no sensor {sensor!r}; there are {', '.join(SENSORS)}")
            (self.lying.add if active else self.lying.discard)(sensor)
            active = bool(self.lying)
        (self.active.add if active else self.active.discard)(fault)

    def sensed(self, sensor: str, truth: bool) -> bool:  # noqa: FBT001 a sensor's value, not a switch
        """What a switch says, given what is so."""
        return truth != (sensor in self.lying)

    def names(self) -> list[str]:
        """The active faults, sorted; a lying sensor with its name."""
        plain = [fault.value for fault in self.active if fault is not Fault.LYING_SENSOR]
        return sorted(plain + [f"{Fault.LYING_SENSOR.value}:{sensor}" for sensor in self.lying])
