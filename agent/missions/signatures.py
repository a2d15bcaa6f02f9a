"""Is a message from whom it says? Ed25519, with the keys of the configuration. Pure."""

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.config.requests import RequestKey
from agent.core.outcome import Refused


def check_signature(
    signed: bytes, signature: str | None, keys: Iterable[RequestKey], now: datetime, *, required: bool
) -> Refused | None:
    """What is wrong with a signature; None where it is right, or absent and not required.

    A signature that cannot be checked, because the department has no key, is refused: it would be taken for a proof.
    """
    if signature is None:
        return Refused("request.not_signed", "this nest takes signed requests only") if required else None
    valid = [key for key in keys if key.not_after is None or now <= key.not_after]
    if not valid:
        return Refused("request.no_key", "the department has no key that is valid today")
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return Refused("request.bad_signature", "the signature is not base64")
    if not any(_fits(key, raw, signed) for key in valid):
        return Refused("request.bad_signature", "it fits none of the department's keys, or the message was changed")
    return None


def _fits(key: RequestKey, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public)).verify(signature, signed)
    except InvalidSignature:
        return False
    return True
