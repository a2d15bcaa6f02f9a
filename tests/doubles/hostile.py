"""Messages as an enemy, a broken program or a tired person would send them, made from good ones. Hypothesis strategies.

Only what stands in :data:`KEYS` can sign; ``signed_as`` says who signed exactly this message, so a test knows what may count.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from agent.messaging.requests import LARGEST_BYTES, signed_bytes

KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)) for name in ("forestry", "emergency", "stranger")}
# A nest remembers what came before, so a part of a batch that failed proves nothing.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
STEADY = settings(deadline=None, suppress_health_check=list(HealthCheck), phases=_PHASES, print_blob=True)
NASTY_TEXTS = (
    "",
    " ",
    "\x00",
    "anna\u202egpj.exe",
    "a\u200bb",
    "f\u043erestry",  # a Cyrillic o
    "\ufeffforestry",
    "forestry\n",
    "\ud800",
    "e\u0301" * 40,
    "../../../etc/passwd",
    "'; DROP TABLE request; --",
    "${jndi:ldap://x}",
    "%s%n{0}",
    "nest/v1/#",
    "x" * 5000,
    "9" * 5000,
    "1e999",
    "NaN",
    "2026-11-23T02:00:00",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
)
TOPIC_DEPARTMENTS = (
    "forestry",
    "emergency",
    "water",
    "",
    "+",
    "#",
    "$SYS",
    "Forestry",
    "f\u043erestry",
    "forestry ",
    "a" * 300,
)

_texts = st.one_of(st.sampled_from(NASTY_TEXTS), st.text(max_size=20))
_numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([2**63, -(2**64), 10**400, 1e308, float("nan"), float("inf"), -0.0])
)
_leaves = st.one_of(st.none(), st.booleans(), _numbers, _texts)
_values = st.recursive(
    _leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_texts, inner, max_size=3)), max_leaves=8
)


@dataclass(frozen=True)
class Hostile:
    """A message as it reaches the nest.

    Attributes:
        department: level of its topic.
        signed_as: department whose key signed exactly this topic and payload; None: nobody's did.
    """

    department: str
    payload: bytes
    attributes: dict[str, str] = field(default_factory=dict)
    retained: bool = False
    response_topic: str = ""
    correlation: bytes | None = None
    signed_as: str | None = None


@st.composite
def hostile(draw: st.DrawFn, kind: str, bases: st.SearchStrategy[dict[str, Any]]) -> Hostile:
    """A message on ``nest/v1/KIND/DEPARTMENT/n1`` that began as one of the good bodies."""
    body = draw(bases)
    department = draw(st.one_of(st.just(body.get("department", "forestry")), st.sampled_from(TOPIC_DEPARTMENTS)))
    topic = f"nest/v1/{kind}/{department}/n1"
    good = json.dumps(body).encode()
    payload = draw(st.one_of(st.just(good), _encoded(draw(_edited(body))), _torn(good)))
    attributes, signed_as = draw(_signature(topic, good, payload))
    attributes |= draw(st.dictionaries(st.sampled_from(["id", "specversion", "type", "x"]), _texts, max_size=2))
    return Hostile(
        department,
        payload,
        attributes,
        draw(st.sampled_from([False] * 9 + [True])),
        draw(st.one_of(st.just(""), st.just(f"nest/v1/replies/{department}/n1/x"), _texts)),
        draw(st.one_of(st.none(), st.binary(max_size=300))),
        signed_as,
    )


@st.composite
def _signature(draw: st.DrawFn, topic: str, good: bytes, payload: bytes) -> tuple[dict[str, str], str | None]:
    """None, nonsense, of another text or topic, of another department, or right: then a department itself is the enemy."""
    signer = draw(st.sampled_from(sorted(KEYS)))
    of_topic = draw(st.sampled_from([topic, "nest/v1/requests/forestry/n2"]))
    of_payload = draw(st.sampled_from([good, payload]))
    signature = base64.b64encode(KEYS[signer].sign(signed_bytes(of_topic, of_payload))).decode()
    how = draw(st.sampled_from(["none", "text", "key", "key", "key"]))
    if how == "none":
        return {}, None
    if how == "text":
        return {"signature": draw(_texts)}, None
    right = (of_topic, of_payload) == (topic, payload)
    return {"signature": signature}, signer if right else None


def _paths(tree: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        yield (*here, key)
        yield from _paths(value, (*here, key))


@st.composite
def _edited(draw: st.DrawFn, body: dict[str, Any]) -> Any:
    """One to three places of the tree changed, taken out or added."""
    tree = json.loads(json.dumps(body))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(_paths(tree), key=str) or [()]))
        if not path:
            return draw(_values)
        place = tree
        for key in path[:-1]:
            place = place[key]
        what = draw(st.sampled_from(["set", "set", "take out", "add", "deep"]))
        if what == "set":
            place[path[-1]] = draw(_values)
        elif what == "take out":
            del place[path[-1]]
        elif what == "deep":
            place[path[-1]] = _deep(draw(st.integers(1, 60)))
        elif isinstance(place, dict):
            place[draw(_texts)] = draw(_values)
        else:
            place.append(draw(_values))
    return tree


def _deep(levels: int) -> Any:
    tree: Any = 1
    for n in range(levels):
        tree = [tree] if n % 2 else {"a": tree}
    return tree


@st.composite
def _encoded(draw: st.DrawFn, tree: Any) -> bytes:
    """As JSON in several spellings, or in an envelope that may lie."""
    text = json.dumps(tree, ensure_ascii=draw(st.booleans()))
    data = text.encode("utf-8", "surrogatepass")
    how = draw(st.sampled_from(["plain", "plain", "utf-16", "bom", "twice", "event", "base64", "padded"]))
    return {
        "plain": lambda: data,
        "utf-16": lambda: text.encode("utf-16", "surrogatepass"),
        "bom": lambda: b"\xef\xbb\xbf" + data,
        "twice": lambda: data[:-1] + b', "priority": "emergency", "priority": "routine"}',
        "event": lambda: b'{"specversion": "1.0", "id": 7, "data": ' + data + b"}",
        "base64": lambda: b'{"specversion": "1.0", "data_base64": "' + base64.b64encode(data) + b'"}',
        "padded": lambda: data + b" " * draw(st.sampled_from([1, LARGEST_BYTES, 4 * LARGEST_BYTES])),
    }[how]()


@st.composite
def _torn(draw: st.DrawFn, good: bytes) -> bytes:
    """Cut off, with bytes changed or put in, or nothing but noise."""
    at = draw(st.integers(0, len(good)))
    noise = draw(st.binary(max_size=12))
    return draw(st.sampled_from([good[:at], good[:at] + noise + good[at:], good[:at] + noise + good[at + len(noise) :], noise]))


def with_variants(batch: list[Hostile], each: int, random: Random) -> list[Hostile]:
    """The messages, each followed by so many torn and crossed forms of it, which nobody has signed."""
    return [form for message in batch for form in (message, *(_variant(message, batch, random) for _ in range(each)))]


def _variant(message: Hostile, batch: list[Hostile], random: Random) -> Hostile:
    payload = bytearray(message.payload)
    other = random.choice(batch).payload
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(payload))
        how = random.randrange(5)
        if how == 0:
            del payload[at : at + random.randint(1, 20)]
        elif how == 1:
            payload[at:at] = payload[at : at + random.randint(1, 200)]
        elif how == 2:
            begin = random.randint(0, len(other))
            payload[at : at + 8] = other[begin : begin + random.randint(1, 60)]
        elif how == 3:
            payload[at : at + 1] = bytes([random.randrange(256)])
        else:
            payload[at:at] = random.choice((b'"', b"}", b"[", b",", b"\\u0000", b"0", b"-", b"\xff", b"null", b"1e9"))
    same = bytes(payload) == message.payload
    return replace(message, payload=bytes(payload), signed_as=message.signed_as if same else None)
