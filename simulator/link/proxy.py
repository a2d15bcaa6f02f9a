"""Carries bytes between two ends through the link's model.

Packets of a datagram end pass as they are. A stream is cut into MAVLink frames first (``packets.py``), as telemetry radios do;
so the same share of loss means the same on UDP, TCP and a serial line.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulator.link.ends import End, opened, parse_end
from simulator.link.model import Direction, Impairment, LinkModel
from simulator.link.packets import WAIT_S, Packets


class _Way:
    """One direction at work. The loop's time is the model's, counted from the beginning."""

    def __init__(self, direction: Direction, target: End, began_s: float, *, stream: bool) -> None:
        self._direction, self._target, self._began_s = direction, target, began_s
        self._packets = Packets() if stream else None
        self._loop = asyncio.get_running_loop()

    def take(self, data: bytes) -> None:
        """Bytes from the source."""
        now_s = self._loop.time()
        if self._packets is None:
            self._offer(data, now_s)
            return
        for packet in self._packets.feed(data, now_s):
            self._offer(packet, now_s)
        if self._packets.waiting:
            self._loop.call_later(WAIT_S, self._give_up_waiting)

    def _give_up_waiting(self) -> None:
        if self._packets is not None and (stale := self._packets.stale(self._loop.time())):
            self._offer(stale, self._loop.time())

    def _offer(self, data: bytes, now_s: float) -> None:
        for delivery in self._direction.offer(data, now_s - self._began_s) if data else ():
            self._loop.call_at(self._began_s + delivery.at_s, self._target.send, delivery.data)


@asynccontextmanager
async def proxy(
    agent_side: str, vehicle_side: str, to_vehicle: Impairment, to_agent: Impairment, seed: int
) -> AsyncIterator[LinkModel]:
    """Runs the proxy while the block lasts. Times count from here, on the running loop's clock.

    Raises:
        ConfigError: an end has none of the known forms.
        LinkError: an end cannot be opened.
    """
    near, far = parse_end(agent_side), parse_end(vehicle_side)
    model = LinkModel.of(to_vehicle, to_agent, seed, stream=near.stream and far.stream)
    began_s = asyncio.get_running_loop().time()
    up = _Way(model.to_vehicle, far, began_s, stream=near.stream)
    down = _Way(model.to_agent, near, began_s, stream=far.stream)
    try:
        await opened(near, agent_side, up.take)
        await opened(far, vehicle_side, down.take)
        yield model
    finally:
        await near.close()
        await far.close()
