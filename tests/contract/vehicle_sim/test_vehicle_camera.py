"""Camera and gimbal of the built-in vehicle: what they say by MAVLink's protocols 2, and what their faults look like."""

import math

import pytest

from simulator.vehicle.wire import mavlink
from tests.doubles.vehicle_rig import Rig, Station

ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
SPEAKS = "CAM1_TYPE=6"
CAPTURED = mavlink.MAVLINK_MSG_ID_CAMERA_IMAGE_CAPTURED


def ask_camera(station: Station, command: int, *params: float) -> int:
    """COMMAND_LONG to component 100; its answer."""
    station.clear_acks()
    station.send(mavlink.MAVLink_command_long_message(1, 100, command, 0, *params, *[0.0] * (7 - len(params))))
    acks = [a for a in station.all("COMMAND_ACK") if a.command == command and a.get_srcComponent() == 100]
    return acks[-1].result if acks else -1


def shoot(rig: Rig, station: Station, times: int = 1) -> None:
    for _ in range(times):
        assert station.command(mavlink.MAV_CMD_IMAGE_START_CAPTURE, 0, 0, 1) == ACCEPTED
        rig.run(1.0)


def test_a_servo_camera_is_spoken_for_by_the_autopilot() -> None:
    rig = Rig()
    station = rig.ready()
    shoot(rig, station, 2)
    assert [(m.img_idx, m.completed_captures) for m in station.all("CAMERA_FEEDBACK")] == [(1, 0), (2, 0)]
    for message in ("CAMERA_INFORMATION", "CAMERA_CAPTURE_STATUS", "CAMERA_FEEDBACK"):
        number = getattr(mavlink, f"MAVLINK_MSG_ID_{message}")
        assert station.command(mavlink.MAV_CMD_REQUEST_MESSAGE, number) == ACCEPTED
    assert station.last("CAMERA_INFORMATION").flags == mavlink.CAMERA_CAP_FLAGS_CAPTURE_IMAGE
    assert station.last("CAMERA_CAPTURE_STATUS").image_count == 2
    assert [m.img_idx for m in station.all("CAMERA_FEEDBACK")] == [1, 2, 2]
    assert not [m for _, m in station.log if m.get_srcComponent() == 100]


def test_without_a_camera_the_requests_are_accepted_and_nothing_comes() -> None:
    rig = Rig("CAM1_TYPE=0")
    station = rig.ready()
    assert station.command(mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_CAMERA_INFORMATION) == ACCEPTED
    assert station.all("CAMERA_INFORMATION") == []


def test_a_camera_of_its_own_reports_each_picture_and_again_by_its_number() -> None:
    rig = Rig(SPEAKS)
    station = rig.ready()
    shoot(rig, station, 3)
    first = station.all("CAMERA_IMAGE_CAPTURED")
    assert [(m.image_index, m.capture_result, m.get_srcComponent()) for m in first] == [(0, 1, 100), (1, 1, 100), (2, 1, 100)]
    assert len(station.all("CAMERA_FEEDBACK")) == 3
    assert ask_camera(station, mavlink.MAV_CMD_REQUEST_MESSAGE, CAPTURED, 1) == ACCEPTED
    again = station.last("CAMERA_IMAGE_CAPTURED")
    assert (again.image_index, again.time_boot_ms, again.lat) == (1, first[1].time_boot_ms, first[1].lat)
    assert ask_camera(station, mavlink.MAV_CMD_REQUEST_MESSAGE, CAPTURED, 3) == DENIED


