"""Carries the departments' answers from the bus to the alerts, within their rights."""

from datetime import datetime
from typing import Protocol

import structlog

from agent.alerts import look_again
from agent.alerts.lifecycle import AlertEvent
from agent.core.bus import Bus, Subscription
from agent.core.errors import StoreError
from agent.core.outcome import Outcome, Refused
from agent.domain.alert import Alert
from agent.domain.codes import words_of
from agent.domain.hub import ActionReceived, LookedAgain, RequestReceived

log = structlog.get_logger(__name__)

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

    def problem_of(self, received: ActionReceived) -> Refused | None:
        """Why an answer is not looked into; None where it may be."""
        ...

    def alert_of(self, alert: str) -> Alert | None:
        """How an alert stands; None where there is no such alert."""
        ...

    def fresh_id(self) -> tuple[str, datetime]:
        """A new ULID, and its time."""
        ...

    async def on_action(self, alert: str, event: AlertEvent, by: str, reason: str = "") -> Outcome:
        """People answer an alert."""
        ...

    async def on_look(self, looked: LookedAgain) -> None:
        """A flight has looked at an alert's place."""
        ...


async def answer(alerts: Alerts, received: ActionReceived) -> Outcome | RequestReceived:
    """Applies one answer, or says why not. One that asks for another look becomes a request for a flight.

    Raises:
        StoreError: the answer is not safe on disk, nothing has changed.
    """
    action = received.action
    if action.action in _EVENTS and (problem := alerts.problem_of(received)) is not None:
        return problem  # a look is checked with the requests
    departments = alerts.departments_of(action.alert)
    theirs = departments is None or received.department in departments
    event = _EVENTS.get(action.action)
    if event is None:
        new_id, now = alerts.fresh_id()
        if not theirs:
            return look_again.refused("alert.not_theirs", received)
        return look_again.request_of(alerts.alert_of(action.alert), received, now, new_id)
    if not theirs:
        return Refused("alert.not_theirs", words_of("alert.not_theirs"))
    return await alerts.on_action(action.alert, event, f"{action.by}@{received.department}", action.reason)


async def listen(alerts: Alerts, answers: Subscription[ActionReceived], bus: Bus) -> None:
    """Takes answers until it is cancelled."""
    async for received in answers:
        try:
            outcome = await answer(alerts, received)
        except StoreError as error:
            outcome = Refused(error.code, error.message)
        if isinstance(outcome, RequestReceived):
            bus.publish(outcome)
        elif isinstance(outcome, Refused):
            log.warning("answer refused", code=outcome.code, words=outcome.words, alert=received.action.alert)


async def follow(alerts: Alerts, looks: Subscription[LookedAgain]) -> None:
    """Takes in what the looks that were asked for found, until it is cancelled."""
    async for looked in looks:
        try:
            await alerts.on_look(looked)
        except StoreError as error:
            log.error("look cannot be stored", code=error.code, words=error.message, alert=looked.alert)  # noqa: TRY400
