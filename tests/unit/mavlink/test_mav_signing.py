"""Signatures against pymavlink's own, and the law of their time stamps: they only grow, whatever clock and power do."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.errors import ConfigError
from agent.mavlink.codec import Decoder, Encoder, Frame
from agent.mavlink.signing import EPOCH_UNIX_S, TICKS_PER_S, Policy, Signing, Stamps, Verdict, ticks_of
from agent.mavlink.stamp_file import StampFile, stamps_in

KEY = bytes(range(32))
NOW_S = 1_795_000_000.0
MINUTE = 60 * TICKS_PER_S


class Disk:
    """A reserve that survives; the clock that goes with it may be set."""

    def __init__(self) -> None:
        self.reserve = 0
        self.unix_s = NOW_S
        self.writes = 0

    def write(self, reserve: int) -> None:
        self.reserve = reserve
        self.writes += 1

    def started(self) -> Stamps:
        return Stamps(lambda: self.unix_s, self.reserve, self.write)


def signing(policy: Policy = Policy.SIGNED_ONLY, key: bytes = KEY) -> Signing:
    return Signing(key, policy, Disk().started())


def beat() -> Any:
    return mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3)


class Drone:
    """Signs with pymavlink's code."""

    def __init__(self, key: bytes = KEY, link_id: int = 0, unix_s: float = NOW_S) -> None:
        self.codec = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
        self.codec.signing.secret_key = key
        self.codec.signing.sign_outgoing = True
        self.codec.signing.link_id = link_id
        self.codec.signing.timestamp = ticks_of(unix_s)

    def says(self, message: Any | None = None) -> Frame:
        packed = (message or beat()).pack(self.codec)
        self.codec.seq = (self.codec.seq + 1) % 256
        (frame,) = Decoder().feed(packed, 0.0)
        return frame


def judged(by: Signing, frame: Frame) -> Verdict:
    return by.judge(frame.raw, frame.system, frame.component)


def test_pymavlink_takes_what_we_sign() -> None:
    ours = signing()
    encoder = Encoder(255, 190, lambda frame: ours.sign(frame, 3))
    theirs = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    theirs.signing.secret_key = KEY
    theirs.signing.timestamp = ticks_of(NOW_S)
    for message in (beat(), mavlink.MAVLink_statustext_message(6, b"x" * 50), mavlink.MAVLink_timesync_message(0, 0)):
        (taken,) = theirs.parse_buffer(bytearray(encoder.pack(message)))
        assert (taken.get_type(), taken.get_signed(), taken.get_link_id()) == (message.get_type(), True, 3)
    assert (theirs.signing.goodsig_count, theirs.signing.badsig_count) == (3, 0)


def test_we_take_what_pymavlink_signs_and_each_only_once() -> None:
    ours, drone = signing(), Drone()
    frames = [drone.says() for _ in range(5)]
    assert [judged(ours, frame) for frame in frames] == [Verdict.GOOD] * 5
    assert [judged(ours, frame) for frame in frames] == [Verdict.REPLAYED] * 5


@given(at=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_no_changed_byte_passes(at: int, flip: int) -> None:
    raw = bytearray(Drone().says().raw)
    raw[at % len(raw)] ^= flip
    ours = signing()
    for frame in Decoder().feed(bytes(raw), 0.0):
        assert not ours.takes(judged(ours, frame), frame.name)


def test_another_key_is_told_from_no_signature() -> None:
    ours = signing()
    assert judged(ours, Drone(key=b"k" * 32).says()) is Verdict.WRONG_KEY
    plain = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    for old in (False, True):
        (frame,) = Decoder().feed(beat().pack(plain, force_mavlink1=old), 0.0)
        assert judged(ours, frame) is Verdict.UNSIGNED


@pytest.mark.parametrize(("behind_s", "verdict"), [(-3600, "good"), (0, "good"), (59, "good"), (61, "old"), (86_400, "old")])
def test_a_new_stream_may_be_a_minute_behind(behind_s: float, verdict: str) -> None:
    assert judged(signing(), Drone(unix_s=NOW_S - behind_s).says()) == verdict


def test_each_stream_has_its_own_time() -> None:
    ours = signing()
    ahead, behind = Drone(link_id=0, unix_s=NOW_S), Drone(link_id=1, unix_s=NOW_S - 30.0)
    assert [judged(ours, drone.says()) for drone in (ahead, behind, ahead, behind)] == [Verdict.GOOD] * 4


def test_we_follow_a_drone_that_is_ahead_of_us() -> None:
    ours = signing()
    judged(ours, Drone(unix_s=NOW_S + 86_400.0).says())
    assert ours.stamps.next() > ticks_of(NOW_S + 86_400.0)


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        (Policy.SIGNED_ONLY, {Verdict.GOOD}),
        (Policy.UNSIGNED_TOO, {Verdict.GOOD, Verdict.UNSIGNED}),
        (Policy.ALL, set(Verdict)),
    ],
)
def test_what_each_policy_takes(policy: Policy, taken: set[Verdict]) -> None:
    judge = signing(policy)
    assert {verdict for verdict in Verdict if judge.takes(verdict, "HEARTBEAT")} == taken


def test_a_radio_need_not_sign_its_own_status() -> None:
    judge = signing(Policy.SIGNED_ONLY)
    assert judge.takes(Verdict.UNSIGNED, "RADIO_STATUS")
    assert not judge.takes(Verdict.WRONG_KEY, "RADIO_STATUS")


