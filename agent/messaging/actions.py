"""Reads what departments answer to alerts. Nothing that comes in is trusted: what does not fit is counted, logged and dropped.

Takes the bare JSON, CloudEvents in binary mode (the JSON with attributes beside it) and in structured mode. A retained answer
is dropped: it would come again with every connection.
"""

import structlog
from pydantic import ValidationError

from agent.core.bus import Bus
from agent.core.outcome import Refused
from agent.domain.alert import AlertAction
from agent.domain.hub import ActionReceived, ReplyTo
from agent.domain.topics import Topics
from agent.messaging.inbound import opened, signed_bytes
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
        event = opened(message, _LARGEST_BYTES)
        if isinstance(event, Refused):
            return event.words
        try:
            action = AlertAction.model_validate_json(event.data)
        except ValidationError as error:
            return str(error)
        self._bus.publish(
            ActionReceived(
                department=self._topics.department_of(message.topic),
                action=action,
                data=event.data,
                signed=signed_bytes(message.topic, event.data),
                signature=event.attributes.get("signature"),
                reply_to=ReplyTo(message.response_topic, message.correlation) if message.response_topic else None,
            )
        )
        return ""
