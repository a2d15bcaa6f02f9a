"""What a desk sends fits the contract, and is signed where there is a key."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config.requests import RequestKey
from agent.core.clock import Clock
from agent.core.errors import ConfigError
from agent.core.outcome import Refused
from agent.desk.asking import Asker
from agent.domain.request import FlightRequest
from agent.messaging.inbound import signed_bytes
from agent.missions.signatures import check_signature

POINT = {"by": "Anna Li", "scenario": "fire", "point": {"lat": 30.39, "lon": 119.84}}


def asker(key_file: Path | None = None) -> Asker:
    return Asker("nest/v1", "forestry", "desk", key_file, Clock())


def pem(key: object) -> bytes:
    return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_request_reads_as_one_and_goes_to_the_nests_topic() -> None:
    made = asker().request("n1", POINT, 3600.0)
    assert not isinstance(made, Refused)
    body, packet = made
    assert packet.topic == "nest/v1/requests/forestry/n1"
    assert FlightRequest.model_validate_json(packet.payload) == body
    assert not packet.retain
    assert body.expires > datetime.now(UTC)
    # Sent again it is the same to the letter, so that it is flown once.
    again = asker().again("n1", body.model_dump(mode="json", exclude_none=True))
    assert not isinstance(again, Refused)
    assert again[1].payload == packet.payload


def test_a_nest_takes_the_signature(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "desk.pem").write_bytes(pem(key))
    made = asker(tmp_path / "desk.pem").request("n1", POINT, 3600.0)
    assert not isinstance(made, Refused)
    packet = made[1]
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    known = RequestKey(public=base64.b64encode(raw).decode())
    signature = dict(packet.user_properties)["signature"]
    signed = signed_bytes(packet.topic, packet.payload)
    assert check_signature(signed, signature, [known], datetime.now(UTC), required=True) is None


@pytest.mark.parametrize(
    ("fields", "expires_in_s"),
    [
        ({**POINT, "department": "water", "point": None}, 3600.0),
        ({**POINT, "route": "ridge"}, 3600.0),
        ({**POINT, "point": {"lat": 91.0, "lon": 0.0}}, 3600.0),
        ({**POINT, "by": "A\u202enna"}, 3600.0),
        ({**POINT, "lat": 1.0}, 3600.0),
        (POINT, 1.0),
        (POINT, float("nan")),
    ],
)
def test_what_no_nest_would_take_is_refused_here(fields: dict[str, object], expires_in_s: float) -> None:
    made = asker().request("n1", fields, expires_in_s)
    assert isinstance(made, Refused)
    assert made.code == "desk.refused"


def test_nobody_asks_in_anothers_name() -> None:
    made = asker().request("n1", {**POINT, "department": "water"}, 3600.0)
    assert not isinstance(made, Refused)
    assert made[0].department == "forestry"


def test_a_file_without_an_ed25519_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    (tmp_path / "ec.pem").write_bytes(pem(generate_private_key(SECP256R1())))
    for name in ("none.pem", "ec.pem", "missing.pem"):
        with pytest.raises(ConfigError, match=name):
            asker(tmp_path / name)
