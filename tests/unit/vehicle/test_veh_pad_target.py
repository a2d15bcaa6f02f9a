"""A fix of the pad becomes the LANDING_TARGET that each autopilot takes."""

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LatLon
from agent.domain.landing import PadFix
from agent.domain.telemetry import Attitude, LocalPosition, Position, Telemetry
from agent.vehicle.open import vehicle_on
from agent.vehicle.pad_target import in_body, in_local
from tests.doubles.autopilot import Script, run_virtual, scripted

ANGLES = st.floats(-60.0, 60.0)
METRES = st.floats(-10.0, 10.0)


def telemetry(
    roll: float = 0.0, pitch: float = 0.0, yaw: float = 0.0, velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Telemetry:
    return Telemetry(
        attitude=Attitude(0.0, 0, roll, pitch, yaw),
        position=Position(0.0, 0, LatLon(30.0, 119.0), 10.0, 5.0, velocity, None),
        local=LocalPosition(0.0, 0, (100.0, 50.0, -5.0), velocity),
    )


def fix(north: float, east: float, down: float, at_s: float = 1000.0) -> PadFix:
    return PadFix(at_s, north, east, down, 0.05, 0.0)


@given(METRES, METRES, st.floats(0.1, 15.0), ANGLES, ANGLES, st.floats(-180.0, 180.0))
def test_turning_keeps_the_distance(north, east, down, roll, pitch, yaw):
    body = in_body(fix(north, east, down), telemetry(roll, pitch, yaw), 1000.0)
    assert body is not None
    assert math.hypot(*body) == pytest.approx(math.hypot(north, east, down))


def test_a_pad_to_the_east_is_ahead_of_a_nose_to_the_east():
    body = in_body(fix(0.0, 2.0, 5.0), telemetry(yaw=90.0), 1000.0)
    assert body == pytest.approx((2.0, 0.0, 5.0))


def test_a_pad_below_a_drone_that_leans_right_lies_to_its_right():
    body = in_body(fix(0.0, 0.0, 5.0), telemetry(roll=10.0), 1000.0)
    assert body is not None
    assert body[1] == pytest.approx(5.0 * math.sin(math.radians(10.0)))  # its right side points down


def test_an_old_fix_is_carried_on_by_the_velocity_in_the_body_and_not_in_the_local_frame():
    moving = telemetry(velocity=(1.0, 0.0, 0.5))
    assert in_body(fix(2.0, 0.0, 5.0), moving, 1000.2) == pytest.approx((1.8, 0.0, 4.9))
    # Said to be at 100 north 0.2 s after the capture: at the capture it was at 99.8.
    assert in_local(fix(2.0, 0.0, 5.0), moving, 1000.2) == pytest.approx((101.8, 50.0, -0.1))


def test_what_is_too_old_or_unknown_is_not_told():
    assert in_body(fix(0.0, 0.0, 5.0), telemetry(), 1001.5) is None
    assert in_body(fix(0.0, 0.0, 5.0), Telemetry(), 1000.0) is None
    assert in_local(fix(0.0, 0.0, 5.0), telemetry(), 1001.5) is None
    assert in_local(fix(0.0, 0.0, 5.0), Telemetry(), None) is None


def told(autopilot: int) -> mavlink.MAVLink_landing_target_message:
    """The LANDING_TARGET that goes out for a pad 1 m north and 4 m below a drone whose nose is to the north."""

    async def main() -> mavlink.MAVLink_landing_target_message:
        link, peer = scripted(Script())
        async with asyncio.timeout(3600), vehicle_on(link, VehicleSection(), Bus(), Clock()) as vehicle:
            while vehicle.telemetry.attitude is None or vehicle.telemetry.local is None:
                peer.beat(mode=0, autopilot=autopilot)
                peer.send(mavlink.MAVLink_global_position_int_message(0, 303_900_000, 1_198_400_000, 0, 4_000, 0, 0, 0, 0))
                peer.send(mavlink.MAVLink_local_position_ned_message(0, 10.0, 20.0, -4.0, 0.0, 0.0, 0.0))
                peer.send(mavlink.MAVLink_attitude_message(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
                await asyncio.sleep(0.5)
            vehicle.show_pad(fix(1.0, 0.0, 4.0, time.time()))
            await asyncio.sleep(0.5)
            return next(m for m in peer.log if m.get_type() == "LANDING_TARGET")

    return run_virtual(main())


def test_ardupilot_is_told_in_body_axes_with_the_distance():
    message = told(mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA)
    assert (message.frame, message.position_valid, message.type) == (mavlink.MAV_FRAME_BODY_FRD, 1, 2)
    assert (message.x, message.y, message.z) == pytest.approx((1.0, 0.0, 4.0), abs=1e-5)
    assert message.distance == pytest.approx(math.hypot(1.0, 4.0))
    # The older form: ArduPilot takes (-tan y, tan x, 1) as the direction.
    assert (-math.tan(message.angle_y), math.tan(message.angle_x)) == pytest.approx((0.25, 0.0), abs=1e-6)
    assert message.time_usec / 1e6 == pytest.approx(time.time(), abs=60.0)


def test_px4_is_told_in_its_local_frame():
    message = told(mavlink.MAV_AUTOPILOT_PX4)
    assert (message.frame, message.position_valid) == (mavlink.MAV_FRAME_LOCAL_NED, 1)
    assert (message.x, message.y, message.z) == pytest.approx((11.0, 20.0, 0.0), abs=1e-5)
