"""The built-in vehicle lands on a LANDING_TARGET as ArduCopter does, and beside the pad without one when its GPS drifts."""

import math

import pytest

from simulator.vehicle.precland import turned
from simulator.vehicle.wire import mavlink
from tests.doubles.vehicle_rig import LAND, RTL, Rig

ON = ("PLND_ENABLED=1", "PLND_TYPE=1")
DRIFT_M = 1.5
DRIFT_DEG = DRIFT_M / 110_900.0  # of latitude


def body_target(rig: Rig, *, frame: int = mavlink.MAV_FRAME_BODY_FRD, valid: int = 1):
    """The pad as an ideal camera in the drone sees it."""
    body = rig.autopilot.craft.body
    away = (-body.north_m, -body.east_m, body.up_m)
    level = turned(away, 0.0, 0.0, -body.yaw)
    forward, right, down = turned(turned(level, 0.0, -body.pitch, 0.0), -body.roll, 0.0, 0.0)
    angles = (math.atan2(right, down), math.atan2(-forward, down))
    distance = math.sqrt(forward**2 + right**2 + down**2)
    stamp = int(rig.time_s * 1e6)
    return mavlink.MAVLink_landing_target_message(
        stamp, 0, frame, *angles, distance, 0, 0, forward, right, down, (1, 0, 0, 0), 2, valid
    )


def landed_beside_m(rig: Rig, station, *, mode: int = LAND, seen=lambda _: True, **form) -> float:
    """Drifts the GPS, lands, and gives the true distance from the pad."""
    station.set_param("SIM_GPS_GLITCH_X", DRIFT_DEG)
    rig.run(5.0)
    assert station.mode(mode) == 0
    next_s = 0.0

    def step() -> bool:
        nonlocal next_s
        if rig.time_s >= next_s:
            next_s = rig.time_s + 0.1
            if seen(rig):
                station.send(body_target(rig, **form))
            station.heartbeat()
        return not rig.autopilot.craft.armed

    assert rig.run(120.0, step)
    return math.hypot(rig.autopilot.craft.body.north_m, rig.autopilot.craft.body.east_m)


@pytest.mark.parametrize("mode", [LAND, RTL])
def test_with_the_target_it_comes_down_on_the_pad(mode):
    rig = Rig(*ON)
    station = rig.airborne(10.0)
    assert landed_beside_m(rig, station, mode=mode) < 0.1
    assert [text for text in station.texts() if text.startswith("PrecLand")][:2] == [
        "PrecLand: Target Found",
        "PrecLand: Init Complete",
    ]


def test_angles_and_distance_say_the_same():
    rig = Rig(*ON)
    assert landed_beside_m(rig, rig.airborne(10.0), valid=0) < 0.1


def test_without_a_target_it_comes_down_where_the_gps_says():
    rig = Rig(*ON)
    assert landed_beside_m(rig, rig.airborne(10.0), mode=RTL, seen=lambda _: False) == pytest.approx(DRIFT_M, abs=0.3)


def test_while_precision_landing_is_off_the_target_is_ignored():
    rig = Rig()
    station = rig.airborne(10.0)
    assert landed_beside_m(rig, station, mode=RTL) == pytest.approx(DRIFT_M, abs=0.3)
    assert not [text for text in station.texts() if text.startswith("PrecLand")]


def test_a_target_in_another_frame_is_refused_once():
    rig = Rig(*ON)
    station = rig.airborne(10.0)
    assert landed_beside_m(rig, station, mode=RTL, frame=mavlink.MAV_FRAME_LOCAL_NED) == pytest.approx(DRIFT_M, abs=0.3)
    assert station.texts().count("Plnd: Frame not supported ") == 1


def test_a_lost_target_is_said_and_it_comes_down_where_it_is():
    rig = Rig(*ON)
    station = rig.airborne(10.0)
    assert landed_beside_m(rig, station, seen=lambda rig: rig.height_m > 4.0) < 0.4
    assert "PrecLand: Target Lost" in station.texts()


def test_far_beside_the_target_it_does_not_descend():
    rig = Rig(*ON)
    station = rig.airborne(10.0)
    rig.autopilot.craft.landing_target = (8.0, 0.0, 0.0)
    assert station.mode(LAND) == 0
    rig.run(1.5)
    assert rig.height_m > 9.0
