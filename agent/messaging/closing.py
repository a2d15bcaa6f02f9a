"""Why a broker does not let the nest in, or sends it away: our code for each of its reason codes. A table.

Source: MQTT 5.0, OASIS standard, tables 3-1 (CONNACK) and 3-10 (DISCONNECT). MQTT 3.1.1's five return codes come as their
counterparts of version 5.
"""

_CODES: dict[int, str] = {
    0x84: "hub.protocol",  # unsupported protocol version
    0x85: "hub.login",  # client identifier not valid
    0x86: "hub.login",  # bad user name or password
    0x87: "hub.login",  # not authorised
    0x88: "hub.busy",  # server unavailable
    0x89: "hub.busy",  # server busy
    0x8A: "hub.login",  # banned
    0x8C: "hub.login",  # bad authentication method
    0x8E: "hub.taken_over",  # session taken over
    0x96: "hub.busy",  # message rate too high
    0x97: "hub.busy",  # quota exceeded
    0x98: "hub.busy",  # administrative action
    0x9A: "hub.unfit",  # retain not supported
    0x9B: "hub.unfit",  # QoS not supported
    0x9C: "hub.moved",  # use another server
    0x9D: "hub.moved",  # server moved
    0x9F: "hub.busy",  # connection rate exceeded
}

PATIENT: frozenset[str] = frozenset({"hub.busy", "hub.login", "hub.moved", "hub.protocol", "hub.taken_over", "hub.unfit"})
"""Trying again at once does not help with these, and may do harm: the longest pause is made."""


def refused_code(reason_code: int) -> str:
    """The code for a CONNACK that does not let the nest in."""
    return _CODES.get(reason_code, "hub.refused")


def sent_away_code(reason_code: int) -> str:
    """The code for a connection that ended with a reason code of the broker's."""
    return _CODES.get(reason_code, "hub.lost")
