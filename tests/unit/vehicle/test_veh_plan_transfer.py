"""What is on board is whole and proved, and what is proved is not sent again."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LatLon
from agent.core.outcome import Accepted, Refused
from agent.mavlink.enums import Cmd, Frame, MissionResult, MissionType
from agent.mavlink.items import WireItem, item_at
from agent.mavlink.link import Link
from agent.vehicle.plan_transfer import PlanTransfer
from agent.vehicle.session import Session
from tests.doubles.autopilot import Script, ScriptedAutopilot, with_peer

MISSION, FENCE = MissionType.MISSION, MissionType.FENCE
LATER_S = 30.0
KEPT = frozenset({1, 5, 6, 7})
Body = Callable[[PlanTransfer, ScriptedAutopilot, Session], Coroutine[Any, Any, None]]


def waypoints(count: int, alt_m: float = 20.0) -> list[WireItem]:
    places = [LatLon(30.39 + n * 1e-4, 119.84) for n in range(count)]
    return [item_at(Cmd.NAV_WAYPOINT, place, alt_m, Frame.GLOBAL_RELATIVE_ALT, (), KEPT) for place in places]


def carried(body: Body, script: Script) -> None:
    async def main(link: Link, peer: ScriptedAutopilot) -> None:
        session = Session(link, Bus(), Clock(), connect_timeout_s=30.0, lost_after_s=5.0)
        await body(PlanTransfer(session, 0), peer, session)

    with_peer(script, main)


@pytest.mark.parametrize("px4", [False, True])
def test_what_is_proved_to_be_on_board_is_read_but_not_sent_again(px4: bool) -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, _: Session) -> None:
        for _ in range(3):
            assert await transfer.put(MISSION, waypoints(30), 0, None) == Accepted()
            await asyncio.sleep(LATER_S)
        assert peer.heard["MISSION_ITEM_INT"] == 30
        assert peer.heard["MISSION_REQUEST_INT"] == 90

    carried(body, Script(px4=px4))


def test_where_the_autopilot_has_an_identity_of_the_items_they_are_not_even_read_again() -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, _: Session) -> None:
        for _ in range(3):
            assert await transfer.put(MISSION, waypoints(30), 0, None) == Accepted()
            await asyncio.sleep(LATER_S)
        assert peer.heard["MISSION_ITEM_INT"] == 30
        assert peer.heard["MISSION_REQUEST_INT"] == 30
        acks = [m for m in peer.log if m.get_type() == "MISSION_ACK"]
        assert len(acks) == 3, "the autopilot is told that nothing more is asked for"

    carried(body, Script(px4=True, identity=True))


def test_a_proof_is_not_used_while_answers_of_the_former_reading_may_still_come() -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, _: Session) -> None:
        for _ in range(2):
            assert await transfer.put(MISSION, waypoints(30), 0, None) == Accepted()
        assert peer.heard["MISSION_ITEM_INT"] == 60

    carried(body, Script(identity=True))


@pytest.mark.parametrize("identity", [False, True])
def test_what_another_station_changed_is_sent_again(identity: bool) -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, _: Session) -> None:
        assert await transfer.put(MISSION, waypoints(30), 0, None) == Accepted()
        peer.items[MISSION][7].z = 99.0
        await asyncio.sleep(LATER_S)
        assert await transfer.put(MISSION, waypoints(30), 0, None) == Accepted()
        assert peer.items[MISSION][7].z == 20.0
        assert peer.heard["MISSION_ITEM_INT"] == 60

    carried(body, Script(px4=True, identity=identity))


def test_other_items_a_reboot_or_a_doubt_make_it_be_sent_again() -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, session: Session) -> None:
        sent = 0
        for step in ("first", "other", "reboot", "doubt"):
            session.boots += step == "reboot"
            if step == "doubt":
                transfer.forget()
            items = waypoints(10, 20.0 if step == "first" else 30.0)
            assert await transfer.put(MISSION, items, 0, None) == Accepted()
            sent += 10
            await asyncio.sleep(LATER_S)
            assert peer.heard["MISSION_ITEM_INT"] == sent, step

    carried(body, Script(identity=True))


@pytest.mark.parametrize("px4", [False, True])
@pytest.mark.parametrize("kind", [MISSION, FENCE])
def test_a_cancelled_upload_is_ended_at_the_autopilot_and_leaves_nothing(kind: MissionType, px4: bool) -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, _: Session) -> None:
        assert await transfer.put(MISSION, waypoints(5), 0, None) == Accepted()
        half = asyncio.Event()

        def told(_: str, done: int, __: int) -> None:
            if done > 100:
                half.set()

        running = asyncio.create_task(transfer.put(kind, waypoints(400, 50.0), 0, told))
        await half.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.sleep(1.0)
        cancelled = [m for m in peer.log if m.get_type() == "MISSION_ACK" and m.type == MissionResult.OPERATION_CANCELLED]
        assert [m.mission_type for m in cancelled] == [kind]
        assert (peer.items[MISSION], peer.items[kind]) == ([], [])
        assert await transfer.put(kind, waypoints(20), 0, None) == Accepted(), "the next upload finds it ready"

    carried(body, Script(px4=px4, delay_s=0.05))


def test_a_cancellation_does_not_wait_long_for_an_autopilot_that_is_gone() -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, session: Session) -> None:
        running = asyncio.create_task(transfer.put(MISSION, waypoints(400), 0, None))
        await asyncio.sleep(0.05)
        peer.script.mute = True
        running.cancel()
        began_s = session.now_s
        with pytest.raises(asyncio.CancelledError):
            await running
        assert session.now_s - began_s <= 5.0

    carried(body, Script(delay_s=0.02))


def test_a_fence_that_is_refused_takes_the_mission_with_it() -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, _: Session) -> None:
        assert await transfer.put(MISSION, waypoints(5), 0, None) == Accepted()
        peer.script.reject_item = {2: 1}
        refused = await transfer.put(FENCE, waypoints(5), 0, None)
        assert isinstance(refused, Refused)
        assert (refused.code, refused.words) == ("mission.refused", "fence: ERROR at item 2")
        assert peer.items[MISSION] == []

    carried(body, Script())


def test_one_item_that_reads_back_wrong_once_is_read_again() -> None:
    async def body(transfer: PlanTransfer, peer: ScriptedAutopilot, _: Session) -> None:
        wrong = [True]

        def spoil(item: Any) -> None:
            if item.seq == 3 and wrong:
                wrong.pop()
                item.z += 5.0

        peer.script.spoil = spoil
        assert await transfer.put(MISSION, waypoints(5), 0, None) == Accepted()
        peer.script.spoil = lambda item: setattr(item, "z", item.z + 5.0)
        refused = await transfer.put(MISSION, waypoints(6), 0, None)
        assert isinstance(refused, Refused)
        assert refused.words == "mission: item 0: parameter 7 is 25 instead of 20"
        assert peer.items[MISSION] == []

    carried(body, Script())


def test_progress_is_told_of_both_ways() -> None:
    async def body(transfer: PlanTransfer, _: ScriptedAutopilot, __: Session) -> None:
        told: list[tuple[str, int, int]] = []
        await transfer.put(FENCE, waypoints(20), 0, lambda what, done, total: told.append((what, done, total)))
        assert told[0] == ("fence", 0, 20)
        assert ("fence", 20, 20) in told
        assert told[-1] == ("fence read back", 20, 20)

    carried(body, Script())
