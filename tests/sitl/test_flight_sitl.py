"""The agent's driver flies: the built-in vehicle, and real autopilots where they are named (see conftest).

Faster than real time: the agent's side runs on a loop whose clock is scaled as the autopilot's is. Times below are the drone's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LatLon, LocalFrame, distance_m, wrap_180
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.mission import Fence, FlightPlan, ItemKind, PlanItem, RallyPoint
from agent.domain.telemetry import FlightMode, LandedState, PoseSample, Telemetry
from agent.vehicle.open import open_vehicle
from agent.vehicle.vehicle import MavlinkVehicle
from simulator.loops import ScaledLoop

FIRST, SECOND, THIRD = 3, 4, 6  # plan indices of the waypoints
# Longer than the failsafes take to act on silence (ArduPilot 5 s; PX4 10 s and 5 s more), shorter than the way home.
SILENCE_S = 20.0
pytestmark = pytest.mark.timeout(240)


def plan(home: LatLon) -> FlightPlan:
    frame = LocalFrame(home)
    ring = tuple(frame.to_latlon(n, e) for n, e in ((-300, -300), (-300, 300), (300, 300), (300, -300)))
    hole = tuple(frame.to_latlon(n, e) for n, e in ((200, 200), (200, 240), (240, 240)))
    items = (
        PlanItem(ItemKind.TAKEOFF, alt_rel_m=15.0),
        PlanItem(ItemKind.CHANGE_SPEED, speed_m_s=8.0),
        PlanItem(ItemKind.POINT_CAMERA, camera_pitch_deg=-45.0),
        PlanItem(ItemKind.WAYPOINT, place=frame.to_latlon(40.0, 0.0), alt_rel_m=20.0),
        PlanItem(ItemKind.WAYPOINT, place=frame.to_latlon(40.0, 40.0), alt_rel_m=20.0, hold_s=2.0, heading_deg=45.0),
        PlanItem(ItemKind.CAPTURE),
        PlanItem(ItemKind.WAYPOINT, place=frame.to_latlon(0.0, 40.0), alt_rel_m=20.0),
        PlanItem(ItemKind.RETURN),
    )
    return FlightPlan("square", items, Fence(ring, (hole,), 100.0), (RallyPoint(frame.to_latlon(-200.0, 0.0), 25.0),))


class Flight:
    """One drone, opened, and what is asked of it."""

    def __init__(self, vehicle: MavlinkVehicle, bus: Bus) -> None:
        self.vehicle = vehicle
        self.bus = bus

    @property
    def now(self) -> Telemetry:
        return self.vehicle.telemetry

    async def sees(self, condition: Callable[[Telemetry], object], timeout_s: float, what: str) -> None:
        """Waits for telemetry that meets a condition."""
        with self.bus.subscribe(Telemetry, limit=1) as changes:
            try:
                async with asyncio.timeout(timeout_s):
                    while not condition(self.now):
                        await changes.get()
            except TimeoutError:
                pytest.fail(f"not seen in {timeout_s:g} s: {what}; {self.now}")

    async def ready(self) -> LatLon:
        """Waits until it could be armed, applies the parameter set, and says where home is."""
        await self.sees(lambda t: t.home and t.estimator and t.estimator.position_good, 150.0, "position")
        await self.sees(lambda t: t.armed is False and t.landed is LandedState.ON_GROUND, 60.0, "on the ground")
        assert list(await self.vehicle.apply_parameters()) == []
        # PX4's checks see the ground station only after a while; ArduPilot's bit waits for its estimator.
        await self.sees(lambda t: t.health and t.health.prearm_good is not False, 120.0, "pre-arm checks good")
        assert self.now.home is not None
        return self.now.home.place

    async def airborne(self) -> FlightPlan:
        """Uploads and starts. Arming moves home, so the plan is handed out."""
        flown = plan(await self.ready())
        accepted(await self.vehicle.upload(flown))
        accepted(await self.vehicle.launch())
        await self.sees(lambda t: t.position and t.position.alt_rel_m > 10.0, 40.0, "10 m up")
        assert self.now.mode is FlightMode.MISSION
        return flown

    async def down_at_home(self) -> None:
        await self.sees(lambda t: t.armed is False, 240.0, "disarmed")
        assert self.now.landed is LandedState.ON_GROUND
        assert self.now.position is not None
        assert self.now.home is not None
        assert distance_m(self.now.position.place, self.now.home.place) < 2.0


def accepted(outcome: Outcome) -> None:
    assert isinstance(outcome, Accepted), outcome


def reached(index: int) -> Callable[[Telemetry], bool]:
    return lambda t: t.mission is not None and t.mission.reached >= index


def fly(drone: Any, body: Callable[["Opener"], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=lambda: ScaledLoop(drone.base.rate)) as runner:
        runner.run(body(Opener(drone)))


class Opener:
    """Opens the drone as an agent does when it starts."""

    def __init__(self, drone: Any) -> None:
        self._drone = drone

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Flight]:
        config = VehicleSection(link=self._drone.link, system_id=self._drone.system_id, parameter_set=self._drone.parameter_set)
        bus = Bus()
        async with open_vehicle(config, bus, Clock(self._drone.base)) as vehicle:
            yield Flight(vehicle, bus)


def test_it_is_led_around_and_called_home(drone: Any) -> None:
    async def body(opened: Opener) -> None:
        async with opened() as flight:
            await flight.airborne()
            vehicle = flight.vehicle
            assert vehicle.identity is not None
            assert vehicle.identity.autopilot == {"px4": "PX4"}.get(drone.kind, "ArduPilot")
            await flight.sees(reached(FIRST), 60.0, "first waypoint")

            accepted(await vehicle.pause())
            assert flight.now.mode is vehicle.goto_mode, "a mode that comes home when nobody speaks to it any more"
            await flight.sees(standing, 20.0, "it stands still")

            home = flight.now.home
            assert home is not None
            frame = LocalFrame(home.place)
            refused = await vehicle.goto(frame.to_latlon(900.0, 0.0), 30.0)
            assert isinstance(refused, Refused), "outside the fence"
            aside = frame.to_latlon(-20.0, 20.0)
            accepted(await vehicle.goto(aside, 30.0, 90.0))
            await flight.sees(lambda t: distance_m(t.position.place, aside) < 2.0, 60.0, "aside")  # type: ignore[union-attr]
            await flight.sees(lambda t: abs(t.position.alt_rel_m - 30.0) < 2.0, 30.0, "at 30 m")  # type: ignore[union-attr]
            await flight.sees(lambda t: abs(wrap_180(t.attitude.yaw_deg - 90.0)) < 5.0, 30.0, "looks east")  # type: ignore[union-attr]

            assert isinstance(await vehicle.resume(99), Refused)
            accepted(await vehicle.resume(SECOND))
            assert isinstance(await vehicle.disarm(), Refused), "in the air"
            assert isinstance(await vehicle.upload(plan(home.place)), Refused), "in the air"
            await flight.sees(reached(SECOND), 90.0, "second waypoint")
            assert flight.now.attitude is not None
            assert abs(wrap_180(flight.now.attitude.yaw_deg - 45.0)) < 12.0, "the heading asked for at that point"

            accepted(await vehicle.return_home())
            await flight.down_at_home()

    fly(drone, body)


def standing(telemetry: Telemetry) -> bool:
    return telemetry.position is not None and max(map(abs, telemetry.position.velocity_ned_m_s)) < 0.5


def test_a_mission_ends_on_the_pad_and_its_poses_are_dense_and_in_utc(drone: Any) -> None:
    async def body(opened: Opener) -> None:
        async with opened() as flight:
            await flight.airborne()
            with flight.bus.subscribe(PoseSample, limit=10_000) as poses:
                began_s = asyncio.get_running_loop().time()
                await flight.sees(reached(THIRD), 90.0, "third waypoint")
                took_s = asyncio.get_running_loop().time() - began_s
                heard = [await poses.get() for _ in range(int(8.0 * took_s))]
            lags_s = [Clock(drone.base).unix_s() - pose.unix_s for pose in heard[-5:]]
            assert all(-1.0 < lag_s < 60.0 for lag_s in lags_s), lags_s
            assert all(later.unix_s > sooner.unix_s for sooner, later in pairwise(heard))
            await flight.down_at_home()
            assert flight.now.mission is not None
            assert flight.now.mission.complete or flight.now.mission.current == len(plan(LatLon(0.0, 0.0)).items) - 1

    fly(drone, body)


def test_when_the_agent_dies_the_drone_comes_home_and_a_new_agent_adopts_it(drone: Any) -> None:
    async def body(opened: Opener) -> None:
        async with opened() as flight:
            flown = await flight.airborne()
            await flight.sees(reached(FIRST), 60.0, "first waypoint")
        await asyncio.sleep(SILENCE_S)
        async with opened() as flight:
            await flight.sees(lambda t: t.armed is True and t.position and t.home, 30.0, "it is heard, flying")
            assert flight.now.mode is FlightMode.RETURN
            accepted(await flight.vehicle.adopt(flown))
            items = (*flown.items[:3], replace(flown.items[3], alt_rel_m=50.0), *flown.items[4:])
            assert isinstance(await flight.vehicle.adopt(replace(flown, items=items)), Refused)
            await flight.down_at_home()

    fly(drone, body)


def test_a_drone_outside_its_fence_is_not_started_and_says_why(drone: Any) -> None:
    async def body(opened: Opener) -> None:
        async with opened() as flight:
            home = await flight.ready()
            frame = LocalFrame(home)
            far = tuple(frame.to_latlon(n + 1000.0, e) for n, e in ((-300, -300), (-300, 300), (300, 300), (300, -300)))
            elsewhere = replace(plan(home), fence=Fence(far, (), 100.0), rally=())
            uploaded = await flight.vehicle.upload(elsewhere)
            outcome = uploaded if isinstance(uploaded, Refused) else await flight.vehicle.launch()
            assert isinstance(outcome, Refused)
            assert "fence" in outcome.words.lower(), outcome
            assert flight.now.armed is False
            accepted(await flight.vehicle.upload(plan(home)))

    fly(drone, body)
