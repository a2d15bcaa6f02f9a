"""The thermal camera as an eye: its files become frames of temperatures, its frames become detections.

Knows the camera's section, the sun and the places that are always hot; not tracks. A radiometric camera needs no network.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Point, Polygon
from shapely.prepared import prep

from agent.config.thermal import ThermalSection
from agent.core.geo import LatLon, LocalFrame
from agent.core.sun import sun_elevation_deg
from agent.domain.hazard import Hazard
from agent.vision.camera_model import CameraModel
from agent.vision.frame import Detection, Frame, Observation, Pixels
from agent.vision.geolocation import Locator
from agent.vision.heat import Circumstances, HotSpot, confidence, hot_spots, look_alike
from agent.vision.pictures import decode_counts
from agent.vision.poses import CameraPose

NAME = "thermal"
VERSION = "1"


def grey_of(celsius: NDArray[np.float32]) -> Pixels:
    """The picture that a person looks at: grey from the coolest to the hottest, single pixels aside."""
    low, high = np.percentile(celsius, [1, 99.9])
    grey = np.clip((celsius - low) / max(1.0, high - low) * 255.0, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


class ThermalEye:
    """One thermal camera.

    Args:
        section: of the configuration.
        always_hot: outlines of what is hot in normal times: chimneys, kilns, flares.
    """

    def __init__(self, section: ThermalSection, always_hot: Sequence[Sequence[LatLon]] = ()) -> None:
        self.camera = CameraModel.of(section.camera)
        self.sha256 = hashlib.sha256(section.model_dump_json(exclude={"source"}).encode()).hexdigest()
        """Of its limits: what stands in a record where a network's digest stands."""
        self._section = section
        self._always_hot = [prep(Polygon([(p.lon_deg, p.lat_deg) for p in ring])) for ring in always_hot]

    def frame_of(self, data: bytes, source: str, index: int, captured_unix_s: float) -> Frame:
        """A file's temperatures.

        Raises:
            PictureError: not one channel of 16 bit, or damaged.
        """
        counts = decode_counts(data, source)
        celsius = counts.astype(np.float32) * np.float32(self._section.kelvin_per_count) + np.float32(self._section.zero_c)
        return Frame(grey_of(celsius), source, index, captured_unix_s, celsius=celsius)

    def look(self, frame: Frame, pose: CameraPose, locator: Locator) -> Observation:
        """The hot spots of a frame that nothing harmless explains, as boxes."""
        sun_deg = sun_elevation_deg(pose.place, datetime.fromtimestamp(pose.unix_s, UTC))
        spots = [] if frame.celsius is None else hot_spots(frame.celsius, self._section)
        found = []
        for spot, ground in zip(spots, _grounds(spots, pose, locator), strict=True):
            range_m = float(np.linalg.norm([ground[0], ground[1], pose.alt_amsl_m - ground[2]]))
            at = Circumstances(range_m / locator.camera.focal_px, sun_deg)
            if look_alike(spot, at, self._section) is None and not self._is_always_hot(ground, pose):
                found.append(Detection(Hazard.HOT_SPOT, confidence(spot, at, self._section), spot.box_px, NAME))
        return Observation(detections=tuple(found), looked_for=frozenset({Hazard.HOT_SPOT}))

    def _is_always_hot(self, ground: NDArray[np.float64], pose: CameraPose) -> bool:
        if not self._always_hot or np.isnan(ground).any():
            return False
        place = LocalFrame(pose.place).to_latlon(float(ground[0]), float(ground[1]))
        return any(outline.contains(Point(place.lon_deg, place.lat_deg)) for outline in self._always_hot)


def _grounds(spots: Sequence[HotSpot], pose: CameraPose, locator: Locator) -> NDArray[np.float64]:
    """North, east from the camera and height of each spot's middle, n x 3; NaN where its ray meets no ground."""
    if not spots:
        return np.empty((0, 3))
    middles = [((s.box_px[0] + s.box_px[2]) / 2, (s.box_px[1] + s.box_px[3]) / 2) for s in spots]
    return locator.ground_of(pose, np.array(middles))
