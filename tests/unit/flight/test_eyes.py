"""What counts as somebody looking at the video."""

import asyncio
from datetime import UTC, datetime

import pytest

from agent.app.eyes import Eyes
from agent.config.vision import VisionSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.domain.sighting import VisionStatus
from agent.vision.supervisor import VisionSupervisor


async def well_after(tmp_path, health):
    bus = Bus()
    eyes = Eyes(VisionSupervisor(VisionSection(), bus, Clock(), evidence_dir=tmp_path), bus)
    running = asyncio.create_task(eyes.run())
    async with asyncio.timeout(5.0):
        while eyes.status is None:
            bus.publish(VisionStatus(at=datetime.now(UTC), frames=1, dropped=0, frames_per_s=1.0, health=health))
            await asyncio.sleep(0)
    running.cancel()
    return eyes.well_at_s is not None


@pytest.mark.parametrize("health", [(), ("vision.slow",), ("vision.evidence_failed", "vision.provider_missing")])
async def test_a_late_picture_is_still_looked_at(tmp_path, health):
    assert await well_after(tmp_path, health)


@pytest.mark.parametrize("code", ["vision.no_video", "vision.no_pose", "vision.black", "vision.down", "vision.starting"])
async def test_who_sees_nothing_does_not_look(tmp_path, code):
    assert not await well_after(tmp_path, (code, "vision.slow"))
