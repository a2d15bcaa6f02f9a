"""Chooses the driver by what the autopilot's heartbeat says."""

from collections.abc import Callable
from types import MappingProxyType

from agent.mavlink.enums import Autopilot
from agent.vehicle.ardupilot import ArduPilotDriver
from agent.vehicle.driver import Driver
from agent.vehicle.px4 import Px4Driver
from agent.vehicle.session import Session

DRIVERS: MappingProxyType[Autopilot, Callable[[Session], Driver]] = MappingProxyType(
    {Autopilot.ARDUPILOTMEGA: ArduPilotDriver, Autopilot.PX4: Px4Driver}
)
"""HEARTBEAT.autopilot to driver."""
