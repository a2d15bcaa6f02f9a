"""Whatever comes over the link, nothing raises and good frames still come through."""

import math
import os
import random
import struct
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.mavlink.codec import Decoder
from agent.mavlink.link import Link
from agent.mavlink.streams import Streams
from agent.mavlink.transport import Chunk, memory_pair
from agent.vehicle.ardupilot import STREAMS_HZ, ArduPilotDriver
from agent.vehicle.session import Session
from tests.doubles.autopilot import run_virtual

FRAMES = int(os.environ.get("NEST_FUZZ_FRAMES", "20000"))
KINDS = [
    "HEARTBEAT",
    "GLOBAL_POSITION_INT",
    "ATTITUDE",
    "GIMBAL_DEVICE_ATTITUDE_STATUS",
    "GIMBAL_MANAGER_STATUS",
    "GIMBAL_MANAGER_INFORMATION",
    "CAMERA_INFORMATION",
    "CAMERA_CAPTURE_STATUS",
    "CAMERA_IMAGE_CAPTURED",
    "CAMERA_FEEDBACK",
    "STORAGE_INFORMATION",
    "SYS_STATUS",
    "BATTERY_STATUS",
    "GPS_RAW_INT",
    "EKF_STATUS_REPORT",
    "ESTIMATOR_STATUS",
    "EXTENDED_SYS_STATE",
    "HOME_POSITION",
    "MISSION_CURRENT",
    "MISSION_ITEM_REACHED",
    "VIBRATION",
    "WIND",
    "WIND_COV",
    "STATUSTEXT",
    "COMMAND_ACK",
    "MISSION_ACK",
    "MISSION_REQUEST",
    "MISSION_REQUEST_INT",
    "MISSION_ITEM_INT",
    "MISSION_COUNT",
    "PARAM_VALUE",
    "TIMESYNC",
    "POSITION_TARGET_GLOBAL_INT",
    "AUTOPILOT_VERSION",
]
CLASSES = {message.msgname: message for message in mavlink.mavlink_map.values()}


def seed() -> int:
    """A new seed each run, or the one of NEST_FUZZ_SEED; printed, so that a failure can be repeated."""
    number = int(os.environ.get("NEST_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
    print(f"fuzz seed: NEST_FUZZ_SEED={number}")  # noqa: T201 pytest shows it with a failure
    return number


def sound_frame(chance: random.Random, name: str, sequence: int) -> bytes:
    """A frame whose checksum is right and whose payload is arbitrary: NaN, extremes, undecodable text."""
    kind = CLASSES[name]
    size = kind.unpacker.size
    payload = bytearray(chance.randbytes(size))
    for _ in range(chance.randrange(3)):
        at = chance.randrange(max(1, size - 3))
        payload[at : at + 4] = struct.pack("<f", chance.choice([math.nan, math.inf, -math.inf, 0.0, 3.4e38]))[
            : len(payload) - at
        ]
    payload = payload[:size]
    if chance.random() < 0.2:
        payload = payload[: chance.randrange(1, size + 1)]
    component = chance.choice([1, 1, 1, 154, 0])
    head = struct.pack("<BBBBBBBHB", 0xFD, len(payload), 0, 0, sequence % 256, 1, component, kind.id & 0xFFFF, kind.id >> 16)
    crc = mavlink.x25crc(bytearray(head[1:]) + payload + bytes([kind.crc_extra])).crc
    return head + bytes(payload) + struct.pack("<H", crc)


def mutated(chance: random.Random, frame: bytes) -> bytes:
    data = bytearray(frame)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data))
        act = chance.randrange(3)
        if act == 0:
            data[at] = chance.randrange(256)
        elif act == 1:
            del data[at : at + chance.randrange(1, 9)]
        else:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        if not data:
            break
    return bytes(data)


def test_arbitrary_frames_never_raise_and_the_session_stays_alive() -> None:
    chance = random.Random(seed())  # noqa: S311 a repeatable test

    async def main() -> None:
        near, _ = memory_pair()
        link = Link(lambda: near, system=1)
        session = Session(link, Bus(), Clock(), connect_timeout_s=30.0, lost_after_s=5.0)
        ArduPilotDriver(session)
        link.add_handler(Streams(session.commander, STREAMS_HZ).on_frame)
        for number in range(FRAMES):
            frame = sound_frame(chance, chance.choice(KINDS), number)
            data = mutated(chance, frame) if chance.random() < 0.5 else frame
            link.channels[0].received(Chunk(data, number * 0.001))
        assert link.counters.frames > FRAMES // 4, "sound frames come through"
        assert link.counters.malformed > FRAMES // 10, "damage is counted"
        beat = mavlink.MAVLink_heartbeat_message(2, 3, 1, 3, 4, 3).pack(mavlink.MAVLink(None, srcSystem=1, srcComponent=1))
        link.channels[0].received(Chunk(bytes(300) + beat, FRAMES * 0.001))
        assert session.telemetry.heartbeat is not None
        assert session.telemetry.heartbeat.at_s == FRAMES * 0.001

    run_virtual(main())


def test_noise_never_raises_and_a_frame_behind_it_is_found() -> None:
    chance = random.Random(seed())  # noqa: S311 a repeatable test
    decoder = Decoder()
    beat = mavlink.MAVLink_heartbeat_message(2, 3, 1, 3, 4, 3).pack(mavlink.MAVLink(None, srcSystem=1, srcComponent=1))
    found: list[Any] = []
    for _ in range(3_000):
        found += decoder.feed(chance.randbytes(chance.randrange(200)).replace(b"\xfd", b"\xfe"), 0.0)
    # Whatever the noise claimed to begin, 300 bytes later it has ended.
    found += decoder.feed(bytes(600) + beat, 1.0)
    assert found[-1].name == "HEARTBEAT"
    assert found[-1].at_s == 1.0
