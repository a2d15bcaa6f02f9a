"""Joins what was seen in successive frames by where it is on the ground.

Pure. A flying camera makes boxes in successive pictures useless to compare by overlap, so each sighting comes with its place
and covariance, and it belongs to the track of the same hazard that is nearest by Mahalanobis distance within the gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from agent.core.geo import LatLon, LocalFrame, NorthEast
from agent.domain.hazard import Hazard
from agent.vision.confirmation import Evidence
from agent.vision.frame import Box
from agent.vision.fusion import Covariance, Look, best_estimate, with_look

GATE_CHI2 = 9.210340371976184
"""99 % quantile of chi-square with two degrees of freedom."""
JOIN_M = {Hazard.FIRE: 20.0, Hazard.SMOKE: 40.0, Hazard.HOT_SPOT: 20.0}
"""What is seen of one hazard closer than this on the ground is one thing. Other hazards are counted one by one."""
_SURER = 0.7
"""A look with less than this part of the hull's sigma begins the hull anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One thing seen in one frame, placed on the ground.

    Attributes:
        place: metres in the tracker's local frame.
        covariance_m2: of north and east.
        reach_m: how far the thing extends around its place; it widens the gate, not the ellipse.
        points: where its parts stand; empty where only a bearing or an area is known.
        bearing_deg: from the camera to it, from north.
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
    bearing_deg: float = 0.0
    points: tuple[NorthEast, ...] = ()
    ring: tuple[LatLon, ...] | None = None
    area_m2: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A thing on the ground.

    Attributes:
        place: its middle.
        covariance_m2: error of the place where it was looked at, without the thing's own extent.
        parts: corners of the hull of all that was seen to belong to it.
        parts_sigma_m: one sigma of the look that the hull was begun with.
        looks: the best of each direction.
        last: the newest of what was seen of it.
    """

    number: int
    hazard: Hazard
    place: NorthEast
    alt_amsl_m: float | None
    covariance_m2: Covariance
    evidence: Evidence
    first_unix_s: float
    last_unix_s: float
    last: Seen
    parts: tuple[NorthEast, ...] = ()
    parts_sigma_m: float = 0.0
    looks: tuple[Look, ...] = ()

    @property
    def extent_m2(self) -> Covariance:
        """Spread of the parts around their middle, as a covariance: the middle of what burns may be anywhere among them."""
        if len(self.parts) < 2:
            return np.zeros((2, 2))
        return np.asarray(np.cov(np.array(self.parts).T, bias=True))

    @property
    def stated_covariance_m2(self) -> Covariance:
        """What the thing's place is told with: the error of the looks and half the thing's own spread."""
        return np.asarray(self.covariance_m2 + self.extent_m2 / 4.0)

    @property
    def mapped_m2(self) -> float:
        """Ground that it is known to cover: as mapped, or the hull of its parts; 0 for a point."""
        return (self.last.area_m2 or 0.0) if self.last.ring is not None else float(_shape(self.parts).area)

    def position(self, frame: LocalFrame) -> LatLon:
        """Where it is."""
        return frame.to_latlon(self.place.north_m, self.place.east_m)


@dataclass(frozen=True, slots=True, eq=False)
class Association:
    """Who is who in one frame.

    Attributes:
        matched: by index of the track what was seen of it, the most telling first.
        absorbed: tracks that this frame shows to be part of another one, by index, and of which.
        fresh: what belongs to no track, without doublets.
    """

    matched: dict[int, list[Seen]]
    absorbed: dict[int, int]
    fresh: list[Seen]


def associate(tracks: Sequence[Track], seen: Sequence[Seen]) -> Association:
    """Gives each thing seen to the track with the most evidence among those within the gate."""
    matched: dict[int, list[Seen]] = {}
    absorbed: dict[int, int] = {}
    fresh: list[Seen] = []
    for thing in sorted(seen, key=lambda s: -s.added):
        near = [i for i, track in enumerate(tracks) if i not in absorbed and _within_gate(track, thing)]
        if near:
            best = max(near, key=lambda i: (tracks[i].evidence.log_odds, -i))
            matched.setdefault(best, []).append(thing)
            absorbed |= {i: best for i in near if i != best and _touch(tracks[i], thing) and _touch(tracks[best], thing)}
        elif not any(_within_gate(begun(0, other, 0.0), thing) for other in fresh):
            fresh.append(thing)
    for index in absorbed.keys() & matched.keys():
        matched.setdefault(absorbed[index], []).extend(matched.pop(index))
    return Association(matched, absorbed, fresh)


def agreeing(tracks: Sequence[Track]) -> frozenset[int]:
    """Indices of the tracks of flame or smoke where heat is tracked too, and of that heat."""
    heat = [i for i, track in enumerate(tracks) if track.hazard is Hazard.HOT_SPOT]
    seen = [i for i, track in enumerate(tracks) if track.hazard in {Hazard.FIRE, Hazard.SMOKE}]
    return frozenset(i for h in heat for s in seen if _one_place(tracks[h], tracks[s]) for i in (h, s))


def _one_place(heat: Track, seen: Track) -> bool:
    """Whether two tracks are one thing by their places, errors and extents."""
    return mahalanobis2(seen, replace(heat.last, place=heat.place, covariance_m2=heat.covariance_m2)) <= GATE_CHI2


def _within_gate(track: Track, thing: Seen) -> bool:
    return track.hazard is thing.hazard and mahalanobis2(track, thing) <= GATE_CHI2


def _touch(track: Track, thing: Seen) -> bool:
    """Whether the two are one by their extent alone, whatever their errors are."""
    return bool(track.parts and thing.points) and float(np.linalg.norm(_gap(track, thing))) <= JOIN_M.get(thing.hazard, 0.0)


def mahalanobis2(track: Track, thing: Seen) -> float:
    """Squared distance between a track and a thing seen, in sigmas of both errors; their extents are taken off first."""
    offset = _gap(track, thing)
    length = float(np.linalg.norm(offset))
    free = max(0.0, length - thing.reach_m - track.last.reach_m)
    offset = offset * (free / length if length > 0 else 0.0)
    return float(offset @ np.linalg.solve(track.covariance_m2 + thing.covariance_m2, offset))


def _gap(track: Track, thing: Seen) -> NDArray[np.float64]:
    """The vector, north and east, between the nearest places of the two hulls; zero where they overlap."""
    a, b = nearest_points(_shape(track.parts or (track.place,)), _shape(thing.points or (thing.place,)))
    return np.array([b.y - a.y, b.x - a.x])


def _shape(points: Sequence[NorthEast]) -> BaseGeometry:
    return MultiPoint([(p.east_m, p.north_m) for p in points]).convex_hull


def begun(number: int, thing: Seen, unix_s: float) -> Track:
    """A new track; its evidence is still to be counted."""
    parts = _hull(thing.points)
    place = _middle(parts) if len(parts) > 1 else thing.place
    return Track(
        number=number,
        hazard=thing.hazard,
        place=place,
        alt_amsl_m=thing.alt_amsl_m,
        covariance_m2=thing.covariance_m2,
        evidence=Evidence(),
        first_unix_s=unix_s,
        last_unix_s=unix_s,
        last=thing,
        parts=parts,
        parts_sigma_m=_sigma_m(thing),
        looks=(_look(thing),),
    )


def updated(track: Track, things: Sequence[Seen], unix_s: float) -> Track:
    """The track after it was seen again in one frame, perhaps in several parts; its evidence is still to be counted."""
    thing = things[0]
    parts, parts_sigma_m = _grown(track, [point for one in things for point in one.points], _sigma_m(thing))
    looks = with_look(track.looks, _look(thing))
    if thing.ring is not None:
        # What is mapped as an area carries its own accumulated outline; the newest is the fullest.
        place, covariance = thing.place, thing.covariance_m2
    else:
        place, covariance = best_estimate(looks)
        if _is_wide(parts, covariance):
            place = _middle(parts)
    alt_amsl_m = thing.alt_amsl_m if thing.alt_amsl_m is not None else track.alt_amsl_m
    return replace(
        track,
        place=place,
        covariance_m2=covariance,
        alt_amsl_m=alt_amsl_m,
        last_unix_s=max(track.last_unix_s, unix_s),
        last=thing,
        parts=parts,
        parts_sigma_m=parts_sigma_m,
        looks=looks,
    )


def _grown(track: Track, points: Sequence[NorthEast], sigma_m: float) -> tuple[tuple[NorthEast, ...], float]:
    """The hull with what a new look adds, and the sigma it stands on.

    Within one look places are right against each other; from look to look they are shifted by the errors. A point only extends
    the hull when it lies farther out than those errors explain, and a much surer look begins the hull anew.
    """
    if not points:
        return track.parts, track.parts_sigma_m
    if not track.parts or sigma_m < _SURER * track.parts_sigma_m:
        return _hull([*points, *_beyond(track.parts, points, 2.0 * track.parts_sigma_m)]), sigma_m
    return _hull([*track.parts, *_beyond(points, track.parts, 2.0 * sigma_m)]), track.parts_sigma_m


def _beyond(points: Sequence[NorthEast], hull_points: Sequence[NorthEast], least_m: float) -> list[NorthEast]:
    """The points that lie farther than this outside the hull."""
    hull = _shape(hull_points)
    return [point for point in points if hull.distance(_shape([point])) > least_m]


def _sigma_m(thing: Seen) -> float:
    return float(np.sqrt(np.linalg.eigvalsh(thing.covariance_m2)[1]))


def _look(thing: Seen) -> Look:
    return Look(thing.place, thing.covariance_m2, thing.bearing_deg)


def joined(track: Track, other: Track) -> Track:
    """The track with what was known of another one that turned out to be part of it."""
    return replace(
        track,
        parts=_hull([*track.parts, *other.parts]),
        first_unix_s=min(track.first_unix_s, other.first_unix_s),
        last_unix_s=max(track.last_unix_s, other.last_unix_s),
    )


def _hull(points: Sequence[NorthEast]) -> tuple[NorthEast, ...]:
    """Corners of the convex hull, so that a track that is seen a thousand times stays small."""
    if len(points) < 3:
        return tuple(points)
    hull = _shape(points).simplify(0.5)
    corners = list(hull.exterior.coords)[:-1] if isinstance(hull, Polygon) else list(hull.coords)
    return tuple(NorthEast(float(corner[1]), float(corner[0])) for corner in corners)


def _middle(parts: Sequence[NorthEast]) -> NorthEast:
    """Centroid of the hull."""
    centre = _shape(parts).centroid
    return NorthEast(float(centre.y), float(centre.x))


def _is_wide(parts: Sequence[NorthEast], covariance: Covariance) -> bool:
    """Whether the thing's own spread exceeds the error of its place, so that it is more than one point seen again and again."""
    return len(parts) > 1 and float(np.trace(np.cov(np.array(parts).T, bias=True))) > 2.0 * float(np.trace(covariance))
