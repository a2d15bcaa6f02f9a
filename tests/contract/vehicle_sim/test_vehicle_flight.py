"""The vehicle in flight: starting, AUTO, pictures and gimbal, as measured on ArduCopter 4.6.3."""

import math

import pytest

from simulator.vehicle.wire import mavlink
from tests.doubles.vehicle_rig import (
    AUTO,
    GUIDED,
    Rig,
    at,
    do,
    down,
    home_item,
    lap,
    takeoff,
)

ACCEPTED, DENIED, FAILED = 0, 2, 4
MISSION_START = mavlink.MAV_CMD_MISSION_START


# -- starting --------------------------------------------------------------------------------------------------------------


def test_auto_and_mission_start_do_nothing_while_disarmed() -> None:
    rig = Rig()
    station = rig.ready()
    station.upload(lap(rig))
    assert station.mode(AUTO) == ACCEPTED
    assert station.command(MISSION_START) == ACCEPTED
    rig.run(10.0)
    assert (rig.autopilot.craft.armed, rig.height_m) == (False, pytest.approx(0.0, abs=0.5))


def test_options_0_arm_in_guided_then_mission_start_takes_off() -> None:
    rig = Rig()
    station = rig.ready()
    station.upload(lap(rig))
    station.mode(GUIDED)
    assert station.arm() == ACCEPTED
    assert station.command(MISSION_START) == ACCEPTED
    assert rig.run(30.0, lambda: rig.height_m > 10.0)


def test_options_0_auto_without_mission_start_stays_on_the_ground() -> None:
    rig = Rig()
    station = rig.ready()
    station.upload(lap(rig))
    station.mode(GUIDED)
    station.arm()
    station.mode(AUTO)
    rig.run(9.0)
    assert rig.autopilot.craft.landed


def test_options_1_may_arm_in_auto_and_waits() -> None:
    rig = Rig("AUTO_OPTIONS=1")
    station = rig.ready()
    station.upload(lap(rig))
    station.mode(AUTO)
    assert station.arm() == ACCEPTED
    rig.run(8.0)
    assert rig.autopilot.craft.landed
    station.command(MISSION_START)
    assert rig.run(20.0, lambda: rig.height_m > 5.0)


def test_options_3_takes_off_by_itself() -> None:
    rig = Rig("AUTO_OPTIONS=3")
    station = rig.ready()
    station.upload(lap(rig))
    station.mode(AUTO)
    assert station.arm() == ACCEPTED
    started_s = rig.time_s
    assert rig.run(20.0, lambda: not rig.autopilot.craft.landed)
    assert rig.time_s - started_s == pytest.approx(3.0, abs=1.0)


# -- a whole mission -------------------------------------------------------------------------------------------------------


def test_a_mission_from_take_off_to_disarm() -> None:
    rig = Rig("AUTO_OPTIONS=3")
    station = rig.ready()
    station.upload(lap(rig))
    station.mode(AUTO)
    station.clear()
    station.arm()
    assert down(rig)
    rig.run(1.0)

    # A take-off with a DO item after it is reported with that item's number; DO items are not reported.
    assert [m.seq for m in station.all("MISSION_ITEM_REACHED")] == [2, 3, 4, 5]
    assert [text for text in station.texts() if text.startswith(("Mission:", "Reached"))] == [
        "Mission: 2 ChangeSpeed",
        "Mission: 3 WP",
        "Reached command #3",
        "Mission: 4 WP",
        "Reached command #4",
        "Mission: 5 RTL",
    ]
    states = [m.landed_state for m in station.all("EXTENDED_SYS_STATE")]
    assert [s for i, s in enumerate(states) if i == 0 or states[i - 1] != s] == [1, 3, 2, 4, 1]
    modes = {m.custom_mode for m in station.all("HEARTBEAT")}
    assert modes == {AUTO}, "a mission's RTL item keeps mode AUTO"
    assert (station.last("MISSION_CURRENT").seq, station.last("MISSION_CURRENT").mission_state) == (0, 5)
    body = rig.autopilot.craft.body
    assert math.hypot(body.north_m, body.east_m) < 0.5, "back on the pad"


def test_a_mission_without_an_end_loiters_and_needs_a_reset() -> None:
    rig = Rig()
    station = rig.airborne(15.0)
    station.upload([home_item(), takeoff(), at(rig, 30, 0, alt=15.0)])
    station.mode(AUTO)
    rig.run(1.0)
    assert rig.run(60.0, lambda: station.last("MISSION_CURRENT").mission_state == 5)
    station.upload([home_item(), takeoff(), at(rig, 30, 60, alt=15.0)])
    rig.run(10.0)
    assert abs(rig.autopilot.craft.body.east_m) < 2.0
    assert station.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, -1, 1) == ACCEPTED
    assert rig.run(60.0, lambda: rig.autopilot.craft.body.east_m > 50.0)


