"""From a pixel to a place on the ground with an honest error.

The pixel's ray meets the height raster, or flat ground at the pad's height where there is none. The errors of attitude,
heading, position, altitude, time, terrain and pixel are not linearised: a fixed set of error samples is sent through the same
geometry, and the ellipse is drawn so that 95 % of the samples lie in it. At grazing angles, where a linear propagation
flatters, the ellipse therefore grows as it must. Pure; knows nothing of what was seen there.
"""

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from agent.config.vision import ErrorSection
from agent.core.geo import LatLon, LocalFrame
from agent.core.terrain import Terrain
from agent.domain.sighting import ErrorEllipse
from agent.vision.camera_model import CameraModel, Vectors
from agent.vision.poses import CameraPose

CHI2_95 = 5.991464547107979
"""95 % quantile of chi-square with two degrees of freedom."""

_SAMPLES = 512
_ERRORS = 10  # tilt about north and east, heading, north, east, altitude, time, terrain, u, v
_MARCH_STEPS = 48
_BISECTIONS = 9
_MISSED_MAX = 0.1
"""With more of the samples than this over the horizon or beyond the range, there is a bearing but no place."""


@dataclass(frozen=True, slots=True, eq=False)
class Fix:
    """A place on the ground.

    Attributes:
        covariance_m2: 2 x 2, north and east; scaled so that its 95 % ellipse holds 95 % of the error samples.
        range_m: from the camera, along the ray. For a bearing the distance assumed.
        bearing_only: the ray met no ground within range; the place is a guess along the bearing, and the covariance says so.
    """

    place: LatLon
    alt_amsl_m: float | None
    covariance_m2: NDArray[np.float64]
    range_m: float
    bearing_only: bool = False

    @property
    def ellipse(self) -> ErrorEllipse:
        """The 95 % ellipse."""
        return ellipse_of(self.covariance_m2)


def ellipse_of(covariance_m2: NDArray[np.float64]) -> ErrorEllipse:
    """The 95 % ellipse of a covariance of north and east."""
    values, vectors = np.linalg.eigh(covariance_m2)
    axis = vectors[:, 1]
    azimuth_deg = math.degrees(math.atan2(axis[1], axis[0])) % 180.0
    minor_m, major_m = (math.sqrt(CHI2_95 * max(0.0, float(v))) for v in values)
    return ErrorEllipse(semi_major_m=major_m, semi_minor_m=minor_m, azimuth_deg=azimuth_deg % 360.0)


@cache
def _unit_samples() -> NDArray[np.float64]:
    """Standard normal samples by Latin hypercube, whitened: each error alone has the normal distribution's own quantiles.

    Random samples would do that only to within some percent, and always to the same side, because they are always the same.
    """
    quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / _SAMPLES) for i in range(_SAMPLES)])
    rng = np.random.default_rng(20)
    samples = np.column_stack([rng.permutation(quantiles) for _ in range(_ERRORS)])
    whiten = np.linalg.inv(np.linalg.cholesky(samples.T @ samples / _SAMPLES)).T
    return np.asarray(samples @ whiten)


