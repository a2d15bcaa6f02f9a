"""The built-in vehicle at the other end of a bad in-memory link: real MAVLink bytes, virtual time, seeded misfortune."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.mavlink.exchange import Exchange
from agent.mavlink.link import Link
from agent.mavlink.transport import Chunk, MemoryTransport, memory_pair
from agent.vehicle.open import vehicle_on
from agent.vehicle.vehicle import MavlinkVehicle
from simulator.vehicle import router
from simulator.vehicle.links import Peer
from tests.doubles.autopilot import run_virtual
from tests.doubles.vehicle_rig import Rig

T = TypeVar("T")
STEP_S = 0.01


@dataclass
class Weather:
    """Of the link, each way: share of frames lost, share that comes twice, delay and how much it varies (which reorders)."""

    loss: float = 0.0
    twice: float = 0.0
    delay_s: float = 0.005
    jitter_s: float = 0.0
    seed: int = 1


class BadLink:
    """Carries frames between the agent's transport and the vehicle's peer. cut stops both ways."""

    def __init__(self, rig: Rig, far: MemoryTransport, weather: Weather) -> None:
        self.rig, self.weather, self.cut = rig, weather, False
        self.carried = 0
        self.heard: Counter[str] = Counter()
        self._far = far
        self._random = random.Random(weather.seed)  # noqa: S311 a repeatable test
        self._loop = asyncio.get_running_loop()
        self._due_s = 0.0
        self._peer = Peer(rig.autopilot.open_channel("bad link"), lambda data: self._carry(far.write, data), 1)
        far.start(self)

    def opened(self) -> None:
        pass

    def closed(self, error: Any) -> None:
        pass

    def received(self, chunk: Chunk) -> None:
        self._carry(self._hear, chunk.data)

    def _carry(self, to: Callable[[bytes], Any], data: bytes) -> None:
        weather = self.weather
        if self.cut or self._random.random() < weather.loss:
            return
        self.carried += 1
        for _ in range(2 if self._random.random() < weather.twice else 1):
            due_s = self._loop.time() + weather.delay_s + self._random.random() * weather.jitter_s
            if not weather.jitter_s:  # the loop does not keep the order of equal times
                due_s = self._due_s = max(due_s, self._due_s + 1e-6)
            self._loop.call_at(due_s, to, data)

    def _hear(self, data: bytes) -> None:
        for message, frame in self._peer.decode(data):
            self.heard[message.get_type()] += 1
            router.take(self.rig.autopilot, self._peer.channel, message, frame)
        self._peer.flush()

    async def live(self) -> None:
        while True:
            self.rig.autopilot.step(STEP_S)
            self._peer.flush()
            if self.rig.autopilot.reboot_wanted:
                self.rig.autopilot = self.rig.autopilot.rebooted(1.8e9 + self._loop.time())
                self._peer.channel = self.rig.autopilot.open_channel("bad link")
            await asyncio.sleep(STEP_S)


def on_builtin_vehicle(
    body: Callable[[MavlinkVehicle, BadLink], Coroutine[Any, Any, T]], *params: str, parameter_set: str = "ardupilot/nest"
) -> T:
    """Runs a test's body against the agent's vehicle on a built-in vehicle that has booted."""

    async def main() -> T:
        rig = Rig(*params)
        near, far = memory_pair()
        link = Link(lambda: near, system=1)
        bad = BadLink(rig, far, Weather())
        living = asyncio.create_task(bad.live())
        config = VehicleSection(parameter_set=parameter_set)
        try:
            async with asyncio.timeout(3600), vehicle_on(link, config, Bus(), Clock()) as vehicle:
                assert await vehicle.wait_known(60.0)
                return await body(vehicle, bad)
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)

    return run_virtual(main())


def on_builtin(
    body: Callable[[Exchange, BadLink], Coroutine[Any, Any, T]],
    weather: Weather | None = None,
    *params: str,
    link: str = "link",
) -> T:
    """Runs a test's body against a built-in vehicle that has booted."""

    async def main() -> T:
        rig = Rig(*params)
        rig.run(1.0)
        near, far = memory_pair()
        made = Link({link: lambda: near}, system=1)
        exchange = Exchange(made)
        bad = BadLink(rig, far, weather or Weather())
        tasks = [asyncio.create_task(work) for work in (made.run(), bad.live(), exchange.measure_forever())]
        while not made.up:  # noqa: ASYNC110 a condition with a time-out
            await asyncio.sleep(0.001)
        try:
            async with asyncio.timeout(3600):
                return await body(exchange, bad)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return run_virtual(main())
