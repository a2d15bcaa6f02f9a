"""Reads what departments ask for. Knows the envelope and the models; who may ask for what is decided in ``agent.missions``.

Everything that comes in goes onto the bus, what cannot be read as well: it is answered and audited there.
"""

import structlog
from pydantic import ValidationError

from agent.core.bus import Bus
from agent.core.outcome import Refused
from agent.domain.hub import ReplyTo, RequestReceived
from agent.domain.request import CancelRequest, FlightRequest
from agent.domain.topics import Topics
from agent.messaging.inbound import Opened, opened, signed_bytes
from agent.messaging.link import Incoming

log = structlog.get_logger(__name__)

LARGEST_BYTES = 32_768
_ID_LENGTH = 26
_PROBLEMS_TOLD = 3


class RequestReader:
    """Turns incoming messages into RequestReceived on the bus.

    Attributes:
        dropped: how many were dropped because the broker had retained them: they would come again with each connection.
    """

    def __init__(self, topics: Topics, bus: Bus) -> None:
        self._topics = topics
        self._bus = bus
        self.dropped = 0

    def read(self, message: Incoming) -> None:
        """Reads one message."""
        if message.retained:
            self.dropped += 1
            log.warning("request dropped", code="request.retained", topic=message.topic)
            return
        self._bus.publish(self._received(message))

    def _received(self, message: Incoming) -> RequestReceived:
        found = opened(message, LARGEST_BYTES)
        event = Opened(b"", None, {}) if isinstance(found, Refused) else found
        return RequestReceived(
            department=self._topics.department_of(message.topic),
            body=found if isinstance(found, Refused) else _body(event),
            request=_id_in(event.tree),
            data=event.data or message.payload[:LARGEST_BYTES],
            signed=signed_bytes(message.topic, event.data),
            signature=event.attributes.get("signature"),
            reply_to=ReplyTo(message.response_topic, message.correlation) if message.response_topic else None,
        )


def _body(event: Opened) -> FlightRequest | CancelRequest | Refused:
    if not isinstance(event.tree, dict):
        return Refused("request.invalid", "the message must be a JSON object")
    model = CancelRequest if "cancel" in event.tree else FlightRequest
    try:
        return model.model_validate_json(event.data)
    except ValidationError as error:
        return Refused("request.invalid", _words(error))


def _words(error: ValidationError) -> str:
    """The first few things that are wrong, without repeating what was sent."""
    told = [f"{'.'.join(map(str, e['loc']))[:80] or 'message'}: {e['msg'][:200]}" for e in error.errors()[:_PROBLEMS_TOLD]]
    more = error.error_count() - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _id_in(tree: object) -> str | None:
    """The id of a message that may be wrong otherwise, so that its sender can tell which one the answer means."""
    found = tree.get("request") if isinstance(tree, dict) else None
    return found if isinstance(found, str) and len(found) == _ID_LENGTH and found.isascii() and found.isalnum() else None
