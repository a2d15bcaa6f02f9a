"""Reads what departments answer to alerts. Nothing that comes in is trusted: what does not fit is counted, logged and dropped.

Takes the bare JSON, CloudEvents in binary mode (the JSON with attributes beside it) and in structured mode. A retained answer
is dropped: it would come again with every connection.
"""

import json

import structlog
from pydantic import ValidationError

from agent.core.bus import Bus
from agent.domain.alert import AlertAction
from agent.domain.hub import ActionReceived
from agent.domain.topics import Topics
from agent.messaging.link import Incoming

log = structlog.get_logger(__name__)

_LARGEST_BYTES = 16_384


class ActionReader:
    """Turns incoming messages into ActionReceived on the bus.

    Attributes:
        dropped: how many did not fit.
    """

    def __init__(self, topics: Topics, bus: Bus) -> None:
        self._topics = topics
        self._bus = bus
        self.dropped = 0

    def read(self, message: Incoming) -> None:
        """Reads one message."""
        problem = self._publish(message)
        if problem:
            self.dropped += 1
            log.warning("answer to an alert dropped", code="hub.action", topic=message.topic, problem=problem)

    def _publish(self, message: Incoming) -> str:
        """What is wrong with it; empty when it was taken."""
        if message.retained:
            return "it is retained"
        if len(message.payload) > _LARGEST_BYTES:
            return f"{len(message.payload)} bytes, the limit is {_LARGEST_BYTES}"
        try:
            action = AlertAction.model_validate_json(_data(message.payload))
        except (ValidationError, ValueError, RecursionError) as error:
            return str(error)
        self._bus.publish(ActionReceived(self._topics.department_of(message.topic), action))
        return ""


def _data(payload: bytes) -> bytes:
    """The event's data, out of a structured envelope if there is one."""
    body = json.loads(payload)
    if isinstance(body, dict) and "specversion" in body:
        return json.dumps(body.get("data")).encode()
    return payload
