"""Every message that carries telemetry, its units, and the values that mean unknown."""

import math
from dataclasses import replace
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.geo import LatLon
from agent.domain.telemetry import FlightMode, GpsFix, LandedState, StatusText, Telemetry
from agent.mavlink.boot_time import BootTime
from agent.mavlink.codec import Frame
from agent.mavlink.quality import LossMeter
from agent.mavlink.telemetry import FOLDS, Interpretation, fold
from agent.mavlink.texts import StatusTexts

AUTO, AT_S = 3, 12.5
MEANING = Interpretation(
    mode_of=lambda number: FlightMode.MISSION if number == AUTO else FlightMode.UNKNOWN,
    plan_index_of=lambda seq: seq - 1,
    reached_index_of=lambda seq: seq - 1,
    plan_length=7,
)
UP = (1.0, 0.0, 0.0, 0.0)
DOWN_40 = (math.cos(math.radians(20)), 0.0, -math.sin(math.radians(20)), 0.0)  # pitch -40 degrees


def framed(body: Any, component: int = 1, sequence: int = 0, at_s: float = AT_S) -> Frame:
    return Frame(body.get_type(), 1, component, sequence, at_s, body)


def after(*bodies: Any, start: Telemetry | None = None) -> Telemetry:
    telemetry = start or Telemetry()
    for body in bodies:
        telemetry = fold(telemetry, framed(body), MEANING)
    return telemetry


def test_a_part_is_changed_as_by_replace() -> None:
    before = after(gps(), sys_status())
    home, wind = before.home, (1.0, 2.0)
    assert before.having(home=home, wind_ned_m_s=wind) == replace(before, home=home, wind_ned_m_s=wind)
    with pytest.raises(KeyError):
        before.having(no_such_part=1)


def battery_status(**change: Any) -> Any:
    values = {
        "temperature": 2512,
        "voltages": [4100, 4050, 4110, 65535, 65535, 65535, 65535, 65535, 65535, 65535],
        "consumed": 900,
    }
    values |= change
    return mavlink.MAVLink_battery_status_message(
        change.get("id", 0), 0, 1, values["temperature"], values["voltages"], 100, values["consumed"], -1, 70
    )


def sys_status(**change: Any) -> Any:
    sensors = 0x10000000 | 0x20 | 0x04
    values = {"health": sensors, "voltage": 12_345, "current": 1_234, "remaining": 71} | change
    return mavlink.MAVLink_sys_status_message(
        change.get("present", sensors), sensors, values["health"], 250, values["voltage"], values["current"],
        values["remaining"], 0, 0, 0, 0, 0, 0,
    )  # fmt: skip


def gps(**change: Any) -> Any:
    values = {"fix": 6, "eph": 121, "satellites": 14} | change
    return mavlink.MAVLink_gps_raw_int_message(0, values["fix"], 0, 0, 0, values["eph"], 0, 0, 0, values["satellites"])


def position(**change: Any) -> Any:
    values = {"lat": 303_900_000, "lon": 1_198_400_000, "hdg": 9_000} | change
    return mavlink.MAVLink_global_position_int_message(
        5_000, values["lat"], values["lon"], 130_500, 100_250, 150, -250, -30, values["hdg"]
    )


def heartbeat(**change: Any) -> Any:
    values = {"autopilot": 3, "base": 1 | 128, "mode": AUTO, "status": 4} | change
    return mavlink.MAVLink_heartbeat_message(2, values["autopilot"], values["base"], values["mode"], values["status"], 3)


ATTITUDE = mavlink.MAVLink_attitude_message(5_020, 0.1, -0.2, math.radians(-170.0), 0.0, 0.0, 0.0)


def aircraft(**change: Any) -> Any:
    values = {"icao": 0xABCDE, "lat": 303_900_000, "flags": 0x8F, "type": 1, "tslc": 2, "sign": b"RESCUE1 "} | change
    return mavlink.MAVLink_adsb_vehicle_message(
        values["icao"], values["lat"], 1_198_400_000, values["type"], 350_000, 9_000, 6_000, -150, values["sign"], 7,
        values["tslc"], values["flags"], 1200,
    )  # fmt: skip


