"""The agent's drone on the built-in vehicle, over links that lose, delay and reorder: which points are proven imaged."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LocalFrame
from agent.core.outcome import Accepted, Refused
from agent.domain.mission import Fence
from agent.domain.route import InspectionPoint, Route, Site
from agent.domain.status import PointResult
from agent.flight.coverage import Coverage
from agent.flight.gimbal_watch import GimbalWatch
from agent.flight.situation import Situation
from agent.mavlink.link import Link
from agent.mavlink.transport import memory_pair
from agent.routes.compile import Pad, compile_route
from agent.vehicle.open import vehicle_on
from agent.vehicle.vehicle import MavlinkVehicle
from tests.doubles.autopilot import run_virtual
from tests.doubles.builtin_link import BadLink, Weather
from tests.doubles.vehicle_rig import HOME, HOME_ALT_M, Rig

FRAME = LocalFrame(HOME)
POINTS = (
    InspectionPoint("A", FRAME.to_latlon(30, 0), 20.0, dwell_s=1.0),
    InspectionPoint("B", FRAME.to_latlon(30, 25), 20.0, dwell_s=1.0, pictures=3),
    InspectionPoint("B2", FRAME.to_latlon(30, 25), 20.0, dwell_s=1.0, heading_deg=90.0),
    InspectionPoint("C", FRAME.to_latlon(0, 25), 20.0, dwell_s=0.0),
)
ROUTE = Route("r", "R", "fire", 8.0, POINTS)
RING = tuple(FRAME.to_latlon(n, e) for n, e in ((-200, -200), (-200, 200), (200, 200), (200, -200)))
Body = Callable[[MavlinkVehicle, BadLink], Coroutine[Any, Any, Any]]
CAMERA = "CAM1_TYPE=6"


def on_vehicle(body: Body, *params: str) -> Any:
    async def main() -> Any:
        rig = Rig(*params)
        rig.run(8.0)
        near, far = memory_pair()
        bad = BadLink(rig, far, Weather())
        living = asyncio.create_task(bad.live())
        try:
            async with (
                asyncio.timeout(900),
                vehicle_on(Link(lambda: near, system=1), VehicleSection(), Bus(), Clock()) as drone,
            ):
                await until(lambda: drone.telemetry.home is not None and drone.telemetry.camera is not None)
                return await body(drone, bad)
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)

    return run_virtual(main())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not condition():  # noqa: ASYNC110 a condition with a time-out
            await asyncio.sleep(0.2)


async def patrol(drone: MavlinkVehicle, bad: BadLink, weather: Weather) -> Coverage:
    """Flies the route over a link that is good for the start only; what the coverage says some seconds after its end."""
    plan = compile_route(ROUTE, Site(Fence(RING, (), 60.0), ()), Pad(HOME, HOME_ALT_M), None, 15.0)
    assert await drone.upload(replace(plan, return_alt_rel_m=25.0)) == Accepted()
    assert await drone.launch() == Accepted()
    bad.weather = weather
    loop, coverage, began_s = asyncio.get_running_loop(), Coverage(), asyncio.get_running_loop().time()
    over_s: float | None = None
    watch = GimbalWatch()
    while over_s is None or loop.time() < over_s + 8.0:
        telemetry = drone.telemetry
        watch.look(plan, _look(drone))
        coverage.reach(ROUTE, plan, _look(drone), datetime.now(UTC), aimed=watch.words is None)
        coverage.settle(telemetry, began_s)
        mission = telemetry.mission
        if over_s is None and mission is not None and mission.current >= len(plan.items) - 1:
            over_s = loop.time()
        await asyncio.sleep(0.2)
    return coverage


def _look(drone: MavlinkVehicle) -> Situation:
    return Situation(asyncio.get_running_loop().time(), drone.telemetry, None, None, None, None, 1e4)


def told(coverage: Coverage) -> list[tuple[str, Any, int]]:
    return [(p.id, p.evidence and p.evidence.value, p.pictures) for p in coverage.points.values()]


ALL = [("A", "captured", 1), ("B", "captured", 3), ("B2", "captured", 1), ("C", "captured", 1)]


@pytest.mark.parametrize(
    "weather",
    [Weather(), Weather(loss=0.25, twice=0.2, seed=3), Weather(delay_s=0.4, jitter_s=0.8, loss=0.1, twice=0.3, seed=5)],
    ids=["good", "losing", "slow and out of order"],
)
def test_every_point_is_proven_by_its_own_pictures_whatever_the_link_does(weather: Weather) -> None:
    coverage = on_vehicle(lambda drone, bad: patrol(drone, bad, weather), CAMERA)
    assert told(coverage) == ALL
    assert coverage.missed(ROUTE) == ()


def test_a_shutter_without_feedback_is_proof_of_its_release_only() -> None:
    coverage = on_vehicle(lambda drone, bad: patrol(drone, bad, Weather(loss=0.1, seed=2)))
    assert {p.evidence for p in coverage.points.values()} == {"triggered"}


def test_a_camera_that_takes_no_picture_leaves_every_point_to_be_flown_again() -> None:
    coverage = on_vehicle(lambda drone, bad: patrol(drone, bad, Weather()), CAMERA, "SIM_CAM_FAIL=2")
    assert [(m.id, m.code) for m in coverage.missed(ROUTE)] == [(p.id, "coverage.capture_failed") for p in POINTS]
    assert all(isinstance(p, PointResult) and not p.imaged for p in coverage.points.values())


def test_pictures_of_a_stuck_gimbal_prove_nothing() -> None:
    coverage = on_vehicle(lambda drone, bad: patrol(drone, bad, Weather()), CAMERA, "SIM_GIMBAL_STUCK=1")
    assert {m.code for m in coverage.missed(ROUTE)} == {"coverage.camera_elsewhere"}
    assert [p.pictures for p in coverage.points.values()] == [1, 3, 1, 1]


def test_the_camera_is_known_with_its_name_and_room() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await until(lambda: drone.telemetry.camera is not None and drone.telemetry.camera.storage_free_mb is not None)
        camera = drone.telemetry.camera
        assert camera is not None
        assert (camera.name, camera.takes_pictures, camera.confirms) == ("nest-sim camera", True, True)
        assert camera.storage_free_mb == pytest.approx(33_554, abs=1.0)

    on_vehicle(body, CAMERA)


def test_control_of_the_gimbal_is_taken_for_a_place_and_given_back() -> None:
    async def body(drone: MavlinkVehicle, bad: BadLink) -> None:
        gimbal = bad.rig.autopilot.gimbal
        await until(lambda: drone.telemetry.gimbal_control is not None)
        assert await drone.point_camera(FRAME.to_latlon(50, 0), HOME_ALT_M) == Accepted()
        assert gimbal.control == (255, 190)
        await until(lambda: drone.telemetry.gimbal_control.system == 255)  # type: ignore[union-attr]
        assert await drone.release_camera() == Accepted()
        assert gimbal.control == (0, 0)

    on_vehicle(body)


def test_a_gimbal_that_somebody_else_steers_is_left_to_them() -> None:
    async def body(drone: MavlinkVehicle, bad: BadLink) -> None:
        bad.rig.autopilot.gimbal.control = (7, 8)
        await until(lambda: drone.telemetry.gimbal_control is not None and drone.telemetry.gimbal_control.system == 7)
        outcome = await drone.point_camera(FRAME.to_latlon(50, 0), HOME_ALT_M)
        assert outcome == Refused("gimbal.taken", "system 7, component 8 steers it")
        assert bad.rig.autopilot.craft.look_at is None

    on_vehicle(body)


def test_a_servo_mounts_camera_is_seen_level_while_the_drone_leans() -> None:
    async def body(drone: MavlinkVehicle, bad: BadLink) -> list[float]:
        flying = asyncio.create_task(patrol(drone, bad, Weather()))
        pitches: list[float] = []
        while not flying.done():
            telemetry = drone.telemetry
            leans = telemetry.attitude is not None and abs(telemetry.attitude.pitch_deg) > 8.0
            if leans and telemetry.gimbal is not None and telemetry.mission is not None and telemetry.mission.current > 3:
                pitches.append(telemetry.gimbal.pitch_deg)
            await asyncio.sleep(0.1)
        await flying
        return pitches

    pitches = on_vehicle(body, "MNT1_TYPE=1")
    assert len(pitches) > 5
    assert pitches == pytest.approx([-45.0] * len(pitches), abs=4.0)
