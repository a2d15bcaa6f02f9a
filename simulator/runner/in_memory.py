"""The built-in vehicle at the other end of the link's model, in the agent's own loop, without sockets.

On a virtual-time loop a minute of radio takes a second. Both ends speak real MAVLink bytes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agent.core.geo import LatLon
from agent.mavlink.ports import Peer as Sender
from agent.mavlink.transport import Chunk, Receiver
from simulator.link.model import Direction, LinkModel
from simulator.vehicle import router
from simulator.vehicle.autopilot import Autopilot
from simulator.vehicle.craft import Place
from simulator.vehicle.links import Peer
from simulator.vehicle.setup import Setup

PLACE = Place(LatLon(30.39, 119.84), 10.0, 0.0)
_STEP_S = 0.02


class BuiltInVehicle:
    """A vehicle that lives in the running loop's time; open links to it with :meth:`link`."""

    def __init__(self, setup: Setup) -> None:
        self.autopilot = Autopilot(setup)
        self._peers: list[Peer] = []

    @property
    def ready(self) -> bool:
        """Whether it has booted and has a good position."""
        return self.autopilot.boot.ready and self.autopilot.position_ok

    def link(self, model: LinkModel) -> "InMemoryTransport":
        """A new link of its own."""
        return InMemoryTransport(self, model)

    def open_channel(self, name: str, write: Callable[[bytes], None]) -> Peer:
        """A new other end."""
        peer = Peer(self.autopilot.open_channel(name), write, int(self.autopilot.parameters["SYSID_THISMAV"]))
        self._peers.append(peer)
        return peer

    def close_channel(self, peer: Peer) -> None:
        """It is gone."""
        self._peers.remove(peer)
        self.autopilot.close_channel(peer.channel)

    def received(self, peer: Peer, data: bytes) -> None:
        """Bytes came."""
        for message, frame in peer.decode(data):
            router.take(self.autopilot, peer.channel, message, frame)
        self.flush()

    def flush(self) -> None:
        """Sends all that waits."""
        for peer in self._peers:
            peer.flush()

    async def fly(self) -> None:
        """Keeps step with the loop's time, for ever."""
        while True:
            self.autopilot.step(_STEP_S)
            self.flush()
            await asyncio.sleep(_STEP_S)


class InMemoryTransport:
    """The agent's end: a transport as ``agent.mavlink.transport`` has it."""

    def __init__(self, vehicle: BuiltInVehicle, model: LinkModel) -> None:
        self._vehicle, self._model = vehicle, model
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._receiver: Receiver | None = None
        self._peer: Peer | None = None

    def start(self, receiver: Receiver) -> None:
        """Open at once."""
        self._receiver = receiver
        self._peer = self._vehicle.open_channel("in memory", self._answer)
        self._loop.call_soon(receiver.opened)

    def write(self, data: bytes) -> bool:
        """To the vehicle."""
        self._carry(self._model.to_vehicle, data, self._arrived)
        return True

    def trust(self, peer: Sender) -> None:
        """Nothing to do: there is one peer."""

    async def close(self) -> None:
        """Takes nothing from now on."""
        self._receiver = None
        if self._peer is not None:
            self._vehicle.close_channel(self._peer)
            self._peer = None

    def _answer(self, data: bytes) -> None:
        self._carry(self._model.to_agent, data, self._heard)

    def _carry(self, direction: Direction, data: bytes, arrive: Callable[[bytes], None]) -> None:
        for delivery in direction.offer(data, self._loop.time() - self._began_s):
            self._loop.call_at(self._began_s + delivery.at_s, arrive, delivery.data)

    def _arrived(self, data: bytes) -> None:
        if self._peer is not None:
            self._vehicle.received(self._peer, data)

    def _heard(self, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.received(Chunk(data, self._loop.time()))


@asynccontextmanager
async def built_in_vehicle(setup: Setup | None = None) -> AsyncIterator[BuiltInVehicle]:
    """A vehicle that is booted and flies along while the block lasts."""
    vehicle = BuiltInVehicle(setup or Setup(PLACE, boot_s=1.0))
    async with asyncio.TaskGroup() as tasks:
        flying = tasks.create_task(vehicle.fly())
        while not vehicle.ready:  # noqa: ASYNC110 it becomes so by itself
            await asyncio.sleep(_STEP_S)
        yield vehicle
        flying.cancel()
