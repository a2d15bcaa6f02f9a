"""Boot, arming, parameters and streams of the vehicle: what was measured on ArduCopter 4.6.3, row by row."""

import math
from itertools import pairwise

import pytest

from simulator.vehicle.wire import mavlink
from tests.doubles.vehicle_rig import (
    ALT_HOLD,
    AUTO,
    BRAKE,
    FENCE,
    GUIDED,
    LAND,
    LOITER,
    RTL,
    STABILIZE,
    Rig,
    home_item,
    polygon,
    takeoff,
)

ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4


# -- link ------------------------------------------------------------------------------------------------------------------


def test_a_listener_that_says_nothing_gets_heartbeats_only() -> None:
    rig = Rig()
    listener = rig.station(quiet=True)
    rig.run(5.0)
    assert {message.get_type() for _, message in listener.log} == {"HEARTBEAT"}
    assert len(listener.log) == pytest.approx(5, abs=1)


def test_message_intervals() -> None:
    rig = Rig()
    station = rig.ready()
    assert station.stream(mavlink.MAVLINK_MSG_ID_ATTITUDE, 10) == ACCEPTED
    assert station.stream(mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, 100) == ACCEPTED
    station.clear()
    rig.run(2.0)
    assert len(station.all("ATTITUDE")) == pytest.approx(20, abs=1)
    assert station.stream(mavlink.MAVLINK_MSG_ID_ATTITUDE, 1000) == DENIED
    assert station.stream(230, 1) == DENIED
    assert "No ap_message for mavlink id (230)" in station.texts()
    station.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAVLINK_MSG_ID_ATTITUDE, -1)
    station.clear()
    rig.run(1.0)
    assert not station.all("ATTITUDE")


def test_each_link_has_its_own_rates() -> None:
    rig = Rig()
    first, second = rig.station(255), rig.station(254)
    first.stream(mavlink.MAVLINK_MSG_ID_ATTITUDE, 10)
    second.stream(mavlink.MAVLINK_MSG_ID_VFR_HUD, 2)
    rig.run(2.0)
    assert first.all("ATTITUDE")
    assert not first.all("VFR_HUD")
    assert second.all("VFR_HUD")
    assert not second.all("ATTITUDE")


def test_request_message_may_acknowledge_and_send_nothing() -> None:
    rig = Rig(boot_s=42.0)
    station = rig.station()
    rig.run(3.0)
    assert station.command(mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_HOME_POSITION) == ACCEPTED
    assert not station.all("HOME_POSITION")


def test_heartbeats_of_other_stations_are_forwarded() -> None:
    rig = Rig()
    first, second = rig.station(255), rig.station(254)
    first.clear()
    second.heartbeat()
    assert [m.get_srcSystem() for m in first.all("HEARTBEAT")] == [254]


def test_messages_for_another_system_go_to_the_link_where_it_was_heard_and_nowhere_else() -> None:
    rig = Rig()
    first, second, third = rig.station(255), rig.station(77, 1), rig.station(254)
    third.clear()
    assert first.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1, target=77) == -1
    assert [m.target_system for m in second.all("COMMAND_LONG")] == [77]
    assert not third.all("COMMAND_LONG")


def test_bytes_that_do_not_decode_are_dropped() -> None:
    rig = Rig()
    station = rig.ready()
    station.send_bytes(b"\xfd\x09garbage\x00\xff" * 20)
    assert station.peer.dropped > 0
    assert station.mode(GUIDED) == ACCEPTED


def test_timesync_is_answered() -> None:
    rig = Rig()
    station = rig.ready()
    station.send(mavlink.MAVLink_timesync_message(0, 123456))
    answer = station.last("TIMESYNC")
    assert (answer.ts1, answer.tc1) == (123456, pytest.approx(rig.time_s * 1e9, rel=1e-6))


# -- boot ------------------------------------------------------------------------------------------------------------------


