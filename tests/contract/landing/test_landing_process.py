"""The process that looks for the pad: a real child, a real stream of simulated pictures, watching only when it is told to."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from agent.config.landing import LandingSection
from agent.core.bus import Bus, Subscription
from agent.core.clock import Clock, TimeBase
from agent.domain.landing import PadCameraStatus, PadSight
from agent.vision.supervisor import LandingSupervisor
from simulator.camera.down import DownSource, DownView
from simulator.camera.pad import PadPrint
from simulator.camera.pose import Pose, PoseTrack, quaternion
from simulator.camera.service import run_capture
from simulator.camera.stream import Channel, StreamServer

PAD_ALT_M = 24.0


@pytest.fixture
def hovering() -> Iterator[tuple[Channel, int]]:
    """The down camera of a drone that hovers 3 m over a place half a metre east of the pad, nose to the east."""
    stop, track, down = threading.Event(), PoseTrack(), Channel()
    for late_s in (0.0, 3600.0):
        pose = Pose(time.time() + late_s, np.array([0.5, 0.0, PAD_ALT_M + 3.0]), quaternion(0.0, 0.0, np.pi / 2))
        track.add(pose)
    source = DownSource(DownView(PadPrint(), PAD_ALT_M), track, Clock(), PAD_ALT_M)
    server = StreamServer("127.0.0.1", 0, Channel(), dict, {"down": down})
    server.start()
    thread = threading.Thread(target=run_capture, args=(source, down, 0.05, TimeBase(), stop))
    thread.start()
    yield down, server.port
    stop.set()
    server.close()
    thread.join()


async def until(heard: Subscription, wanted: Callable[[object], bool], timeout_s: float = 30.0) -> object:
    async with asyncio.timeout(timeout_s):
        while not wanted(message := await heard.get()):
            pass
    return message


def status(code: str | None) -> Callable[[object], bool]:
    return lambda m: isinstance(m, PadCameraStatus) and (code in m.health if code else not m.health and m.frames > 0)


async def test_it_sees_the_pad_while_it_is_asked_to_and_leaves_the_camera_alone_otherwise(hovering):
    down, port = hovering
    bus = Bus()
    section = LandingSection(source=f"http://127.0.0.1:{port}/down.mjpg")
    with bus.subscribe(PadSight, PadCameraStatus) as heard:
        async with LandingSupervisor(section, bus, Clock()) as child:
            await until(heard, lambda m: isinstance(m, PadCameraStatus) and not m.health)
            assert down.watchers == 0
            child.watch(True)
            sight = await until(heard, lambda m: isinstance(m, PadSight))
            assert isinstance(sight, PadSight)
            # Nose to the east, the pad half a metre to the west: behind it. The print's top points north: to the left.
            assert (sight.forward_m, sight.right_m, sight.down_m) == pytest.approx((-0.5, 0.0, 3.0), abs=0.03)
            assert sight.yaw_deg == pytest.approx(-90.0, abs=2.0)
            assert time.time() - sight.captured_unix_s < 5.0
            told = await until(heard, status(None))
            assert isinstance(told, PadCameraStatus)
            assert told.latency_s is not None
            child.watch(False)
            async with asyncio.timeout(10):
                while down.watchers:  # noqa: ASYNC110 the stream is another thread's
                    await asyncio.sleep(0.05)


async def test_a_child_that_dies_and_a_dark_or_missing_picture_are_told(hovering):
    down, port = hovering
    bus = Bus()
    section = LandingSection(source=f"http://127.0.0.1:{port}/down.mjpg")
    with bus.subscribe(PadSight, PadCameraStatus) as heard:
        async with LandingSupervisor(section, bus, Clock()) as child:
            child.watch(True)
            await until(heard, lambda m: isinstance(m, PadSight))
            assert child._process is not None
            child._process.kill()
            await until(heard, status("landing.down"))
            await until(heard, lambda m: isinstance(m, PadSight))
            assert child.restarts == 1
            told = await until(heard, lambda m: isinstance(m, PadCameraStatus) and m.looked_s > 0.0)
            assert isinstance(told, PadCameraStatus)
            assert not told.health
            down.set_fault("black")
            await until(heard, status("landing.black"))
            down.set_fault("stop")
            await until(heard, status("landing.no_video"))
