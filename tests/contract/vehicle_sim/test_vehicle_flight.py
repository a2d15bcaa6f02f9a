"""The vehicle in flight: starting, AUTO, GUIDED, RTL, failsafes, as measured on ArduCopter 4.6.3."""

import math

import pytest

from simulator.vehicle.wire import mavlink
from tests.doubles.vehicle_rig import (
    AUTO,
    BRAKE,
    FENCE,
    GUIDED,
    LAND,
    LOITER,
    RALLY,
    RTL,
    Rig,
    Station,
    do,
    home_item,
    polygon,
    takeoff,
)

ACCEPTED, DENIED, FAILED = 0, 2, 4
MISSION_START = mavlink.MAV_CMD_MISSION_START
POSITION_ONLY = 0b0000_1101_1111_1000
VELOCITY_ONLY = 0b0000_1101_1100_0111


def at(rig: Rig, north_m: float, east_m: float, **more: object) -> dict:
    lat, lon = rig.offset(north_m, east_m)
    return {"lat": lat, "lon": lon, **more}


def lap(rig: Rig) -> list[dict]:
    """Take-off, a speed, two points, home."""
    return [home_item(), takeoff(12.0), do(178, 1, 8, -1), at(rig, 40, 0, alt=12.0), at(rig, 40, 40, alt=15.0), do(20)]


def down(rig: Rig, seconds: float = 200.0) -> bool:
    return rig.run(seconds, lambda: not rig.autopilot.craft.armed)


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


# -- GUIDED ----------------------------------------------------------------------------------------------------------------


def set_point(station: Station, rig: Rig, north_m: float, east_m: float, alt_m: float) -> None:
    lat, lon = rig.offset(north_m, east_m)
    station.send(
        mavlink.MAVLink_set_position_target_global_int_message(
            0, 1, 1, 6, POSITION_ONLY, round(lat * 1e7), round(lon * 1e7), alt_m, 0, 0, 0, 0, 0, 0, 0, 0
        )
    )


def velocity(station: Station, north: float, east: float, down_m_s: float) -> None:
    station.send(
        mavlink.MAVLink_set_position_target_local_ned_message(
            0, 1, 1, 1, VELOCITY_ONLY, 0, 0, 0, north, east, down_m_s, 0, 0, 0, 0, 0
        )
    )


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


# -- RTL and failsafes -----------------------------------------------------------------------------------------------------


def test_rtl_goes_to_a_nearer_rally_point() -> None:
    rig = Rig()
    station = rig.airborne()
    station.upload([at(rig, 60, 0, command=5100, alt=25.0)], RALLY)
    set_point(station, rig, 80, 0, 20)
    rig.run(25.0)
    station.mode(RTL)
    assert down(rig)
    assert rig.autopilot.craft.body.north_m == pytest.approx(60.0, abs=0.6)


def test_battery_low_then_critical() -> None:
    rig = Rig("BATT_FS_LOW_ACT=2", "BATT_FS_CRT_ACT=1", "BATT_LOW_VOLT=22", "BATT_CRT_VOLT=21")
    station = rig.airborne()
    set_point(station, rig, 250, 0, 20)
    rig.run(30.0)
    station.set_param("SIM_BATT_VOLTAGE", 22.3)
    begun_s = rig.time_s
    assert rig.run(20.0, lambda: rig.mode == RTL)
    assert rig.time_s - begun_s == pytest.approx(10.0, abs=0.5)
    assert any(text.startswith("Battery 1 is low ") for text in station.texts())
    station.set_param("SIM_BATT_VOLTAGE", 21.0)
    begun_s = rig.time_s
    assert rig.run(20.0, lambda: rig.mode == LAND)
    assert rig.time_s - begun_s == pytest.approx(10.0, abs=0.5)
    station.set_param("SIM_BATT_VOLTAGE", 25.2)
    assert down(rig)
    rig.run(1.0)
    assert station.arm() == FAILED, "latched"


@pytest.mark.parametrize(("options", "returns"), [(24, False), (8, True)])
def test_brake_counts_as_flown_by_a_pilot_and_may_be_left_alone_when_the_ground_falls_silent(
    options: int, returns: bool
) -> None:
    rig = Rig(f"FS_OPTIONS={options}")
    gcs = rig.airborne()
    assert gcs.mode(BRAKE) == 0
    gcs.heartbeat()
    gcs.set_param("FS_GCS_ENABLE", 1)
    assert rig.run(9.0, lambda: rig.mode == RTL) is returns
    gcs.heartbeat()
    rig.run(1.0)
    assert any("GCS Failsafe Cleared" in text for text in gcs.texts())


