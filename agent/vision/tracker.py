"""Joins what was seen in successive frames by where it is on the ground.

Pure. A flying camera makes boxes in successive pictures useless to compare by overlap, so each sighting comes with its place
and covariance, and it belongs to the track of the same hazard that is nearest by Mahalanobis distance within the gate.

Places are fused by covariance intersection. Errors of one flight are mostly common to all its frames (compass, GPS, mount), and
averaging them as if they were independent would give an ellipse that lies. Intersection never claims more than the best single
look, or than looks from different sides together allow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.core.geo import LatLon, LocalFrame, NorthEast
from agent.domain.hazard import Hazard
from agent.vision.confirmation import Evidence
from agent.vision.frame import Box

GATE_CHI2 = 9.210340371976184
"""99 % quantile of chi-square with two degrees of freedom."""
_WEIGHTS = np.linspace(0.0, 1.0, 11)

Covariance = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One thing seen in one frame, placed on the ground.

    Attributes:
        place: metres in the tracker's local frame.
        covariance_m2: of north and east.
        reach_m: how far the thing extends around its place; it widens the gate, not the ellipse.
        added: log-odds that it adds at full weight.
        threshold: the model's, for the record.
    """

    hazard: Hazard
    confidence: float
    place: NorthEast
    alt_amsl_m: float | None
    covariance_m2: Covariance
    range_m: float
    reach_m: float
    added: float
    threshold: float
    box_px: Box
    model: str
    ring: tuple[LatLon, ...] | None = None
    area_m2: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A thing on the ground. ``last`` is the newest of what was seen of it."""

    number: int
    hazard: Hazard
    place: NorthEast
    alt_amsl_m: float | None
    covariance_m2: Covariance
    evidence: Evidence
    first_unix_s: float
    last_unix_s: float
    last: Seen

    def position(self, frame: LocalFrame) -> LatLon:
        """Where it is."""
        return frame.to_latlon(self.place.north_m, self.place.east_m)


def associate(tracks: Sequence[Track], seen: Sequence[Seen]) -> tuple[dict[int, Seen], list[Seen]]:
    """Who is who.

    Returns:
        by index of the track the most telling thing seen of it; and what belongs to no track, without doublets of one thing.
    """
    matched: dict[int, Seen] = {}
    fresh: list[Seen] = []
    for thing in sorted(seen, key=lambda s: -s.added):
        distances = {
            index: mahalanobis2(track.place, track.covariance_m2, thing, track.last.reach_m)
            for index, track in enumerate(tracks)
            if track.hazard is thing.hazard
        }
        best = min(distances, key=lambda index: distances[index], default=None)
        if best is not None and distances[best] <= GATE_CHI2:
            matched.setdefault(best, thing)
        elif not any(_same_thing(other, thing) for other in fresh):
            fresh.append(thing)
    return matched, fresh


def mahalanobis2(place: NorthEast, covariance_m2: Covariance, thing: Seen, reach_m: float = 0.0) -> float:
    """Squared distance between a place and a thing seen, in sigmas of both errors; their extents are taken off first."""
    offset = np.array([thing.place.north_m - place.north_m, thing.place.east_m - place.east_m])
    length = float(np.linalg.norm(offset))
    free = max(0.0, length - thing.reach_m - reach_m)
    offset *= free / length if length > 0 else 0.0
    return float(offset @ np.linalg.solve(covariance_m2 + thing.covariance_m2, offset))


def _same_thing(a: Seen, b: Seen) -> bool:
    return a.hazard is b.hazard and mahalanobis2(a.place, a.covariance_m2, b, a.reach_m) <= GATE_CHI2


def begun(number: int, thing: Seen, unix_s: float) -> Track:
    """A new track; its evidence is still to be counted."""
    return Track(number, thing.hazard, thing.place, thing.alt_amsl_m, thing.covariance_m2, Evidence(), unix_s, unix_s, thing)


def updated(track: Track, thing: Seen, unix_s: float) -> Track:
    """The track after it was seen again; its evidence is still to be counted."""
    if thing.ring is not None:
        # What is mapped as an area carries its own accumulated outline; the newest is the fullest.
        place, covariance = thing.place, thing.covariance_m2
    else:
        place, covariance = fused(track.place, track.covariance_m2, thing.place, thing.covariance_m2)
    alt_amsl_m = thing.alt_amsl_m if thing.alt_amsl_m is not None else track.alt_amsl_m
    return replace(
        track,
        place=place,
        covariance_m2=covariance,
        alt_amsl_m=alt_amsl_m,
        last_unix_s=max(track.last_unix_s, unix_s),
        last=thing,
    )


def fused(a: NorthEast, cov_a: Covariance, b: NorthEast, cov_b: Covariance) -> tuple[NorthEast, Covariance]:
    """Covariance intersection of two estimates of one place, with the weight that gives the smallest ellipse."""
    inv_a, inv_b = np.linalg.inv(cov_a), np.linalg.inv(cov_b)
    mixed = _WEIGHTS[:, None, None] * inv_a + (1.0 - _WEIGHTS)[:, None, None] * inv_b
    weight = float(_WEIGHTS[int(np.argmax(np.linalg.det(mixed)))])
    covariance = np.linalg.inv(weight * inv_a + (1.0 - weight) * inv_b)
    mean = covariance @ (weight * inv_a @ np.array(a) + (1.0 - weight) * inv_b @ np.array(b))
    return NorthEast(float(mean[0]), float(mean[1])), covariance


def distance_m(a: NorthEast, b: NorthEast) -> float:
    """Metres between two places of one local frame."""
    return math.hypot(a.north_m - b.north_m, a.east_m - b.east_m)
