"""The dock beside the built-in vehicle, over real UDP: it sees the drone on the pad and charges it."""

import asyncio

import pytest

from agent.core.clock import Clock, TimeBase
from agent.core.geo import LatLon
from simulator.loops import ScaledLoop
from simulator.nest.dock import Address, DockSettings, run_dock
from simulator.nest.drone import Pad
from simulator.vehicle.craft import Place
from simulator.vehicle.links import Address as VehicleAddress
from simulator.vehicle.server import VehicleServer
from simulator.vehicle.setup import Setup
from tests.contract.nest.conftest import free_ports

PAD = Pad(LatLon(30.39, 119.84), 35.0)
RATE = 20.0


async def until(wanted, limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        while not wanted():  # noqa: ASYNC110 two simulations, neither tells when it is done
            await asyncio.sleep(0.2)


async def charges() -> None:
    vehicle_port, modbus, http = free_ports(3)
    clock = Clock(TimeBase(RATE, Clock().unix_s()))
    setup = Setup(place=Place(PAD.place, PAD.alt_amsl_m, 0.0), seed=1, boot_s=2.0, charge=0.6)
    settings = DockSettings(
        PAD, Address("127.0.0.1", modbus), Address("127.0.0.1", http), vehicle=f"udpin:127.0.0.1:{vehicle_port}"
    )
    stop = asyncio.Event()
    addresses = [VehicleAddress("udpout", "127.0.0.1", vehicle_port)]
    async with (
        run_dock(settings, clock) as dock,
        asyncio.TaskGroup() as group,
        VehicleServer(setup, addresses, clock) as vehicle,
    ):
        flying = group.create_task(vehicle.run(stop))
        parameters = vehicle.autopilot.parameters
        await until(lambda: dock.box.pad_occupied and dock.box.battery is not None, 60.0)
        assert dock.box.drone.sideways_m < 0.1
        assert abs(dock.box.drone.above_m) < 0.5
        await until(lambda: parameters["SIM_CHARGE_A"] > 5.0, 20.0)
        before = dock.box.battery
        await until(lambda: dock.box.battery > before, 120.0)
        dock.box.faults.change("charger_contact", active=True)
        await until(lambda: parameters["SIM_CHARGE_A"] == 0.0, 20.0)
        stop.set()
        await flying


@pytest.mark.timeout(60)
def test_a_drone_on_the_pad_is_seen_and_charged():
    with asyncio.Runner(loop_factory=lambda: ScaledLoop(RATE)) as runner:
        runner.run(charges())
