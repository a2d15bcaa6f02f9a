"""Coming down at a rally point, on the built-in vehicle and on real autopilots where they are named."""

import asyncio
from typing import Any

import pytest

from agent.core.geo import distance_m
from agent.core.outcome import Refused
from agent.domain.mission import RallyPoint
from agent.domain.telemetry import FlightMode
from simulator.sitl.binary import Backend
from tests.sitl.test_flight_sitl import SECOND, Flight, Opener, accepted, fly

pytestmark = pytest.mark.timeout(240)


async def down_at(flight: Flight, rally: RallyPoint) -> None:
    await flight.sees(lambda t: t.armed is False, 240.0, "disarmed")
    assert flight.now.position is not None
    assert distance_m(flight.now.position.place, rally.place) < 3.0


def test_it_comes_down_at_the_rally_point_by_its_own_return_or_is_led_there(drone: Any) -> None:
    """Given a drone that comes home; when its pad cannot be used, it lands elsewhere; returns then end on the pad again."""

    async def body(opened: Opener) -> None:
        async with opened() as flight:
            flown, vehicle = await flight.airborne(), flight.vehicle
            (rally,) = flown.rally
            accepted(await vehicle.return_home())
            outcome = await vehicle.return_to_rally(rally)
            if drone.kind is Backend.PX4:
                assert outcome == Refused("vehicle.no_rally", "PX4 has no rally points for a return on board")
                await led_there(flight, rally)
            else:
                accepted(outcome)
                assert flight.now.mode is FlightMode.RETURN
                assert isinstance(await vehicle.returns_to_pad(), Refused)
            await down_at(flight, rally)
            accepted(await vehicle.forget_rally())
            accepted(await vehicle.returns_to_pad())

    fly(drone, body)


async def led_there(flight: Flight, rally: RallyPoint) -> None:
    accepted(await flight.vehicle.land_at(rally.place, rally.alt_rel_m))
    assert flight.now.mode is flight.vehicle.goto_mode
    near = 5.0
    await flight.sees(lambda t: distance_m(t.position.place, rally.place) < near, 120.0, "at the rally point")
    accepted(await flight.vehicle.land_at(rally.place, rally.alt_rel_m))
    assert flight.now.mode is FlightMode.LAND


def test_a_drone_is_led_to_a_place_and_lands_there(drone: Any) -> None:
    async def body(opened: Opener) -> None:
        async with opened() as flight:
            flown = await flight.airborne()
            corner = flown.items[SECOND].place
            assert corner is not None
            rally = RallyPoint(corner, 20.0)
            await led_there(flight, rally)
            await flight.sees(lambda t: t.armed is False, 120.0, "disarmed")
            assert flight.now.position is not None
            assert distance_m(flight.now.position.place, rally.place) < 6.0

    fly(drone, body)


def test_the_camera_looks_where_it_is_told_to_on_the_way_home(drone: Any) -> None:
    async def body(opened: Opener) -> None:
        async with opened() as flight:
            await flight.airborne()
            await flight.sees(lambda t: t.position.alt_rel_m > 14.0, 30.0, "at height")
            accepted(await flight.vehicle.return_home())
            await asyncio.sleep(2.0)  # PX4 takes the gimbal for a moment
            accepted(await flight.vehicle.look_ahead(-40.0))
            await flight.sees(lambda t: t.gimbal and abs(t.gimbal.pitch_deg + 40.0) < 2.0, 10.0, "it looks there")
            await flight.down_at_home()
            accepted(await flight.vehicle.release_camera())

    fly(drone, body)
