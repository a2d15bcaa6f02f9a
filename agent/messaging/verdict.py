"""What a broker's answer to a message means: taken, try again, wait, or never. A table of MQTT 5 reason codes.

Source: MQTT 5.0, OASIS standard, table 3-4 (PUBACK reason codes). MQTT 3.1.1 has no reason codes: there every PUBACK is a
success, even of a broker that dropped the message for lack of rights.
"""

from enum import StrEnum


class Verdict(StrEnum):
    """What to do with the message."""

    TAKEN = "taken"
    LATER = "later"
    WAIT = "wait"
    """The fault is not the message's: all wait, as long as it takes."""
    NEVER = "never"


_VERDICTS: dict[int, Verdict] = {
    0x00: Verdict.TAKEN,
    0x10: Verdict.TAKEN,  # no matching subscribers: a retained message is kept all the same
    0x80: Verdict.LATER,  # unspecified error
    0x83: Verdict.LATER,  # implementation specific error
    0x87: Verdict.NEVER,  # not authorised
    0x90: Verdict.NEVER,  # topic name invalid
    0x91: Verdict.LATER,  # packet identifier in use
    0x95: Verdict.NEVER,  # packet too large: sent by brokers although the table does not list it
    0x97: Verdict.WAIT,  # quota exceeded
    0x99: Verdict.NEVER,  # payload format invalid
}

ATTEMPTS_MAX = 10
CONNECTION_BROKE = 0x80  # no answer, but a closed connection: judged like an unspecified error
_FIRST_DELAY_S = 2.0
_LONGEST_DELAY_S = 600.0


def verdict(reason_code: int, attempts: int) -> Verdict:
    """The verdict on a message that was answered with a code after so many earlier attempts.

    What may pass later is tried :data:`ATTEMPTS_MAX` times. A code of no row is a success below 0x80 and a failure from there.
    """
    found = _VERDICTS.get(reason_code, Verdict.TAKEN if reason_code < 0x80 else Verdict.LATER)
    return Verdict.NEVER if found is Verdict.LATER and attempts + 1 >= ATTEMPTS_MAX else found


def delay_s(attempts: int) -> float:
    """How long to wait before the next attempt."""
    return float(min(_FIRST_DELAY_S * 2.0**attempts, _LONGEST_DELAY_S))
