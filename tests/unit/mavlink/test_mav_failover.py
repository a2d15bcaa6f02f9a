"""Several links to one drone: which is used, what is delivered, and what happens when one dies in the middle of something."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.domain.telemetry import ContactChange
from agent.mavlink.codec import Decoder, Encoder, Frame
from agent.mavlink.commands import Command, Commander
from agent.mavlink.enums import Cmd, MissionType
from agent.mavlink.exchange import Exchange
from agent.mavlink.failover import LinkView, choose
from agent.mavlink.link import Link
from agent.mavlink.parameters import Parameters
from agent.mavlink.readback import compare, download
from agent.mavlink.repeats import SameContent
from agent.mavlink.texts import StatusTexts
from agent.mavlink.transfer import TransferEnd, upload
from agent.mavlink.transport import Chunk, memory_pair
from agent.vehicle.session import Session
from tests.contract.mavlink.test_mav_contract import items_of
from tests.doubles.autopilot import Script, ScriptedAutopilot, run_virtual

NEVER = float("-inf")
NOW = 100.0


def view(heard_ago_s: float = 0.5, since_ago_s: float = 60.0, loss: float = 0.0) -> LinkView:
    return LinkView(NOW - heard_ago_s, NOW - since_ago_s, loss)


@pytest.mark.parametrize(
    ("first", "second", "used", "chosen"),
    [
        (view(), view(), 0, 0),
        (view(heard_ago_s=2.4), view(), 0, 0),
        (view(heard_ago_s=2.6), view(), 0, 1),
        (view(heard_ago_s=9.0), view(heard_ago_s=9.0), 0, 0),
        (LinkView(NEVER, float("inf"), 0.0), view(), 0, 1),
        (view(since_ago_s=9.0), view(), 1, 1),
        (view(since_ago_s=11.0), view(), 1, 0),
        (view(since_ago_s=11.0, loss=0.3), view(), 1, 1),
        (view(since_ago_s=3.0, loss=0.9), view(heard_ago_s=2.6), 1, 0),
        (view(loss=0.4), view(), 0, 0),
        (view(loss=0.6), view(), 0, 1),
        (view(loss=0.6), view(loss=0.2), 0, 0),
        (view(loss=0.6), view(since_ago_s=4.0), 0, 0),
    ],
    ids=[
        "both well: the preferred one",
        "one heartbeat missing",
        "silent",
        "both silent: no change",
        "never heard",
        "back, but not for long",
        "back and well for a while",
        "back, but it loses much",
        "the one in use falls silent: any that is heard",
        "some loss",
        "much loss",
        "much loss, and the other is not clean",
        "much loss, and the other came just now",
    ],
)
def test_which_link_is_used(first: LinkView, second: LinkView, used: int, chosen: int) -> None:
    index, why = choose([first, second], used, NOW)
    assert index == chosen
    assert bool(why) is (index != used)


VIEWS = st.builds(view, st.floats(0, 10), st.floats(0, 60), st.floats(0, 1))


@given(views=st.lists(VIEWS, min_size=1, max_size=4), used=st.integers(0, 3))
def test_a_choice_is_heard_if_any_is_and_stays(views: list[LinkView], used: int) -> None:
    used %= len(views)
    index, _ = choose(views, used, NOW)
    assert views[index].alive(NOW) or not any(link.alive(NOW) for link in views)
    again = index
    for _ in range(len(views)):
        again = choose(views, again, NOW)[0]
    assert choose(views, again, NOW)[0] == again, "the same situation does not make it go round"


def text_frame(words: bytes, sequence: int, at_s: float) -> Frame:
    encoder = Encoder(1, 1)
    for _ in range(sequence):
        encoder.pack(mavlink.MAVLink_statustext_message(6, b""))
    (frame,) = Decoder().feed(encoder.pack(mavlink.MAVLink_statustext_message(6, words)), at_s)
    return frame


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([b"one", b"two"])), max_size=60))
def test_of_one_sentence_as_many_are_delivered_as_the_best_link_brought(arrivals: list[tuple[int, bytes]]) -> None:
    told = SameContent()
    frames = {words: text_frame(words, 0, 1.0) for words in (b"one", b"two")}
    delivered = [words for link, words in arrivals if not told.seen(frames[words], link)]
    for words in frames:
        brought = [sum(1 for where, what in arrivals if (where, what) == (link, words)) for link in range(3)]
        assert delivered.count(words) == max(brought)


ARRIVALS = st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(1, 3)), max_size=40)


@given(arrivals=ARRIVALS)
def test_state_keeps_its_order_and_nothing_comes_twice(arrivals: list[tuple[int, bool, int]]) -> None:
    """Each arrival: on which link, whether a sentence or a state, and how often the network delivers it."""

    async def main() -> None:
        link = Link({"radio": lambda: memory_pair()[0], "lte": lambda: memory_pair()[0]}, system=1)
        got: list[Frame] = []
        link.add_handler(got.append)
        encoders = [Encoder(1, 1), Encoder(1, 1)]
        for channel in link.channels:
            channel.opened()
        sent: tuple[list[int], list[int]] = ([], [])
        texts: tuple[list[str], list[str]] = ([], [])
        for number, (where, is_text, copies) in enumerate(arrivals):
            words = f"sentence {number % 3}"
            message = mavlink.MAVLink_attitude_message(number, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            if is_text:
                message = mavlink.MAVLink_statustext_message(6, words.encode())
                texts[where].append(words)
            else:
                sent[where].append(number)
            link.channels[where].received(Chunk(encoders[where].pack(message) * copies, 0.0))
        assert [frame.body.time_boot_ms for frame in got if frame.name == "ATTITUDE"] == sent[0]
        heard = [frame.body.text for frame in got if frame.name == "STATUSTEXT"]
        assert {words: heard.count(words) for words in heard} == {
            words: max(texts[0].count(words), texts[1].count(words)) for words in {*texts[0], *texts[1]}
        }

    run_virtual(main())


class TwoRadios:
    """One drone on two links; each can be cut. They share what the drone carries out."""

    def __init__(self) -> None:
        pairs = [memory_pair(), memory_pair()]
        ends = iter([pairs[0][0], pairs[1][0]])
        near = [next(ends), next(ends)]
        self.link = Link({"radio": lambda: near[0], "lte": lambda: near[1]}, system=1)
        self.scripts = [Script(), Script()]
        self.peers = [ScriptedAutopilot(script, far) for script, (_, far) in zip(self.scripts, pairs, strict=True)]
        self.peers[1].codec.seq = 77  # each link counts its own frames
        self.mode = 0

    def cut(self, index: int, *, mute: bool = True) -> None:
        """Neither side hears the other."""
        self.scripts[index].mute = mute
        self.scripts[index].loss = 1.0 if mute else 0.0

    def tell(self, words: bytes) -> None:
        for peer in self.peers:
            peer.send(mavlink.MAVLink_statustext_message(6, words))

    async def live(self) -> None:
        boot_ms = 0
        while True:
            for index, peer in enumerate(self.peers):
                peer.beat(mode=self.mode)
                peer.send(mavlink.MAVLink_attitude_message(boot_ms + index, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0))
            await asyncio.sleep(1.0)
            boot_ms += 1000


@asynccontextmanager
async def two_radios() -> AsyncIterator[TwoRadios]:
    both = TwoRadios()
    tasks = [asyncio.create_task(both.link.run()), asyncio.create_task(both.live())]
    try:
        await asyncio.sleep(5.0)
        yield both
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_heartbeats_go_on_both_links_and_a_command_on_one() -> None:
    async def main() -> None:
        async with two_radios() as both:
            await Commander(Exchange(both.link), StatusTexts(lambda _: None)).execute(Command(Cmd.COMPONENT_ARM_DISARM, (1.0,)))
            assert [peer.heard["COMMAND_LONG"] for peer in both.peers] == [1, 0]
            assert all(peer.heard["HEARTBEAT"] >= 5 for peer in both.peers)

    run_virtual(main())


def test_what_is_told_on_both_is_delivered_once_and_state_comes_from_the_one_in_use() -> None:
    async def main() -> None:
        async with two_radios() as both:
            frames: list[Frame] = []
            both.link.add_handler(frames.append)
            both.tell(b"Reached command #3")
            await asyncio.sleep(10.0)
            both.tell(b"Reached command #3")
            await asyncio.sleep(1.0)
            assert [frame.body.text for frame in frames if frame.name == "STATUSTEXT"] == ["Reached command #3"] * 2
            boots_ms = [frame.body.time_boot_ms for frame in frames if frame.name == "ATTITUDE"]
            assert boots_ms
            assert all(boot_ms % 1000 == 0 for boot_ms in boots_ms)
            assert both.link.channels[1].counters.repeated == 2

    run_virtual(main())


def test_a_silent_link_is_left_before_contact_is_lost_and_taken_again_when_it_is_well() -> None:
    async def main() -> None:
        async with two_radios() as both:
            bus, loop = Bus(), asyncio.get_running_loop()
            session = Session(both.link, bus, Clock(), connect_timeout_s=30.0, lost_after_s=5.0)
            watching = asyncio.create_task(session.watch())
            with bus.subscribe(ContactChange) as changes:
                assert (await changes.get()).heard
                both.cut(0)
                cut_s = loop.time()
                await asyncio.sleep(4.5)
                assert both.link.used == 1
                assert session.in_contact
                (problem,) = both.link.problems(loop.time() + 1.0)
                assert (problem.code, problem.words) == ("link.down", "radio: the drone is not heard on it")
                await asyncio.sleep(10.0)
                both.cut(0, mute=False)
                await asyncio.sleep(8.0)
                assert both.link.used == 1, "not at the first sign of life"
                await asyncio.sleep(6.0)
                assert both.link.used == 0
                assert both.link.problems(loop.time()) == []
                both.cut(0)
                both.cut(1)
                await asyncio.sleep(8.0)
                lost = await changes.get()
                assert (lost.code, lost.heard) == ("vehicle.lost", False)
                assert lost.at_s > cut_s + 25.0
            watching.cancel()

    run_virtual(main())


@pytest.mark.parametrize("px4", [False, True], ids=["ArduPilot begins anew at once", "PX4 when the old one has timed out"])
@pytest.mark.parametrize("after_s", [0.01, 0.05, 0.12])
def test_an_upload_goes_on_over_the_other_link(after_s: float, px4: bool) -> None:
    async def main() -> None:
        async with two_radios() as both:
            for script in both.scripts:
                script.delay_s, script.px4 = 0.02, px4
            if px4:
                both.scripts[1].busy, both.scripts[1].busy_result = 3, 1
            exchange = Exchange(both.link)
            items = items_of(MissionType.MISSION, 100)
            running = asyncio.create_task(upload(exchange, MissionType.MISSION, items))
            await asyncio.sleep(after_s)
            assert not running.done()
            both.cut(0)
            assert (await running).end is TransferEnd.ACCEPTED
            assert len(both.peers[1].items[MissionType.MISSION]) == 100
            assert compare(items, (await download(exchange, MissionType.MISSION)).items) is None

    run_virtual(main())


def test_a_command_whose_link_dies_is_repeated_on_the_other_if_it_may_be() -> None:
    async def main() -> None:
        async with two_radios() as both:
            commander = Commander(Exchange(both.link), StatusTexts(lambda _: None))
            both.cut(0)
            harmless = await commander.execute(Command(Cmd.DO_SET_MODE, (1.0, 4.0)))
            assert harmless.accepted
            assert both.peers[1].heard["COMMAND_LONG"] == 1
            await asyncio.sleep(1.0)
            both.cut(0, mute=False)
            await asyncio.sleep(20.0)
            both.cut(0)
            arming = await commander.execute(Command(Cmd.COMPONENT_ARM_DISARM, (1.0,), repeatable=False))
            assert arming.result is None, "the state must be looked at first"
            assert both.peers[1].heard["COMMAND_LONG"] == 1

    run_virtual(main())


def test_what_was_asked_in_vain_over_a_dying_link_is_asked_over_the_other() -> None:
    async def main() -> None:
        async with two_radios() as both:
            for script in both.scripts:
                script.params["RTL_ALT"] = 1500.0
            parameters = Parameters(Exchange(both.link), bytewise=False)
            assert await parameters.get("RTL_ALT") == 1500.0
            for _ in range(20):
                parameters._exchange.round_trip.measured(0.01)
            both.cut(0)
            assert await parameters.get("RTL_ALT") == 1500.0
            assert both.link.used == 1

    run_virtual(main())


def test_each_link_has_its_own_round_trip() -> None:
    async def main() -> None:
        async with two_radios() as both:
            both.scripts[1].delay_s = 0.4
            exchange = Exchange(both.link)
            measuring = asyncio.create_task(exchange.measure_forever())
            await asyncio.sleep(20.0)
            near_s = exchange.round_trip.mean_s
            both.cut(0)
            await asyncio.sleep(5.0)
            assert both.link.used == 1
            await asyncio.sleep(20.0)
            assert near_s == pytest.approx(0.004, abs=0.003)
            assert exchange.round_trip.mean_s == pytest.approx(0.8, abs=0.1)
            measuring.cancel()

    run_virtual(main())


def test_a_link_that_loses_much_is_left_for_a_clean_one() -> None:
    async def main() -> None:
        async with two_radios() as both:
            await asyncio.sleep(10.0)
            both.scripts[0].loss = 0.7
            await asyncio.sleep(30.0)
            assert both.link.used == 1
            both.scripts[0].loss = 0.0
            await asyncio.sleep(40.0)
            assert both.link.used == 0

    run_virtual(main())


def test_a_frame_that_the_network_doubles_is_taken_once() -> None:
    async def main() -> None:
        async with two_radios() as both:
            frames: list[Any] = []
            both.link.add_handler(frames.append)
            transport = both.peers[0]._transport
            raw = text_frame(b"once", 9, 0.0).raw
            for _ in range(3):
                transport.write(raw)
            await asyncio.sleep(0.01)
            assert len([f for f in frames if f.name == "STATUSTEXT"]) == 1
            assert both.link.channels[0].counters.repeated == 2

    run_virtual(main())
