"""Makes the messages that a desk sends: answers to alerts, requests for flights. What goes out fits the contract's models."""

import base64
import json
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import ValidationError
from ulid import ULID

from agent.core.clock import Clock, rfc3339, utc_from_unix
from agent.core.errors import ConfigError
from agent.core.outcome import Refused
from agent.domain.alert import AlertAction
from agent.domain.request import CancelRequest, FlightRequest
from agent.domain.topics import TOPICS
from agent.domain.wire import Wire
from agent.messaging.envelope import Packet
from agent.messaging.inbound import signed_bytes

_SHORTEST_S, _LONGEST_S = 60.0, 172_800.0

W = TypeVar("W", bound=Wire)


class Asker:
    """Writes for one department.

    Args:
        root: first levels of every topic.
        department: in whose name.
        station: which of its desks.
        key_file: Ed25519 key in PEM, with which requests are signed; None: they are not.
        clock: the wall clock.

    Raises:
        ConfigError: there is no such key in the file.
    """

    def __init__(self, root: str, department: str, station: str, key_file: Path | None, clock: Clock) -> None:
        self._root = root
        self._department = department
        self._source = f"/desks/{department}/{station}"
        self._key = _key(key_file) if key_file else None
        self._clock = clock

    def action(self, nest: str, fields: dict[str, Any]) -> tuple[AlertAction, Packet] | Refused:
        """An answer to an alert."""
        made = _made(AlertAction, fields)
        return made if isinstance(made, Refused) else (made, self._packet("action", nest, made, made.alert))

    def request(self, nest: str, fields: dict[str, Any], expires_in_s: float) -> tuple[FlightRequest, Packet] | Refused:
        """A request for a flight. A request that was asked for before keeps its id, so that it is flown once."""
        if not _SHORTEST_S <= expires_in_s <= _LONGEST_S:
            return Refused("desk.refused", f"expires in {expires_in_s:g} s; it must be {_SHORTEST_S:g} to {_LONGEST_S:g}")
        now = self._clock.unix_s()
        whole = {"request": str(ULID.from_timestamp(now)), **fields, "department": self._department}
        made = _made(FlightRequest, {**whole, "expires": rfc3339(utc_from_unix(now + expires_in_s))})
        return made if isinstance(made, Refused) else (made, self._packet("request", nest, made, made.request))

    def again(self, nest: str, body: dict[str, Any]) -> tuple[FlightRequest, Packet] | Refused:
        """The same request once more, to the letter."""
        made = _made(FlightRequest, body)
        return made if isinstance(made, Refused) else (made, self._packet("request", nest, made, made.request))

    def cancel(self, nest: str, fields: dict[str, Any]) -> tuple[CancelRequest, Packet] | Refused:
        """Takes a request back."""
        whole = {**fields, "request": str(ULID.from_timestamp(self._clock.unix_s())), "department": self._department}
        made = _made(CancelRequest, whole)
        return made if isinstance(made, Refused) else (made, self._packet("cancel", nest, made, made.cancel))

    def _packet(self, row: str, nest: str, body: Wire, subject: str) -> Packet:
        kind = TOPICS[row]
        topic = f"{self._root}/{kind.pattern.format(department=self._department, nest=nest)}"
        payload = body.model_dump_json(exclude_none=True).encode()
        now = self._clock.unix_s()
        properties = {
            "specversion": "1.0",
            "id": str(ULID.from_timestamp(now)),
            "source": self._source,
            "type": kind.event_type,
            "time": rfc3339(utc_from_unix(now)),
            "subject": subject,
        }
        if self._key:
            properties["signature"] = base64.b64encode(self._key.sign(signed_bytes(topic, payload))).decode()
        return Packet(topic, payload, kind.qos, kind.retain, kind.content_type, tuple(properties.items()))


def _made(model: type[W], fields: dict[str, Any]) -> W | Refused:
    try:
        return model.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        first = error.errors()[0]
        return Refused("desk.refused", f"{'.'.join(map(str, first['loc']))[:80] or 'message'}: {first['msg'][:200]}")


def _key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            "config.invalid", f"signing_key_file {path}: {error}; openssl genpkey -algorithm ed25519 makes one"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("config.invalid", f"signing_key_file {path}: holds another kind of key; it must be Ed25519")
    return key
