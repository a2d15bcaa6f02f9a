"""A key is given, used, required and taken away, on each autopilot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.core.clock import Clock
from agent.core.outcome import Accepted
from agent.mavlink.commands import Command, Commander
from agent.mavlink.enums import Cmd, Result
from agent.mavlink.exchange import Exchange
from agent.mavlink.link import Link
from agent.mavlink.signing import Policy, Signing, Stamps
from agent.mavlink.signing_setup import set_key, take_key
from agent.mavlink.texts import StatusTexts
from simulator.loops import ScaledLoop
from tests.sitl.conftest import Drone

pytestmark = pytest.mark.timeout(240)
KEY, OTHER = b"k" * 32, b"o" * 32


@asynccontextmanager
async def linked(drone: Drone, signing: Signing | None) -> AsyncIterator[Link]:
    link = Link.at(drone.link, system=drone.system_id, signing=signing, heartbeat_interval_s=0.5)
    task = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(120):
            while not (link.counters.frames or link.counters.wrong_key):  # noqa: ASYNC110 a condition with a time-out
                await asyncio.sleep(0.1)
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def answer(link: Link) -> Result | None:
    commander = Commander(Exchange(link), StatusTexts(lambda _: None))
    return (await commander.execute(Command(Cmd.SET_MESSAGE_INTERVAL, (30.0, 1e6)))).result


async def told(link: Link) -> str:
    """The code of what is wrong with the signatures."""
    async with asyncio.timeout(120):
        while (trouble := link.signing_trouble(asyncio.get_running_loop().time())) is None:  # noqa: ASYNC110 as above
            await asyncio.sleep(0.1)
    return trouble.code


def test_a_key_is_given_used_required_and_taken_away(drone: Drone) -> None:
    async def main() -> None:
        stamps = Stamps(Clock(drone.base).unix_s, 0, lambda _: None)
        setting_up = Signing(KEY, Policy.ALL, stamps)
        async with linked(drone, setting_up) as link:
            outcome = await set_key(link, setting_up, KEY, 60.0)
            assert isinstance(outcome, Accepted), outcome
        try:
            async with linked(drone, Signing(KEY, Policy.SIGNED_ONLY, stamps)) as link:
                assert await answer(link) is Result.ACCEPTED
                assert link.counters.frames > 0
                assert (link.counters.wrong_key, link.counters.unsigned) == (0, 0)
            async with linked(drone, Signing(OTHER, Policy.SIGNED_ONLY, stamps)) as link:
                assert await told(link) == "vehicle.signing_key_wrong"
                assert link.counters.frames == 0
        finally:
            async with linked(drone, setting_up) as link:
                outcome = await take_key(link, 60.0)
        assert isinstance(outcome, Accepted), outcome
        async with linked(drone, None) as link:
            assert await answer(link) is Result.ACCEPTED

    with asyncio.Runner(loop_factory=lambda: ScaledLoop(drone.base.rate)) as runner:
        runner.run(main())
