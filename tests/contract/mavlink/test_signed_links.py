"""Signing and two links against the built-in vehicle over real sockets: its signing is code of its own, after ArduCopter's."""

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.commands.link import link
from agent.commands.signing import off, setup
from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock, TimeBase
from agent.core.errors import ConfigError, ProtocolError
from agent.core.geo import LatLon
from agent.core.outcome import Accepted, Refused
from agent.domain.telemetry import ContactChange
from agent.mavlink.commands import Command
from agent.mavlink.enums import Cmd, Result
from agent.mavlink.exchange import Exchange
from agent.mavlink.link import Link
from agent.mavlink.messages import setup_signing
from agent.mavlink.signing import Policy, Signing, Stamps, ticks_of
from agent.mavlink.signing_setup import set_key, take_key
from agent.vehicle.open import open_vehicle
from simulator.loops import ScaledLoop
from simulator.vehicle.craft import Place
from simulator.vehicle.links import Address
from simulator.vehicle.server import VehicleServer
from simulator.vehicle.setup import Setup
from simulator.vehicle.wire import mavlink
from tests.unit.config.test_config import GOOD

RATE = 8.0
KEY, OTHER = b"k" * 32, b"o" * 32


class World:
    """A vehicle with a USB port and two radios, and the clock that both sides share."""

    def __init__(self, server: VehicleServer, clock: Clock) -> None:
        self.server, self.clock = server, clock
        self.usb, self.radio, self.lte = (str(bound).replace("tcp-listen", "tcp") for bound in server.bound)

    def give(self, key: bytes) -> None:
        """The vehicle has had this key for long."""
        self.server.autopilot.signing.set_up(
            mavlink.MAVLink_setup_signing_message(1, 1, list(key), ticks_of(self.clock.unix_s()) - 9_000_000)
        )

    def stamps(self) -> Stamps:
        return Stamps(self.clock.unix_s, 0, lambda _: None)

    def signing(self, key: bytes = KEY, policy: Policy = Policy.SIGNED_ONLY) -> Signing:
        return Signing(key, policy, self.stamps())

    @asynccontextmanager
    async def link(self, address: str | tuple[str, ...], signing: Signing | None) -> AsyncIterator[Link]:
        link = Link.at(address, system=1, signing=signing)
        task = asyncio.create_task(link.run())
        try:
            yield link
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def in_world(body: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        clock = Clock(TimeBase(RATE, time.time()))
        ports = [Address("tcp-listen", "127.0.0.1", 0)] * 3
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(
                VehicleServer(Setup(Place(LatLon(30.39, 119.84), 30.0, 0.0), boot_s=5.0), ports, clock, None, 0.02)
            )
            stop = asyncio.Event()
            running = asyncio.create_task(server.run(stop))
            try:
                async with asyncio.timeout(400):
                    await body(World(server, clock))
            finally:
                stop.set()
                await running

    with asyncio.Runner(loop_factory=lambda: ScaledLoop(RATE)) as runner:
        runner.run(main())


async def becomes(condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 a condition with a time-out
            await asyncio.sleep(0.05)


async def asked(link: Link) -> Result | None:
    """The answer to a harmless command."""
    from agent.mavlink.commands import Commander
    from agent.mavlink.texts import StatusTexts

    commander = Commander(Exchange(link), StatusTexts(lambda _: None))
    return (await commander.execute(Command(Cmd.SET_MESSAGE_INTERVAL, (30.0, 1e6), attempts=2))).result


def test_a_key_is_given_used_and_taken_away() -> None:
    async def body(world: World) -> None:
        signing = world.signing(policy=Policy.ALL)
        async with world.link(world.radio, signing) as link:
            assert isinstance(await set_key(link, signing, KEY, 30.0), Accepted)
            assert world.server.autopilot.signing.key == KEY
        async with world.link(world.radio, world.signing()) as link:
            await becomes(lambda: link.counters.frames)
            assert await asked(link) is Result.ACCEPTED
        async with world.link(world.radio, None) as unsigned:
            await becomes(lambda: unsigned.counters.frames)
            assert await asked(unsigned) is None, "no signature, no answer"
            (problem,) = unsigned.problems(asyncio.get_running_loop().time())
            assert problem.code == "vehicle.signing_unused"
        async with world.link(world.usb, None) as cable:
            await becomes(lambda: cable.counters.frames)
            assert await asked(cable) is Result.ACCEPTED
        async with world.link(world.radio, signing) as link:
            assert isinstance(await take_key(link, 30.0), Accepted)
        async with world.link(world.radio, None) as unsigned:
            await becomes(lambda: unsigned.counters.frames)
            assert await asked(unsigned) is Result.ACCEPTED

    in_world(body)


def test_a_key_is_not_changed_while_armed_nor_without_the_present_one() -> None:
    async def body(world: World) -> None:
        world.give(OTHER)
        signing = world.signing(policy=Policy.ALL)
        async with world.link(world.radio, signing) as link:
            refused = await set_key(link, signing, KEY, 30.0)
            assert refused == Refused(
                "vehicle.signing_not_set", "it signs with another key, and does not take ours over this link"
            )
        async with world.link(world.usb, signing) as link:
            assert isinstance(await set_key(link, signing, KEY, 30.0), Accepted)
        await becomes(lambda: world.server.autopilot.prearm_ok)
        assert world.server.autopilot.arm()
        async with world.link(world.usb, signing) as link:
            refused = await set_key(link, signing, OTHER, 30.0)
            assert isinstance(refused, Refused)
            assert refused.code == "vehicle.armed"
            link.send(setup_signing(1, OTHER, 1))
            await asyncio.sleep(1.0)
            assert world.server.autopilot.signing.key == KEY, "the vehicle itself refuses too"

    in_world(body)


@pytest.mark.parametrize(
    ("on_board", "ours", "code"),
    [(None, KEY, "vehicle.signing_missing"), (OTHER, KEY, "vehicle.signing_key_wrong"), (KEY, KEY, None)],
    ids=["it does not sign", "another key", "the same key"],
)
def test_what_is_wrong_with_the_signatures_is_told(
    on_board: bytes | None, ours: bytes, code: str | None, tmp_path: Path
) -> None:
    async def body(world: World) -> None:
        if on_board:
            world.give(on_board)
        bus = Bus()
        config = VehicleSection(link=world.radio, signing="required", signing_key=ours.hex())
        with bus.subscribe(ContactChange) as changes:
            async with open_vehicle(config, bus, world.clock, tmp_path / "signing-time") as vehicle:
                change = await changes.get()
                assert (change.code, change.heard) == (code or "vehicle.heard", code is None)
                assert [problem.code for problem in vehicle.problems] == ([code] if code else [])
                assert (vehicle.telemetry.heartbeat is not None) is (code is None)

    in_world(body)


def test_a_drone_whose_time_is_old_is_told_and_then_follows_ours() -> None:
    """Without GPS it begins where it was switched off; our heartbeat brings it up to date."""

    async def body(world: World) -> None:
        world.give(KEY)
        on_board = world.server.autopilot.signing
        on_board.stored -= 3_600 * 100_000
        on_board.load()
        async with world.link(world.radio, world.signing()) as link:
            await becomes(lambda: link.counters.old)
            await becomes(lambda: link.counters.frames)
            assert await asked(link) is Result.ACCEPTED

    in_world(body)


def test_a_recorded_command_is_worth_nothing_even_after_a_reboot() -> None:
    async def body(world: World) -> None:
        world.give(KEY)
        recorded: list[bytes] = []
        signing = world.signing()
        plainly = signing.sign
        signing.sign = lambda frame, link_id: recorded.append(plainly(frame, link_id)) or recorded[-1]  # type: ignore[method-assign, func-returns-value]
        async with world.link(world.radio, signing) as link:
            await becomes(lambda: link.counters.frames)
            assert await asked(link) is Result.ACCEPTED
        _, writer = await asyncio.open_connection("127.0.0.1", int(world.radio.rpartition(":")[2]))
        for reboot in (False, True):
            on_board = world.server.autopilot.signing
            if reboot:
                on_board.step(on_board.stored + 60.0)
                on_board.load()
            before = on_board.refused
            writer.write(b"".join(recorded))
            await becomes(lambda before=before, on_board=on_board: on_board.refused == before + len(recorded))
        writer.close()
        await writer.wait_closed()

    in_world(body)


def test_two_signed_links_and_one_dies(tmp_path: Path) -> None:
    async def body(world: World) -> None:
        world.give(KEY)
        bus = Bus()
        config = VehicleSection(link=(world.radio, world.lte), signing="required", signing_key=KEY.hex())
        async with open_vehicle(config, bus, world.clock, tmp_path / "signing-time") as vehicle:
            await becomes(lambda: vehicle.telemetry.position is not None)
            link = vehicle._session.link
            assert link.used == 0
            radio = max(world.server._peers, key=lambda peer: len(peer.channel.streams))  # the one that was asked for them
            radio.write = lambda _: None  # the air is dead, the port stays open
            await becomes(lambda: link.used == 1)
            heard_s = asyncio.get_running_loop().time()
            assert vehicle._session.in_contact
            position = vehicle.telemetry.position
            assert position is not None
            await becomes(lambda: vehicle.telemetry.position is not position)
            assert vehicle.telemetry.heartbeat is not None
            assert asyncio.get_running_loop().time() - heard_s < 20.0
            await becomes(lambda: vehicle.problems)
            assert vehicle.problems[0].code == "link.down"
            assert world.radio in vehicle.problems[0].words
            assert isinstance(await vehicle.pause(), Refused | Accepted), "it is spoken with over the other link"

    in_world(body)


def test_the_technicians_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def body(world: World) -> None:
        config, secrets = tmp_path / "nest.yaml", tmp_path / "secrets"
        key_file = secrets / "vehicle__signing_key"
        config.write_text(
            GOOD + f"vehicle: {{signing: required, link: '{world.radio}', connect_timeout_s: 5}}\n", encoding="utf-8"
        )
        with pytest.raises(ConfigError, match="the key cannot be written"):
            await asyncio.to_thread(setup, config, secrets)
        secrets.mkdir()
        await asyncio.to_thread(setup, config, secrets)
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        assert world.server.autopilot.signing.key == bytes.fromhex(key_file.read_text(encoding="ascii"))
        await asyncio.to_thread(link, config, secrets, seconds=1.0)
        world.give(OTHER)
        with pytest.raises(ProtocolError, match=r"vehicle\.signing_not_set: it signs with another key.*USB"):
            await asyncio.to_thread(setup, config, secrets)
        await asyncio.to_thread(off, config, secrets, world.usb)
        assert world.server.autopilot.signing.key is None
        said = capsys.readouterr().out
        assert "made" in said
        assert "Set vehicle.signing to required" in said
        assert "does not sign any more" in said
        assert f"{world.radio}, in use: " in said
        assert "HEARTBEAT" in said

    in_world(body)
