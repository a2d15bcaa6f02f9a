"""The agent's drone on the built-in vehicle: landing at a place, and at a rally point by the autopilot's own return."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.core.geo import LatLon, LocalFrame, distance_m
from agent.core.outcome import Accepted, Refused
from agent.domain.mission import Fence, FlightPlan, RallyPoint
from agent.domain.route import InspectionPoint, Route, Site
from agent.domain.telemetry import FlightMode
from agent.routes.compile import Pad, compile_route
from agent.vehicle.vehicle import MavlinkVehicle
from tests.doubles.builtin_link import BadLink, on_builtin_vehicle
from tests.doubles.vehicle_rig import HOME, HOME_ALT_M

FRAME = LocalFrame(HOME)
RING = tuple(FRAME.to_latlon(n, e) for n, e in ((-200, -200), (-200, 200), (200, 200), (200, -200)))
NEAR, FAR = (RallyPoint(FRAME.to_latlon(n, 0.0), 20.0) for n in (40.0, -120.0))
RETURNS_TO_PAD = ("RALLY_LIMIT_KM=0.001", "RALLY_INCL_HOME=1")


def plan_of(*rally: RallyPoint) -> FlightPlan:
    route = Route("r", "R", "fire", 8.0, (InspectionPoint("A", FRAME.to_latlon(30, 20), 20.0, dwell_s=60.0),))
    plan = compile_route(route, Site(Fence(RING, (), 60.0), rally), Pad(HOME, HOME_ALT_M), None, 15.0)
    return replace(plan, return_alt_rel_m=25.0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not condition():  # noqa: ASYNC110 a condition with a time-out
            await asyncio.sleep(0.2)


async def up(drone: MavlinkVehicle, *rally: RallyPoint) -> None:
    """Flies its mission, at height."""
    await until(lambda: drone.telemetry.home is not None and drone.telemetry.health is not None)
    await until(lambda: bool(drone.telemetry.health.prearm_good))  # type: ignore[union-attr]
    assert await drone.upload(plan_of(*rally)) == Accepted()
    assert await drone.launch() == Accepted()
    await until(lambda: drone.telemetry.position.alt_rel_m > 14.0)  # type: ignore[union-attr]


async def down_m(drone: MavlinkVehicle, place: LatLon) -> float:
    """Waits until it is down; how far from the place."""
    await until(lambda: drone.telemetry.armed is False)
    return distance_m(drone.telemetry.position.place, place)  # type: ignore[union-attr]


def test_a_diversion_by_return_ends_at_the_rally_point_though_the_nest_falls_silent() -> None:
    async def body(drone: MavlinkVehicle, bad: BadLink) -> None:
        await up(drone, NEAR, FAR)
        assert await drone.return_to_rally(NEAR) == Accepted()
        bad.cut = True
        await asyncio.sleep(90.0)
        bad.cut = False
        await until(lambda: drone.telemetry.armed is False)
        assert await down_m(drone, NEAR.place) < 2.0
        assert await drone.returns_to_pad() == Refused(
            "vehicle.returns_elsewhere", "RALLY_INCL_HOME is 0; a return ends on the pad with 1"
        )
        assert await drone.forget_rally() == Accepted()
        assert await drone.returns_to_pad() == Accepted()

    on_builtin_vehicle(body, *RETURNS_TO_PAD)


def test_a_drone_that_comes_home_already_is_turned_to_the_rally_point() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await up(drone, NEAR)
        assert await drone.return_home() == Accepted()
        await asyncio.sleep(5.0)
        assert await drone.return_to_rally(NEAR) == Accepted()
        assert drone.telemetry.mode is FlightMode.RETURN
        assert await down_m(drone, NEAR.place) < 2.0

    on_builtin_vehicle(body, *RETURNS_TO_PAD)


@pytest.mark.parametrize(
    ("on_board", "wanted", "words"),
    [((NEAR, FAR), FAR, "the autopilot would go to another rally point, 160 m from this one"), ((), FAR, "no rally point")],
)
def test_where_the_return_would_end_elsewhere_it_is_refused_and_nothing_is_changed(on_board, wanted, words) -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await up(drone, *on_board)
        outcome = await drone.return_to_rally(wanted)
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.words.startswith(words)) == ("vehicle.no_rally", True)
        assert drone.telemetry.mode is FlightMode.MISSION
        assert await drone.returns_to_pad() == Accepted()

    on_builtin_vehicle(body, *RETURNS_TO_PAD)


def test_landing_at_a_place_gives_the_order_that_is_due() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await up(drone)
        assert await drone.land_at(FAR.place, 20.0) == Accepted()
        assert drone.telemetry.mode is FlightMode.GUIDED
        await until(lambda: distance_m(drone.telemetry.position.place, FAR.place) < 5.0)  # type: ignore[union-attr]
        assert await drone.land_at(FAR.place, 20.0) == Accepted()
        assert drone.telemetry.mode is FlightMode.LAND
        assert await down_m(drone, FAR.place) < 6.0

    on_builtin_vehicle(body, *RETURNS_TO_PAD)


def test_a_place_outside_the_fence_is_not_landed_at() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await up(drone)
        outcome = await drone.land_at(FRAME.to_latlon(900.0, 0.0), 20.0)
        assert isinstance(outcome, Refused)
        assert outcome.code == "vehicle.target_refused"

    on_builtin_vehicle(body, *RETURNS_TO_PAD, "FENCE_ENABLE=1", "FENCE_TYPE=7")
