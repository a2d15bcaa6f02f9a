"""Does memory grow? The whole pipeline over many frames, with the process's size read as it goes.

The frames go through the code that looks at them in flight: decoding, health of the picture and the lens, networks, tracks.
Growth is what the size in the last quarter exceeds that of the first quarter after the warm-up, in medians: allocators breathe,
and one reading proves nothing.
"""

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

import cv2

from agent.config.vision import VisionSection
from agent.core.attitude import rotation
from agent.core.geo import LatLon, LocalFrame
from agent.vision.bench import pictures_of
from agent.vision.frame import Frame
from agent.vision.inputs import files_of, frames_of, is_video
from agent.vision.lens import LensWatch
from agent.vision.memory import give_back, resident_mb
from agent.vision.perception import Perception, box_thresholds
from agent.vision.pictures import decode_picture
from agent.vision.poses import CameraPose
from agent.vision.scene import PictureHealth
from agent.vision.situation import Situation

WARM_UP_PART = 0.1
READINGS = 80
_PAD = LatLon(30.39, 119.84)
_FLIGHT_FRAMES = 2000
"""A new flight begins after so many: tracks are those of one flight."""


@dataclass(frozen=True, slots=True)
class Size:
    """The process's resident memory after so many frames."""

    frames: int
    mb: float


def growth(sizes: Sequence[Size], frames: int) -> float:
    """Last quarter against first quarter after the warm-up, 0.02 for 2 %; NaN with fewer than eight readings."""
    warm = [size.mb for size in sizes if size.frames >= WARM_UP_PART * frames]
    if len(warm) < 8:
        return math.nan
    quarter = len(warm) // 4
    return median(warm[-quarter:]) / median(warm[:quarter]) - 1.0


def soak_lines(perception: Perception, paths: Sequence[Path], frames: int) -> Iterator[str]:
    """Looks at so many frames; a line for each reading, then the result as JSON."""
    work = _Work(perception)
    sizes: list[Size] = []
    every = max(1, frames // READINGS)
    started_s = time.monotonic()
    for index, frame in zip(range(frames), endless(paths), strict=False):
        work.look(frame)
        if (index + 1) % every == 0:
            give_back()
            sizes.append(Size(index + 1, resident_mb() or math.nan))
            yield f"{index + 1:>9} frames  {sizes[-1].mb:8.1f} MB  {(index + 1) / (time.monotonic() - started_s):7.1f} 1/s"
    grown = growth(sizes, frames)
    mbs = [size.mb for size in sizes]
    result = {"frames": frames, "growth": round(grown, 4), "first_mb": mbs[0], "last_mb": mbs[-1], "peak_mb": max(mbs)}
    yield json.dumps(result)


def endless(paths: Sequence[Path]) -> Iterator[Frame]:
    """The frames of pictures and videos over and over, each decoded anew."""
    videos = [path for path in files_of(paths, _ignore) if is_video(path)]
    coded = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures_of(paths)]
    numbers = count()
    while True:
        for video in videos:
            for frame in frames_of(video, _ignore):
                yield Frame(frame.pixels, frame.source, next(numbers))
        for jpeg in coded:
            yield Frame(decode_picture(jpeg, "soak"), "soak", next(numbers))


def _ignore(_: object) -> None:
    """A file that cannot be read is no matter here."""


class _Work:
    """What the vision process does with a frame, without its pipes."""

    def __init__(self, perception: Perception) -> None:
        self._perception = perception
        self._health = PictureHealth()
        self._new_flight()

    def _new_flight(self) -> None:
        self._lens = LensWatch()
        self._situation = Situation(VisionSection(), None, (), box_thresholds(self._perception.networks))

    def look(self, frame: Frame) -> None:
        if frame.index % _FLIGHT_FRAMES == 0:
            self._new_flight()
        self._health.update(frame, float(frame.index))
        self._lens.update(frame.pixels)
        observation = self._perception.look(frame)
        self._situation.update(frame, observation, _pose(frame.index), steady=True)


def _pose(index: int) -> CameraPose:
    """On a circle of 100 m around the pad, looking outwards and down."""
    angle = index / 200.0
    place = LocalFrame(_PAD).to_latlon(100.0 * math.cos(angle), 100.0 * math.sin(angle))
    return CameraPose(1.7e9 + index / 5.0, place, 110.0, 30.0, rotation(0.0, -50.0, math.degrees(angle) % 360.0))
