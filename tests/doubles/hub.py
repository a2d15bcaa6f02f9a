"""What the tests of store, alerts and hub share: a clock that is set by hand, sightings, and pictures."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from agent.core.clock import Clock
from agent.core.geo import LatLon, destination
from agent.domain import topics
from agent.domain.hazard import Hazard
from agent.domain.sighting import DetectorRecord, ErrorEllipse, Evidence, GeoPosition, Sighting, SightingLevel
from agent.store.outbox import Message, Priority

HERE = LatLon(30.39, 119.84)
RETAINED_TAILS = tuple(tail for tail in topics.RETAINED_TAILS if tail != "/snapshot/thermal")
"""Where an alert stands that has no thermal picture, below its own topic."""
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


class HandClock:
    """A wall clock that moves when told."""

    def __init__(self) -> None:
        self.now = NOON
        self.clock = Clock(computer_unix_s=self._unix_s)

    def _unix_s(self) -> float:
        return self.now.timestamp()

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def picture(
    directory: Path, seed: int = 0, size: tuple[int, int] = (96, 128), kind: Literal["snapshot", "thermal"] = "snapshot"
) -> Evidence:
    """A JPEG on disk as vision leaves it."""
    directory.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    path = directory / f"{seed}-{size[0]}.jpg"
    assert cv2.imwrite(str(path), pixels)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Evidence(kind=kind, path=str(path), sha256=sha256, captured_at=NOON)


def sighting(  # noqa: PLR0913, PLR0917 each test names the one thing it varies
    track: str = "track-1",
    hazard: Hazard = Hazard.FIRE,
    level: SightingLevel = SightingLevel.CONFIRMED,
    confidence: float = 0.95,
    at: datetime = NOON,
    north_m: float = 0.0,
    error_m: float = 10.0,
    extent_m2: float | None = None,
    evidence: tuple[Evidence, ...] = (),
) -> Sighting:
    """A sighting so many metres north of a fixed place."""
    place = destination(HERE, 0.0, north_m) if north_m else HERE
    ellipse = ErrorEllipse(semi_major_m=error_m, semi_minor_m=error_m / 2, azimuth_deg=0.0)
    return Sighting(
        track=track,
        hazard=hazard,
        level=level,
        confidence=confidence,
        position=GeoPosition(lat=place.lat_deg, lon=place.lon_deg, error_ellipse=ellipse),
        first_seen=at - timedelta(seconds=5),
        last_seen=at,
        captured_at=at,
        extent_m2=extent_m2,
        detector=DetectorRecord(name="fire", version="1.0", sha256="0" * 64, threshold=0.5, frames_seen=9, frames_confirmed=7),
        evidence=evidence,
    )


def message(
    name: str,
    priority: Priority = Priority.ALERT,
    order_key: str | None = None,
    topic: str | None = None,
    payload: bytes = b"{}",
    retain: bool = True,
) -> Message:
    """A message with a readable id."""
    return Message(
        message_id=name,
        priority=priority,
        order_key=order_key or name,
        topic=topic or f"nest/v1/test/{name}",
        payload=payload,
        content_type="application/json",
        event_type="nest.alert.v1",
        subject="test",
        event_unix_s=NOON.timestamp(),
        retain=retain,
    )
