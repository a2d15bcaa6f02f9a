"""Frames are cut out of datagrams as they were packed, whatever is between them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.sitl.frames import frames, message_id
from simulator.vehicle.wire import mavlink


def packed(message, *, version: int = 2, signed: bool = False) -> bytes:
    codec = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    if signed:
        codec.signing.sign_outgoing, codec.signing.secret_key, codec.signing.timestamp = True, bytes(32), 1
    return bytes(message.pack(codec, force_mavlink1=version == 1))


HEARTBEAT = mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 3, 3)
TEXT = mavlink.MAVLink_statustext_message(6, b"hello", 0, 0)
SHORT = mavlink.MAVLink_mission_ack_message(1, 1, 0, 0)
PACKED = [packed(m, version=v, signed=s) for m in (HEARTBEAT, TEXT, SHORT) for v, s in ((1, False), (2, False), (2, True))]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PACKED), max_size=6))
def test_what_was_put_in_one_datagram_comes_out(whole):
    assert list(frames(b"".join(whole))) == whole


@settings(deadline=None)
@given(st.sampled_from(PACKED), st.binary(max_size=6).filter(lambda b: not {0xFD, 0xFE} & set(b)))
def test_noise_before_a_frame_is_left_out(frame, noise):
    assert list(frames(noise + frame)) == [frame]


@settings(deadline=None)
@given(st.sampled_from(PACKED), st.data())
def test_a_frame_that_is_cut_off_is_left_out(frame, data):
    cut = frame[: data.draw(st.integers(0, len(frame) - 1))]
    assert frame not in list(frames(cut))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_it_and_it_gives_only_what_was_there(data):
    assert sum(map(len, frames(data))) <= len(data)


def test_the_message_id_is_read_in_both_versions():
    assert {message_id(frame) for frame in PACKED[:3]} == {mavlink.MAVLINK_MSG_ID_HEARTBEAT}
    long_id = packed(mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, 0, 0, [1, 0, 0, 0], 0, 0, 0, 0))
    assert message_id(long_id) == mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS
