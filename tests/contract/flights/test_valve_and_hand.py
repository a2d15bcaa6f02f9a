"""The wire can be cut and joined again; the hand sets what it is told and sees where the drone is."""

import asyncio
import socket
import time

import pytest

from agent.core.clock import Clock, TimeBase
from agent.core.geo import LatLon, distance_m
from simulator.flights.hand import Hand, Setting
from simulator.flights.valve import Valve
from simulator.ports import free_port
from simulator.vehicle.craft import Place
from simulator.vehicle.links import Address
from simulator.vehicle.server import VehicleServer
from simulator.vehicle.setup import Setup
from simulator.vehicle.wire import mavlink

PAD = LatLon(30.39, 119.84)


@pytest.fixture
def agent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(5.0)
        yield opened


def wait(condition):
    end_s = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_a_cut_wire_passes_nothing_either_way_and_a_joined_one_again(agent):
    port = free_port(socket.SOCK_DGRAM)
    with Valve(port, agent.getsockname()[1]) as valve, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as vehicle:
        vehicle.settimeout(5.0)
        vehicle.connect(("127.0.0.1", port))
        vehicle.send(b"one")
        data, valve_end = agent.recvfrom(100)
        assert data == b"one"
        agent.sendto(b"back", valve_end)
        assert vehicle.recv(100) == b"back"
        valve.open = False
        vehicle.send(b"lost")
        agent.sendto(b"lost too", valve_end)
        wait(lambda: valve.dropped == 2)
        valve.open = True
        vehicle.send(b"two")
        assert agent.recv(100) == b"two"
        agent.sendto(b"back again", valve_end)
        assert vehicle.recv(100) == b"back again"


async def test_the_hand_sets_commands_and_sees():
    setup = Setup(Place(PAD, 10.0, 0.0), boot_s=1.0)
    stop = asyncio.Event()
    async with VehicleServer(setup, [Address("udpin", "127.0.0.1", 0)], Clock(TimeBase(10.0, time.time()))) as server:
        running = asyncio.create_task(server.run(stop))
        with Hand(server.bound[0].port) as hand:
            hand.do(Setting("SIM_WIND_SPD", (7.0,)), Setting(int(mavlink.MAV_CMD_DO_FENCE_ENABLE), (0.0,)))
            async with asyncio.timeout(10.0):
                while not (hand.done and hand.seen.place and hand.seen.on_ground):  # noqa: ASYNC110 another thread's state
                    await asyncio.sleep(0.05)
            assert server.autopilot.parameters["SIM_WIND_SPD"] == 7.0
            assert hand.seen.armed is False
            assert hand.seen.true_place
            assert distance_m(hand.seen.place, PAD) < 0.5
        stop.set()
        await running