class Locator:
    """Places pixels on the ground.

    Args:
        camera: geometry of the frames that are asked about.
        errors: one sigma of each measurement.
        time_error_s: one sigma of a frame's capture time.
        terrain: None for flat ground at the pad's height.
        range_max_m: nothing is placed farther off.
    """

    def __init__(
        self, camera: CameraModel, errors: ErrorSection, time_error_s: float, terrain: Terrain | None, range_max_m: float
    ) -> None:
        self.camera = camera
        self.errors = errors
        self.range_max_m = range_max_m
        self.time_error_s = time_error_s
        self._terrain = terrain
        heights = None if terrain is None else terrain.heights_amsl_m[np.isfinite(terrain.heights_amsl_m)]
        self._span_amsl_m = None if heights is None or not heights.size else (float(heights.min()), float(heights.max()))

    def locate(
        self, pose: CameraPose, pixel: tuple[float, float], sigma_px: tuple[float, float], time_error_s: float | None = None
    ) -> Fix:
        """Where the pixel's ray meets the ground.

        Args:
            pose: of the camera when the picture was taken.
            pixel: x, y.
            sigma_px: one sigma of the pixel, x and y; the configured pixel error is added.
            time_error_s: one sigma of the capture time; None: the configured one.
        """
        errors = _unit_samples() * self._sigmas(pose, sigma_px, self.time_error_s if time_error_s is None else time_error_s)
        directions = self._directions(pose, pixel, errors)
        velocity = np.array(pose.velocity_ned_m_s)
        origins = np.column_stack([errors[:, 3], errors[:, 4], -errors[:, 5]]) + errors[:, 6:7] * velocity
        hits = self._meet(pose, origins, directions, errors[:, 7])
        hit = np.isfinite(hits[:, 0])
        if np.count_nonzero(~hit) > _MISSED_MAX * _SAMPLES:
            return self._bearing(pose, directions)
        # The few that missed lie beyond the range: they count as outside whatever ellipse is drawn.
        return self._fix(pose, hits[hit], int(np.count_nonzero(~hit)))

    def ground_of(self, pose: CameraPose, pixels: Vectors) -> Vectors:
        """Where the rays of n x 2 pixels meet the ground: north, east (m, from the camera), height (m AMSL); NaN where not."""
        directions = self.camera.rays(pixels) @ pose.camera_to_ned.T
        return self._meet(pose, np.zeros((len(directions), 3)), directions, np.zeros(len(directions)))

    def pixels_of(self, pose: CameraPose, north_east_m: Vectors, alt_amsl_m: NDArray[np.float64]) -> Vectors:
        """Pixel positions, n x 2, of places given in metres from the camera; NaN behind the camera."""
        ned = np.column_stack([north_east_m, pose.alt_amsl_m - alt_amsl_m])
        return self.camera.pixels(ned @ pose.camera_to_ned)

    def shows_horizon(self, pose: CameraPose) -> bool:
        """Whether a part of the picture looks over the horizon."""
        width, height = self.camera.width_px, self.camera.height_px
        corners = np.array([(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)])
        return bool((self.camera.rays(corners) @ pose.camera_to_ned.T)[:, 2].min() <= 0.0)

    @property
    def ground_sigma_m(self) -> float:
        """One sigma of the ground's height: the raster's, or that of assuming flat ground."""
        return self.errors.flat_ground_m if self._span_amsl_m is None else self.errors.terrain_m

    def _sigmas(self, pose: CameraPose, sigma_px: tuple[float, float], time_error_s: float) -> NDArray[np.float64]:
        e = self.errors
        tilt, heading = math.radians(e.tilt_deg), math.radians(e.heading_deg)
        across_m = e.position_m * max(1.0, pose.hdop or 1.0)
        u, v = (math.hypot(e.pixel_px, s) for s in sigma_px)
        return np.array([tilt, tilt, heading, across_m, across_m, e.altitude_m, time_error_s, self.ground_sigma_m, u, v])

    def _directions(self, pose: CameraPose, pixel: tuple[float, float], errors: NDArray[np.float64]) -> Vectors:
        """The samples' unit rays in the world."""
        rays = self.camera.rays(np.array(pixel) + errors[:, 8:10]) @ pose.camera_to_ned.T
        turns = errors[:, :3] + errors[:, 6:7] * np.array(pose.turn_ned_rad_s)
        # Rodrigues for a small turn per sample, exact in its angle.
        angle = np.linalg.norm(turns, axis=1, keepdims=True)
        axis = turns / np.where(angle > 0, angle, 1.0)
        along = np.sum(axis * rays, axis=1, keepdims=True)
        return np.asarray(rays * np.cos(angle) + np.cross(axis, rays) * np.sin(angle) + axis * along * (1 - np.cos(angle)))

    def _meet(self, pose: CameraPose, origins: Vectors, directions: Vectors, ground_error_m: NDArray[np.float64]) -> Vectors:
        """North, east from the camera and height AMSL of the first ground on each ray; NaN for none within range."""
        if self._span_amsl_m is None:
            lengths = _to_level(pose.alt_amsl_m - origins[:, 2], pose.home_amsl_m + ground_error_m, directions[:, 2])
        else:
            lengths = self._march(pose, origins, directions, ground_error_m)
        points = origins + directions * lengths[:, None]
        out = np.column_stack([points[:, :2], pose.alt_amsl_m - points[:, 2]])
        too_far = ~(np.hypot(points[:, 0], points[:, 1]) <= self.range_max_m)
        out[too_far] = np.nan
        return out

    def _march(self, pose: CameraPose, origins: Vectors, directions: Vectors, ground_error_m: NDArray[np.float64]) -> Vectors:
        """Lengths along the rays to the raster: walk between its highest and lowest level, then halve the step."""
        low_m, high_m = self._span_amsl_m or (0.0, 0.0)
        low_m, high_m = min(low_m, pose.home_amsl_m), max(high_m, pose.home_amsl_m)
        start_amsl = pose.alt_amsl_m - origins[:, 2]
        flat = np.maximum(np.hypot(directions[:, 0], directions[:, 1]), 1e-6)
        far = np.minimum(_to_level(start_amsl, low_m - 1.0 + np.minimum(ground_error_m, 0.0), directions[:, 2]), 1e7)
        far = np.where(np.isnan(far), 1e7, far)
        far = np.minimum(far, self.range_max_m * 1.01 / flat)
        near = _to_level(start_amsl, high_m + 1.0 + np.maximum(ground_error_m, 0.0), directions[:, 2])
        near = np.where(np.isnan(near), 0.0, np.clip(near, 0.0, far))

        def under(lengths: NDArray[np.float64]) -> NDArray[np.bool_]:
            points = origins[:, None, :] + directions[:, None, :] * lengths[:, :, None]
            heights = self.heights(pose, points[..., 0], points[..., 1]) + ground_error_m[:, None]
            return np.asarray(pose.alt_amsl_m - points[..., 2] <= heights)

        steps = near[:, None] + (far - near)[:, None] * np.linspace(0.0, 1.0, _MARCH_STEPS)
        below = under(steps)
        first = np.argmax(below, axis=1)
        rows = np.arange(len(steps))
        before, after = steps[rows, np.maximum(first - 1, 0)], steps[rows, first]
        for _ in range(_BISECTIONS):
            middle = (before + after) / 2
            is_under = under(middle[:, None])[:, 0]
            before, after = np.where(is_under, before, middle), np.where(is_under, middle, after)
        return np.where(below.any(axis=1), after, np.nan)

    def heights(self, pose: CameraPose, north_m: NDArray[np.float64], east_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ground AMSL at places in metres from the camera; the pad's height where the raster knows none."""
        if self._terrain is None:
            return np.full(north_m.shape, pose.home_amsl_m)
        frame = LocalFrame(pose.place)
        unit = frame.to_latlon(1.0, 1.0)
        lat = pose.place.lat_deg + north_m * (unit.lat_deg - pose.place.lat_deg)
        lon = pose.place.lon_deg + east_m * (unit.lon_deg - pose.place.lon_deg)
        heights = self._terrain.heights_at(lat, lon)
        return np.where(np.isnan(heights), pose.home_amsl_m, heights)

    def _fix(self, pose: CameraPose, hits: Vectors, missed: int) -> Fix:
        centre = hits.mean(axis=0)
        offsets = hits[:, :2] - centre[:2]
        shape = offsets.T @ offsets / len(offsets) + np.eye(2) * 1e-6
        distance2 = np.sum(offsets @ np.linalg.inv(shape) * offsets, axis=1)
        wanted = min(1.0, 0.95 * (len(hits) + missed) / len(hits))
        covariance = shape * float(np.quantile(distance2, wanted)) / CHI2_95
        place = LocalFrame(pose.place).to_latlon(float(centre[0]), float(centre[1]))
        range_m = math.hypot(centre[0], centre[1], pose.alt_amsl_m - centre[2])
        return Fix(place, float(centre[2]), covariance, range_m)

    def _bearing(self, pose: CameraPose, directions: Vectors) -> Fix:
        """A guess along the bearing: from a third of the range to three times it, all as likely as two sigmas say."""
        north, east = directions[:, 0].mean(), directions[:, 1].mean()
        across = np.array([-east, north]) / math.hypot(north, east)
        along = np.array([north, east]) / math.hypot(north, east)
        spread_rad = max(float(np.std(np.arctan2(directions[:, :2] @ across, directions[:, :2] @ along))), 1e-3)
        distance_m, sigma_m = 1.5 * self.range_max_m, 0.75 * self.range_max_m
        covariance = sigma_m**2 * np.outer(along, along) + (distance_m * spread_rad) ** 2 * np.outer(across, across)
        place = LocalFrame(pose.place).to_latlon(*(float(x) for x in along * distance_m))
        return Fix(place, None, covariance, distance_m, bearing_only=True)


def _to_level(
    start_amsl_m: NDArray[np.float64], level_amsl_m: NDArray[np.float64] | float, down: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Length along a ray with this downward part until it comes down to a level; NaN where it does not."""
    falls = down > 1e-9
    lengths = (start_amsl_m - level_amsl_m) / np.where(falls, down, 1.0)
    return np.where(falls & (lengths >= 0), lengths, np.nan)
