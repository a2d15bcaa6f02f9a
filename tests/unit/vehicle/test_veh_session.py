"""Contact, poses, uploads and the camera over a scripted autopilot, in virtual time."""

import asyncio
import math
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import ConfigError, LinkError
from agent.core.geo import LatLon
from agent.core.outcome import Accepted, Refused
from agent.domain.mission import Fence, FlightPlan, ItemKind, PlanItem
from agent.domain.telemetry import ContactChange, PoseSample
from agent.mavlink.enums import Capability, Cmd
from agent.vehicle.open import open_vehicle, vehicle_on
from agent.vehicle.vehicle import MavlinkVehicle
from tests.doubles.autopilot import Script, run_virtual, scripted
from tests.doubles.copter import FRAME, HOME, PLAN, RING, Copter, flown, heard


def test_a_plan_that_reads_back_differently_is_refused_and_cleared() -> None:
    def spoil(item: Any) -> None:
        if item.mission_type == 0 and item.seq == 2:
            item.z += 30.0

    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        outcome = await vehicle.upload(PLAN)
        assert outcome == Refused("mission.differs", "mission: item 2: parameter 7 is 70 instead of 40")
        assert copter.peer.items[0] == []
        assert isinstance(await vehicle.launch(), Refused)

    flown(body, Script(spoil=spoil))


def test_a_refused_item_leaves_nothing_on_board() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        copter.peer.script.reject_item[2] = 12
        outcome = await vehicle.upload(PLAN)
        assert isinstance(outcome, Refused)
        assert outcome == Refused("mission.refused", "fence: INVALID_PARAM7 at item 2")
        assert copter.peer.items == {1: [], 0: []}, "nor the mission that belonged to another fence"

    flown(body)


def test_a_fence_without_a_ceiling_is_not_a_fence() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        del copter.peer.script.params["FENCE_ALT_MAX"]
        outcome = await vehicle.upload(PLAN)
        assert isinstance(outcome, Refused)
        assert outcome.code == "mission.fence_not_set"

    flown(body)


def test_a_restarted_agent_adopts_what_is_on_board_if_it_is_the_plan() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        await vehicle.upload(PLAN)
        copter.armed, copter.landed = True, 2
        await heard(lambda: vehicle.telemetry.armed is True)
        assert await vehicle.adopt(PLAN) == Accepted()
        other = FlightPlan("r", (*PLAN.items[:2], *PLAN.items[1:]), PLAN.fence)
        refused = await vehicle.adopt(other)
        assert refused == Refused("mission.differs", "4 items instead of 5")

    flown(body)


def test_a_mode_that_does_not_come_is_a_refusal() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        copter.peer.on_command.clear()
        assert await vehicle.return_home() == Refused("vehicle.mode_denied", "return mode: it did not come")

    flown(body)


def test_contact_is_told_once_each_way_and_a_silent_drone_cannot_be_commanded() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, bus: Bus) -> None:
        with bus.subscribe(ContactChange) as changes:
            await asyncio.sleep(2.0)
            copter.beats = False
            await asyncio.sleep(20.0)
            with pytest.raises(LinkError, match=r"vehicle\.lost"):
                await vehicle.return_home()
            copter.beats = True
            await asyncio.sleep(5.0)
            assert await vehicle.return_home() == Accepted()
            told = [await changes.get() for _ in range(3)]
            assert [change.code for change in told] == ["vehicle.heard", "vehicle.lost", "vehicle.heard"]

    flown(body)


def test_a_drone_that_never_speaks_is_told_after_the_time_set() -> None:
    async def main() -> None:
        link, peer = scripted(Script())
        bus = Bus()
        with bus.subscribe(ContactChange) as changes:
            async with vehicle_on(link, VehicleSection(connect_timeout_s=12.0), bus, Clock()) as vehicle:
                peer.beat(autopilot=8)  # somebody, but no autopilot
                peer.codec.srcSystem = 42
                peer.beat()  # an autopilot, but not the one of the configuration
                with pytest.raises(LinkError, match=r"vehicle\.silent"):
                    await vehicle.launch()
                change = await changes.get()
                assert (change.code, change.heard) == ("vehicle.silent", False)
                assert "heard instead: system 42" in change.words
                assert 12.0 <= asyncio.get_running_loop().time() <= 14.0
                assert vehicle.telemetry.heartbeat is None
                assert vehicle.identity is None

    run_virtual(main())


def test_poses_carry_the_position_forward_to_the_attitude() -> None:
    async def body(_: MavlinkVehicle, copter: Copter, bus: Bus) -> None:
        with bus.subscribe(PoseSample) as poses:
            pose = await poses.get()
        north_m = FRAME.to_local(LatLon(pose.lat_deg, pose.lon_deg)).north_m
        assert north_m == pytest.approx(1.0, abs=0.01), "10 m/s for the 100 ms between the two messages"
        assert pose.gimbal_pitch_deg is None

    flown(body)


