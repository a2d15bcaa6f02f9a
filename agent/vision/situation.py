"""From observations to tracks: places what was seen, joins it over time, weighs it, and says what changed.

Holds the only state of the search: tracks and the flood map of one flight. No clock, no bus, no files: frames' times come in,
changes come out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agent.config.vision import VisionSection
from agent.core.geo import LatLon, LocalFrame, NorthEast
from agent.core.terrain import Terrain
from agent.domain.hazard import Hazard
from agent.domain.sighting import SightingLevel
from agent.vision.camera_model import CameraModel
from agent.vision.confirmation import LEAST, Levels, View, after_agreement, after_miss, after_sighting, strength
from agent.vision.flood_excess import Excess, FloodMap
from agent.vision.frame import Box, Frame, Observation
from agent.vision.geolocation import Locator
from agent.vision.placing import Placer
from agent.vision.poses import CameraPose
from agent.vision.tracker import Association, Seen, Track, agreeing, associate, begun, joined, updated

_FORGET_S = 60.0
"""A track that never became suspect is forgotten when it was not seen for so long."""
_REPEAT_S = 1.0
"""A track is told again at most this often while its level stays."""
_MATERIAL = 0.2
"""A change of the ellipse, the area or the confidence by this part is worth telling."""
_VISIBLE_PX = 10.0
"""A thing that would be smaller than this is not expected to be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A track that is worth telling about, and whether this frame shows it."""

    track: Track
    seen_now: bool
    level_changed: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """What was last told of a track."""

    level: SightingLevel | None
    unix_s: float
    major_m: float
    probability: float
    area_m2: float


class Situation:
    """Everything tracked in one flight.

    Args:
        config: the section of the configuration.
        terrain: None for flat ground.
        normal_water: outlines of water that is there in normal times.
        thresholds: by (model, hazard), the model's own threshold for boxes.
    """

    def __init__(
        self,
        config: VisionSection,
        terrain: Terrain | None,
        normal_water: Sequence[Sequence[LatLon]],
        thresholds: Mapping[tuple[str, Hazard], float],
    ) -> None:
        self._config = config
        self._terrain = terrain
        self._normal_water = tuple(normal_water)
        self._placer = Placer(thresholds, config.errors.box_fraction)
        self._levels = Levels(config.suspect_log_odds, config.confirm_log_odds)
        self._camera = CameraModel.of(config.camera)
        self._numbers = 0
        self._told: dict[int, _Told] = {}
        self._flood: FloodMap | None = None
        self.frame: LocalFrame | None = None
        self.tracks: tuple[Track, ...] = ()

    def update(
        self, frame: Frame, observation: Observation, pose: CameraPose, *, steady: bool, camera: CameraModel | None = None
    ) -> list[Change]:
        """Takes one frame in.

        Args:
            frame: its capture time must be known.
            observation: what the networks saw in it.
            pose: of the camera when it was taken.
            steady: whether what was seen counts; False when the whole scene changed.
            camera: that took it; None: the configured one.
        """
        local = self._local(pose)
        locator = self.locator(frame, camera)
        if not steady:
            return []
        if locator.shows_horizon(pose):
            # Sky reads as water, and so do the fields below it: a mask is believed of pictures of the ground only.
            observation = replace(observation, water=None)
        seen = self._placer.things(observation.detections, pose, locator, local, frame.captured_error_s)
        seen += self._floods(observation, pose, locator, pose.unix_s)
        found = associate(self.tracks, seen)
        tracks = [self._after(i, found, pose, locator, observation) for i in range(len(self.tracks)) if i not in found.absorbed]
        seen_now = {self.tracks[index].number for index in found.matched}
        for thing in found.fresh:
            self._numbers += 1
            track = begun(self._numbers, thing, pose.unix_s)
            tracks.append(self._counted(track, thing, pose))
            seen_now.add(track.number)
        for index in agreeing(tracks):
            tracks[index] = replace(tracks[index], evidence=after_agreement(tracks[index].evidence, self._levels))
        changes = [self._change(track, track.number in seen_now, pose.unix_s) for track in tracks]
        self.tracks = tuple(track for track in tracks if not self._over(track, pose.unix_s))
        return [change for change in changes if change is not None]

    def _local(self, pose: CameraPose) -> LocalFrame:
        if self.frame is None:
            self.frame = LocalFrame(pose.place)
            self._flood = FloodMap(self.frame, self._normal_water, self._config)
        return self.frame

    def locator(self, frame: Frame, camera: CameraModel | None = None) -> Locator:
        """Places this frame's pixels; ``camera`` as for :meth:`update`."""
        camera = (camera or self._camera).scaled_to(frame.pixels.shape[1], frame.pixels.shape[0])
        error_s = self._config.camera.latency_error_s
        return Locator(camera, self._config.errors, error_s, self._terrain, self._config.range_max_m)

    def _floods(self, observation: Observation, pose: CameraPose, locator: Locator, unix_s: float) -> list[Seen]:
        if observation.water is None or self._flood is None:
            return []
        threshold = min(0.95, max(0.05, observation.water_threshold))
        pieces = self._flood.look(observation.water, threshold, pose, locator, unix_s)
        if not self._flood.knows_normal_water and Hazard.FLOOD not in observation.alarms:
            # Without an outline of the normal water every pond would be a flood: the picture as a whole must say so too.
            return []
        return [self._flood_seen(piece, pose, locator, threshold, observation) for piece in pieces if piece.looked > 0.05]

    def _flood_seen(
        self, piece: Excess, pose: CameraPose, locator: Locator, threshold: float, observation: Observation
    ) -> Seen:
        local = self._local(pose)
        here = local.to_local(pose.place)
        offset = np.array([[piece.centroid.north_m - here.north_m, piece.centroid.east_m - here.east_m]])
        ground = locator.heights(pose, offset[:, 0], offset[:, 1])
        box = self._box_of(piece, pose, locator)
        return Seen(
            hazard=Hazard.FLOOD,
            confidence=piece.confidence,
            place=piece.centroid,
            alt_amsl_m=float(ground[0]),
            covariance_m2=np.eye(2) * (piece.sigma_m**2 + piece.area_m2 / 400.0),
            range_m=float(np.hypot(np.hypot(offset[0, 0], offset[0, 1]), pose.alt_amsl_m - ground[0])),
            reach_m=float(np.sqrt(piece.area_m2 / np.pi)),
            added=strength(piece.confidence, threshold),
            threshold=threshold,
            box_px=box,
            model=observation.water_model,
            ring=piece.ring,
            area_m2=piece.area_m2,
        )

    def _box_of(self, piece: Excess, pose: CameraPose, locator: Locator) -> Box:
        """Where the piece is in the picture."""
        local = self._local(pose)
        here = local.to_local(pose.place)
        corners = np.array([local.to_local(place) for place in piece.ring]) - np.array(here)
        pixels = locator.pixels_of(pose, corners, locator.heights(pose, corners[:, 0], corners[:, 1]))
        size = (locator.camera.width_px, locator.camera.height_px)
        inside = np.clip(pixels[np.isfinite(pixels).all(axis=1)], 0.0, size)
        if not len(inside):
            return (0.0, 0.0, float(size[0]), float(size[1]))
        (x0, y0), (x1, y1) = inside.min(axis=0), inside.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    def _after(self, index: int, found: Association, pose: CameraPose, locator: Locator, observation: Observation) -> Track:
        """A track after this frame, whether it was seen or not, with the tracks that it absorbed."""
        track = self.tracks[index]
        for other, winner in found.absorbed.items():
            if winner == index:
                track = joined(track, self.tracks[other])
                self._told.pop(self.tracks[other].number, None)
        things = found.matched.get(index)
        if things:
            return self._counted(updated(track, things, pose.unix_s), things[0], pose)
        if observation.looked_for is not None and track.hazard not in observation.looked_for:
            return track
        part = self._part_visible(track, pose, locator)
        if part <= 0.0 or (track.hazard is Hazard.FLOOD and observation.water is None):
            return track
        view = self._view(track.place, track.alt_amsl_m, pose)
        return replace(track, evidence=after_miss(track.evidence, part, view, pose.unix_s, self._levels))

    def _counted(self, track: Track, thing: Seen, pose: CameraPose) -> Track:
        view = self._view(thing.place, thing.alt_amsl_m, pose)
        return replace(track, evidence=after_sighting(track.evidence, thing.added, view, pose.unix_s, self._levels))

    def _view(self, place: NorthEast, alt_amsl_m: float | None, pose: CameraPose) -> View:
        here = self._local(pose).to_local(pose.place)
        up_m = pose.alt_amsl_m - (pose.home_amsl_m if alt_amsl_m is None else alt_amsl_m)
        vector = np.array([here.north_m - place.north_m, here.east_m - place.east_m, up_m])
        range_m = max(1.0, float(np.linalg.norm(vector)))
        north, east, up = (float(v) for v in vector / range_m)
        return View((north, east, up), range_m)

    def _part_visible(self, track: Track, pose: CameraPose, locator: Locator) -> float:
        """How much of where the track may be this frame shows, 0..1; 0 where it would be too small to be seen."""
        here = self._local(pose).to_local(pose.place)
        offset = np.array([track.place.north_m - here.north_m, track.place.east_m - here.east_m])
        spread = np.linalg.cholesky(track.covariance_m2)
        around = offset + np.array([[0, 0], [2, 0], [-2, 0], [0, 2], [0, -2]], dtype=np.float64) @ spread.T
        alt = pose.home_amsl_m if track.alt_amsl_m is None else track.alt_amsl_m
        pixels = locator.pixels_of(pose, around, np.full(len(around), alt))
        size = np.array([locator.camera.width_px, locator.camera.height_px])
        inside = (pixels > 0.02 * size) & (pixels < 0.98 * size)
        range_m = max(1.0, float(np.hypot(np.hypot(*offset), pose.alt_amsl_m - alt)))
        size_px = 2.0 * track.last.reach_m / range_m * locator.camera.focal_px
        return float(np.mean(inside.all(axis=1))) if size_px >= _VISIBLE_PX else 0.0

    def _change(self, track: Track, seen_now: bool, unix_s: float) -> Change | None:  # noqa: FBT001 a fact of the frame
        """The change to tell; None when there is nothing new, or nothing yet."""
        told = self._told.get(track.number)
        level = track.evidence.level
        if level is None:
            return None
        now = _Told(
            level,
            unix_s,
            float(np.sqrt(np.linalg.eigvalsh(track.stated_covariance_m2)[1])),
            track.evidence.probability,
            track.mapped_m2,
        )
        if (
            told is not None
            and told.level is level
            and (not seen_now or unix_s - told.unix_s < _REPEAT_S or not _material(told, now))
        ):
            return None
        self._told[track.number] = now
        return Change(track, seen_now, told is None or told.level is not level)

    def _over(self, track: Track, unix_s: float) -> bool:
        """Whether the track is to be forgotten."""
        if track.evidence.level is SightingLevel.CLEARED or track.evidence.log_odds <= LEAST:
            self._told.pop(track.number, None)
            return True
        return track.evidence.level is None and unix_s - track.last_unix_s > _FORGET_S


def _material(told: _Told, now: _Told) -> bool:
    pairs = ((told.major_m, now.major_m), (told.probability, now.probability), (told.area_m2, now.area_m2))
    return any(abs(new - old) > _MATERIAL * max(old, 1e-6) for old, new in pairs)
