"""Starts over a scripted autopilot, in virtual time: arming, lift-off, lost answers, a pilot who takes over."""

import asyncio

from agent.core.bus import Bus
from agent.core.outcome import Accepted, Refused
from agent.domain.telemetry import FlightMode, LandedState
from agent.mavlink.enums import Cmd
from agent.vehicle.vehicle import MavlinkVehicle
from tests.doubles.autopilot import Script
from tests.doubles.copter import PLAN, Copter, flown, heard


def test_a_launch_arms_in_guided_starts_and_sees_it_lift_off() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        assert await vehicle.upload(PLAN) == Accepted()
        assert await vehicle.launch() == Accepted()
        assert (vehicle.telemetry.mode, vehicle.telemetry.landed) == (FlightMode.MISSION, LandedState.IN_AIR)
        sent = [m.command for m in copter.peer.log if m.get_type() == "COMMAND_LONG" and m.command < 500]
        assert sent == [Cmd.DO_SET_MODE, Cmd.DO_SET_MISSION_CURRENT, Cmd.COMPONENT_ARM_DISARM, Cmd.MISSION_START]

    flown(body)


def test_an_arm_denial_carries_the_autopilots_words_and_nothing_is_started() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        await vehicle.upload(PLAN)
        assert await vehicle.launch() == Refused("autopilot.compass", "Arm: Compass not healthy")
        assert copter.peer.heard["COMMAND_LONG"] > 0
        assert not [m for m in copter.peer.log if getattr(m, "command", 0) == Cmd.MISSION_START]

    script = Script(results={Cmd.COMPONENT_ARM_DISARM: [4]}, texts={Cmd.COMPONENT_ARM_DISARM: "Arm: Compass not healthy"})
    flown(body, script)


def test_an_arming_whose_answer_is_lost_is_seen_in_the_state_and_not_sent_again() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        await vehicle.upload(PLAN)
        assert await vehicle.launch() == Accepted()
        arms = [m for m in copter.peer.log if getattr(m, "command", 0) == Cmd.COMPONENT_ARM_DISARM]
        assert len(arms) == 1

    flown(body, Script(results={Cmd.COMPONENT_ARM_DISARM: ["lost"]}))


def starts(copter: Copter) -> int:
    return len([m for m in copter.peer.log if getattr(m, "command", 0) == Cmd.MISSION_START])


def test_a_start_whose_answer_is_lost_is_seen_in_the_mode_and_not_sent_again() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        await vehicle.upload(PLAN)
        assert await vehicle.launch() == Accepted()
        assert starts(copter) == 1

    flown(body, Script(results={Cmd.MISSION_START: ["lost"]}))


def test_a_start_that_was_lost_itself_is_sent_once_more() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        await vehicle.upload(PLAN)
        assert await vehicle.launch() == Accepted()
        assert starts(copter) == 2

    flown(body, Script(results={Cmd.MISSION_START: ["silence", 0]}))


def test_a_pilot_who_takes_over_at_the_start_is_not_overruled() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        await vehicle.upload(PLAN)
        copter.peer.on_silence[Cmd.MISSION_START] = lambda _: setattr(copter, "mode", 5)
        assert isinstance(await vehicle.launch(), Refused)
        assert (starts(copter), copter.landed) == (1, 1)

    flown(body, Script(results={Cmd.MISSION_START: ["silence"]}))


def test_a_drone_that_does_not_lift_off_is_disarmed_again() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        await vehicle.upload(PLAN)
        copter.lifts = False
        outcome = await vehicle.launch()
        assert isinstance(outcome, Refused)
        assert outcome.code == "vehicle.no_takeoff"
        assert not copter.armed

    flown(body)


def test_nothing_is_launched_without_a_plan_armed_or_in_the_air() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        assert await vehicle.launch() == Refused("mission.none", "no plan was uploaded")
        await vehicle.upload(PLAN)
        copter.landed = 2
        await heard(lambda: vehicle.telemetry.landed is LandedState.IN_AIR)
        refused = await vehicle.launch()
        assert isinstance(refused, Refused)
        assert refused.code == "vehicle.not_on_ground"
        copter.armed = True
        await heard(lambda: vehicle.telemetry.armed is True)
        for outcome, code in ((await vehicle.launch(), "vehicle.armed"), (await vehicle.upload(PLAN), "mission.armed"),
                              (await vehicle.disarm(), "vehicle.not_on_ground")):  # fmt: skip
            assert isinstance(outcome, Refused)
            assert outcome.code == code
        assert copter.armed, "the motors of a flying drone are never stopped"

    flown(body)


def test_a_plan_from_before_a_reboot_is_not_flown() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        await asyncio.sleep(10.0)
        await vehicle.upload(PLAN)
        copter.boot_ms = 0
        await asyncio.sleep(2.0)
        assert await vehicle.launch() == Refused("mission.none", "the autopilot rebooted since the plan was uploaded")
        assert await vehicle.upload(PLAN) == Accepted()
        assert await vehicle.launch() == Accepted()

    flown(body)
