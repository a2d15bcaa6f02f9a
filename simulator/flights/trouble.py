"""What can go wrong on the way, for each autopilot by its own means, and what must hold at the end all the same. Tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulator.flights.hand import Setting
from simulator.sitl.binary import Backend


class Fault(StrEnum):
    """A fault of the vehicle or of the air."""

    BATTERY = "battery"  # low, not yet critical
    GPS = "gps"  # gone for good
    WIND = "wind"  # more than a flight may begin in


class Ending(StrEnum):
    """What must hold at the end."""

    WHOLE_JOB = "whole job"  # completed, alert told, lid closed over a charging drone
    IN_THE_NEST = "in the nest"  # lid closed over a charging drone; the route may have been cut short
    ON_THE_PAD = "on the pad"  # down and disarmed on the pad; the agent may not know it
    DOWN = "down"  # down and disarmed, wherever


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is done once the drone is on its way.

    Attributes:
        kill_agent: the agent is killed and started again.
        cut_s: the link is cut for so many seconds; infinite: for good.
        fault: a fault of the vehicle.
    """

    kill_agent: bool = False
    cut_s: float = 0.0
    fault: Fault | None = None

    @property
    def ending(self) -> Ending:
        """What must hold after this trouble."""
        if self.fault is Fault.GPS:
            return Ending.DOWN
        if self.cut_s == float("inf"):
            return Ending.ON_THE_PAD
        if self.kill_agent or self.cut_s > 0.0 or self.fault is not None:
            return Ending.IN_THE_NEST
        return Ending.WHOLE_JOB


STORM_M_S, STORM_GUST_M_S = 11.0, 15.0
"""Above the wind in which a flight may begin as the configuration is delivered. ArduCopter's simulated frame just holds it."""

FAULTS: Mapping[tuple[Fault, Backend], Sequence[Setting]] = MappingProxyType(
    {
        (Fault.BATTERY, Backend.BUILTIN): (Setting("SIM_BATT_SET_PC", (16.0,)),),
        # Below BATT_LOW_VOLT, above BATT_CRT_VOLT of the nest's parameter set.
        (Fault.BATTERY, Backend.ARDUPILOT): (Setting("SIM_BATT_VOLTAGE", (10.3,)),),
        (Fault.BATTERY, Backend.PX4): (Setting("SIM_BAT_MIN_PCT", (12.0,)), Setting("SIM_BAT_DRAIN", (10.0,))),
        (Fault.GPS, Backend.BUILTIN): (Setting("SIM_GPS_DISABLE", (1.0,)),),
        (Fault.GPS, Backend.ARDUPILOT): (Setting("SIM_GPS_DISABLE", (1.0,)),),
        (Fault.GPS, Backend.PX4): (
            Setting(
                int(mavlink.MAV_CMD_INJECT_FAILURE),
                (float(mavlink.FAILURE_UNIT_SENSOR_GPS), float(mavlink.FAILURE_TYPE_OFF), 0.0),
            ),
        ),
        (Fault.WIND, Backend.BUILTIN): (Setting("SIM_WIND_SPD", (STORM_M_S,)),),
        (Fault.WIND, Backend.ARDUPILOT): (Setting("SIM_WIND_SPD", (STORM_M_S,)),),
        (Fault.WIND, Backend.PX4): (Setting("SIH_WIND_N", (STORM_M_S,)),),
    }
)
"""How each vehicle is broken, by its own simulation's means."""
