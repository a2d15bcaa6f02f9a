"""What a desk makes of messages from nests. Pure; nothing that comes in is trusted, nothing raises.

A nest may be newer than the desk: fields that are not known are left out, a hazard that is not known keeps its name
(docs/hub.md, "What may change"). What does not fit otherwise is dropped.
"""

import hashlib
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from agent.core.outcome import Refused
from agent.domain.alert import Alert
from agent.messaging.inbound import opened
from agent.messaging.link import Incoming

LARGEST_BYTES = 1_000_000
_JPEG = b"\xff\xd8\xff"

M = TypeVar("M", bound=BaseModel)


class SeenAlert(Alert):
    """An alert whose hazard may be one that this desk does not know yet."""

    hazard: str  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Event:
    """A message without its envelope. message_id is empty where the sender gave none."""

    message_id: str
    tree: object


def event_of(message: Incoming) -> Event | None:
    """The JSON in a message; None where there is none."""
    found = opened(message, LARGEST_BYTES)
    return None if isinstance(found, Refused) else Event(found.attributes.get("id", ""), found.tree)


def read(model: type[M], tree: object) -> M | None:
    """The value, without the fields that are not known; None where it does not fit."""
    try:
        return model.model_validate(tree, strict=False)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
    for loc in unknown:
        _leave_out(tree, loc)
    try:
        return model.model_validate(tree, strict=False) if unknown else None
    except ValidationError:
        return None


def is_jpeg(data: bytes) -> bool:
    """Whether a picture may be shown as one."""
    return data.startswith(_JPEG) and len(data) <= LARGEST_BYTES


def sha256(data: bytes) -> str:
    """As it stands in the alert's evidence."""
    return hashlib.sha256(data).hexdigest()


def _leave_out(tree: object, loc: tuple[int | str, ...]) -> None:
    for step in loc[:-1]:
        if isinstance(tree, dict):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int):
            tree = tree[step]
    if isinstance(tree, dict):
        tree.pop(loc[-1], None)
