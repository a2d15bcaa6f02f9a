"""The supervisor and its real child process, a real video stream, a real kill."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from agent.config.camera import CameraSection
from agent.config.thermal import ThermalSection
from agent.config.vision import VisionSection
from agent.core.bus import Bus, Subscription
from agent.core.clock import Clock
from agent.core.geo import LatLon, distance_m
from agent.domain.hazard import Hazard
from agent.domain.sighting import Sighting, SightingLevel, VisionStatus
from agent.domain.telemetry import PoseSample
from agent.vision.supervisor import VisionSupervisor
from tests.doubles.tiny_model import hanging_model, red_square, write_model_folder

PAD = LatLon(30.39, 119.84)
HEIGHT_M = 60.0


def sample_at(unix_s: float, flown_m: float = 0.0) -> PoseSample:
    """Over the pad, looking straight down, nose to the north."""
    return PoseSample(
        unix_s=unix_s,
        lat_deg=PAD.lat_deg + flown_m / 111_000,
        lon_deg=PAD.lon_deg,
        alt_amsl_m=90.0,
        alt_rel_m=HEIGHT_M,
        velocity_ned_m_s=(0.0, 0.0, 0.0),
        roll_deg=0.0,
        pitch_deg=0.0,
        yaw_deg=0.0,
        gimbal_roll_deg=0.0,
        gimbal_pitch_deg=-90.0,
        gimbal_yaw_deg=0.0,
        hdop=0.8,
    )


@asynccontextmanager
async def supervised(
    config: VisionSection, tmp_path: Path, *command: str
) -> AsyncIterator[tuple[VisionSupervisor, Subscription[VisionStatus | Sighting]]]:
    bus = Bus()
    more = {"command": command} if command else {}
    with bus.subscribe(VisionStatus, Sighting) as heard:
        async with VisionSupervisor(config, bus, Clock(), evidence_dir=tmp_path / "evidence", **more) as vision:
            yield vision, heard


async def until(heard: Subscription, wanted: Callable[[object], bool], timeout_s: float = 30.0) -> object:
    async with asyncio.timeout(timeout_s):
        while not wanted(message := await heard.get()):
            pass
    return message


def healthy(message: object) -> bool:
    return isinstance(message, VisionStatus) and not message.health


def has_code(code: str) -> Callable[[object], bool]:
    return lambda message: isinstance(message, VisionStatus) and code in message.health


async def flown(vision: VisionSupervisor) -> None:
    """Sends poses for ever, as telemetry does, drifting slowly north."""
    start_s = time.time()
    while True:
        now_s = time.time()
        vision.send_pose(sample_at(now_s, flown_m=(now_s - start_s) * 2.0))
        await asyncio.sleep(0.05)


async def test_a_red_square_becomes_a_confirmed_fire_at_its_place(camera, tiny_folder, tmp_path):
    config = VisionSection(source=camera.url, models=(tiny_folder,), frames_per_s_max=20)
    async with supervised(config, tmp_path) as (vision, heard):
        feeding = asyncio.create_task(flown(vision))
        vision.watch(on=True, flight="f1")
        found = await until(heard, lambda m: isinstance(m, Sighting) and m.level is SightingLevel.CONFIRMED)
        feeding.cancel()

    assert found.hazard is Hazard.FIRE
    # The square's middle is half a cell from the picture's middle; the drone flew a little meanwhile.
    place = LatLon(found.position.lat, found.position.lon)
    assert distance_m(place, PAD) < found.position.error_ellipse.semi_major_m + 15.0
    assert found.detector.name == "tiny"
    assert found.detector.frames_seen > 3
    kinds = {e.kind: Path(e.path) for e in found.evidence}
    assert kinds.keys() == {"snapshot", "snapshot_raw"}
    assert all(path.stat().st_size > 1000 for path in kinds.values())


def burning() -> np.ndarray:
    """Counts of 0.01 kelvin: 20 degrees, and in the middle a few square metres of 90 to 600."""
    rng = np.random.default_rng(6)
    celsius = np.full((256, 320), 20.0)
    celsius[120:136, 152:168] = rng.uniform(90, 600, (16, 16))
    return np.round((celsius + rng.normal(0, 0.1, celsius.shape) + 273.15) / 0.01).astype(np.uint16)


async def test_heat_becomes_a_hot_spot_with_its_thermal_picture(camera, tiny_folder, tmp_path):
    camera.picture = burning
    lens = CameraSection(width_px=320, height_px=256, horizontal_fov_deg=45.0, colour=False)
    thermal = ThermalSection(source=camera.url, camera=lens)
    config = VisionSection(source=camera.url, thermal=thermal, models=(tiny_folder,), frames_per_s_max=20)
    async with supervised(config, tmp_path) as (vision, heard):
        feeding = asyncio.create_task(flown(vision))
        vision.watch(on=True, flight="f1")
        found = await until(heard, lambda m: isinstance(m, Sighting) and m.level is SightingLevel.CONFIRMED)
        feeding.cancel()
    assert found.hazard is Hazard.HOT_SPOT
    assert found.detector.name == "thermal"
    assert [e.kind for e in found.evidence] == ["snapshot", "thermal"]


async def test_nothing_is_reported_while_nobody_watches(camera, tiny_folder, tmp_path):
    config = VisionSection(source=camera.url, models=(tiny_folder,), frames_per_s_max=20)
    async with supervised(config, tmp_path) as (vision, heard):
        feeding = asyncio.create_task(flown(vision))
        await until(heard, healthy)
        statuses = [await until(heard, lambda _: True) for _ in range(3)]
        feeding.cancel()
    assert all(isinstance(m, VisionStatus) and m.frames == 0 for m in statuses)


async def test_a_killed_child_is_started_again_and_watches_on(camera, tiny_folder, tmp_path):
    config = VisionSection(source=camera.url, models=(tiny_folder,), frames_per_s_max=20)
    async with supervised(config, tmp_path) as (vision, heard):
        vision.watch(on=True, flight="f1")
        feeding = asyncio.create_task(flown(vision))
        await until(heard, lambda m: healthy(m) and m.frames > 0)
        first = vision.pid
        os.kill(first, signal.SIGKILL)
        await until(heard, has_code("vision.down"))
        await until(heard, lambda m: healthy(m) and m.frames > 0)
        assert vision.pid != first
        assert vision.restarts == 1
        feeding.cancel()


async def test_a_stopped_child_is_stalled_and_never_blocks_the_loop(camera, tiny_folder, tmp_path):
    config = VisionSection(source=camera.url, models=(tiny_folder,), stall_after_s=2.0)
    async with supervised(config, tmp_path) as (vision, heard):
        await until(heard, healthy)
        os.kill(vision.pid, signal.SIGSTOP)
        longest_s = 0.0
        stalled = asyncio.create_task(until(heard, has_code("vision.stalled")))
        while not stalled.done():
            before_s = time.monotonic()
            for _ in range(50):  # far more than the pipe takes: the rest must be dropped, not waited for
                vision.send_pose(sample_at(time.time()))
            await asyncio.sleep(0)
            longest_s = max(longest_s, time.monotonic() - before_s)
        await stalled
        assert longest_s < 0.25
        assert vision.poses_dropped > 0
        await until(heard, healthy)


async def test_a_network_that_hangs_is_cut_and_the_next_child_looks_again(camera, tmp_path):
    folder = write_model_folder(tmp_path / "hangs", hanging_model())
    cv2.imwrite(str(folder / "golden.png"), red_square(box=(0, 0, 0, 0)))
    tree = yaml.safe_load((folder / "manifest.yaml").read_text())
    tree["golden"]["expect"] = {"picture": {"fire": 0.0}}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(tree))
    camera.picture = lambda: red_square(box=(0, 0, 0, 0))
    config = VisionSection(source=camera.url, models=(folder,), frames_per_s_max=20, stall_after_s=2.0)
    async with supervised(config, tmp_path) as (vision, heard):
        vision.watch(on=True, flight="f1")
        await until(heard, lambda m: healthy(m) and m.frames > 0)
        hung = vision.pid
        camera.picture = red_square
        await until(heard, has_code("vision.stalled"))
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)
        camera.picture = lambda: red_square(box=(0, 0, 0, 0))
        await until(heard, lambda m: healthy(m) and m.frames > 0)


async def test_a_missing_model_is_a_code_not_a_traceback(camera, tmp_path, capfd):
    config = VisionSection(source=camera.url, models=(tmp_path / "nowhere",))
    async with supervised(config, tmp_path) as (_, heard):
        await until(heard, has_code("model.missing"))
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert "Fatal" not in said


async def test_a_camera_that_goes_away_and_comes_back(camera, tiny_folder, tmp_path):
    config = VisionSection(source=camera.url, models=(tiny_folder,))
    async with supervised(config, tmp_path) as (_, heard):
        await until(heard, healthy)
        camera.cut.set()
        await until(heard, has_code("vision.no_video"))
        camera.cut.clear()
        await until(heard, healthy)


async def test_garbage_from_the_child_is_counted(tmp_path):
    noise = tmp_path / "noise.py"
    noise.write_text("import sys\nprint('not json')\nprint('{\"type\": \"status\"}')\nprint('x' * 3_000_000)\nsys.exit()\n")
    async with supervised(VisionSection(), tmp_path, sys.executable, str(noise)) as (vision, heard):
        await until(heard, has_code("vision.down"))
        assert vision.lines_refused >= 3


async def test_the_child_ends_when_its_input_closes(camera, tiny_folder, tmp_path):
    config = VisionSection(source=camera.url, models=(tiny_folder,))
    async with supervised(config, tmp_path) as (vision, heard):
        await until(heard, healthy)
        pid = vision.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
