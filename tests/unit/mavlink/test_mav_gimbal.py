"""Where the camera looks: what an autopilot's angles are against, and whose gimbal is believed."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.geo import wrap_180
from agent.domain.telemetry import Attitude, Telemetry
from agent.mavlink.codec import Frame
from agent.mavlink.enums import Cmd
from agent.mavlink.gimbal import GimbalFrame, gimbal_of, give_control_back, take_control
from agent.mavlink.telemetry import Interpretation, fold
from simulator.vehicle.wire import conjugate, product, quaternion

LEVEL = 12  # roll and pitch lock
GIMBAL, AUTOPILOT = 154, 1


def report(q, flags=LEVEL, *, component=AUTOPILOT, at_s=10.0, boot_ms=10_000, device=1):
    nan = math.nan
    body = mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, boot_ms, flags, q, nan, nan, nan, 0, nan, nan, device)
    return Frame("GIMBAL_DEVICE_ATTITUDE_STATUS", 1, component, 0, at_s, body)


def attitude(roll=0.0, pitch=0.0, yaw=0.0, at_s=10.0):
    return Attitude(at_s, 10_000, roll, pitch, yaw)


def radians(*angles_deg):
    return [math.radians(angle) for angle in angles_deg]


lean = st.floats(-35.0, 35.0)
heading = st.floats(-179.0, 179.0)


@given(lean, lean, heading, st.floats(-85.0, 20.0), heading)
def test_servos_reported_against_the_body_are_turned_to_the_horizon(roll, pitch, yaw, look_pitch, look_yaw):
    """ArduPilot's servo mount: the angle of each servo, under flags that say horizon."""
    look = quaternion(*radians(0.0, look_pitch, look_yaw))
    servos = product(conjugate(quaternion(*radians(roll, pitch, yaw))), look)
    gimbal = gimbal_of(report(servos), None, attitude(roll, pitch, yaw), GimbalFrame.BODY)
    assert gimbal is not None
    assert (gimbal.roll_deg, gimbal.pitch_deg) == (pytest.approx(0.0, abs=1e-3), pytest.approx(look_pitch, abs=1e-3))
    assert wrap_180(gimbal.yaw_deg - look_yaw) == pytest.approx(0.0, abs=1e-2)


def test_read_as_flagged_a_leaning_drones_servos_would_put_a_place_tens_of_metres_off():
    servos = product(conjugate(quaternion(*radians(0.0, -12.0, 0.0))), quaternion(*radians(0.0, -45.0, 0.0)))
    wrong = gimbal_of(report(servos), None, attitude(pitch=-12.0), GimbalFrame.FLAGGED)
    right = gimbal_of(report(servos), None, attitude(pitch=-12.0), GimbalFrame.BODY)
    assert wrong is not None
    assert right is not None
    reach = [60.0 / math.tan(math.radians(-g.pitch_deg)) for g in (wrong, right)]
    assert abs(reach[0] - reach[1]) > 20.0


def test_an_angle_of_which_nobody_knows_what_it_is_against_is_no_angle():
    level = quaternion(*radians(0.0, -30.0, 0.0))
    assert gimbal_of(report(level), None, attitude(), GimbalFrame.UNKNOWN) is None
    assert gimbal_of(report(level), None, None, GimbalFrame.BODY) is None
    assert gimbal_of(report(level, component=GIMBAL), None, attitude(), GimbalFrame.UNKNOWN) is not None


def test_a_gimbal_that_counts_from_its_own_boot_is_as_fresh_as_it_came():
    level = quaternion(*radians(0.0, -30.0, 0.0))
    gimbal = gimbal_of(report(level, component=GIMBAL, at_s=10.2, boot_ms=77), None, attitude(), GimbalFrame.FLAGGED)
    assert gimbal is not None
    assert gimbal.boot_ms == 10_200


def test_a_second_gimbal_does_not_replace_the_first_while_that_speaks():
    level, other = quaternion(*radians(0.0, -30.0, 0.0)), quaternion(*radians(0.0, -80.0, 0.0))
    first = gimbal_of(report(level), None, attitude(), GimbalFrame.FLAGGED)
    assert gimbal_of(report(other, at_s=11.0, device=2), first, attitude(), GimbalFrame.FLAGGED) is None
    later = gimbal_of(report(other, at_s=16.0, device=2), first, attitude(), GimbalFrame.FLAGGED)
    assert later is not None
    assert later.pitch_deg == pytest.approx(-80.0)


def test_the_meaning_of_the_angles_is_the_autopilots():
    def pitch_deg(meaning):
        telemetry = replace(Telemetry(), attitude=attitude(pitch=-10.0))
        interpretation = Interpretation(lambda _: None, lambda n: n, lambda n: n, gimbal=meaning)  # type: ignore[arg-type, return-value]
        return fold(telemetry, report(quaternion(*radians(0.0, -30.0, 0.0))), interpretation).gimbal

    assert pitch_deg(GimbalFrame.FLAGGED).pitch_deg == pytest.approx(-30.0)
    assert pitch_deg(GimbalFrame.BODY).pitch_deg == pytest.approx(-40.0)
    assert pitch_deg(GimbalFrame.UNKNOWN) is None


def test_control_is_taken_by_number_and_given_back_by_whoever_has_it():
    assert take_control(255, 190).params == (255.0, 190.0, -1.0, -1.0)
    assert give_control_back().params == (-3.0, -3.0, -1.0, -1.0)
    assert take_control(255, 190).id == give_control_back().id == Cmd.DO_GIMBAL_MANAGER_CONFIGURE
