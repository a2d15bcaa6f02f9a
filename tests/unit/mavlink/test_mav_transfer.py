"""Missions arrive whole or not at all, whatever the link and the autopilot do."""

from collections.abc import Sequence
from typing import Any

import pytest

from agent.core.errors import ProtocolError
from agent.core.geo import LatLon
from agent.mavlink.enums import Cmd, Frame, MissionResult, MissionType
from agent.mavlink.exchange import Exchange
from agent.mavlink.items import WireItem, difference, item_at, item_plain
from agent.mavlink.link import Link
from agent.mavlink.readback import compare, download
from agent.mavlink.transfer import TransferEnd, TransferResult, clear, upload
from tests.doubles.autopilot import Script, ScriptedAutopilot, with_peer

KEPT = frozenset({1, 5, 6, 7})


def waypoints(count: int) -> list[WireItem]:
    return [
        item_at(
            Cmd.NAV_WAYPOINT,
            LatLon(30.39 + n * 1e-4, 119.84),
            20.0 + n / 10,
            Frame.GLOBAL_RELATIVE_ALT_INT,
            (float(n % 5),),
            KEPT,
        )
        for n in range(count)
    ]


def sent_up(script: Script, items: Sequence[WireItem]) -> tuple[TransferResult, str | None, ScriptedAutopilot, float]:
    """Uploads, reads back; result, difference, the peer and the seconds it took."""

    async def body(link: Link, peer: ScriptedAutopilot) -> Any:
        exchange = Exchange(link)
        began_s = exchange.now_s
        result = await upload(exchange, MissionType.MISSION, items)
        took_s = exchange.now_s - began_s
        words = (
            compare(items, (await download(exchange, MissionType.MISSION)).items)
            if result.end in {"accepted", "unconfirmed"}
            else None
        )
        return result, words, peer, took_s

    return with_peer(script, body)  # type: ignore[no-any-return]


@pytest.mark.parametrize("px4", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 9, 100, 600])
def test_a_mission_reads_back_as_it_was_sent(count: int, px4: bool) -> None:
    result, words, peer, _ = sent_up(Script(px4=px4), waypoints(count))
    assert (result.end, words) == (TransferEnd.ACCEPTED, None)
    assert len(peer.items[0]) == count
    assert peer.heard["MISSION_ITEM_INT"] == count, "nothing is sent twice on a good link"


def test_items_run_ahead_of_requests_on_a_slow_link() -> None:
    """One by one, 100 items over 100 ms of round trip are 10 s."""
    result, words, _, took_s = sent_up(Script(delay_s=0.05), waypoints(100))
    assert (result.end, words) == (TransferEnd.ACCEPTED, None)
    assert took_s < 1.5


@pytest.mark.parametrize("px4", [False, True])
@pytest.mark.parametrize("loss", [0.02, 0.2])
@pytest.mark.parametrize("seed", range(8))
def test_lost_packets_cost_time_only(seed: int, loss: float, px4: bool) -> None:
    result, words, peer, took_s = sent_up(Script(loss=loss, delay_s=0.05, seed=seed, px4=px4), waypoints(60))
    assert result.end in {TransferEnd.ACCEPTED, TransferEnd.UNCONFIRMED}
    assert words is None
    assert len(peer.items[0]) == 60
    assert took_s < (10.0 if loss < 0.1 else 60.0)


@pytest.mark.parametrize("seed", range(4))
def test_reading_back_over_a_lossy_link_does_not_wait_for_each_lost_item(seed: int) -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> float:
        exchange = Exchange(link)
        await upload(exchange, MissionType.MISSION, waypoints(300))
        peer.script.loss = 0.02
        began_s = exchange.now_s
        assert compare(waypoints(300), (await download(exchange, MissionType.MISSION)).items) is None
        return exchange.now_s - began_s

    assert with_peer(Script(delay_s=0.05, seed=seed), body) < 5.0


def test_an_autopilot_that_wants_one_by_one_gets_it() -> None:
    result, words, _, _ = sent_up(Script(one_by_one=True), waypoints(20))
    assert (result.end, words) == (TransferEnd.ACCEPTED, None)


def test_a_busy_autopilot_is_asked_again() -> None:
    result, words, peer, took_s = sent_up(Script(busy=3), waypoints(5))
    assert (result.end, words) == (TransferEnd.ACCEPTED, None)
    assert peer.heard["MISSION_COUNT"] == 4
    assert took_s >= 3.0


