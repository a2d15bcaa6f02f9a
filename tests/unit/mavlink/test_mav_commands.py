"""Commands, parameters and round trips over a scripted autopilot."""

import asyncio
import struct
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.outcome import Accepted, Refused
from agent.mavlink.commands import Command, CommandAnswer, Commander
from agent.mavlink.enums import Cmd, Result
from agent.mavlink.exchange import Exchange, RoundTrip
from agent.mavlink.link import Link
from agent.mavlink.parameters import Parameters
from agent.mavlink.texts import StatusTexts
from tests.doubles.autopilot import Script, ScriptedAutopilot, with_peer


def executed(script: Script, command: Command) -> tuple[CommandAnswer, ScriptedAutopilot, float]:
    async def body(link: Link, peer: ScriptedAutopilot) -> Any:
        exchange = Exchange(link)
        texts = StatusTexts(lambda _: None)
        link.add_handler(texts.on_frame)
        began_s = exchange.now_s
        answer = await Commander(exchange, texts).execute(command)
        return answer, peer, exchange.now_s - began_s

    return with_peer(script, body)  # type: ignore[no-any-return]


ARM = Command(Cmd.COMPONENT_ARM_DISARM, (1.0,), repeatable=False)
RTL = Command(Cmd.DO_SET_MODE, (1.0, 6.0))


def test_an_accepted_command_is_sent_once() -> None:
    answer, peer, _ = executed(Script(), RTL)
    assert (answer.accepted, answer.sent, peer.heard["COMMAND_LONG"]) == (True, 1, 1)


def test_a_lost_answer_is_asked_for_with_the_confirmation_counted() -> None:
    answer, peer, _ = executed(Script(results={Cmd.DO_SET_MODE: ["lost", "silence", 0]}), RTL)
    sent = [m.confirmation for m in peer.log if m.get_type() == "COMMAND_LONG"]
    assert (answer.accepted, answer.sent, sent) == (True, 3, [0, 1, 2])


def test_arming_is_never_repeated_blindly() -> None:
    answer, peer, _ = executed(Script(results={Cmd.COMPONENT_ARM_DISARM: ["silence"]}), ARM)
    assert (answer.result, peer.heard["COMMAND_LONG"]) == (None, 1)
    assert answer.reason == "no answer"


def test_in_progress_extends_the_wait() -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> CommandAnswer:
        loop = asyncio.get_running_loop()
        for at_s in (2.0, 5.0, 8.0):
            loop.call_later(at_s, peer.send, mavlink.MAVLink_command_ack_message(Cmd.DO_SET_MODE, 5, 30, 0, 255, 190))
        loop.call_later(11.0, peer.send, mavlink.MAVLink_command_ack_message(Cmd.DO_SET_MODE, 0, 0, 0, 255, 190))
        exchange = Exchange(link)
        return await Commander(exchange, StatusTexts(lambda _: None)).execute(RTL)

    answer = with_peer(Script(results={Cmd.DO_SET_MODE: [5, "silence"]}), body)
    assert (answer.result, answer.sent) == (Result.ACCEPTED, 1)


def test_a_denial_carries_the_words_that_come_after_it() -> None:
    script = Script(results={Cmd.COMPONENT_ARM_DISARM: [4]}, texts={Cmd.COMPONENT_ARM_DISARM: "Arm: Compass not healthy"})
    answer, _, _ = executed(script, ARM)
    assert (answer.result, answer.words) == (Result.FAILED, "Arm: Compass not healthy")


def test_a_denial_without_words_names_the_result() -> None:
    answer, _, _ = executed(Script(results={Cmd.DO_SET_MODE: [3]}), RTL)
    assert answer.reason == "the autopilot answered UNSUPPORTED"


def test_an_answer_for_another_ground_station_or_command_is_not_ours() -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> CommandAnswer:
        peer.send(mavlink.MAVLink_command_ack_message(Cmd.DO_SET_MODE, 0, 0, 0, 42, 190))
        peer.send(mavlink.MAVLink_command_ack_message(Cmd.MISSION_START, 0, 0, 0, 255, 190))
        return await Commander(Exchange(link), StatusTexts(lambda _: None)).execute(RTL)

    assert with_peer(Script(results={Cmd.DO_SET_MODE: [2]}), body).result is Result.DENIED


