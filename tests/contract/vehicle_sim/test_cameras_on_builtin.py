"""The agent's drone and the built-in vehicle's cameras: pictures, zoom, focus and video by command, also over bad links."""

import asyncio
from collections.abc import Callable

import pytest

from agent.core.outcome import Accepted, Refused
from agent.vehicle.vehicle import MavlinkVehicle
from tests.doubles.builtin_link import BadLink, Weather, on_builtin_vehicle

CAMERA, THERMAL = "CAM1_TYPE=6", "SIM_CAM_THERMAL=1"


async def known(drone: MavlinkVehicle, count: int = 1, *, own: bool = True) -> None:
    """Waits until so many cameras have said that they take pictures; ``own``: for themselves, not the autopilot for them."""

    def cameras() -> bool:
        return len([c for c in drone.telemetry.cameras if c.takes_pictures and c.confirms is own]) == count

    await until(cameras)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not condition():  # noqa: ASYNC110 a condition with a time-out
            await asyncio.sleep(0.2)


def taken(drone: MavlinkVehicle) -> list[tuple[str, int]]:
    return [(capture.camera, capture.index) for capture in drone.telemetry.captures]


@pytest.mark.parametrize(
    "weather",
    [Weather(), Weather(loss=0.3, twice=0.3, seed=4), Weather(delay_s=0.4, jitter_s=0.8, loss=0.1, twice=0.3, seed=6)],
    ids=["good", "losing", "slow and out of order"],
)
def test_each_order_is_one_picture_proven_whatever_the_link_does(weather: Weather) -> None:
    async def body(drone: MavlinkVehicle, bad: BadLink) -> None:
        await known(drone)
        bad.weather = weather
        for _ in range(4):
            assert await drone.take_pictures() == Accepted("captured")
        assert len(bad.rig.autopilot.camera._pictures) == 4, "a repeated command takes no second picture"
        assert sorted(taken(drone)) == [("100.0", n) for n in range(4)]

    on_builtin_vehicle(body, CAMERA)


def test_a_lost_report_is_asked_for_by_its_number() -> None:
    """Given a link that falls silent from the answer to the command until the report has been sent."""

    async def body(drone: MavlinkVehicle, bad: BadLink) -> None:
        await known(drone)
        shoot = bad.rig.autopilot.camera.shoot

        def shoot_and_cut() -> bool:
            asyncio.get_running_loop().call_later(0.2, setattr, bad, "cut", True)
            asyncio.get_running_loop().call_later(1.0, setattr, bad, "cut", False)
            return shoot()

        bad.rig.autopilot.camera.shoot = shoot_and_cut  # type: ignore[method-assign]
        assert await drone.take_pictures() == Accepted("captured")
        assert len(bad.rig.autopilot.camera._pictures) == 1

    on_builtin_vehicle(body, CAMERA)


def test_a_thermal_camera_beside_it_takes_one_too() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await known(drone, 2)
        assert await drone.take_pictures() == Accepted("captured")
        assert taken(drone) == [("100.0", 0), ("101.0", 0)]
        assert [camera.name for camera in drone.telemetry.cameras] == ["nest-sim camera", "nest-sim thermal"]

    on_builtin_vehicle(body, CAMERA, THERMAL)


def test_a_picture_that_fails_is_taken_again_and_then_refused() -> None:
    async def body(drone: MavlinkVehicle, bad: BadLink) -> None:
        await known(drone)
        assert await drone.take_pictures() == Refused("camera.no_picture", "nest-sim camera: it failed, 3 times")
        bad.rig.autopilot.parameters.set_from_text("SIM_CAM_FAIL=0")
        assert await drone.take_pictures() == Accepted("captured")

    on_builtin_vehicle(body, CAMERA, "SIM_CAM_FAIL=2")


def test_a_camera_that_refuses_is_refused_in_its_words() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await known(drone)
        assert await drone.take_pictures() == Refused("camera.refused", "nest-sim camera: the autopilot answered FAILED")

    on_builtin_vehicle(body, CAMERA, "SIM_CAM_FAIL=1")


def test_a_shutter_that_the_autopilot_releases_proves_its_release_only() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await known(drone, own=False)
        assert await drone.take_pictures() == Accepted("triggered")
        cannot = Refused("camera.cannot", "no camera says that it zooms")
        assert await drone.zoom(0.5) == cannot

    on_builtin_vehicle(body, "CAM1_TYPE=1")


def test_without_a_camera_nothing_is_asked_of_it() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await until(lambda: drone.telemetry.position is not None)
        outcome = await drone.take_pictures()
        assert isinstance(outcome, Refused)
        assert outcome.code == "camera.none"

    on_builtin_vehicle(body, "CAM1_TYPE=0")


def test_zoom_focus_and_video_reach_the_camera_that_says_it_can() -> None:
    async def body(drone: MavlinkVehicle, bad: BadLink) -> None:
        await known(drone, 2)
        camera = bad.rig.autopilot.camera
        assert await drone.zoom(0.25) == Accepted()
        assert await drone.focus(1.0) == Accepted()
        assert (camera.settings().zoomLevel, camera.settings().focusLevel) == (25.0, 100.0)
        assert await drone.focus(None) == Accepted()
        assert await drone.record(on=True) == Accepted()
        assert camera.capture_status().video_status == 1
        assert await drone.record(on=False) == Accepted()
        assert camera.capture_status().video_status == 0

    on_builtin_vehicle(body, CAMERA, THERMAL)


def test_a_zoom_beyond_its_range_is_refused() -> None:
    async def body(drone: MavlinkVehicle, _: BadLink) -> None:
        await known(drone)
        assert await drone.zoom(1.5) == Refused("camera.refused", "nest-sim camera: the autopilot answered DENIED")

    on_builtin_vehicle(body, CAMERA)
