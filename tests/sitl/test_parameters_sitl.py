"""Parameters and files: the built-in vehicle, and real autopilots where they are named (see conftest).

Nothing flies here. Each test leaves the drone as the parameter set has it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.outcome import Accepted, Refused
from agent.mavlink import mission_file
from agent.mavlink.enums import MissionType
from agent.mavlink.ftp_session import FileRefused, FtpSession, checksum
from agent.mavlink.ftp_wire import DATA_BYTES, FtpEntry, FtpError, FtpOpcode
from agent.mavlink.parameters import Parameters
from agent.mavlink.readback import compare
from agent.vehicle.driver import Driver
from agent.vehicle.firmware import Applied
from agent.vehicle.open import open_vehicle
from agent.vehicle.vehicle import MavlinkVehicle
from simulator.loops import ScaledLoop
from simulator.sitl.binary import Backend
from tests.sitl.conftest import Drone
from tests.unit.mavlink.test_mav_transfer import waypoints

pytestmark = pytest.mark.timeout(240)


def heard(drone: Drone, body: Callable[[MavlinkVehicle, Driver], Coroutine[Any, Any, None]]) -> None:
    """Runs a test's body with the drone heard and known."""

    async def main() -> None:
        config = VehicleSection(link=drone.link, system_id=drone.system_id, parameter_set=drone.parameter_set)
        async with open_vehicle(config, Bus(), Clock(drone.base)) as vehicle:
            assert await vehicle.wait_known(60.0)
            driver = vehicle._driver
            assert driver is not None
            await body(vehicle, driver)

    with asyncio.Runner(loop_factory=lambda: ScaledLoop(drone.base.rate)) as runner:
        runner.run(main())


def test_all_parameters_come_and_are_those_that_single_reads_give(drone: Drone) -> None:
    async def body(_: MavlinkVehicle, driver: Driver) -> None:
        found = await driver.parameters.get_all()
        assert len(found) > (200 if drone.kind is Backend.BUILTIN else 800)
        some = list(found)[:: len(found) // 20]
        singly = await driver.parameters._get_singly(some)
        assert singly == {name: pytest.approx(found[name].value, nan_ok=True) for name in some}
        if driver.traits.parameter_file:
            listed = await Parameters(driver.session.exchange, bytewise=driver.traits.bytewise).get_all()
            assert {name: value.kind for name, value in found.items()} == {name: value.kind for name, value in listed.items()}

    heard(drone, body)


def test_the_set_is_applied_and_compares_equal(drone: Drone) -> None:
    async def body(vehicle: MavlinkVehicle, _: Driver) -> None:
        applied = await vehicle.apply_firmware()
        assert isinstance(applied, Applied), applied
        assert applied.left == ()
        if drone.kind is Backend.PX4:  # its simulation does not restart by command, and says so
            assert {refused.code for refused in applied.why} <= {"vehicle.restart_denied"}
        else:
            assert applied.why == ()
        compared = await vehicle.compare_parameters()
        assert not isinstance(compared, Refused)
        assert [one for one in compared if one.wrong is not None] == []
        assert await vehicle.verify_parameters() == []

    heard(drone, body)


def test_a_file_is_written_summed_listed_read_and_removed(drone: Drone) -> None:
    async def body(_: MavlinkVehicle, driver: Driver) -> None:
        files, data = driver.files, bytes(range(256)) * 7
        # In its root folder ArduPilot's simulation lists folders only.
        assert await files.make_folder("/nest") == Accepted()
        assert await files.write("/nest/a.tmp", data) == Accepted()
        assert await files.crc("/nest/a.tmp") == checksum(data)
        listed = await files.list("/nest")
        assert not isinstance(listed, FileRefused)
        assert FtpEntry("a.tmp", len(data)) in listed
        assert await files.read("/nest/a.tmp") == data
        assert await files.remove("/nest/a.tmp") == Accepted()
        gone = await files.read("/nest/a.tmp")
        assert isinstance(gone, FileRefused)
        assert gone.error is FtpError.FILENOTFOUND
        assert await files.remove_folder("/nest") == Accepted()

    heard(drone, body)


@pytest.mark.parametrize("count", [44, 51, 69])
def test_a_mission_file_without_its_beginning_changes_nothing(drone: Drone, count: int) -> None:
    """Also where all the rest arrived, and the file is closed."""

    async def body(_: MavlinkVehicle, driver: Driver) -> None:
        if not driver.traits.plan_files:
            pytest.skip("its plans are no files")
        kind, path = MissionType.MISSION, mission_file.PATHS[MissionType.MISSION]
        old = waypoints(20)
        assert await driver.files.write(path, mission_file.encode(kind, old)) == Accepted()
        session = FtpSession(driver.session.exchange, 7, 100)
        opened = await session.ask(FtpOpcode.CREATEFILE, path.encode())
        assert opened is not None
        assert opened.error is None
        data = mission_file.encode(kind, waypoints(count)[::-1])
        for offset in range(DATA_BYTES, len(data), DATA_BYTES):
            await session.ask(FtpOpcode.WRITEFILE, data[offset : offset + DATA_BYTES], offset=offset)
        await session.ask(FtpOpcode.TERMINATESESSION)
        read = await driver.files.read(path)
        assert isinstance(read, bytes)
        assert compare(old, mission_file.decode(kind, read), first=1) is None

    heard(drone, body)
