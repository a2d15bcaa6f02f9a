"""The dock as a MAVLink listener, with packets as a drone sends them."""

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from simulator.nest.drone_link import SYSTEM_ID, DroneLink


class Drone:
    """The other end of the wire."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.mav = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
        self.ear = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
        self.heard: list = []
        self.link = DroneLink(lambda data: self.heard.extend(self.ear.parse_buffer(data) or []), lambda: self.now_s)

    def say(self, message, system: int = 1) -> None:
        speaker = self.mav if system == 1 else mavlink.MAVLink(None, srcSystem=system, srcComponent=1)
        self.link.receive(message.pack(speaker))

    def beat(self, *, armed: bool = False, system: int = 1, autopilot: int = mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA) -> None:
        mode = mavlink.MAV_MODE_FLAG_SAFETY_ARMED if armed else 0
        self.say(mavlink.MAVLink_heartbeat_message(2, autopilot, mode, 0, 4, 3), system)

    def truth(self, lat_e7: int, lon_e7: int, alt_m: float) -> None:
        self.say(self.mav.sim_state_encode(1, 0, 0, 0, *[0.0] * 9, 1.0, 1.0, alt_m, 0, 0, 0, 0, 0, lat_e7, lon_e7))

    def estimate(self, lat_e7: int, lon_e7: int, alt_mm: int) -> None:
        self.say(self.mav.global_position_int_encode(0, lat_e7, lon_e7, alt_mm, 0, 0, 0, 0, 0))

    def said(self, kind: str) -> list:
        return [message for message in self.heard if message.get_type() == kind]


@pytest.fixture
def drone():
    return Drone()


def test_nothing_is_known_before_the_drone_speaks(drone):
    drone.truth(303900000, 1198400000, 35.0)
    assert drone.link.truth is None


def test_the_truth_wins_over_the_estimate_until_it_is_old(drone):
    drone.beat()
    drone.truth(303900000, 1198400000, 35.0)
    drone.estimate(303900200, 1198400000, 36000)
    assert drone.link.truth.place == (30.39, 119.84)
    assert drone.link.truth.exact
    drone.now_s = 10.0
    drone.estimate(303900200, 1198400000, 36000)
    assert (drone.link.truth.place.lat_deg, drone.link.truth.alt_amsl_m) == (30.39002, 36.0)
    assert not drone.link.truth.exact


def test_landed_armed_and_battery_come_from_their_messages(drone):
    drone.beat(armed=True)
    drone.truth(303900000, 1198400000, 35.0)
    assert (drone.link.truth.landed, drone.link.truth.armed) == (False, True)  # armed and nobody says landed: not landed
    drone.say(drone.mav.extended_sys_state_encode(0, mavlink.MAV_LANDED_STATE_ON_GROUND))
    drone.say(drone.mav.sys_status_encode(0, 0, 0, 0, 22200, 100, 64, 0, 0, 0, 0, 0, 0))
    assert (drone.link.truth.landed, drone.link.truth.battery) == (True, 0.64)
    drone.say(drone.mav.sys_status_encode(0, 0, 0, 0, 22200, 100, -1, 0, 0, 0, 0, 0, 0))
    assert drone.link.truth.battery is None


def test_other_systems_and_ground_stations_are_not_the_drone(drone):
    drone.beat(system=255, autopilot=mavlink.MAV_AUTOPILOT_INVALID)
    assert drone.link.truth is None
    drone.beat()
    drone.truth(303900000, 1198400000, 35.0)
    drone.say(drone.mav.global_position_int_encode(0, 1, 1, 1, 0, 0, 0, 0, 0), system=7)
    drone.beat(armed=True, system=7)
    assert (drone.link.truth.place, drone.link.truth.armed) == ((30.39, 119.84), False)


def test_it_beats_as_no_ground_station_and_asks_for_what_it_needs(drone):
    drone.link.tick()
    (beat,) = drone.said("HEARTBEAT")
    assert (beat.get_srcSystem(), beat.type) == (SYSTEM_ID, mavlink.MAV_TYPE_ONBOARD_CONTROLLER)
    assert SYSTEM_ID != 255
    drone.beat()
    drone.link.tick()
    asked = {message.param1 for message in drone.said("COMMAND_LONG")}
    assert asked == {108, 33, 245, 1}
    drone.heard.clear()
    drone.now_s = 6.0
    drone.truth(1, 1, 1.0)
    drone.link.tick()
    assert {message.param1 for message in drone.said("COMMAND_LONG")} == {33, 245, 1}  # what comes is not asked for again


def test_the_charging_current_is_set_until_it_is_confirmed(drone):
    drone.beat()
    drone.link.charge(8.0)
    for second in range(3):
        drone.now_s = float(second)
        drone.link.tick()
    sets = drone.said("PARAM_SET")
    assert {(m.param_id, m.param_value) for m in sets} == {("SIM_CHARGE_A", 8.0)}
    assert len(sets) >= 3
    drone.say(drone.mav.param_value_encode(b"SIM_CHARGE_A", 8.0, 9, 1, 0))
    drone.heard.clear()
    drone.now_s = 10.0
    drone.link.charge(8.05)  # not worth a packet
    drone.link.tick()
    assert drone.said("PARAM_SET") == []
    drone.link.charge(0.0)
    assert [m.param_value for m in drone.said("PARAM_SET")] == [0.0]


def test_noise_is_dropped(drone):
    drone.beat()
    drone.link.receive(b"\xfd\x09\x00 noise \xfe\xfd" * 30)
    drone.truth(303900000, 1198400000, 35.0)
    assert drone.link.truth is not None