def test_gcs_failsafe_is_of_system_255_only_and_stays() -> None:
    rig = Rig("FS_GCS_ENABLE=1")
    other = rig.station(254)
    station = rig.station()
    assert rig.run(10.0, lambda: rig.autopilot.prearm_ok and rig.autopilot.position_ok)
    station.heartbeat()
    station.mode(GUIDED)
    assert station.arm() == ACCEPTED
    station.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 20)
    for _ in range(20):
        station.heartbeat()
        rig.run(1.0)
    begun_s = rig.time_s
    while rig.mode != RTL and rig.time_s < begun_s + 10.0:
        other.heartbeat()
        rig.run(0.5)
    assert rig.time_s - begun_s == pytest.approx(5.0, abs=1.1)
    station.heartbeat()
    rig.run(1.0)
    assert "GCS Failsafe Cleared" in station.texts()
    assert rig.mode == RTL, "no return to the old mode"


def test_fence_breach_goes_home() -> None:
    rig = Rig()
    station = rig.airborne()
    station.upload(polygon(rig, 40.0), FENCE)
    station.set_param("FENCE_ENABLE", 1)
    rig.run(0.5)
    for _ in range(20):
        velocity(station, 8, 0, 0)
        rig.run(1.0)
        if rig.mode == RTL:
            break
    assert rig.mode == RTL
    assert "Polygon fence breached" in station.texts()
    assert down(rig)


def test_gps_loss_lands_after_eight_seconds_and_rtl_is_refused() -> None:
    rig = Rig()
    station = rig.airborne(40.0)
    station.set_param("SIM_GPS_DISABLE", 1)
    begun_s = rig.time_s
    assert rig.run(20.0, lambda: rig.mode == LAND)
    assert rig.time_s - begun_s == pytest.approx(8.0, abs=0.5)
    station.upload(lap(rig))
    assert station.mode(RTL) == FAILED
    assert station.mode(AUTO) == FAILED
    assert "Mode change to RTL failed: requires position" in station.texts()


def test_radio_loss_goes_home_within_a_second_in_auto_too() -> None:
    rig = Rig()
    station = rig.airborne()
    station.upload([home_item(), takeoff(), at(rig, 300, 0), do(20)])
    station.mode(AUTO)
    rig.run(5.0)
    station.set_param("SIM_RC_FAIL", 1)
    begun_s = rig.time_s
    assert rig.run(5.0, lambda: rig.mode == RTL)
    assert rig.time_s - begun_s == pytest.approx(1.0, abs=0.3)


def test_charging_on_the_pad_fills_the_battery() -> None:
    rig = Rig(charge=0.4)
    station = rig.ready()
    station.stream(mavlink.MAVLINK_MSG_ID_BATTERY_STATUS, 1)
    rig.run(2.0)
    before = station.last("BATTERY_STATUS")
    station.set_param("SIM_CHARGE_A", 30)
    rig.run(120.0)
    after = station.last("BATTERY_STATUS")
    assert before.battery_remaining == pytest.approx(40, abs=1)
    assert after.battery_remaining > before.battery_remaining + 5
    assert after.current_battery < 0


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


def test_a_lost_motor_ends_in_a_crash_that_disarms() -> None:
    rig = Rig()
    station = rig.airborne(30.0)
    station.set_param("SIM_ENGINE_MUL", 0)
    station.set_param("SIM_ENGINE_FAIL", 1)
    assert rig.run(60.0, lambda: not rig.autopilot.craft.armed)
    assert "Crash: Disarming" in station.texts()


def test_an_empty_battery_falls() -> None:
    rig = Rig()
    station = rig.airborne(30.0)
    station.set_param("SIM_BATT_SET_PC", 0)
    assert rig.run(20.0, lambda: not rig.autopilot.craft.armed)
    assert "Crash: Disarming" in station.texts()


def test_home_can_be_set_above_mean_sea_level() -> None:
    rig = Rig()
    station = rig.ready()
    lat, lon = rig.offset(12.0, 0.0)
    assert station.command(mavlink.MAV_CMD_DO_SET_HOME, 0, 0, 0, 0, lat, lon, 14.0) == ACCEPTED
    home = station.last("HOME_POSITION")
    assert (home.latitude, home.altitude) == (pytest.approx(lat * 1e7, abs=20), pytest.approx(14_000, abs=2))


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
