"""A warning of the vision process is no blindness; an error is."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from agent.app.eyes import Eyes
from agent.core.bus import Bus
from agent.domain.hazard import Hazard
from agent.domain.sighting import DetectorRecord, ErrorEllipse, GeoPosition, Sighting, SightingLevel, VisionStatus
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


def test_the_newest_sighting_of_each_track_is_kept_until_another_flight_is_watched():
    async def main():
        bus, watched = Bus(), []
        eyes = Eyes(SimpleNamespace(watch=lambda on, flight: watched.append((on, flight))), bus)
        running = asyncio.create_task(eyes.run())
        eyes.watch("F1")
        await asyncio.sleep(1.0)
        for track, confidence in (("A", 0.5), ("B", 0.6), ("A", 0.9)):
            bus.publish(sighting(track, confidence))
        await asyncio.sleep(1.0)
        assert {track: seen.confidence for track, seen in eyes.sightings.items()} == {"A": 0.9, "B": 0.6}
        eyes.watch("F1")
        assert len(eyes.sightings) == 2, "back from a second look the flight is the same"
        eyes.watch(None)
        eyes.watch("F2")
        assert not eyes.sightings
        assert watched == [(True, "F1"), (True, "F1"), (False, None), (True, "F2")]
        running.cancel()

    run_virtual(main())


def sighting(track, confidence):
    now = datetime.now(UTC)
    ellipse = ErrorEllipse(semi_major_m=9.0, semi_minor_m=5.0, azimuth_deg=0.0)
    return Sighting(
        track=track, hazard=Hazard.FIRE, level=SightingLevel.SUSPECT, confidence=confidence,
        position=GeoPosition(lat=30.0, lon=119.0, error_ellipse=ellipse), first_seen=now, last_seen=now, captured_at=now,
        detector=DetectorRecord(name="fire", version="1", sha256="0", threshold=0.5, frames_seen=1, frames_confirmed=0),
    )  # fmt: skip
