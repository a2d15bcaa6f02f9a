"""The way home is flown at the height at which it was checked over the ground."""

from dataclasses import replace

from agent.core.bus import Bus
from agent.core.outcome import Accepted, Refused
from agent.vehicle.ardupilot import TRAITS as ARDUPILOT
from agent.vehicle.px4 import TRAITS as PX4
from agent.vehicle.vehicle import MavlinkVehicle
from firmware_config.schema import load_set
from tests.doubles.copter import PLAN, Copter, flown

HIGH = replace(PLAN, return_alt_rel_m=45.0)


def test_the_height_of_the_way_home_goes_up_with_the_plan() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        copter.peer.script.params["RTL_ALT"] = 1500.0
        assert await vehicle.upload(HIGH) == Accepted()
        assert copter.peer.script.params["RTL_ALT"] == 4500.0

    flown(body)


def test_a_height_that_cannot_be_set_is_a_refusal() -> None:
    async def body(vehicle: MavlinkVehicle, copter: Copter, _: Bus) -> None:
        copter.peer.script.params.pop("RTL_ALT", None)
        outcome = await vehicle.upload(HIGH)
        assert isinstance(outcome, Refused)
        assert outcome.code == "mission.return_height_not_set"

    flown(body)


def test_the_shipped_parameter_sets_let_it_be_what_the_configuration_allows() -> None:
    for traits, name in ((ARDUPILOT, "ardupilot/nest"), (PX4, "px4/nest")):
        parameter, per_m = traits.return_height
        (row,) = (row for row in load_set(name).parameters if row.name == parameter)
        assert row.limits(255) == (20.0 * per_m, 120.0 * per_m)
