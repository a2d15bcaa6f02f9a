"""What the agent's exchanges rely on, on two autopilots: the scripted one in memory and the built-in vehicle over TCP.

Both were written apart from the agent's own code and from each other.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from agent.core.clock import Clock, TimeBase
from agent.core.geo import LatLon
from agent.core.outcome import Accepted, Refused
from agent.mavlink.commands import Command, Commander
from agent.mavlink.enums import Cmd, Frame, MissionResult, MissionType, Result
from agent.mavlink.exchange import Exchange
from agent.mavlink.items import WireItem, item_at
from agent.mavlink.link import Link
from agent.mavlink.parameters import Parameters
from agent.mavlink.readback import compare, download
from agent.mavlink.texts import StatusTexts
from agent.mavlink.transfer import TransferEnd, clear, upload
from simulator.loops import ScaledLoop, VirtualLoop
from simulator.vehicle.craft import Place
from simulator.vehicle.links import Address
from simulator.vehicle.server import VehicleServer
from simulator.vehicle.setup import Setup
from tests.doubles.autopilot import Script, scripted

RATE = 8.0
HOME = LatLon(30.39, 119.84)
KEPT = {
    MissionType.MISSION: (Cmd.NAV_WAYPOINT, frozenset({1, 5, 6, 7})),
    MissionType.RALLY: (Cmd.NAV_RALLY_POINT, frozenset({5, 6, 7})),
    MissionType.FENCE: (Cmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION, frozenset({1, 5, 6})),
}
Body = Callable[[Exchange], Coroutine[Any, Any, None]]


@asynccontextmanager
async def running(link: Link) -> AsyncIterator[Exchange]:
    task = asyncio.create_task(link.run())
    exchange = Exchange(link)
    try:
        async with asyncio.timeout(60):
            while not link.up:  # noqa: ASYNC110 a condition with a time-out
                await asyncio.sleep(0.01)
        yield exchange
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def in_memory(body: Body) -> None:
    async def main() -> None:
        results = {Cmd.DO_SET_MISSION_CURRENT: [Result.DENIED]}
        link, _ = scripted(Script(params={"RTL_ALT": 1500.0}, results=results, reject_item={}))
        async with running(link) as exchange:
            await body(exchange)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def built_in(body: Body) -> None:
    async def main() -> None:
        server = VehicleServer(
            Setup(Place(HOME, 30.0, 0.0), boot_s=5.0),
            [Address("tcp-listen", "127.0.0.1", 0)],
            Clock(TimeBase(RATE, time.time())),
            None,
            0.02,
        )
        stop = asyncio.Event()
        async with server:
            flying = asyncio.create_task(server.run(stop, lambda _: None))
            link = Link.at(str(server.bound[0]).replace("tcp-listen", "tcp"), system=1)
            async with running(link) as exchange:
                with link.listen("EXTENDED_SYS_STATE") as inbox:  # it takes no plan before it has booted
                    await Commander(exchange, StatusTexts(lambda _: None)).execute(
                        Command(Cmd.SET_MESSAGE_INTERVAL, (245.0, 1e6))
                    )
                    assert await inbox.get(20.0) is not None
                await asyncio.sleep(3.0)
                await body(exchange)
            stop.set()
            await flying

    with asyncio.Runner(loop_factory=lambda: ScaledLoop(RATE)) as runner:
        runner.run(main())


DOORS = pytest.mark.parametrize("door", [in_memory, built_in], ids=["in memory", "built-in vehicle"])


def items_of(kind: MissionType, count: int) -> list[WireItem]:
    """So many items of a kind around home; as a fence one polygon."""
    command, kept = KEPT[kind]
    frame = Frame.GLOBAL if kind is MissionType.FENCE else Frame.GLOBAL_RELATIVE_ALT_INT
    corners = [(1e-3, -1e-3), (1e-3, 1e-3), (-1e-3, 1e-3), (-1e-3, -1e-3)]
    first = float(count) if kind is MissionType.FENCE else 0.0
    return [
        item_at(
            command,
            LatLon(HOME.lat_deg + corners[n % 4][0] * (1 + n // 4), HOME.lon_deg + corners[n % 4][1]),
            0.0 if kind is MissionType.FENCE else 20.0,
            frame,
            (first,),
            kept,
        )
        for n in range(count)
    ]


@DOORS
@pytest.mark.parametrize(
    ("kind", "count"),
    [("MISSION", 2), ("MISSION", 100), ("MISSION", 0), ("FENCE", 4), ("FENCE", 0), ("RALLY", 3), ("RALLY", 0)],
)
def test_what_is_uploaded_reads_back_the_same(door: Callable[[Body], None], kind: str, count: int) -> None:
    async def body(exchange: Exchange) -> None:
        which = MissionType[kind]
        sent = items_of(which, count)
        result = await upload(exchange, which, sent)
        assert result.end is TransferEnd.ACCEPTED, result
        read = (await download(exchange, which)).items
        if count or which is not MissionType.MISSION:  # a cleared mission may still hold home
            assert compare(sent, read, first=int(which is MissionType.MISSION)) is None
        assert await clear(exchange, which) is MissionResult.ACCEPTED
        assert len((await download(exchange, which)).items) <= (which is MissionType.MISSION)

    door(body)


def test_a_bad_item_is_refused_by_name_and_the_next_upload_succeeds() -> None:
    async def body(exchange: Exchange) -> None:
        good = items_of(MissionType.MISSION, 12)
        for change, expected in (
            ({"x": 950_000_000}, MissionResult.INVALID_PARAM5_X),
            ({"command": 31_000}, MissionResult.UNSUPPORTED),
            ({"frame": 17}, MissionResult.UNSUPPORTED_FRAME),
        ):
            bad = [*good[:7], replace(good[7], **change), *good[8:]]
            result = await upload(exchange, MissionType.MISSION, bad)
            assert (result.end, result.result, result.item) == (TransferEnd.REFUSED, expected, 7)
        assert (await upload(exchange, MissionType.MISSION, good)).end is TransferEnd.ACCEPTED

    built_in(body)


def test_more_than_fits_is_refused() -> None:
    async def body(exchange: Exchange) -> None:
        result = await upload(exchange, MissionType.MISSION, items_of(MissionType.MISSION, 800))
        assert (result.end, result.result) == (TransferEnd.REFUSED, MissionResult.NO_SPACE)

    built_in(body)


@DOORS
def test_parameters_are_read_set_and_unknown(door: Callable[[Body], None]) -> None:
    async def body(exchange: Exchange) -> None:
        parameters = Parameters(exchange, bytewise=False)
        assert await parameters.get("RTL_ALT") == 1500.0
        assert await parameters.get("NO_SUCH_NAME") is None
        assert await parameters.set("RTL_ALT", 4000.0) == Accepted()
        assert await parameters.get("RTL_ALT") == 4000.0
        assert isinstance(await parameters.set("NO_SUCH_NAME", 1.0), Refused)

    door(body)


@DOORS
def test_a_denied_command_is_denied_at_once(door: Callable[[Body], None]) -> None:
    async def body(exchange: Exchange) -> None:
        commander = Commander(exchange, StatusTexts(lambda _: None))
        answer = await commander.execute(Command(Cmd.DO_SET_MISSION_CURRENT, (99.0,)))
        assert (answer.result, answer.sent) == (Result.DENIED, 1)

    door(body)


@DOORS
def test_the_round_trip_is_measured(door: Callable[[Body], None]) -> None:
    async def body(exchange: Exchange) -> None:
        task = asyncio.create_task(exchange.measure_forever())
        await asyncio.sleep(6.0)
        task.cancel()
        assert exchange.round_trip.mean_s is not None
        assert 0.0 < exchange.round_trip.mean_s < 5.0

    door(body)
