"""Turns changes of tracks into sightings with evidence.

Knows the wire form and the evidence folder; the tracks come from the situation.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import structlog
from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.polygon import orient
from ulid import ULID

from agent.core.clock import Clock, utc_from_unix
from agent.core.errors import StoreError
from agent.core.geo import LatLon, LocalFrame, NorthEast
from agent.domain.sighting import DetectorRecord, Evidence, GeoPosition, Sighting, SightingLevel
from agent.vision import evidence
from agent.vision.frame import Frame, Observation, Pixels
from agent.vision.geolocation import ellipse_of
from agent.vision.poses import CameraPose
from agent.vision.situation import Change, Situation
from agent.vision.tracker import Track

_BETTER = 1.3
"""A new picture replaces the last one when it is so many times as good."""

_log = structlog.get_logger(__name__)


class Detector(NamedTuple):
    """Who says so."""

    version: str
    sha256: str


class Reporter:
    """Sightings of one flight.

    Args:
        folder: for snapshots.
        interval_s: least time between two snapshots of one track at the same level.
        detectors: by name, for the record of who said so.
        clock: names the flight's tracks.
    """

    def __init__(self, folder: Path, interval_s: float, detectors: Mapping[str, Detector], clock: Clock) -> None:
        self.evidence_failed = False
        self._folder = folder
        self._interval_s = interval_s
        self._detectors = dict(detectors)
        self._name = str(ULID.from_timestamp(clock.unix_s()))
        self._shots: dict[int, tuple[float, float, int, tuple[Evidence, ...]]] = {}

    def sightings(
        self, changes: Sequence[Change], situation: Situation, frame: Frame, observation: Observation, pose: CameraPose
    ) -> Iterator[Sighting]:
        """One sighting a change. ``frame``, ``observation`` and ``pose`` are those that made the changes."""
        for change in changes:
            files = self._evidence(change, frame, observation, pose)
            yield self._sighting(change.track, situation, pose.unix_s, files)

    def _sighting(self, track: Track, situation: Situation, unix_s: float, files: tuple[Evidence, ...]) -> Sighting:
        local = situation.frame
        place = track.position(local) if local else LatLon(0.0, 0.0)
        name = track.last.model
        ring = track.last.ring or (outline_of(track.parts, local) if local else None)
        return Sighting(
            track=f"{self._name}-{track.number}",
            hazard=track.hazard,
            level=track.evidence.level or SightingLevel.SUSPECT,
            confidence=round(track.evidence.probability, 4),
            position=GeoPosition(
                lat=place.lat_deg,
                lon=place.lon_deg,
                alt_m=track.alt_amsl_m,
                error_ellipse=ellipse_of(track.stated_covariance_m2),
            ),
            first_seen=utc_from_unix(track.first_unix_s),
            last_seen=utc_from_unix(track.last_unix_s),
            captured_at=utc_from_unix(unix_s),
            area=tuple((p.lon_deg, p.lat_deg) for p in ring) if ring else None,
            extent_m2=round(extent, 1) if (extent := extent_of(track)) is not None else None,
            detector=DetectorRecord(
                name=name,
                version=self._detectors[name].version,
                sha256=self._detectors[name].sha256,
                threshold=track.last.threshold,
                frames_seen=track.evidence.frames_seen,
                frames_confirmed=track.evidence.frames_confirmed,
            ),
            evidence=files,
        )

    def _evidence(self, change: Change, frame: Frame, observation: Observation, pose: CameraPose) -> tuple[Evidence, ...]:
        """The track's best pictures so far; a new pair is written when this frame is worth it."""
        track = change.track
        goodness, shot_unix_s, count, files = self._shots.get(track.number, (0.0, 0.0, 0, ()))
        if not change.seen_now:
            return files
        now = _goodness(frame.pixels, track)
        better = now > _BETTER * goodness and pose.unix_s - shot_unix_s >= self._interval_s
        if files and not better and not (change.level_changed and now >= goodness):
            return files
        drawn = evidence.annotated(frame.pixels, observation)
        try:
            files = evidence.store(self._folder, f"{self._name}-{track.number}-{count}", _shot(frame, drawn, track, pose))
        except StoreError as error:
            self.evidence_failed = True
            _log.warning("snapshot not written", code=error.code, error=error.message)
            return files
        self.evidence_failed = False
        self._shots[track.number] = (now, pose.unix_s, count + 1, files)
        return files


def _shot(frame: Frame, drawn: Pixels, track: Track, pose: CameraPose) -> evidence.Shot:
    words = f"{track.hazard} {track.evidence.level} p={track.evidence.probability:.2f}"
    return evidence.Shot(frame.pixels, drawn, pose.unix_s, pose.record(), words, thermal=frame.celsius is not None)


_HULL_MIN_M2 = 100.0
"""A smaller hull says nothing that the place does not say."""


def outline_of(parts: Sequence[NorthEast], frame: LocalFrame) -> tuple[LatLon, ...] | None:
    """The hull of a thing's parts as a closed ring, counter-clockwise; None where it is hardly more than a point."""
    hull = MultiPoint([(p.east_m, p.north_m) for p in parts]).convex_hull
    if not isinstance(hull, Polygon) or hull.area < _HULL_MIN_M2:
        return None
    return tuple(frame.to_latlon(float(north), float(east)) for east, north in orient(hull, 1.0).exterior.coords)


def extent_of(track: Track) -> float | None:
    """Its area: as mapped, or the hull of its parts, or what one look shows of it; None where no look shows any."""
    return track.last.area_m2 if track.last.area_m2 is None else track.mapped_m2 or track.last.area_m2


def _goodness(pixels: Pixels, track: Track) -> float:
    """Sharpest, largest, most certain: the product of the three, each with falling returns."""
    x0, y0, x1, y1 = (int(v) for v in track.last.box_px)
    part = pixels[max(0, y0) : max(y0 + 2, y1), max(0, x0) : max(x0 + 2, x1)]
    if part.shape[0] < 3 or part.shape[1] < 3:
        return track.last.confidence
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    detail = float(np.abs(cv2.Laplacian(grey, cv2.CV_16S)).mean())
    share = part.shape[0] * part.shape[1] / (pixels.shape[0] * pixels.shape[1])
    return track.last.confidence * math.sqrt(1.0 + detail) * math.sqrt(math.sqrt(share))
