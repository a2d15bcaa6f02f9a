"""The vehicle comes home or lands: RTL, battery, fence, GPS, radio and ground station, as measured on ArduCopter 4.6.3."""

import pytest

from simulator.vehicle.wire import mavlink
from tests.doubles.vehicle_rig import (
    AUTO,
    BRAKE,
    FENCE,
    GUIDED,
    LAND,
    RALLY,
    RTL,
    Rig,
    at,
    do,
    down,
    home_item,
    lap,
    polygon,
    set_point,
    takeoff,
    velocity,
)

ACCEPTED, FAILED = 0, 4


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
