"""The vehicle flown by hand: set points in GUIDED, speed and yaw, the sticks in LOITER, as measured on ArduCopter 4.6.3."""

import math

import pytest

from simulator.vehicle.wire import mavlink
from tests.doubles.vehicle_rig import (
    AUTO,
    BRAKE,
    FENCE,
    LOITER,
    Rig,
    lap,
    polygon,
    set_point,
    velocity,
)

ACCEPTED, FAILED = 0, 4


def test_set_points_are_flown_in_guided_and_ignored_in_auto() -> None:
    rig = Rig()
    station = rig.airborne()
    set_point(station, rig, 30, -20, 25)
    body = rig.autopilot.craft.body
    assert rig.run(40.0, lambda: math.hypot(body.north_m - 30, body.east_m + 20) < 0.5 and abs(rig.height_m - 25) < 0.5)
    station.upload(lap(rig))
    station.mode(AUTO)
    station.clear()
    set_point(station, rig, -30, -20, 25)
    assert rig.mode == AUTO
    assert not station.log, "in silence"


def test_a_velocity_set_point_lapses_after_three_seconds() -> None:
    rig = Rig()
    station = rig.airborne()
    for _ in range(5):
        velocity(station, 4, 0, 0)
        rig.run(1.0)
    assert rig.autopilot.craft.body.v_north == pytest.approx(4.0, abs=0.3)
    rig.run(8.0)
    assert abs(rig.autopilot.craft.body.v_north) < 0.3


def test_targets_outside_the_fence() -> None:
    rig = Rig()
    station = rig.airborne()
    station.upload(polygon(rig, 60.0), FENCE)
    station.set_param("FENCE_ENABLE", 1)
    rig.run(0.5)
    lat, lon = rig.offset(100.0, 0.0)
    assert station.command_int(192, 6, -1, 1, 0, math.nan, lat=lat, lon=lon, alt=20) == FAILED
    set_point(station, rig, 100, 0, 20)
    rig.run(10.0)
    assert abs(rig.autopilot.craft.body.north_m) < 1.0
    lat, lon = rig.offset(30.0, 0.0)
    assert station.command_int(192, 6, -1, 1, 0, math.nan, lat=lat, lon=lon, alt=20) == ACCEPTED
    assert rig.run(30.0, lambda: rig.autopilot.craft.body.north_m > 29.0)


def test_yaw_and_speed_by_command() -> None:
    rig = Rig()
    station = rig.airborne()
    assert station.command(mavlink.MAV_CMD_CONDITION_YAW, 120, 0, 1, 0) == ACCEPTED
    rig.run(6.0)
    assert math.degrees(rig.autopilot.craft.body.yaw) == pytest.approx(120.0, abs=2.0)
    assert station.command(mavlink.MAV_CMD_DO_CHANGE_SPEED, 1, 3, -1) == ACCEPTED
    set_point(station, rig, 200, 0, 20)
    rig.run(10.0)
    assert rig.autopilot.craft.body.ground_speed == pytest.approx(3.0, abs=0.3)


def test_loiter_sinks_with_the_throttle_stick_down_and_brake_holds() -> None:
    rig = Rig()
    station = rig.airborne(40.0)
    station.mode(BRAKE)
    rig.run(3.0)
    held_m = rig.height_m
    rig.run(4.0)
    assert rig.height_m == pytest.approx(held_m, abs=0.3)
    station.mode(LOITER)
    rig.run(4.0)
    assert held_m - rig.height_m == pytest.approx(8.0, abs=1.0)


def test_the_pilots_sticks_fly_loiter_and_lapse() -> None:
    rig = Rig()
    station = rig.airborne(30.0)
    station.mode(LOITER)
    for _ in range(20):
        station.send(mavlink.MAVLink_rc_channels_override_message(1, 1, 1500, 1300, 1500, 1500, 0, 0, 0, 0))
        rig.run(0.2)
    assert rig.autopilot.craft.body.v_north > 2.0
    assert rig.height_m == pytest.approx(30.0, abs=0.7)
    rig.run(8.0)
    assert rig.height_m < 25.0, "the override lapsed; the stick is down again"