def test_a_busy_autopilot_is_not_asked_for_ever() -> None:
    result, _, peer, _ = sent_up(Script(busy=1000), waypoints(5))
    assert (result.end, result.result) == (TransferEnd.REFUSED, MissionResult.DENIED)
    assert peer.heard["MISSION_COUNT"] == 10


@pytest.mark.parametrize("code", [2, 3, 6, 10, 12])
def test_a_bad_item_is_named(code: int) -> None:
    result, _, peer, _ = sent_up(Script(reject_item={7: code}), waypoints(20))
    assert (result.end, result.result, result.item) == (TransferEnd.REFUSED, MissionResult(code), 7)
    assert peer.heard["MISSION_COUNT"] == 2, "once ahead, once one by one"


def test_a_lost_final_answer_is_not_a_failure() -> None:
    result, words, peer, _ = sent_up(Script(lose_final_ack=True), waypoints(20))
    assert (result.end, words) == (TransferEnd.UNCONFIRMED, None)
    assert len(peer.items[0]) == 20


def test_silence_ends() -> None:
    result, _, _, took_s = sent_up(Script(mute=True), waypoints(5))
    assert result.end is TransferEnd.SILENT
    assert took_s < 60.0


def test_no_ping_pong_for_ever() -> None:
    result, _, peer, _ = sent_up(Script(forever=True, px4=True), waypoints(5))
    assert result.end in {TransferEnd.REFUSED, TransferEnd.SILENT}
    assert peer.heard["MISSION_ITEM_INT"] < 500


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []

    async def body(link: Link, _: ScriptedAutopilot) -> None:
        await upload(Exchange(link), MissionType.FENCE, waypoints(20), lambda done, total: told.append((done, total)))

    with_peer(Script(), body)
    assert told[0] == (0, 20)
    assert told[-1] == (20, 20)
    assert told == sorted(told)


def test_reading_back_what_never_answers_raises() -> None:
    async def body(link: Link, _: ScriptedAutopilot) -> None:
        with pytest.raises(ProtocolError, match=r"mission\.unreadable"):
            await download(Exchange(link), MissionType.RALLY)

    with_peer(Script(mute=True), body)


def test_clearing_says_what_the_autopilot_said() -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> None:
        exchange = Exchange(link)
        await upload(exchange, MissionType.RALLY, waypoints(3))
        assert await clear(exchange, MissionType.RALLY) is MissionResult.ACCEPTED
        assert peer.items[2] == []

    with_peer(Script(), body)


PLACE = LatLon(30.39, 119.84)
WAYPOINT = item_at(
    Cmd.NAV_WAYPOINT, PLACE, 20.0, Frame.GLOBAL_RELATIVE_ALT_INT, (2.0, 0.0, 0.0, float("nan")), frozenset({1, 4, 5, 6, 7})
)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"frame": 3}, True),
        ({"frame": 0}, False),
        ({"command": 17}, False),
        ({"params": (2.0, 9.0, 9.0, 0.0)}, True),  # 2 and 3 are not kept; NaN reads back as 0
        ({"params": (3.0, 0.0, 0.0, 0.0)}, False),
        ({"params": (2.0, 0.0, 0.0, 90.0)}, False),
        ({"x": WAYPOINT.x + 1}, True),
        ({"x": WAYPOINT.x + 20}, False),
        ({"y": WAYPOINT.y - 20}, False),
        ({"z": 20.01}, True),
        ({"z": 20.5}, False),
        ({"z": float("nan")}, False),
    ],
)
def test_what_counts_as_a_difference(change: dict[str, Any], same: bool) -> None:
    fields = {
        "command": WAYPOINT.command,
        "frame": WAYPOINT.frame,
        "params": WAYPOINT.params,
        "x": WAYPOINT.x,
        "y": WAYPOINT.y,
        "z": 20.0,
    }
    assert (difference(WAYPOINT, WireItem(**{**fields, **change})) is None) is same


def test_plain_items_compare_without_frame_and_places() -> None:
    sent = item_plain(Cmd.DO_CHANGE_SPEED, (1.0, 8.0, -1.0), frozenset({1, 2}))
    assert difference(sent, WireItem(Cmd.DO_CHANGE_SPEED, 0, (1.0, 8.0, 0.0, 0.0))) is None
    assert difference(sent, WireItem(Cmd.DO_CHANGE_SPEED, 0, (1.0, 9.0, 0.0, 0.0))) == "parameter 2 is 9 instead of 8"


def test_a_missing_item_is_a_difference() -> None:
    assert compare(waypoints(3), waypoints(2)) == "2 items instead of 3"
    assert compare(waypoints(3), [waypoints(4)[3], *waypoints(3)[1:]], first=1) is None
