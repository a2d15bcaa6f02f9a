"""Pictures at the stations of a second look: one with each camera, once a station, proven by the camera's own report."""

import asyncio

from agent.core.errors import LinkError
from agent.core.outcome import Accepted, Outcome, Refused
from agent.vehicle.interface import Vehicle


class Stills:
    """The pictures of one look. Without a camera that takes pictures it asks for none.

    Args:
        vehicle: takes them.
        stations: how many there are.
    """

    def __init__(self, vehicle: Vehicle, stations: int) -> None:
        self._vehicle = vehicle
        self._stations = stations if any(camera.takes_pictures for camera in vehicle.telemetry.cameras) else 0
        self._tasks: list[asyncio.Task[Outcome]] = []

    def busy(self, station: int, *, steady: bool) -> bool:
        """Whether the drone must still stand at this station, counted from 0, for its picture. It waits until it is steady."""
        if station >= self._stations:
            return False
        if station == len(self._tasks):
            if not steady:
                return True
            self._tasks.append(asyncio.create_task(self._take()))
        return not self._tasks[station].done()

    async def _take(self) -> Outcome:
        try:
            return await self._vehicle.take_pictures()
        except LinkError as error:  # the failsafes see to a lost link
            return Refused(error.code, error.message)

    async def end(self) -> tuple[str, list[Refused]]:
        """Breaks off what is under way; what was proven, in words, and what was not and why."""
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        proofs = [outcome.words for outcome in ended if isinstance(outcome, Accepted)]
        words = f"; pictures at {len(proofs)} of {self._stations} stations" if self._stations else ""
        words += f" ({max(proofs)})" if proofs else ""
        return words, [outcome for outcome in ended if isinstance(outcome, Refused)]
