"""What the parts tell each other about the hub: was it reached, what was delivered, what did it refuse."""

from dataclasses import dataclass
from datetime import datetime

from agent.core.outcome import Refused
from agent.domain.alert import Alert, AlertAction
from agent.domain.request import CancelRequest, FlightRequest


@dataclass(frozen=True, slots=True)
class HubLink:
    """The connection to the broker changed.

    Attributes:
        connected: whether messages flow.
        code: why not; empty while connected.
        words: the same for a person.
    """

    connected: bool
    code: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The broker took a message over (PUBACK with success).

    Attributes:
        message_id: CloudEvents id.
        kind: CloudEvents type.
        captured_at: capture time of the frame that led to the message, where one did.
        committed_at: when it was safe on disk.
        published_at: when it was handed to the network.
        puback_at: when the acknowledgement came.
    """

    message_id: str
    kind: str
    topic: str
    captured_at: datetime | None
    committed_at: datetime
    published_at: datetime
    puback_at: datetime

    @property
    def commit_to_puback_s(self) -> float:
        """Seconds from disk to acknowledgement."""
        return (self.puback_at - self.committed_at).total_seconds()


@dataclass(frozen=True, slots=True)
class SetAside:
    """The broker will not take a message; it is kept with its reason and blocks nothing."""

    message_id: str
    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert message was committed.

    Attributes:
        alert: the new state.
        previous: the state of the message before; None for a new alert.
    """

    alert: Alert
    previous: Alert | None = None


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where a requester wants its answer besides the usual topic (MQTT 5 response topic and correlation data)."""

    topic: str
    correlation: bytes | None


@dataclass(frozen=True, slots=True)
class ActionReceived:
    """A department answered an alert.

    Attributes:
        department: which one; the broker vouches for it.
        data: the JSON as it came, without an envelope.
        signed: what a signature of it must cover.
        signature: the signature, where it came with one.
        reply_to: a further place for the answer to a look_again.
    """

    department: str
    action: AlertAction
    data: bytes = b""
    signed: bytes = b""
    signature: str | None = None
    reply_to: ReplyTo | None = None


@dataclass(frozen=True, slots=True)
class LookedAgain:
    """A flight that a department asked for has looked at the whole of an alert's place.

    Attributes:
        alert: whose place.
        by: who asked.
        flight: which flight looked.
        since: when it became airborne.
    """

    alert: str
    by: str
    flight: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A department sent something to its topic of requests.

    Attributes:
        department: which one; the broker vouches for it.
        body: what it says, or why it cannot be read.
        request: the id in it, where there is one.
        data: the JSON as it came, without an envelope.
        signed: what a signature of it must cover.
        signature: the signature, where it came with one.
        reply_to: a further place for the answers.
        alert: the alert whose place is to be looked at again, where the request comes from an answer to one.
    """

    department: str
    body: FlightRequest | CancelRequest | Refused
    request: str | None
    data: bytes
    signed: bytes
    signature: str | None = None
    reply_to: ReplyTo | None = None
    alert: str | None = None
