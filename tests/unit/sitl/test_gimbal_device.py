"""The gimbal answers as the gimbal protocol has it, turns with its rate and holds what it is told."""

import math

import pytest

from simulator.sitl.gimbal import COMPONENT, STEP_S, GimbalDevice
from simulator.vehicle.wire import mavlink, quaternion

NAN = float("nan")
IN_VEHICLE_FRAME = 32


def packed(message) -> bytes:
    return bytes(message.pack(mavlink.MAVLink(None, srcSystem=1, srcComponent=1)))


def heard(frames):
    return [mavlink.MAVLink(None).parse_buffer(frame)[0] for frame in frames]


def command(number, first, component=COMPONENT):
    return packed(mavlink.MAVLink_command_long_message(1, component, number, 0, first, 0, 0, 0, 0, 0, 0))


def set_attitude(pitch_deg, yaw_deg, flags):
    q = quaternion(0.0, math.radians(pitch_deg), math.radians(yaw_deg))
    return packed(mavlink.MAVLink_gimbal_device_set_attitude_message(1, COMPONENT, flags, q, NAN, NAN, NAN))


def heading(yaw_deg):
    q = quaternion(0.0, 0.0, math.radians(yaw_deg))
    return packed(mavlink.MAVLink_autopilot_state_for_gimbal_device_message(1, COMPONENT, 0, q, 0, 0, 0, 0, 0, 0, 0, 0))


def turned(gimbal, seconds):
    for _ in range(round(seconds / STEP_S)):
        gimbal.step()
    return round(math.degrees(gimbal.pitch_rad), 1), round(math.degrees(gimbal.yaw_rad), 1)


def test_it_says_what_it_is_when_asked():
    told = heard(GimbalDevice().hear(command(mavlink.MAV_CMD_REQUEST_MESSAGE, 283)))
    assert [message.get_type() for message in told] == ["COMMAND_ACK", "GIMBAL_DEVICE_INFORMATION"]
    assert math.degrees(told[1].pitch_min) == pytest.approx(-90.0)


@pytest.mark.parametrize("frame", [command(mavlink.MAV_CMD_REQUEST_MESSAGE, 148), command(512, 283, 1), b"\xfd", packed(
    mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 3, 3))])  # fmt: skip
def test_what_is_not_for_it_is_not_answered(frame):
    padded = frame + bytes(20) if len(frame) < 12 else frame
    assert list(GimbalDevice().hear(padded)) == []


def test_it_reports_at_20_hz_and_beats_once_a_second():
    gimbal = GimbalDevice()
    kinds = [message.get_type() for _ in range(40) for message in heard(gimbal.step())]
    assert kinds.count("GIMBAL_DEVICE_ATTITUDE_STATUS") == 40
    assert kinds.count("HEARTBEAT") == 2


def test_it_turns_no_faster_than_it_can_and_stops_at_its_limits():
    gimbal = GimbalDevice()
    gimbal.hear(set_attitude(-45.0, 0.0, 0))
    assert turned(gimbal, 0.5) == (-30.0, 0.0)
    assert turned(gimbal, 0.5) == (-45.0, 0.0)
    gimbal.hear(set_attitude(60.0, 0.0, 0))
    assert turned(gimbal, 3.0) == (20.0, 0.0)


def test_yaw_from_the_nose_goes_with_the_drone_and_yaw_from_north_stays():
    gimbal = GimbalDevice()
    gimbal.hear(heading(90.0))
    gimbal.hear(set_attitude(-20.0, 30.0, IN_VEHICLE_FRAME))
    assert turned(gimbal, 2.0) == (-20.0, 30.0)
    gimbal.hear(set_attitude(-20.0, 120.0, mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK))
    assert turned(gimbal, 2.0) == (-20.0, 30.0)
    gimbal.hear(heading(150.0))
    assert turned(gimbal, 2.0) == (-20.0, -30.0)
    [status] = heard(gimbal.step())[:1]
    assert status.flags & IN_VEHICLE_FRAME
    assert math.degrees(math.atan2(2 * status.q[0] * status.q[3], 1)) < 0, "told from the nose, whatever holds it"


def test_rates_turn_it_step_by_step():
    gimbal = GimbalDevice()
    rates = mavlink.MAVLink_gimbal_device_set_attitude_message(1, COMPONENT, 0, [NAN] * 4, NAN, math.radians(-10.0), 0.0)
    for _ in range(20):
        gimbal.hear(packed(rates))
        gimbal.step()
    assert math.degrees(gimbal.pitch_rad) == pytest.approx(-10.0)