def test_it_says_what_it_is_how_much_it_took_and_what_room_is_left() -> None:
    rig = Rig(SPEAKS)
    station = rig.ready()
    assert [m for m in station.all("HEARTBEAT") if m.type == mavlink.MAV_TYPE_CAMERA]
    shoot(rig, station, 2)
    for message in ("CAMERA_INFORMATION", "CAMERA_CAPTURE_STATUS", "STORAGE_INFORMATION", "CAMERA_SETTINGS"):
        number = getattr(mavlink, f"MAVLINK_MSG_ID_{message}")
        assert ask_camera(station, mavlink.MAV_CMD_REQUEST_MESSAGE, number) == ACCEPTED
        assert station.last(message).get_srcComponent() == 100
    assert station.last("CAMERA_CAPTURE_STATUS").image_count == 2
    storage = station.last("STORAGE_INFORMATION")
    assert storage.available_capacity == storage.total_capacity - 16.0
    assert ask_camera(station, mavlink.MAV_CMD_SET_CAMERA_ZOOM, 1, 1) == UNSUPPORTED, "it has no steps"
    assert ask_camera(station, mavlink.MAV_CMD_SET_CAMERA_ZOOM, 2, 101) == DENIED
    assert ask_camera(station, mavlink.MAV_CMD_SET_CAMERA_ZOOM, 2, 40) == ACCEPTED


@pytest.mark.parametrize(("fault", "results"), [(1, []), (2, [0])])
def test_a_camera_that_takes_none_is_silent_or_says_so(fault: int, results: list[int]) -> None:
    rig = Rig(SPEAKS, f"SIM_CAM_FAIL={fault}")
    station = rig.ready()
    shoot(rig, station)
    assert [m.capture_result for m in station.all("CAMERA_IMAGE_CAPTURED")] == results
    assert len(station.all("CAMERA_FEEDBACK")) == 1, "the shutter was released all the same"


def test_with_a_feedback_pin_a_release_without_a_picture_is_not_told() -> None:
    rig = Rig("CAM1_FEEDBAK_PIN=50")
    station = rig.ready()
    shoot(rig, station)
    station.set_param("SIM_CAM_FAIL", 1)
    shoot(rig, station)
    assert [m.completed_captures for m in station.all("CAMERA_FEEDBACK")] == [1]


def test_a_stuck_gimbal_stays_where_it_is() -> None:
    rig = Rig("SIM_GIMBAL_STUCK=1")
    station = rig.ready()
    assert station.command(mavlink.MAV_CMD_DO_MOUNT_CONTROL, -60, 0, 0, 0, 0, 0, 2) == ACCEPTED
    rig.run(3.0)
    assert rig.autopilot.gimbal.pitch_deg == 0.0


def test_who_steers_the_gimbal_is_told_when_it_changes() -> None:
    rig = Rig()
    station = rig.ready()
    configure = mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE
    steering = []
    for params in ((-2, -2), (-3, -3), (7, 8), (-3, -3), (-1, -1)):
        assert station.command(configure, *params) == ACCEPTED
        status = station.last("GIMBAL_MANAGER_STATUS")
        steering.append((status.primary_control_sysid, status.primary_control_compid))
    assert steering == [(255, 190), (0, 0), (7, 8), (7, 8), (7, 8)], "what others have is not given back"
    assert station.command(configure, -4, 0) == FAILED


@pytest.mark.parametrize(("mount", "leans"), [(1, True), (7, False)])
def test_servos_are_reported_against_the_body_and_a_levelled_gimbal_against_the_horizon(mount: int, leans: bool) -> None:
    rig = Rig(f"MNT1_TYPE={mount}")
    station = rig.airborne()
    station.stream(mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS, 20)
    station.command(mavlink.MAV_CMD_DO_MOUNT_CONTROL, -45, 0, 0, 0, 0, 0, 2)
    rig.run(3.0)
    lat, lon = rig.offset(150.0, 0.0)
    assert station.command_int(mavlink.MAV_CMD_DO_REPOSITION, 6, -1, 1, 0, math.nan, lat=lat, lon=lon, alt=20.0) == ACCEPTED
    assert rig.run(20.0, lambda: math.degrees(rig.autopilot.craft.body.pitch) < -5.0)
    rig.run(0.1)
    w, x, y, z = station.last("GIMBAL_DEVICE_ATTITUDE_STATUS").q
    pitch_deg = math.degrees(math.asin(2 * (w * y - z * x)))
    assert (pitch_deg > -43.0) is leans
    assert rig.autopilot.gimbal.pitch_deg == pytest.approx(-45.0)
