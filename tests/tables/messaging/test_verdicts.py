"""What every reason code of a PUBACK means."""

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.messaging.verdict import ATTEMPTS_MAX, Verdict, delay_s, verdict

_NAMES = {
    "Success": Verdict.TAKEN,
    "No matching subscribers": Verdict.TAKEN,
    "Unspecified error": Verdict.LATER,
    "Implementation specific error": Verdict.LATER,
    "Not authorized": Verdict.NEVER,
    "Topic name invalid": Verdict.NEVER,
    "Packet identifier in use": Verdict.LATER,
    "Quota exceeded": Verdict.WAIT,
    "Payload format invalid": Verdict.NEVER,
}


@pytest.mark.parametrize(("name", "expected"), list(_NAMES.items()))
def test_each_puback_code_of_the_standard(name: str, expected: Verdict) -> None:
    assert verdict(ReasonCode(PacketTypes.PUBACK, name).value, 0) is expected


@pytest.mark.parametrize("code", range(256))
def test_every_code_has_a_verdict_and_no_failure_counts_as_taken(code: int) -> None:
    found = verdict(code, 0)
    assert (found is Verdict.TAKEN) == (code < 0x80)


@pytest.mark.parametrize("code", range(256))
def test_nothing_that_may_be_the_messages_own_fault_is_tried_for_ever(code: int) -> None:
    assert verdict(code, ATTEMPTS_MAX) in ({Verdict.WAIT} if code == 0x97 else {Verdict.TAKEN, Verdict.NEVER})


def test_pauses_grow_to_a_limit() -> None:
    pauses = [delay_s(n) for n in range(20)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 2.0
    assert pauses[-1] == 600.0
