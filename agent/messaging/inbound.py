"""Opens what comes in: bare JSON, CloudEvents in binary mode (attributes beside the JSON) and in structured mode. Pure.

Nothing that comes in is trusted: what is too large, too deep or no JSON is a value that says so, never an exception. In
structured mode ``data_base64`` carries the data's exact bytes, for what is signed.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from agent.core.outcome import Refused
from agent.messaging.link import Incoming

_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Opened:
    """An event without its envelope.

    Attributes:
        data: the JSON text.
        tree: the same, parsed.
        attributes: what stood beside it.
    """

    data: bytes
    tree: Any
    attributes: dict[str, str]


def opened(message: Incoming, largest_bytes: int) -> Opened | Refused:
    """The event in a message, or why there is none."""
    size = len(message.payload)
    if size > largest_bytes:
        return Refused("request.too_large", f"{size} bytes, the limit is {largest_bytes}")
    found = _parsed(message.payload)
    if isinstance(found, Refused):
        return found
    tree = found.tree
    if not isinstance(tree, dict) or "specversion" not in tree:
        return Opened(message.payload, tree, message.attributes)
    attributes = {str(k): v for k, v in tree.items() if isinstance(v, str)}
    if "data_base64" not in tree:
        return Opened(json.dumps(tree.get("data")).encode(), tree.get("data"), attributes)
    try:
        data = base64.b64decode(attributes.get("data_base64", ""), validate=True)
    except (binascii.Error, ValueError):
        return Refused("request.unreadable", "data_base64 is not base64")
    inner = _parsed(data)
    return inner if isinstance(inner, Refused) else Opened(data, inner.tree, attributes)


def signed_bytes(topic: str, data: bytes) -> bytes:
    """What a signature covers: the topic too, so that a message to one nest cannot be played to another."""
    return topic.encode() + b"\n" + data


@dataclass(frozen=True, slots=True)
class _Parsed:
    tree: Any


def _parsed(text: bytes) -> _Parsed | Refused:
    if _depth(text) > _DEEPEST:
        return Refused("request.too_deep", f"nested deeper than {_DEEPEST} levels")
    try:
        return _Parsed(json.loads(text.decode("utf-8"), object_pairs_hook=_without_repetition))
    except (ValueError, RecursionError) as error:
        return Refused("request.unreadable", f"not JSON in UTF-8: {str(error)[:200]}")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers may take two different values of a key that stands twice."""
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return tree


def _depth(text: bytes) -> int:
    """How deep brackets are nested, those in strings not counted."""
    depth = deepest = 0
    inside = skip = False
    for byte in text:
        if skip:
            skip = False
        elif inside:
            skip, inside = byte == 0x5C, byte != 0x22
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
