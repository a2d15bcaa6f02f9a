"""The parameter set is applied on the ground, disarmed, with the restarts that it needs, and verified."""

import asyncio
from typing import Any

import pytest

from agent.core.outcome import Refused
from agent.vehicle.firmware import Applied
from agent.vehicle.vehicle import MavlinkVehicle
from firmware_config.schema import load_metadata, load_set
from tests.doubles.builtin_link import BadLink, on_builtin_vehicle
from tests.doubles.vehicle_rig import GUIDED

ROWS = [row for row in load_set("ardupilot/nest").rows if not row.optional]


def test_a_vehicle_as_delivered_becomes_a_nests() -> None:
    async def body(vehicle: MavlinkVehicle, bad: BadLink) -> None:
        steps: list[tuple[str, int, int]] = []
        before = await vehicle.compare_parameters()
        assert isinstance(before, list)
        wrong = {one.row.name for one in before if one.wrong is not None}
        assert {"FS_GCS_ENABLE", "PLND_ENABLED", "ARMING_RUDDER"} <= wrong
        applied = await vehicle.apply_firmware(lambda *step: steps.append(step))
        assert isinstance(applied, Applied)
        assert (applied.left, applied.why) == ((), ())
        assert set(applied.changed) == wrong, applied.changed
        assert applied.restarts == 1
        assert ("restart", 1, 1) in steps
        values = bad.rig.autopilot.parameters
        for row in ROWS:
            least, most = row.limits(255)
            assert least <= values[row.name] + 1e-6, row.name
            assert values[row.name] - 1e-6 <= most, row.name
        again = await vehicle.apply_firmware()
        assert isinstance(again, Applied)
        assert (again.changed, again.restarts) == ((), 0)

    on_builtin_vehicle(body, "SERIAL1_BAUD=57", "PLND_LAG=0.0")


def test_what_needs_no_restart_gets_none() -> None:
    async def body(vehicle: MavlinkVehicle, _: BadLink) -> None:
        assert isinstance(await vehicle.apply_firmware(), Applied)
        driver = vehicle._driver
        assert driver is not None
        await driver.parameters.set("RTL_ALT", 100.0)
        applied = await vehicle.apply_firmware()
        assert isinstance(applied, Applied)
        assert (applied.changed, applied.restarts) == (("RTL_ALT",), 0)

    on_builtin_vehicle(body)


@pytest.mark.parametrize(("armed", "code"), [(True, "vehicle.armed")])
def test_nothing_is_changed_while_the_motors_run(armed: bool, code: str) -> None:
    async def body(vehicle: MavlinkVehicle, bad: BadLink) -> Any:
        station = bad.rig.station(system=254)
        await asyncio.sleep(10.0)
        assert station.mode(GUIDED) == 0
        assert station.arm() == 0
        await asyncio.sleep(2.0)
        return await vehicle.apply_firmware(), bad.rig.autopilot.parameters["PLND_ENABLED"]

    outcome, enabled = on_builtin_vehicle(body)
    assert isinstance(outcome, Refused)
    assert (outcome.code, enabled) == (code, 0.0)


def test_a_set_for_another_autopilot_is_refused() -> None:
    async def body(vehicle: MavlinkVehicle, _: BadLink) -> None:
        for outcome in (await vehicle.apply_firmware(), await vehicle.compare_parameters()):
            assert isinstance(outcome, Refused)
            assert outcome.code == "vehicle.parameter_set_wrong"
            assert "PX4" in outcome.words

    on_builtin_vehicle(body, parameter_set="px4/nest")


def test_a_value_that_is_not_taken_is_told_and_does_not_hold_up_the_rest() -> None:
    async def body(vehicle: MavlinkVehicle, bad: BadLink) -> None:
        take = bad.rig.autopilot.parameters.set
        bad.rig.autopilot.parameters.set = (  # type: ignore[method-assign]
            lambda name, value: name != "FENCE_ACTION" and take(name, value)
        )
        applied = await vehicle.apply_parameters()
        assert [wrong.name for wrong in applied] == ["FENCE_ACTION"]
        assert bad.rig.autopilot.parameters["FS_GCS_ENABLE"] == 1.0

    on_builtin_vehicle(body, "FENCE_ACTION=0")


def test_an_autopilot_that_does_not_restart_by_command_is_left_to_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    from simulator.vehicle import housekeeping

    monkeypatch.setitem(housekeeping.COMMANDS, 246, lambda *_: housekeeping.DENIED)

    async def body(vehicle: MavlinkVehicle, bad: BadLink) -> None:
        applied = await vehicle.apply_firmware()
        assert isinstance(applied, Applied)
        assert (applied.restarts, applied.restart_due, applied.left) == (0, True, ())
        assert [refused.code for refused in applied.why] == ["vehicle.restart_denied"]
        assert "DENIED" in applied.why[0].words

    on_builtin_vehicle(body)


def test_a_restart_is_due_for_what_the_firmware_says() -> None:
    assert load_metadata("ardupilot/nest")["EK3_ENABLE"].reboot
    assert not load_metadata("ardupilot/nest")["RTL_ALT"].reboot
