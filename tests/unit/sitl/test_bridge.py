"""What a real autopilot does not say or know is put into the world's words."""

import math

import pytest

from simulator.sitl.bridge import Bridge
from simulator.vehicle.wire import mavlink, quaternion


def packed(message) -> bytes:
    return bytes(message.pack(mavlink.MAVLink(None, srcSystem=1, srcComponent=1)))


def unpacked(frame: bytes):
    return mavlink.MAVLink(None).parse_buffer(frame)[0]


def hil(roll=0.0, pitch=0.0, yaw=0.0):
    attitude = quaternion(roll, pitch, yaw)
    return mavlink.MAVLink_hil_state_quaternion_message(
        0, attitude, 0.1, 0.2, 0.3, 303900000, 1198400000, 34500, 100, -200, 300, 0, 0, 0, 0, 0
    )


def test_px4s_truth_becomes_the_truth_that_camera_and_dock_know():
    told = unpacked(Bridge().from_autopilot(packed(hil(0.1, -0.2, 1.5))))
    assert told.get_type() == "SIM_STATE"
    assert told.get_srcSystem() == 1
    assert (told.lat_int, told.lon_int, told.alt) == (303900000, 1198400000, 34.5)
    assert (told.roll, told.pitch, told.yaw) == pytest.approx((0.1, -0.2, 1.5), abs=1e-6)
    assert (told.vn, told.ve, told.vd) == pytest.approx((1.0, -2.0, 3.0))


@pytest.mark.parametrize("pitch", [-math.pi / 2, math.pi / 2])
def test_it_holds_at_the_poles_of_pitch(pitch):
    assert unpacked(Bridge().from_autopilot(packed(hil(pitch=pitch)))).pitch == pytest.approx(pitch, abs=1e-3)


def test_the_propellers_of_a_display_are_nobodys_business():
    assert Bridge().from_autopilot(packed(mavlink.MAVLink_hil_actuator_controls_message(0, [0.0] * 16, 0, 0))) is None


def test_all_else_passes_as_it_is():
    frame = packed(mavlink.MAVLink_heartbeat_message(2, 12, 0, 0, 3, 3))
    assert Bridge().from_autopilot(frame) is frame
    assert Bridge().answered(frame) is None


def test_the_charger_is_answered_here_and_no_other_parameter():
    heard = []
    bridge = Bridge(heard.append)
    charge = mavlink.MAVLink_param_set_message(1, 1, b"SIM_CHARGE_A", 4.5, 9)
    answer = unpacked(bridge.answered(packed(charge)))
    assert (answer.get_type(), answer.param_id, answer.param_value) == ("PARAM_VALUE", "SIM_CHARGE_A", 4.5)
    assert heard == [4.5]
    assert bridge.answered(packed(mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", 4000.0, 9))) is None
