"""Every message of the dialect, read here as pymavlink's own decoder reads it."""

import math
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.mavlink.codec import Decoder
from agent.mavlink.kinds import KINDS, checksum


@given(st.binary(max_size=300))
def test_the_checksum_is_pymavlinks(data: bytes) -> None:
    assert checksum(data) == mavlink.x25crc(bytearray(data)).crc


def packed(definition: Any, payload: bytes) -> bytes:
    head = bytes([len(payload), 0, 0, 7, 1, 1, *definition.id.to_bytes(3, "little")])
    return b"\xfd" + head + payload + checksum(head + payload + bytes([definition.crc_extra])).to_bytes(2, "little")


def same(ours: Any, theirs: Any) -> bool:
    """Equal, where NaN equals NaN, arrays are of any type, and text of ASCII is the same text."""
    if isinstance(ours, str):
        return not ours.isascii() or ours == theirs
    if isinstance(ours, tuple):
        return all(map(same, ours, theirs))
    if isinstance(ours, float) and math.isnan(ours):
        return math.isnan(theirs)
    return bool(ours == theirs)


def test_every_kind_reads_as_pymavlink_reads_it() -> None:
    differing = []
    for number, kind in KINDS.items():
        definition = mavlink.mavlink_map[number]
        chance = random.Random(number)  # noqa: S311 a repeatable test
        size = definition.unpacker.size
        for length in {size, max(1, size // 2), 1}:
            raw = packed(definition, bytes(chance.randrange(128) for _ in range(length)))
            (frame,) = Decoder().feed(raw, 0.0)
            theirs = mavlink.MAVLink(None).decode(bytearray(raw))
            assert (frame.name, set(frame.body._fields)) == (theirs.get_type(), set(theirs.get_fieldnames()))
            differing += [
                (kind.name, name)
                for name in theirs.get_fieldnames()
                if not same(getattr(frame.body, name), getattr(theirs, name))
            ]
    assert not differing
    assert len(KINDS) > 250


def test_a_payload_of_any_length_has_a_meaning() -> None:
    for kind in KINDS.values():
        for length in (0, 1, 255):
            assert kind.body(bytes(length)) is not None


def test_text_in_utf_8_is_kept() -> None:
    text = "Höhe 30 m".encode()
    raw = mavlink.MAVLink_statustext_message(6, text).pack(mavlink.MAVLink(None, srcSystem=1, srcComponent=1))
    (frame,) = Decoder().feed(raw, 0.0)
    assert frame.body.text == "Höhe 30 m"