SAMPLES = {
    "HEARTBEAT": heartbeat(),
    "GLOBAL_POSITION_INT": position(),
    "LOCAL_POSITION_NED": mavlink.MAVLink_local_position_ned_message(5_000, 10.0, -20.0, -30.0, 1.0, 0.0, -0.5),
    "ATTITUDE": ATTITUDE,
    "GIMBAL_DEVICE_ATTITUDE_STATUS": mavlink.MAVLink_gimbal_device_attitude_status_message(
        0, 0, 5_010, 64 | 12, DOWN_40, 0, 0, 0, 0
    ),
    "GIMBAL_MANAGER_STATUS": mavlink.MAVLink_gimbal_manager_status_message(0, 12, 1, 255, 190, 0, 0),
    "GIMBAL_MANAGER_INFORMATION": mavlink.MAVLink_gimbal_manager_information_message(0, 0, 1, 0, 0, -1.57, 0.35, -3.1, 3.1),
    "CAMERA_INFORMATION": mavlink.MAVLink_camera_information_message(
        0, [0] * 32, [0] * 32, 0, math.nan, math.nan, math.nan, 0, 0, 0, 2, 0, b""
    ),
    "CAMERA_CAPTURE_STATUS": mavlink.MAVLink_camera_capture_status_message(0, 0, 0, 0.0, 0, math.nan, 7),
    "STORAGE_INFORMATION": mavlink.MAVLink_storage_information_message(0, 1, 1, 2, 100.0, 40.0, 60.0, 0.0, 0.0),
    "SYS_STATUS": sys_status(),
    "BATTERY_STATUS": battery_status(),
    "GPS_RAW_INT": gps(),
    "EKF_STATUS_REPORT": mavlink.MAVLink_ekf_status_report_message(0x33F, 0.1, 0.2, 0.3, 0.05, 0.0),
    "ESTIMATOR_STATUS": mavlink.MAVLink_estimator_status_message(0, 1023, 0.1, 0.2, 0.4, 0.1, 0.0, math.nan, 0.3, 0.1),
    "EXTENDED_SYS_STATE": mavlink.MAVLink_extended_sys_state_message(0, 2),
    "HOME_POSITION": mavlink.MAVLink_home_position_message(303_900_000, 1_198_400_000, 30_250, 0, 0, 0, UP, 0, 0, 0),
    "MISSION_CURRENT": mavlink.MAVLink_mission_current_message(3, 9, 3, 1),
    "MISSION_ITEM_REACHED": mavlink.MAVLink_mission_item_reached_message(2),
    "VIBRATION": mavlink.MAVLink_vibration_message(0, 1.0, 2.0, 3.0, 1, 2, 3),
    "WIND": mavlink.MAVLink_wind_message(270.0, 5.0, 0.0),
    "ADSB_VEHICLE": aircraft(),
    "WIND_COV": mavlink.MAVLink_wind_cov_message(0, 0.0, 5.0, 0.0, 0, 0, 0, 0, 0),
}


NEEDS = {
    "BATTERY_STATUS": ("SYS_STATUS",),
    "CAMERA_CAPTURE_STATUS": ("CAMERA_INFORMATION",),
    "STORAGE_INFORMATION": ("CAMERA_INFORMATION",),
}
"""What must be known before."""


def test_every_row_has_its_sample() -> None:
    assert set(SAMPLES) == set(FOLDS)


@pytest.mark.parametrize("name", list(FOLDS))
def test_every_message_changes_the_telemetry_and_nothing_else_does(name: str) -> None:
    base = after(*SAMPLES.values())
    known = after(*(SAMPLES[first] for first in NEEDS.get(name, ())))
    assert fold(known, framed(SAMPLES[name]), MEANING) != known
    assert fold(base, framed(mavlink.MAVLink_ping_message(0, 0, 0, 0)), MEANING) is base


def test_units() -> None:
    t = after(*SAMPLES.values())
    assert t.position is not None
    assert t.position.place == LatLon(30.39, 119.84)
    assert (t.position.alt_amsl_m, t.position.alt_rel_m, t.position.velocity_ned_m_s) == (130.5, 100.25, (1.5, -2.5, -0.3))
    assert (t.position.heading_deg, t.position.boot_ms, t.position.at_s) == (90.0, 5000, AT_S)
    assert t.attitude is not None
    assert (t.attitude.roll_deg, t.attitude.yaw_deg) == (pytest.approx(5.7296, abs=1e-3), pytest.approx(-170.0))
    assert t.battery is not None
    assert (t.battery.voltage_v, t.battery.current_a, t.battery.remaining) == (12.345, 12.34, 0.71)
    assert (t.battery.consumed_mah, t.battery.temperature_c) == (900.0, 25.12)
    assert t.battery.cell_spread_v == pytest.approx(0.06)
    assert t.gps is not None
    assert (t.gps.fix, t.gps.satellites, t.gps.hdop) == (GpsFix.RTK_FIXED, 14, 1.21)
    assert t.home is not None
    assert t.home.alt_amsl_m == 30.25
    assert t.vibration is not None
    assert (t.vibration.xyz_m_s2, t.vibration.clipping) == ((1.0, 2.0, 3.0), 6)
    assert t.health is not None
    assert (t.health.load, t.health.prearm_good, t.health.unhealthy) == (0.25, True, ())
    assert (t.mode, t.armed, t.landed) == (FlightMode.MISSION, True, LandedState.IN_AIR)


