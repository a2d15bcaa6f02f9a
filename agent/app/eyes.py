"""What a flight sees of the vision process: the last status on the bus."""

import asyncio

from agent.core.bus import Bus
from agent.domain.codes import is_error
from agent.domain.sighting import VisionStatus
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

    def watch(self, flight: str | None) -> None:
        """Looks for hazards on behalf of a flight; None ends it."""
        self._vision.watch(flight is not None, flight)

    async def run(self) -> None:
        """Follows the statuses, for ever."""
        with self._bus.subscribe(VisionStatus, limit=10) as statuses:
            async for status in statuses:
                self.status = status
                if not any(map(is_error, status.health)):
                    self.well_at_s = asyncio.get_running_loop().time()
