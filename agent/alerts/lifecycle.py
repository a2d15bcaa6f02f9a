"""The life of an alert as one table: status, event, next status. What is not in the table does not happen."""

from enum import StrEnum

from agent.domain.alert import AlertStatus


class AlertEvent(StrEnum):
    """What can happen to an alert."""

    CHANGED = "changed"  # the sighting changed materially
    CLEARED = "cleared"  # the place was looked at again and nothing is there
    REPEAT = "repeat"  # nobody answered
    EXPIRE = "expire"  # nothing was heard of it for too long
    ACKNOWLEDGE = "acknowledge"
    DISPATCH = "dispatch"
    RESOLVE = "resolve"
    FALSE_ALARM = "false_alarm"


_S = AlertStatus
_E = AlertEvent

_PEOPLE = {
    _E.ACKNOWLEDGE: _S.ACKNOWLEDGED,
    _E.DISPATCH: _S.DISPATCHED,
    _E.RESOLVE: _S.RESOLVED,
    _E.FALSE_ALARM: _S.FALSE_ALARM,
}

# Once people are on their way, only people or time end the alert: a look that finds nothing lowers its certainty.
LIFECYCLE: dict[AlertStatus, dict[AlertEvent, AlertStatus]] = {
    _S.OPEN: {
        _E.CHANGED: _S.UPDATED,
        _E.CLEARED: _S.WITHDRAWN,
        _E.REPEAT: _S.OPEN,
        _E.EXPIRE: _S.EXPIRED,
        **_PEOPLE,
    },
    _S.UPDATED: {
        _E.CHANGED: _S.UPDATED,
        _E.CLEARED: _S.WITHDRAWN,
        _E.REPEAT: _S.UPDATED,
        _E.EXPIRE: _S.EXPIRED,
        **_PEOPLE,
    },
    _S.ACKNOWLEDGED: {
        _E.CHANGED: _S.ACKNOWLEDGED,
        _E.CLEARED: _S.WITHDRAWN,
        _E.EXPIRE: _S.EXPIRED,
        _E.DISPATCH: _S.DISPATCHED,
        _E.RESOLVE: _S.RESOLVED,
        _E.FALSE_ALARM: _S.FALSE_ALARM,
    },
    _S.DISPATCHED: {
        _E.CHANGED: _S.DISPATCHED,
        _E.CLEARED: _S.DISPATCHED,
        _E.EXPIRE: _S.EXPIRED,
        _E.RESOLVE: _S.RESOLVED,
        _E.FALSE_ALARM: _S.FALSE_ALARM,
    },
    _S.RESOLVED: {},
    _S.FALSE_ALARM: {},
    _S.WITHDRAWN: {},
    _S.EXPIRED: {},
}


def next_status(status: AlertStatus, event: AlertEvent) -> AlertStatus | None:
    """Where the event leads; None where it means nothing."""
    return LIFECYCLE[status].get(event)