def test_other_aircraft_are_kept_by_their_number_and_forgotten_when_they_fall_silent() -> None:
    t = after(aircraft())
    (one,) = t.traffic
    assert (one.icao, one.callsign, one.at_s, one.alt_amsl_m, one.climb_m_s) == (0xABCDE, "RESCUE1", AT_S - 2.0, 350.0, -1.5)
    assert one.velocity_ne_m_s == pytest.approx((0.0, 60.0), abs=1e-6)
    assert one.by_satellite
    assert len(after(aircraft(), aircraft(lat=304_000_000)).traffic) == 1
    assert after(aircraft(flags=0x8E)).traffic == (), "no place, no aircraft"
    silent = after(aircraft(flags=0x01, type=0)).traffic[0]
    assert (silent.alt_amsl_m, silent.velocity_ne_m_s, silent.climb_m_s, silent.by_satellite) == (None, None, None, False)
    later = fold(t, framed(aircraft(icao=2, tslc=0), at_s=AT_S + 40.0), MEANING)
    assert [a.icao for a in later.traffic] == [2]
    crowd = after(*(aircraft(icao=n) for n in range(200)))
    assert len(crowd.traffic) == 50


def test_what_is_unknown_is_none_and_not_zero() -> None:
    t = after(
        sys_status(current=-1, remaining=-1), battery_status(temperature=32_767, consumed=-1, voltages=[12_600] + [65_535] * 9)
    )
    assert t.battery is not None
    assert (t.battery.current_a, t.battery.remaining, t.battery.temperature_c, t.battery.consumed_mah) == (
        None,
        None,
        None,
        None,
    )
    assert t.battery.cell_spread_v is None, "one entry is the whole pack"
    assert after(sys_status(voltage=65_535)).battery is None
    assert after(gps(satellites=255, eph=65_535)).gps.satellites is None  # type: ignore[union-attr]
    assert after(position(hdg=65_535)).position.heading_deg is None  # type: ignore[union-attr]
    assert after(position(lat=0, lon=0)).position is None
    assert after(mavlink.MAVLink_attitude_message(0, math.nan, 0.0, 0.0, 0.0, 0.0, 0.0)).attitude is None
    assert after(mavlink.MAVLink_mission_current_message(65_535, 0, 2, 2)).mission is None
    assert after(battery_status(id=1), start=after(sys_status())).battery.consumed_mah is None  # type: ignore[union-attr]


def test_health_names_what_is_sick_and_tells_no_prearm_bit_from_a_bad_one() -> None:
    sick = after(sys_status(health=0x20)).health
    assert sick is not None
    assert (sick.prearm_good, sick.unhealthy) == (False, ("compass",))
    assert after(sys_status(present=0x24)).health.prearm_good is None  # type: ignore[union-attr]


def test_only_the_autopilots_heartbeat_counts() -> None:
    assert fold(Telemetry(), framed(heartbeat(), component=154), MEANING).heartbeat is None
    assert after(heartbeat(autopilot=8)).heartbeat is None
    assert after(heartbeat(base=81, status=5)).heartbeat.failsafe  # type: ignore[union-attr]
    assert after(heartbeat(mode=99)).mode is FlightMode.UNKNOWN
    assert after(heartbeat(base=128)).mode is FlightMode.UNKNOWN, "no custom mode"


@pytest.mark.parametrize(("flags", "yaw"), [(64 | 12, 0.0), (16 | 12, 0.0), (32 | 12, -170.0), (12, -170.0), (16 | 32, -170.0)])
def test_the_gimbals_yaw_is_against_true_north(flags: int, yaw: float) -> None:
    body = mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, 5_010, flags, DOWN_40, 0, 0, 0, 0)
    gimbal = after(ATTITUDE, body).gimbal
    assert gimbal is not None
    assert (gimbal.pitch_deg, gimbal.yaw_deg, gimbal.roll_deg) == (pytest.approx(-40.0), pytest.approx(yaw), pytest.approx(0.0))


def test_a_gimbal_against_the_vehicle_needs_the_vehicles_heading() -> None:
    body = mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, 0, 32, UP, 0, 0, 0, 0)
    assert after(body).gimbal is None
    broken = mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, 0, 64, (0.0, 0.0, 0.0, math.nan), 0, 0, 0, 0)
    assert after(ATTITUDE, broken).gimbal is None


@pytest.mark.parametrize(
    ("flags", "armed", "good"),
    [(0x3F, True, True), (0x200, False, True), (0x200, True, False), (0xBF, True, False), (0x400, False, False)],
)
def test_when_ardupilots_position_counts_as_good(flags: int, armed: bool, good: bool) -> None:
    body = mavlink.MAVLink_ekf_status_report_message(flags, 0.1, 0.2, 0.3, 0.05, 0.0)
    t = after(heartbeat(base=1 | (128 if armed else 0)), body)
    assert t.estimator is not None
    assert (t.estimator.position_good, t.estimator.largest_variance) == (good, pytest.approx(0.3))


