"""Carries the departments' answers from the bus to the alerts, within their rights."""

from typing import Protocol

import structlog

from agent.alerts.lifecycle import AlertEvent
from agent.core.bus import Subscription
from agent.core.errors import StoreError
from agent.core.outcome import Outcome, Refused
from agent.domain.codes import words_of
from agent.domain.hub import ActionReceived

log = structlog.get_logger(__name__)

# look_again is not among them: it needs a flight, which this nest does not yet fly on request.
_EVENTS = {
    "acknowledge": AlertEvent.ACKNOWLEDGE,
    "dispatch": AlertEvent.DISPATCH,
    "resolve": AlertEvent.RESOLVE,
    "false_alarm": AlertEvent.FALSE_ALARM,
}


class Alerts(Protocol):
    """What is answered."""

    def departments_of(self, alert: str) -> tuple[str, ...] | None:
        """Who is told of an alert; None where there is no such alert."""
        ...

    async def on_action(self, alert: str, event: AlertEvent, by: str, reason: str = "") -> Outcome:
        """People answer an alert."""
        ...


async def answer(alerts: Alerts, received: ActionReceived) -> Outcome:
    """Applies one answer, or says why not.

    Raises:
        StoreError: the answer is not safe on disk, nothing has changed.
    """
    action = received.action
    departments = alerts.departments_of(action.alert)
    if departments is not None and received.department not in departments:
        return _refused("alert.not_theirs")
    event = _EVENTS.get(action.action)
    if event is None:
        return _refused("alert.no_look_again")
    return await alerts.on_action(action.alert, event, f"{action.by}@{received.department}", action.reason)


async def listen(alerts: Alerts, answers: Subscription[ActionReceived]) -> None:
    """Takes answers until it is cancelled."""
    async for received in answers:
        try:
            outcome = await answer(alerts, received)
        except StoreError as error:
            outcome = Refused(error.code, error.message)
        if isinstance(outcome, Refused):
            log.warning("answer refused", code=outcome.code, words=outcome.words, alert=received.action.alert)


def _refused(code: str) -> Refused:
    return Refused(code, words_of(code))
