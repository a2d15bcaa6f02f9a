"""All parameters arrive, by file or by list, and a refusal has its reason."""

from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.errors import ProtocolError
from agent.core.outcome import Refused
from agent.mavlink.exchange import Exchange
from agent.mavlink.ftp import Ftp
from agent.mavlink.link import Link
from agent.mavlink.parameters import Parameters
from tests.doubles.autopilot import Script, ScriptedAutopilot, with_peer
from tests.doubles.builtin_link import BadLink, Weather, on_builtin

BAD = Weather(loss=0.2, twice=0.1, delay_s=0.03, jitter_s=0.05)


def parameters_on(exchange: Exchange, *, by_file: bool, singly_hz: float | None = None) -> Parameters:
    return Parameters(exchange, bytewise=False, singly_hz=singly_hz, files=Ftp(exchange) if by_file else None)


@pytest.mark.parametrize("weather", [Weather(), BAD], ids=["good link", "bad link"])
@pytest.mark.parametrize("by_file", [True, False], ids=["file", "list"])
def test_every_parameter_comes(by_file: bool, weather: Weather) -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        seen: list[tuple[int, int]] = []
        found = await parameters_on(exchange, by_file=by_file).get_all(lambda done, total: seen.append((done, total)))
        truth = bad.rig.autopilot.parameters
        assert {name: value.value for name, value in found.items()} == {name: truth[name] for name in truth.names}
        assert {value.kind for value in found.values()} == {truth.wire_type(name) for name in truth.names}
        assert seen[-1][0] == len(truth) or by_file

    on_builtin(body, weather, "BATT_LOW_VOLT=10.55")


def test_many_are_had_out_of_all_and_few_singly() -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        names = ["RTL_ALT", "NO_SUCH_NAME", *bad.rig.autopilot.parameters.names[:10]]
        singly = await parameters_on(exchange, by_file=True, singly_hz=50.0).get_many(names)
        began = bad.carried
        at_once = await parameters_on(exchange, by_file=True, singly_hz=1.0).get_many(names)
        assert singly == at_once
        assert at_once["NO_SUCH_NAME"] is None
        assert at_once["RTL_ALT"] == 1500.0
        assert bad.carried - began > 10

    on_builtin(body)


def test_where_the_file_is_refused_the_list_is_asked_for() -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        bad.rig.autopilot.ftp.files.made_up.clear()
        assert len(await parameters_on(exchange, by_file=True).get_all()) == len(bad.rig.autopilot.parameters)

    on_builtin(body)


def test_silence_ends_the_fetch() -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        bad.cut = True
        with pytest.raises(ProtocolError, match="parameters_silent"):
            await parameters_on(exchange, by_file=False).get_all()

    on_builtin(body)


@pytest.mark.parametrize(("error", "word"), [(2, "VALUE_OUT_OF_RANGE"), (5, "READ_ONLY"), (77, "77")])
def test_px4_says_why_it_does_not_take_a_value(error: int, word: str) -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> None:
        parameters = Parameters(Exchange(link), bytewise=True)
        peer.on_param_set = lambda message: mavlink.MAVLink_param_error_message(255, 190, message.param_id.encode(), -1, error)
        outcome = await parameters.set("GF_ACTION", 99.0)
        assert isinstance(outcome, Refused)
        assert word in outcome.words

    with_peer(Script(px4=True, params={"GF_ACTION": 2.8e-45}), body)


def test_px4_says_at_once_that_a_name_is_unknown() -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> Any:
        exchange = Exchange(link)
        began_s = exchange.now_s
        assert await Parameters(exchange, bytewise=True).get("NO_SUCH_NAME") is None
        return exchange.now_s - began_s

    assert with_peer(Script(px4=True), body) < 0.5


@pytest.mark.parametrize("late", [1, 3, 6])
def test_late_answers_to_repeated_reads_are_not_taken_for_the_new_value(late: int) -> None:
    """Watched on a busy ArduCopter: an answer from before the setting came after it, and the value counted as refused."""

    async def body(link: Link, peer: ScriptedAutopilot) -> None:
        stale = late

        def answer(_: Any) -> Any:
            nonlocal stale
            stale -= 1
            if stale <= 0:
                peer.script.params["MNT1_DEFLT_MODE"] = 2.0
            return mavlink.MAVLink_param_value_message(b"MNT1_DEFLT_MODE", 1.0, 2, 1, 0)

        peer.on_param_set = answer
        outcome = await Parameters(Exchange(link), bytewise=False).set("MNT1_DEFLT_MODE", 2.0)
        assert isinstance(outcome, Refused) is (late > 3)
        assert late <= 3 or "is 1.0 after it was set to 2.0" in outcome.words

    with_peer(Script(params={"MNT1_DEFLT_MODE": 1.0}), body)
