"""Whatever is done to signed frames, none that was changed, and none that was recorded, is taken."""

import random

from agent.mavlink.link import Link
from agent.mavlink.signing import Policy, Signing, Stamps
from agent.mavlink.transport import Chunk, memory_pair
from tests.doubles.autopilot import run_virtual
from tests.property.mavlink.test_mavlink_fuzz import mutated, seed
from tests.unit.mavlink.test_mav_signing import KEY, NOW_S, Drone

FRAMES = 3_000


def test_only_whole_new_frames_with_the_key_are_taken() -> None:
    chance = random.Random(seed())  # noqa: S311 a repeatable test

    async def main() -> None:
        signing = Signing(KEY, Policy.SIGNED_ONLY, Stamps(lambda: NOW_S, 0, lambda _: None))
        link = Link(lambda: memory_pair()[0], system=1, signing=signing)
        drone, said, taken, good = Drone(), set(), [], []
        link.add_handler(lambda frame: taken.append(frame.raw))
        for number in range(FRAMES):
            raw = drone.says().raw
            said.add(raw)
            act = chance.randrange(3)
            if act == 0:
                good.append(raw)
            elif act == 1:
                raw = mutated(chance, raw)
            elif good:
                raw = chance.choice(good)
            link.channels[0].received(Chunk(raw, 10.0 * number))  # so late that only the signature tells a repetition
        assert set(taken) <= said
        assert len(taken) == len(set(taken))
        assert len(taken) > 0.9 * len(good)
        counters = link.counters
        assert counters.replayed > FRAMES // 6
        assert counters.malformed > FRAMES // 20

    run_virtual(main())