def test_boot_takes_as_long_as_the_real_one() -> None:
    rig = Rig(boot_s=42.0)
    station = rig.station()
    station.mode(ALT_HOLD)
    assert station.arm() == FAILED
    assert "Arm: System not initialised" in station.texts()
    assert rig.run(5.0, lambda: "ArduPilot Ready" in station.texts())
    assert (rig.time_s, rig.mode) == (pytest.approx(2.4, abs=0.1), STABILIZE), "a mode set before is lost"
    station.stream(mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT, 10)
    station.stream(mavlink.MAVLINK_MSG_ID_SYS_STATUS, 10)
    assert rig.run(60.0, lambda: bool(station.all("EKF_STATUS_REPORT")) and station.last("EKF_STATUS_REPORT").flags == 831)
    assert rig.time_s == pytest.approx(42.0, abs=0.3)
    assert station.last("SYS_STATUS").onboard_control_sensors_health & mavlink.MAV_SYS_STATUS_PREARM_CHECK


# -- parameters ------------------------------------------------------------------------------------------------------------


def test_parameters_list_read_and_set() -> None:
    rig = Rig()
    station = rig.ready()
    station.send(mavlink.MAVLink_param_request_list_message(1, 1))
    rig.run(1.0)
    values = station.all("PARAM_VALUE")
    assert len(values) == values[0].param_count > 150
    assert [value.param_index for value in values] == list(range(len(values)))

    started_s = rig.time_s
    station.clear()
    station.send(mavlink.MAVLink_param_request_read_message(1, 1, b"RTL_ALT", -1))
    rig.run(1.0, lambda: bool(station.all("PARAM_VALUE")))
    assert rig.time_s - started_s == pytest.approx(0.1, abs=0.021)

    station.set_param("RTL_ALT", 1e9)
    assert station.param("RTL_ALT") == 1e9, "out of range is taken"
    station.set_param("RTL_ALT", math.nan)
    assert station.param("RTL_ALT") == 1e9, "NaN is ignored in silence"
    station.clear()
    station.set_param("NO_SUCH", 1.0)
    assert station.param("NO_SUCH") is None, "an unknown name is met with silence"


NEST_NEEDS = """FS_GCS_ENABLE FS_THR_ENABLE FENCE_ENABLE FENCE_ACTION FENCE_TYPE BATT_FS_LOW_ACT BATT_FS_CRT_ACT BATT_LOW_VOLT
BATT_LOW_MAH BATT_CRT_MAH BATT_CAPACITY RTL_ALT AUTO_OPTIONS DISARM_DELAY SYSID_MYGCS WPNAV_SPEED SIM_WIND_SPD SIM_CHARGE_A"""


@pytest.mark.parametrize("name", NEST_NEEDS.split())
def test_the_parameters_that_a_nest_checks_are_there(name: str) -> None:
    assert Rig().station().param(name) is not None


# -- arming ----------------------------------------------------------------------------------------------------------------

DENIALS = [
    ("no position", {"mode": GUIDED, "params": {"SIM_GPS_DISABLE": 1}, "wait_s": 9}, "Need Position Estimate"),
    ("flat battery", {"params": {"BATT_ARM_VOLT": 30}}, "Battery 1 below minimum arming voltage"),
    ("fence without type", {"params": {"FENCE_ENABLE": 1, "FENCE_TYPE": 0}}, "Fences enabled, but none selected"),
    ("no take-off in mission", {"params": {"ARMING_MIS_ITEMS": 8}}, "Missing mission item: takeoff"),
    ("compass", {"params": {"SIM_MAG1_FAIL": 1}}, "Compass not healthy"),
    ("radio", {"params": {"SIM_RC_FAIL": 1}, "wait_s": 2}, "Radio failsafe on"),
    ("ground station", {"params": {"FS_GCS_ENABLE": 1}, "wait_s": 6}, "GCS failsafe on"),
    ("AUTO", {"mode": AUTO, "mission": True}, "AUTO mode not armable"),
    ("RTL", {"mode": RTL}, "RTL mode not armable"),
    ("LAND", {"mode": LAND}, "LAND mode not armable"),
    ("BRAKE", {"mode": BRAKE}, "BRAKE mode not armable"),
]