def test_the_wind_blows_towards() -> None:
    assert after(SAMPLES["WIND"]).wind_ned_m_s == (pytest.approx(0.0, abs=1e-6), pytest.approx(5.0))
    assert after(SAMPLES["WIND_COV"]).wind_ned_m_s == (0.0, 5.0)


def test_mission_progress_is_in_plan_indices() -> None:
    t = after(mavlink.MAVLink_mission_current_message(3, 9, 3, 1), mavlink.MAVLink_mission_item_reached_message(2))
    assert t.mission is not None
    assert (t.mission.current, t.mission.reached, t.mission.total, t.mission.complete) == (2, 1, 7, False)
    t = after(mavlink.MAVLink_mission_current_message(0, 9, 5, 1), start=t)
    assert t.mission is not None
    assert (t.mission.current, t.mission.reached, t.mission.complete) == (6, 1, True)
    assert after(mavlink.MAVLink_mission_current_message(0, 9, 1, 1)).mission.unusable  # type: ignore[union-attr]


def test_long_sentences_are_put_together() -> None:
    heard: list[StatusText] = []
    texts = StatusTexts(heard.append)
    for number, text in enumerate((b"RTL: start return at 543 m (30 m above destination", b")")):
        texts.on_frame(framed(mavlink.MAVLink_statustext_message(6, text, 23, number)))
    assert [s.text for s in heard] == ["RTL: start return at 543 m (30 m above destination)"]


def test_a_lost_part_loses_only_itself() -> None:
    heard: list[StatusText] = []
    texts = StatusTexts(heard.append)
    texts.on_frame(framed(mavlink.MAVLink_statustext_message(6, b"the end", 23, 1)))
    texts.on_frame(framed(mavlink.MAVLink_statustext_message(2, b"Arm: no", 0, 0)))
    assert [s.text for s in heard] == ["the end", "Arm: no"]


def test_reasons_are_what_is_severe_or_says_why() -> None:
    texts = StatusTexts(lambda _: None)
    for at_s, severity, text in (
        (1.0, 2, b"Arm: old"), (5.0, 6, b"Mission: 1 WP"), (5.1, 6, b"Field Elevation Set: 30m"), (5.2, 2, b"Arm: no GPS"),
        (5.3, 2, b"Arm: no GPS"),
    ):  # fmt: skip
        texts.on_frame(framed(mavlink.MAVLink_statustext_message(severity, text), at_s=at_s))
    assert texts.reasons_since(4.0) == "Mission: 1 WP; Arm: no GPS"


def test_boot_time_takes_the_quickest_message_for_the_truth() -> None:
    clock = BootTime()
    delays_s = [0.2, 0.05, 0.3, 0.012, 0.2, 0.15]
    got = [clock.unix_s(n * 100, 1000.0 + n * 0.1 + late_s) for n, late_s in enumerate(delays_s)]
    assert got[-1] == pytest.approx(1000.5 + 0.012, abs=0.011)


@pytest.mark.parametrize(("slow", "off_s"), [(1e-4, 0.01), (0.025, 0.01), (-0.025, 0.01)])
def test_boot_time_follows_drift_and_tells_a_reboot(slow: float, off_s: float) -> None:
    clock = BootTime()
    for n in range(3000):  # ten minutes
        arrived_s = 1000.0 + n * 0.2
        error_s = clock.unix_s(round(n * 200 * (1.0 - slow)), arrived_s) - arrived_s
        assert abs(error_s) < off_s
    assert clock.boots == 0
    assert clock.unix_s(500, 1700.0) == pytest.approx(1700.0)
    assert clock.boots == 1


def test_boot_time_of_late_messages_is_late_by_little_and_a_clock_that_was_set_is_followed() -> None:
    clock = BootTime()
    clock.unix_s(0, 1000.0)
    assert clock.unix_s(2000, 1005.0) == pytest.approx(1002.0, abs=0.2), "three seconds late, after a silence of five"
    assert clock.unix_s(5100, 1005.1) == pytest.approx(1005.1), "the next is in time again"
    assert clock.unix_s(5200, 5000.0) == pytest.approx(5000.0), "an hour that was put on is no delay"


def test_loss_is_told_from_gaps() -> None:
    meter = LossMeter()
    for n in [n for n in range(300) if n % 10 != 3]:
        meter.on_frame(framed(ATTITUDE, sequence=n % 256, at_s=n * 0.01))
    assert meter.loss(3.0) == pytest.approx(0.1, abs=0.01)
    assert meter.loss(60.0) == 0.0
