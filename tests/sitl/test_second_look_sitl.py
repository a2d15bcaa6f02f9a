"""What a second look and a link loss ask of the driver, on the built-in vehicle and on real autopilots where they are named."""

import asyncio
from typing import Any

import pytest

from agent.core.geo import LocalFrame, bearing_deg, distance_m, wrap_180
from agent.core.outcome import Refused
from agent.domain.telemetry import FlightMode
from tests.sitl.test_flight_sitl import FIRST, SECOND, THIRD, Opener, accepted, fly, reached

pytestmark = pytest.mark.timeout(240)


def test_it_leaves_its_mission_for_a_look_and_goes_on_as_if_it_had_not(drone: Any) -> None:
    async def body(opened: Opener) -> None:
        async with opened() as flight:
            await flight.airborne()
            vehicle = flight.vehicle
            await flight.sees(reached(FIRST), 60.0, "first waypoint")
            home = flight.now.home
            assert home is not None
            frame = LocalFrame(home.place)
            fire = frame.to_latlon(60.0, 60.0)
            for north_m, east_m in ((60.0, 10.0), (20.0, 30.0)):
                station = frame.to_latlon(north_m, east_m)
                accepted(await vehicle.goto(station, 25.0, bearing_deg(station, fire)))
                assert flight.now.mode is vehicle.goto_mode
                accepted(await vehicle.point_camera(fire, home.alt_amsl_m))
                await flight.sees(lambda t, s=station: distance_m(t.position.place, s) < 3.0, 60.0, "at the station")  # type: ignore[misc]
                wanted = bearing_deg(station, fire)
                await flight.sees(lambda t, w=wanted: looks(t, w), 30.0, "nose or gimbal looks there")  # type: ignore[misc]
            accepted(await vehicle.release_camera())
            accepted(await vehicle.resume(SECOND))
            assert flight.now.mode is FlightMode.MISSION
            if drone.kind == "builtin":  # it has a gimbal; a simulated ArduCopter or PX4 need not
                await flight.sees(lambda t: t.gimbal and abs(t.gimbal.pitch_deg + 45.0) < 2.0, 10.0, "the mission's angle")
            await flight.sees(reached(THIRD), 120.0, "third waypoint")
            accepted(await vehicle.return_home())
            await flight.down_at_home()

    fly(drone, body)


def looks(telemetry: Any, wanted_deg: float) -> bool:
    yaws = [group.yaw_deg for group in (telemetry.attitude, telemetry.gimbal) if group is not None]
    return any(abs(wrap_180(yaw - wanted_deg)) < 8.0 for yaw in yaws)


def test_after_a_cut_link_it_says_why_it_comes_home_and_is_sent_on(drone: Any) -> None:
    async def body(opened: Opener) -> None:
        async with opened() as flight:
            flown = await flight.airborne()
            await flight.sees(reached(FIRST), 60.0, "first waypoint")
            now_s = asyncio.get_running_loop().time()
            assert not flight.vehicle.link_failsafe_since(now_s - 30.0), "it flies its mission"
            accepted(await flight.vehicle.pause())  # near the first waypoint, so that the way home takes its time
        await asyncio.sleep(16.0)
        async with opened() as flight:
            began_s = asyncio.get_running_loop().time()
            await flight.sees(lambda t: t.armed is True and t.position and t.home, 30.0, "it is heard, flying")
            await flight.sees(lambda t: t.mode is FlightMode.RETURN, 10.0, "on its way home")
            await flight.sees(lambda _: flight.vehicle.link_failsafe_since(began_s), 10.0, "it says that the link was lost")
            accepted(await flight.vehicle.adopt(flown))
            outcome = await flight.vehicle.resume(SECOND)
            assert not isinstance(outcome, Refused), outcome
            await flight.sees(reached(SECOND), 90.0, "second waypoint")
            await flight.down_at_home()

    fly(drone, body)