def test_index_past_the_end_is_denied_by_command_and_silent_by_message() -> None:
    rig = Rig()
    station = rig.airborne()
    station.upload(lap(rig))
    assert station.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, 99) == DENIED
    assert station.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, 4) == ACCEPTED
    station.clear()
    station.send(mavlink.MAVLink_mission_set_current_message(1, 1, 99))
    assert not station.log
    station.send(mavlink.MAVLink_mission_set_current_message(1, 1, 3))
    assert station.last("MISSION_CURRENT").seq == 3


def test_pause_and_continue() -> None:
    rig = Rig()
    station = rig.airborne()
    station.upload([home_item(), takeoff(), at(rig, 300, 0), do(20)])
    station.mode(AUTO)
    rig.run(8.0)
    assert station.command(mavlink.MAV_CMD_DO_PAUSE_CONTINUE, 0) == ACCEPTED
    rig.run(12.0)
    assert station.last("MISSION_CURRENT").mission_state == 4
    assert rig.autopilot.craft.body.ground_speed < 0.3
    assert station.command(mavlink.MAV_CMD_DO_PAUSE_CONTINUE, 1) == ACCEPTED
    rig.run(8.0)
    assert rig.autopilot.craft.body.ground_speed > 5.0
    assert (rig.mode, station.last("MISSION_CURRENT").mission_state) == (AUTO, 3)


def test_jumps_conditions_delays_and_turns() -> None:
    rig = Rig()
    station = rig.airborne()
    items = [
        home_item(), takeoff(), at(rig, 20, 0), do(177, 2, 1), do(93, 2),
        {"command": mavlink.MAV_CMD_NAV_LOITER_TURNS, "p": (1, 0, 8, 0)}, do(115, 90, 0, 1, 0), at(rig, 0, 20, alt=20.0),
        {"command": mavlink.MAV_CMD_NAV_LAND, "lat": 0, "lon": 0, "alt": 0},
    ]  # fmt: skip
    assert station.upload(items) == ACCEPTED
    station.clear()
    station.mode(AUTO)
    assert down(rig, 250.0)
    assert [m.seq for m in station.all("MISSION_ITEM_REACHED")] == [1, 2, 2, 4, 5, 7, 8]


# -- pictures and gimbal ---------------------------------------------------------------------------------------------------


def test_pictures() -> None:
    rig = Rig()
    station = rig.airborne()
    assert station.command(mavlink.MAV_CMD_IMAGE_START_CAPTURE, 0, 2, 3) == ACCEPTED
    rig.run(10.0)
    assert [m.img_idx for m in station.all("CAMERA_FEEDBACK")] == [1, 2, 3]
    assert station.all("CAMERA_IMAGE_CAPTURED") == []
    assert station.command(mavlink.MAV_CMD_IMAGE_START_CAPTURE, 0, 0, 3) == FAILED
    station.set_param("CAM1_TYPE", 0)
    assert station.command(mavlink.MAV_CMD_IMAGE_START_CAPTURE, 0, 2, 3) == FAILED


def test_the_gimbal_points_and_reports() -> None:
    rig = Rig()
    station = rig.airborne()
    station.stream(mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS, 10)
    assert station.command(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, -45, 30, math.nan, math.nan) == ACCEPTED
    rig.run(3.0)
    w, x, y, z = station.last("GIMBAL_DEVICE_ATTITUDE_STATUS").q
    assert math.degrees(math.asin(2 * (w * y - z * x))) == pytest.approx(-45.0, abs=0.5)
    assert math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))) == pytest.approx(30.0, abs=0.5)
    assert station.command(mavlink.MAV_CMD_DO_MOUNT_CONTROL, -90, 0, 0, 0, 0, 0, 2) == ACCEPTED
    rig.run(3.0)
    assert rig.autopilot.gimbal.pitch_deg == pytest.approx(-90.0)


def test_the_same_seed_flies_the_same_flight() -> None:
    def flight(seed: int) -> list[bytes]:
        rig = Rig("AUTO_OPTIONS=3", "SIM_WIND_SPD=6", seed=seed)
        station = rig.ready()
        station.stream(mavlink.MAVLINK_MSG_ID_SIM_STATE, 5)
        station.upload(lap(rig))
        station.mode(AUTO)
        station.arm()
        rig.run(40.0)
        return station.frames

    first = flight(7)
    assert first == flight(7)
    assert first != flight(8)


def test_home_can_be_set_above_mean_sea_level() -> None:
    rig = Rig()
    station = rig.ready()
    lat, lon = rig.offset(12.0, 0.0)
    assert station.command(mavlink.MAV_CMD_DO_SET_HOME, 0, 0, 0, 0, lat, lon, 14.0) == ACCEPTED
    home = station.last("HOME_POSITION")
    assert (home.latitude, home.altitude) == (pytest.approx(lat * 1e7, abs=20), pytest.approx(14_000, abs=2))