def test_one_command_of_an_id_is_under_way_at_a_time() -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> list[float]:
        times: list[float] = []
        peer.on_command[Cmd.DO_SET_MODE] = lambda _: times.append(asyncio.get_running_loop().time())
        commander = Commander(Exchange(link), StatusTexts(lambda _: None))
        await asyncio.gather(commander.execute(RTL), commander.execute(RTL))
        return times

    first, second = with_peer(Script(delay_s=0.1), body)
    assert second - first > 0.19, "the second went out after the first was answered"


def test_an_unheard_of_result_counts_as_failed() -> None:
    answer, _, _ = executed(Script(results={Cmd.DO_SET_MODE: [77]}), RTL)
    assert answer.result is Result.FAILED


def test_time_outs_follow_the_round_trip() -> None:
    trip = RoundTrip()
    assert trip.timeout_s() == 1.0
    for _ in range(50):
        trip.measured(0.8)
    assert 0.8 < trip.timeout_s() < 1.2
    assert trip.timeout_s(2) == pytest.approx(4 * trip.timeout_s())
    for _ in range(100):
        trip.measured(0.001)
    assert trip.timeout_s() == pytest.approx(0.2)
    assert trip.timeout_s(50) == pytest.approx(0.8), "a radio loses packets without being full"


def test_timesync_measures_the_round_trip() -> None:
    async def body(link: Link, _: ScriptedAutopilot) -> float | None:
        exchange = Exchange(link)
        task = asyncio.create_task(exchange.measure_forever())
        await asyncio.sleep(30.0)
        task.cancel()
        return exchange.round_trip.mean_s

    assert with_peer(Script(delay_s=0.25), body) == pytest.approx(0.5, abs=0.01)


def parameters(script: Script, body: Any, *, bytewise: bool = False) -> Any:
    return with_peer(script, lambda link, peer: body(Parameters(Exchange(link), bytewise=bytewise), peer))


def test_a_parameter_is_read_and_an_unknown_one_is_none() -> None:
    async def body(values: Parameters, _: ScriptedAutopilot) -> None:
        assert await values.get("RTL_ALT") == 1500.0
        assert await values.get("NOT_THERE") is None
        assert await values.get_many(["RTL_ALT", "NOT_THERE", "SYSID_MYGCS"]) == {
            "RTL_ALT": 1500.0, "NOT_THERE": None, "SYSID_MYGCS": 255.0}  # fmt: skip

    parameters(Script(params={"RTL_ALT": 1500.0, "SYSID_MYGCS": 255.0}, loss=0.1), body)


def test_a_set_value_is_read_back() -> None:
    async def body(values: Parameters, peer: ScriptedAutopilot) -> None:
        assert await values.set("RTL_ALT", 4000.0) == Accepted()
        assert peer.script.params["RTL_ALT"] == 4000.0
        assert await values.set("RTL_ALT", 4000.0) == Accepted()
        assert peer.heard["PARAM_SET"] == 1, "what is right already is not written again"
        assert await values.set("NOT_THERE", 1.0) == Refused(
            "vehicle.parameter_unknown", "NOT_THERE: the autopilot does not answer for it"
        )

    parameters(Script(params={"RTL_ALT": 1500.0}), body)


def test_a_value_that_is_not_taken_is_told() -> None:
    class Stubborn(dict[str, float]):
        def __setitem__(self, key: str, value: float) -> None:
            """Ignores it in silence, as ArduPilot does with NaN."""

    async def body(values: Parameters, _: ScriptedAutopilot) -> None:
        assert await values.set("RTL_ALT", 4000.0) == Refused(
            "vehicle.parameter_refused", "RTL_ALT is 1500.0 after it was set to 4000.0"
        )

    parameters(Script(params=Stubborn({"RTL_ALT": 1500.0})), body)


def test_integers_of_px4_travel_as_bytes() -> None:
    two = struct.unpack("<f", struct.pack("<i", 2))[0]

    async def body(values: Parameters, peer: ScriptedAutopilot) -> None:
        assert await values.get("NAV_DLL_ACT") == 2.0
        assert await values.set("NAV_DLL_ACT", 3.0) == Accepted()
        assert struct.unpack("<i", struct.pack("<f", peer.script.params["NAV_DLL_ACT"]))[0] == 3

    parameters(Script(px4=True, params={"NAV_DLL_ACT": two}), body, bytewise=True)