# time stamps

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 50)),
        st.tuples(st.just("clock"), st.floats(-3e8, 3e8)),
        st.tuples(st.just("kill"), st.just(0)),
        st.tuples(st.just("ahead"), st.just(0)),
        st.tuples(st.just("heard"), st.integers(-(10**9), 10**9)),
    ),
    max_size=40,
)


@given(steps=STEPS)
@settings(max_examples=150)
def test_stamps_grow_over_any_jumps_and_kills(steps: list[tuple[str, Any]]) -> None:
    disk = Disk()
    stamps = disk.started()
    last = 0
    act: dict[str, Callable[[Any], Any]] = {
        "clock": lambda by: setattr(disk, "unix_s", max(0.0, disk.unix_s + by)),
        "ahead": lambda _: stamps.reserve_ahead(),
        "heard": lambda by: stamps.heard(max(0, ticks_of(disk.unix_s) + by)),
    }
    for kind, value in steps:
        if kind == "kill":
            stamps = disk.started()  # nothing but the disk is left
        elif kind == "send":
            for _ in range(value):
                stamp = stamps.next()
                assert last < stamp < 1 << 48
                assert stamp <= disk.reserve, "used before it was reserved"
                last = stamp
        else:
            act[kind](value)


def test_a_clock_set_back_neither_stops_nor_repeats_us() -> None:
    disk = Disk()
    stamps = disk.started()
    first = stamps.next()
    disk.unix_s = 0.0
    assert [stamps.next() - first for _ in range(3)] == [1, 2, 3]
    assert disk.writes == 1, "and the disk is not written for each"


def test_in_good_time_a_reserve_spares_the_sending_a_write() -> None:
    disk = Disk()
    stamps = disk.started()
    stamps.next()
    for _ in range(10):
        disk.unix_s += 15.0
        stamps.reserve_ahead()
        writes = disk.writes
        stamps.next()
        assert disk.writes == writes


def test_a_restart_still_takes_the_drones_time() -> None:
    disk = Disk()
    disk.started().next()
    again = Signing(KEY, Policy.SIGNED_ONLY, disk.started())
    assert judged(again, Drone(unix_s=NOW_S + 1.0).says()) is Verdict.GOOD


def test_the_count_begins_in_2015() -> None:
    assert [ticks_of(EPOCH_UNIX_S + s) for s in (-1.0, 0.0, 0.00001, 60.0)] == [0, 0, 1, MINUTE]


def test_the_file_never_goes_back_and_survives_damage(tmp_path: Path) -> None:
    path = tmp_path / "signing-time"
    file = StampFile(path)
    file.write(500)
    file.write(400)
    assert path.read_text(encoding="ascii") == "500"
    assert stamps_in(path, lambda: 0.0).next() == 501
    path.write_bytes(b"\xff no number")
    assert StampFile(path).read() == 0


SIGNER = """
import sys, time
from pathlib import Path
from agent.mavlink.stamp_file import stamps_in
stamps = stamps_in(Path(sys.argv[1]), lambda: float(sys.argv[2]))
while True:
    print(stamps.next(), flush=True)
    if stamps.last % 100 == 0:
        stamps.reserve_ahead()
"""


def test_a_kill_at_any_moment_reuses_no_stamp(tmp_path: Path) -> None:
    last = 0
    for unix_s, lines in ((NOW_S, 50), (NOW_S - 9e6, 3), (NOW_S, 600)):
        command = [sys.executable, "-c", SIGNER, str(tmp_path / "signing-time"), str(unix_s)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(lines):
                stamp = int(process.stdout.readline())
                assert stamp > last
                last = stamp
            process.kill()
            rest = [int(line) for line in process.stdout if line.endswith("\n")]
            last = max([last, *rest])


def test_a_disk_that_fails_does_not_stop_the_sending(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    stamps = stamps_in(in_the_way / "signing-time", lambda: NOW_S)
    assert stamps.next() < stamps.next()


def test_a_missing_or_wrong_key_is_a_configuration_error(tmp_path: Path) -> None:
    from agent.config.load import load
    from tests.unit.config.test_config import GOOD

    config, secrets = tmp_path / "nest.yaml", tmp_path / "secrets"
    secrets.mkdir()
    config.write_text(GOOD + "vehicle: {signing: required}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"secrets file vehicle__signing_key; nest-agent signing setup makes one"):
        load(config, secrets)
    (secrets / "vehicle__signing_key").write_text("00ff\n", encoding="ascii")
    with pytest.raises(ConfigError, match=r"signing_key.*4 characters.*64 hexadecimal") as told:
        load(config, secrets)
    assert "00ff" not in str(told.value)
    (secrets / "vehicle__signing_key").write_text(KEY.hex() + "\n", encoding="ascii")
    assert load(config, secrets).vehicle.key == KEY
    config.write_text(GOOD + "vehicle: {signing: off, link: ['tcp:a:1', 'udp:b:2']}\n", encoding="utf-8")
    assert load(config).vehicle.links == ("tcp:a:1", "udp:b:2")
    for wrong, words in (
        ("signing: maybe", "'accept_unsigned' or 'required'"),
        ("link: ['tcp:a:1', 'tcp:a:1']", "twice"),
        ("link: ['tcp:a:1', 'tcp:b:1'], lost_after_s: 3", "lost_after_s is 3; with several links it must be at least 5"),
    ):
        config.write_text(GOOD + f"vehicle: {{{wrong}}}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=words):
            load(config)
