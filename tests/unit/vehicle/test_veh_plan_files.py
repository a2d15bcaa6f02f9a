"""Over a slow radio a plan goes to ArduPilot as a file; whatever happens on the way, nothing half flies."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.outcome import Accepted, Refused
from agent.mavlink.address import baud_of
from agent.mavlink.enums import MissionType
from agent.mavlink.exchange import Exchange
from agent.mavlink.ftp import Ftp
from agent.vehicle.plan_transfer import PlanTransfer
from agent.vehicle.session import Session
from tests.doubles.builtin_link import BadLink, Weather, on_builtin
from tests.unit.mavlink.test_mav_transfer import waypoints

RADIO = "serial:/dev/ttyUSB0:57600"
FTP = "FILE_TRANSFER_PROTOCOL"


def transfer_on(exchange: Exchange) -> PlanTransfer:
    session = Session(exchange.link, Bus(), Clock(), connect_timeout_s=5.0, lost_after_s=5.0)
    return PlanTransfer(session, 1, Ftp(session.exchange))


@pytest.mark.parametrize(
    ("text", "baud"), [(RADIO, 57_600), ("serial:/dev/ttyACM0:921600", 921_600), ("udp:10.0.0.1:14550", None), ("link", None)]
)
def test_the_speed_of_a_serial_line_is_in_its_name(text: str, baud: int | None) -> None:
    assert baud_of(text) == baud


@pytest.mark.parametrize(
    ("link", "count", "as_file"),
    [(RADIO, 100, True), (RADIO, 10, False), ("serial:/dev/ttyACM0:921600", 100, False), ("udp:10.0.0.1:14550", 100, False)],
)
def test_a_long_plan_goes_as_a_file_over_a_slow_line_only(link: str, count: int, as_file: bool) -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        seen: list[tuple[str, int, int]] = []
        outcome = await transfer_on(exchange).put(MissionType.MISSION, waypoints(count), 1, lambda *step: seen.append(step))
        assert outcome == Accepted()
        assert bad.rig.autopilot.store.count(0) == count
        assert (bad.heard[FTP] > 0, bad.heard["MISSION_ITEM_INT"] > 0) == (as_file, not as_file)
        assert ("mission", count, count) in seen

    on_builtin(body, None, link=link)


def test_a_plan_arrives_as_a_file_over_a_bad_radio() -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        outcome = await transfer_on(exchange).put(MissionType.MISSION, waypoints(200), 1, None)
        assert outcome == Accepted()
        assert bad.heard["MISSION_ITEM_INT"] == 0

    on_builtin(body, Weather(loss=0.1, twice=0.05, delay_s=0.05, jitter_s=0.05), link=RADIO)


def test_where_files_are_refused_the_items_are_sent() -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        bad.rig.autopilot.ftp.files.made_up.clear()
        transfer = transfer_on(exchange)
        assert await transfer.put(MissionType.MISSION, waypoints(100), 1, None) == Accepted()
        asked = bad.heard[FTP]
        transfer.forget()
        assert await transfer.put(MissionType.MISSION, waypoints(50), 1, None) == Accepted()
        assert bad.heard[FTP] == asked, "it is not tried again"

    on_builtin(body, None, link=RADIO)


def test_a_bad_item_in_a_file_is_named_and_nothing_stays_on_board() -> None:
    """ArduPilot closes such a file without a word, with the items before the bad one on board."""

    async def body(exchange: Exchange, bad: BadLink) -> None:
        items = waypoints(60)
        items[30] = replace(items[30], x=950_000_000)
        outcome = await transfer_on(exchange).put(MissionType.MISSION, items, 1, None)
        assert isinstance(outcome, Refused)
        assert "INVALID_PARAM5_X at item 30" in outcome.words
        assert bad.rig.autopilot.store.count(0) <= 1

    on_builtin(body, None, link=RADIO)


@pytest.mark.parametrize("after_s", [0.02, 0.08, 0.2])
def test_a_file_that_is_broken_off_leaves_no_mission_and_no_open_file(after_s: float) -> None:
    async def body(exchange: Exchange, bad: BadLink) -> Any:
        transfer = transfer_on(exchange)
        assert await transfer.put(MissionType.MISSION, waypoints(40), 1, None) == Accepted()
        putting = asyncio.create_task(transfer.put(MissionType.MISSION, waypoints(300)[::-1], 1, None))
        await asyncio.sleep(after_s)
        putting.cancel()
        await asyncio.gather(putting, return_exceptions=True)
        assert bad.rig.autopilot.store.count(0) <= 1
        assert await transfer.put(MissionType.MISSION, waypoints(40), 1, None) == Accepted()

    on_builtin(body, Weather(delay_s=0.02), link=RADIO)


@pytest.mark.parametrize("kind", [MissionType.FENCE, MissionType.RALLY])
def test_fence_and_rally_points_are_files_too(kind: MissionType) -> None:
    from tests.contract.mavlink.test_mav_contract import items_of

    async def body(exchange: Exchange, bad: BadLink) -> None:
        items = items_of(kind, 40)
        assert await transfer_on(exchange).put(kind, items, 0, None) == Accepted()
        assert bad.rig.autopilot.store.count(int(kind)) == 40
        assert bad.heard["MISSION_ITEM_INT"] == 0

    on_builtin(body, None, link=RADIO)
