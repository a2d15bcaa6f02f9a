"""A warning of the vision process is no blindness; an error is."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from agent.app.eyes import Eyes
from agent.core.bus import Bus
from agent.domain.sighting import VisionStatus
from tests.doubles.flight import run_virtual


@pytest.mark.parametrize(
    ("health", "well"),
    [((), True), (("vision.slow",), True), (("vision.no_video",), False), (("vision.slow", "vision.black"), False)],
)
def test_only_errors_make_blind(health, well):
    async def main():
        bus = Bus()
        eyes = Eyes(SimpleNamespace(), bus)
        running = asyncio.create_task(eyes.run())
        await asyncio.sleep(1.0)
        status = VisionStatus(at=datetime.now(UTC), frames=1, dropped=0, frames_per_s=5.0, health=health)
        bus.publish(status)
        await asyncio.sleep(1.0)
        running.cancel()
        assert eyes.status == status
        assert (eyes.well_at_s is not None) is well

    run_virtual(main())
