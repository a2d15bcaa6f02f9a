"""What a flight sees of the vision process: the last status on the bus, and what was sighted."""

import asyncio

from agent.core.bus import Bus
from agent.domain.codes import is_error
from agent.domain.sighting import Sighting, VisionStatus
from agent.domain.wire import Wire
from agent.vision.supervisor import VisionSupervisor


class Eyes:
    """The vision process as the flight's ports want it.

    Args:
        vision: the supervisor.
        bus: where the statuses come from.
    """

    def __init__(self, vision: VisionSupervisor, bus: Bus) -> None:
        self._vision = vision
        self._bus = bus
        self.status: VisionStatus | None = None
        self.well_at_s: float | None = None
        self.sightings: dict[str, Sighting] = {}
        self._flight: str | None = None

    def watch(self, flight: str | None) -> None:
        """Looks for hazards on behalf of a flight; None ends it."""
        if flight != self._flight:
            self._flight = flight
            self.sightings.clear()
        self._vision.watch(flight is not None, flight)

    async def run(self) -> None:
        """Follows the statuses and sightings, for ever."""
        with self._bus.subscribe(VisionStatus, Sighting, limit=1000) as heard:
            async for said in heard:
                self._take(said)

    def _take(self, said: Wire) -> None:
        if isinstance(said, Sighting):
            self.sightings[said.track] = said
        elif isinstance(said, VisionStatus):
            self.status = said
            if not any(map(is_error, said.health)):
                self.well_at_s = asyncio.get_running_loop().time()
