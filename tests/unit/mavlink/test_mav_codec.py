"""Frames come whole out of bytes however they are cut, and damage costs no more than itself."""

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.mavlink import enums
from agent.mavlink.codec import Decoder, Encoder, text_of


def frames(count: int) -> list[bytes]:
    encoder = Encoder(1, 1)
    return [encoder.pack(mavlink.MAVLink_attitude_message(n, 0.1, 0.2, 0.3, 0.0, 0.0, 0.0)) for n in range(count)]


def test_frames_survive_any_cut() -> None:
    stream = b"".join(frames(5))
    for cut in range(len(stream)):
        decoder = Decoder()
        got = decoder.feed(stream[:cut], 0.0) + decoder.feed(stream[cut:], 1.0)
        assert [frame.body.time_boot_ms for frame in got] == [0, 1, 2, 3, 4]
        assert decoder.malformed == 0


def test_noise_between_frames_is_counted_once_and_dropped() -> None:
    one, two = frames(2)
    decoder = Decoder()
    got = decoder.feed(b"noise" + one + b"\x00\x01" + two, 0.0)
    assert [frame.body.time_boot_ms for frame in got] == [0, 1]
    assert decoder.malformed == 2


@pytest.mark.parametrize("position", range(12))
def test_a_damaged_frame_does_not_take_its_neighbours_along(position: int) -> None:
    """Even a damaged length, which claims up to 255 bytes of the good frames behind it."""
    stream = frames(20)
    damaged = bytearray(stream[3])
    damaged[position] = damaged[position] ^ 0x55 if position != 1 else 255
    decoder = Decoder()
    got = decoder.feed(b"".join([*stream[:3], bytes(damaged), *stream[4:]]), 0.0)
    assert [frame.body.time_boot_ms for frame in got if frame.name] == [n for n in range(20) if n != 3]
    assert decoder.malformed + decoder.unknown >= 1  # a damaged message number looks like an unknown kind


def test_a_cut_frame_at_the_end_is_completed_later_and_mavlink_1_is_understood() -> None:
    old = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    packed = mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3).pack(old, force_mavlink1=True)
    decoder = Decoder()
    assert decoder.feed(packed[:7], 0.0) == []
    (frame,) = decoder.feed(packed[7:], 2.5)
    assert (frame.name, frame.system, frame.at_s) == ("HEARTBEAT", 1, 2.5)


def test_a_frame_of_an_unknown_kind_is_counted_and_passed_over() -> None:
    one, two = frames(2)
    unknown = bytes([0xFD, 3, 0, 0, 9, 1, 1, 0xFF, 0xFF, 0x7F, 1, 2, 3, 0, 0])
    decoder = Decoder()
    got = decoder.feed(one + unknown + two, 0.0)
    assert [frame.name for frame in got] == ["ATTITUDE", "", "ATTITUDE"]
    assert (got[1].system, got[1].component, got[1].sequence) == (1, 1, 9)
    assert (decoder.unknown, decoder.malformed) == (1, 0)


def test_a_signed_frame_is_read() -> None:
    signer = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    signer.signing.secret_key = b"k" * 32
    signer.signing.sign_outgoing = True
    packed = mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3).pack(signer)
    assert [frame.name for frame in Decoder().feed(packed, 0.0)] == ["HEARTBEAT"]


def test_sequence_numbers_run() -> None:
    encoder = Encoder(255, 190)
    packed = [encoder.pack(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3)) for _ in range(300)]
    got = Decoder().feed(b"".join(packed), 0.0)
    assert [frame.sequence for frame in got] == [n % 256 for n in range(300)]


def test_text_ends_at_the_first_nul() -> None:
    assert text_of(b"Arm: no\0rest") == "Arm: no"
    assert text_of("PARAM\0") == "PARAM"
    assert text_of(b"\xff\xfe") == "\ufffd\ufffd"


PREFIXES = {
    enums.Autopilot: "MAV_AUTOPILOT_", enums.Cmd: "MAV_CMD_", enums.Frame: "MAV_FRAME_", enums.Result: "MAV_RESULT_",
    enums.MissionType: "MAV_MISSION_TYPE_", enums.MissionResult: "MAV_MISSION_", enums.MissionState: "MISSION_STATE_",
    enums.ModeFlag: "MAV_MODE_FLAG_", enums.RepositionFlag: "MAV_DO_REPOSITION_FLAGS_", enums.MountMode: "MAV_MOUNT_MODE_",
    enums.Capability: "MAV_PROTOCOL_CAPABILITY_",
    enums.ParamError: "MAV_PARAM_ERROR_",
}  # fmt: skip


@pytest.mark.parametrize("numbers", list(PREFIXES), ids=lambda numbers: numbers.__name__)
def test_our_names_are_the_standards_numbers(numbers: type) -> None:
    for member in numbers:  # type: ignore[attr-defined]
        if member is enums.Result.CANCELLED:
            continue  # newer than the generated dialect
        name = PREFIXES[numbers] + member.name
        assert getattr(mavlink, name) == member.value, name
