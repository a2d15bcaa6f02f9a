"""The values that pass through the pipeline: a frame, a box in it, and everything seen in it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agent.domain.hazard import Hazard

Pixels = NDArray[np.uint8]
"""Height x width x 3, 8 bit, blue green red, as OpenCV has it."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the frame; x right, y down, the origin in the corner of the first pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        captured_unix_s: when the light fell on the sensor, product time; None where nobody knows (files).
        captured_error_s: one sigma of that time; None: the configured one.
        source: where it came from.
        index: its number within the source, from 0.
        celsius: temperatures, height x width, of a thermal camera's frame; its pixels are then a grey picture of them.
    """

    pixels: Pixels
    source: str
    index: int
    captured_unix_s: float | None = None
    captured_error_s: float | None = None
    celsius: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """A box with what is in it.

    Attributes:
        model: name of the network that said so.
        anywhere: the box is only what was looked at, and the thing is somewhere in it: a classifier said so.
    """

    hazard: Hazard
    confidence: float
    box_px: Box
    model: str
    anywhere: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """Everything seen in one frame.

    Attributes:
        scores: calibrated probability by hazard that the picture shows it, from the whole and the tiles together.
        alarms: hazards whose score passes the model's threshold, in alphabetical order.
        water: probability of water, 0..1, float32, over the frame's extent but usually smaller; None without a segmenter.
        water_threshold: from which probability a pixel counts as water.
        water_model: name of the network that made the mask.
        looked_for: hazards that would have been seen, were they there; None: all. What was not looked for is not missed.
        whole_scores: as scores, from the whole alone; steadier from frame to frame than the greatest of many tiles.
    """

    scores: dict[Hazard, float] = field(default_factory=dict)
    detections: tuple[Detection, ...] = ()
    alarms: tuple[Hazard, ...] = ()
    water: NDArray[np.float32] | None = None
    water_threshold: float = 0.5
    water_model: str = ""
    whole_scores: dict[Hazard, float] = field(default_factory=dict)
    looked_for: frozenset[Hazard] | None = None
