"""What a nest's dock and weather station are to the rest of the agent, whatever make they are.

A dock carries out one movement at a time and reports everything it senses in one consistent reading. It knows nothing of
flights; whether a movement is allowed is decided in :mod:`agent.nest.interlocks`.
"""

from enum import StrEnum
from typing import Protocol

from agent.domain.nest_state import DockState, Weather


class Movement(StrEnum):
    """Everything in the dock that can be moved or switched on request."""

    LID_OPEN = "open the lid"
    LID_CLOSE = "close the lid"
    LID_STOP = "stop the lid"
    CLAMPS_RELEASE = "release the clamps"
    CLAMPS_ENGAGE = "engage the clamps"
    CHARGER_RETRACT = "retract the charger"
    CHARGER_ENGAGE = "engage the charger"
    RESET = "reset the dock's faults"


class Dock(Protocol):
    """The box: lid, clamps, charger and the sensors around them."""

    async def read(self) -> DockState:
        """Tells the dock that its controller is alive, and reads all its sensors at one moment.

        Raises:
            LinkError: the dock cannot be reached or does not answer in time.
            ProtocolError: it answers, but not as its register map says.
            DeviceError: its own program stands still.
        """
        ...

    async def command(self, movement: Movement) -> None:
        """Asks for a movement and returns when the dock has taken the request, not when the movement is done.

        Raises:
            LinkError: the dock cannot be reached or does not answer in time; the request may or may not have arrived.
            ProtocolError: it answers, but not as its register map says, or does not take the request.
        """
        ...


class WeatherStation(Protocol):
    """What measures the weather at the nest."""

    async def read(self) -> Weather:
        """The newest reading.

        Raises:
            LinkError: the station cannot be reached or does not answer in time.
            ProtocolError: its answer is not a reading, or a value in it is impossible.
        """
        ...