@pytest.mark.parametrize(("given", "words"), [row[1:] for row in DENIALS], ids=[row[0] for row in DENIALS])
def test_arming_is_denied_with_the_real_words(given: dict, words: str) -> None:
    rig = Rig()
    station = rig.ready()
    if given.get("mission"):
        station.upload([home_item(), takeoff(), {}])
    for name, value in given.get("params", {}).items():
        station.set_param(name, value)
    rig.run(given.get("wait_s", 0.3))
    assert station.mode(given.get("mode", STABILIZE)) == ACCEPTED
    assert station.arm() == FAILED
    assert f"Arm: {words}" in station.texts()
    assert not rig.autopilot.craft.armed


def test_arming_outside_the_fence_is_denied() -> None:
    rig = Rig()
    station = rig.ready()
    away = [{**vertex, "lat": vertex["lat"] + 0.01} for vertex in polygon(rig, 50.0)]
    station.upload(away, FENCE)
    station.set_param("FENCE_ENABLE", 1)
    rig.run(0.5)
    station.mode(GUIDED)
    assert station.arm() == FAILED
    assert "Arm: Vehicle breaching Polygon fence" in station.texts()


def test_auto_without_its_mission_is_denied() -> None:
    rig = Rig("AUTO_OPTIONS=3")
    station = rig.ready()
    station.upload([home_item(), takeoff(), {}])
    station.mode(AUTO)
    station.send(mavlink.MAVLink_mission_clear_all_message(1, 1, 0))
    assert station.arm() == FAILED
    assert "Arm: Mode requires mission" in station.texts()


def test_prearm_words_repeat_each_thirty_seconds() -> None:
    rig = Rig("SIM_MAG1_FAIL=1")
    station = rig.station()
    rig.run(70.0)
    told = [at for at, m in station.log if m.get_type() == "STATUSTEXT" and m.text == "PreArm: Compass not healthy"]
    assert [later - earlier for earlier, later in pairwise(told)] == pytest.approx([30.0], abs=0.2)


def test_stabilize_arms_without_gps() -> None:
    rig = Rig("SIM_GPS_DISABLE=1")
    station = rig.station()
    rig.run(12.0)
    assert station.arm() == ACCEPTED


def test_arming_moves_home_and_says_so() -> None:
    rig = Rig()
    station = rig.ready()
    station.mode(GUIDED)
    before = len(station.all("HOME_POSITION"))
    rig.run(20.0)
    station.arm()
    assert len(station.all("HOME_POSITION")) == before + 1
    assert "Arming motors" in station.texts()


def test_an_idle_drone_disarms_itself_after_ten_seconds() -> None:
    rig = Rig()
    station = rig.ready()
    station.mode(GUIDED)
    station.arm()
    started_s = rig.time_s
    assert rig.run(20.0, lambda: not rig.autopilot.craft.armed)
    assert rig.time_s - started_s == pytest.approx(10.0, abs=0.2)


def test_disarming_in_the_air_fails() -> None:
    rig = Rig()
    station = rig.airborne()
    assert station.disarm() == FAILED
    assert rig.autopilot.craft.armed


def test_take_off_needs_arming() -> None:
    rig = Rig()
    station = rig.ready()
    station.mode(GUIDED)
    assert station.command(mavlink.MAV_CMD_NAV_TAKEOFF, 0, 0, 0, 0, 0, 0, 10) == FAILED


def test_modes_that_are_not_there_are_refused_with_words() -> None:
    rig = Rig()
    station = rig.ready()
    assert station.mode(21) == FAILED
    assert "Mode change to SMART_RTL failed: init failed" in station.texts()
    assert station.mode(99) == FAILED
    assert "No such mode 99" in station.texts()
    assert station.command(31999) == UNSUPPORTED
    assert station.mode(LOITER) == ACCEPTED