@pytest.mark.parametrize(
    ("number", "firmware"), [(0x040603FF, "4.6.3"), (0x01120080, "1.18.0-beta"), (0x04070000, "4.7.0-dev")]
)
def test_it_learns_who_the_autopilot_is_and_what_it_can_do(number: int, firmware: str) -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        told = mavlink.MAVLink_autopilot_version_message(
            Capability.FTP | 1, number, 0, 0, 0, [0] * 8, [0] * 8, [0] * 8, 0, 0, 0x2A
        )
        copter.peer.on_command[Cmd.REQUEST_MESSAGE] = lambda _: copter.peer.send(told)
        await heard(lambda: vehicle.identity is not None)
        assert vehicle.identity is not None
        assert (vehicle.identity.autopilot, vehicle.identity.firmware, vehicle.identity.uid) == ("ArduPilot", firmware, "2a")
        assert Capability.FTP in vehicle.identity.capabilities
        assert Capability.MISSION_RALLY not in vehicle.identity.capabilities

    flown(body)


def test_messages_are_asked_for_again_after_a_reboot() -> None:
    def asked(copter: Copter) -> int:
        return len([m for m in copter.peer.log if getattr(m, "command", 0) == Cmd.SET_MESSAGE_INTERVAL and m.param1 == 30])

    async def body(_: MavlinkVehicle, copter: Copter, __: Bus) -> None:
        await asyncio.sleep(30.0)
        before = asked(copter)
        copter.boot_ms = 0
        await asyncio.sleep(5.0)
        assert asked(copter) == before + 1

    flown(body)


def test_what_the_block_raises_comes_out_as_it_is_and_nothing_is_left() -> None:
    async def main() -> None:
        link, _ = scripted(Script())
        with pytest.raises(ZeroDivisionError):
            async with vehicle_on(link, VehicleSection(), Bus(), Clock()):
                raise ZeroDivisionError
        assert len(asyncio.all_tasks()) == 1

    run_virtual(main())


async def test_an_unknown_parameter_set_and_a_wrong_address_are_configuration_errors() -> None:
    for wrong in ({"parameter_set": "ardupilot/none"}, {"parameter_set": "../etc/passwd"}, {"link": "nowhere"}):
        with pytest.raises(ConfigError, match=r"config\.invalid"):
            async with open_vehicle(VehicleSection(**{"link": "udp-listen:127.0.0.1:14999", **wrong}), Bus(), Clock()):
                pass


def test_the_camera_is_kept_on_a_place_and_released() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        place = FRAME.to_latlon(120.0, -80.0)
        assert await vehicle.point_camera(place, 44.0) == Accepted()
        order = next(m for m in reversed(copter.peer.log) if m.get_type() == "COMMAND_INT")
        assert (order.command, order.frame, order.z) == (Cmd.DO_SET_ROI_LOCATION, 0, 44.0)
        assert (order.x, order.y) == (round(place.lat_deg * 1e7), round(place.lon_deg * 1e7))
        assert await vehicle.release_camera() == Accepted()
        assert copter.peer.log[-1].command == Cmd.DO_SET_ROI_NONE

    flown(body)


def test_the_camera_is_kept_over_the_nose_at_a_pitch() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        assert await vehicle.look_ahead(-45.0) == Accepted()
        order = next(m for m in reversed(copter.peer.log) if m.get_type() == "COMMAND_LONG")
        assert (order.command, order.param1, order.param2, order.param5) == (Cmd.DO_GIMBAL_MANAGER_PITCHYAW, -45.0, 0.0, 0.0)
        assert math.isnan(order.param3)

    flown(body)


def test_a_camera_that_cannot_be_pointed_is_a_refusal_with_the_autopilots_words() -> None:
    async def body(vehicle: MavlinkVehicle, _: Copter, __: Bus) -> None:
        refused = await vehicle.point_camera(HOME, 10.0)
        assert refused == Refused("vehicle.camera_refused", "Mount: no gimbal")

    script = Script(results={Cmd.DO_SET_ROI_LOCATION: [4]}, texts={Cmd.DO_SET_ROI_LOCATION: "Mount: no gimbal"})
    flown(body, script)


def test_a_resumed_mission_gets_back_the_speed_and_the_camera_angle_that_it_had_ordered() -> None:
    items = (
        PLAN.items[0],
        PlanItem(ItemKind.CHANGE_SPEED, speed_m_s=4.0),
        PlanItem(ItemKind.CHANGE_SPEED, speed_m_s=6.0),
        PlanItem(ItemKind.POINT_CAMERA, camera_pitch_deg=-30.0),
        PLAN.items[1],
        PlanItem(ItemKind.POINT_CAMERA, camera_pitch_deg=-60.0),
        PlanItem(ItemKind.WAYPOINT, place=FRAME.to_latlon(200, 0), alt_rel_m=40.0),
        PLAN.items[2],
    )

    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        assert await vehicle.upload(FlightPlan("r", items, Fence(RING))) == Accepted()
        copter.armed, copter.landed = True, 2
        await heard(lambda: vehicle.telemetry.armed is True)
        assert await vehicle.resume(4) == Accepted()
        orders = [m for m in copter.peer.log if m.get_type() == "COMMAND_LONG" and 170 < m.command < 230]
        assert [m.command for m in orders] == [
            Cmd.DO_SET_MISSION_CURRENT,
            Cmd.DO_SET_MODE,
            Cmd.DO_CHANGE_SPEED,
            Cmd.DO_MOUNT_CONTROL,
        ]
        assert (orders[2].param2, orders[3].param1, orders[3].param7) == (6.0, -30.0, 2.0)

    flown(body)
