"""Turns a picture with its labels into a training example, seen the way a flying camera might see it.

Geometry first (a whole letterboxed view or a tile, mirrored, for straight-down sources turned), then at times a drawn plume,
then light and lens (exposure, colour, haze, blur, noise, JPEG). What a crop makes unknown is marked unknown: it never becomes a
"no".
Pure functions of (picture, sample, random generator); nothing here reads files or knows a network.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.training.data import Boxes, Picture, Sample
from models.training.plumes import with_plume
from models.training.sources import FLAME, SMOKE, Source, Water

PAD_VALUE = 114
MASK_STRIDE = 4
_TILE_MIN_SIDE_PX = 400  # smaller pictures are only ever looked at whole
_MIN_VISIBLE = 0.3  # of a box's area: less is neither there nor not there
_MIN_BOX_PX = 3.0
_PLUMES = 0.22
"""Share of the views known to be free of fire that get a drawn plume."""

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """A training example of one canvas.

    `boxes` and `ignored` are rows of (class, x0, y0, x1, y1) in pixels. `picture` is (fire, smoke, flood), NaN = unknown.
    `water` and `water_known` are a quarter of the canvas; `water_somewhere` says that there is water which nobody drew.
    """

    pixels: Picture
    boxes: Boxes
    ignored: Boxes
    picture: Array
    water: Array
    water_known: Array
    water_somewhere: bool


@dataclass(frozen=True)
class View:
    """Maps source pixels to canvas pixels: x' = scale * x + shift, mirrored when `mirror`. `canvas` is (width, height)."""

    scale: float
    shift_x: float
    shift_y: float
    mirror: bool
    canvas: tuple[int, int]

    def matrix(self, stride: int = 1) -> npt.NDArray[np.float64]:
        """Affine matrix to the canvas, or to a map that is `stride` times smaller."""
        matrix = np.array([[self.scale, 0.0, self.shift_x], [0.0, self.scale, self.shift_y]]) / stride
        matrix[:, 2] += (self.scale / stride - 1) / 2  # pixel centres, not corners
        if self.mirror:
            matrix[0] = -matrix[0]
            matrix[0, 2] += self.canvas[0] // stride - 1
        return matrix

    def seen(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Where a picture of this size lies on the canvas: x0, y0, x1, y1."""
        x0, x1 = self.shift_x, self.shift_x + self.scale * width
        x0, x1 = (self.canvas[0] - x1, self.canvas[0] - x0) if self.mirror else (x0, x1)
        y0, y1 = self.shift_y, self.shift_y + self.scale * height
        return max(0, round(x0)), max(0, round(y0)), min(self.canvas[0], round(x1)), min(self.canvas[1], round(y1))


def make_example(
    picture: Picture, mask: Picture | None, sample: Sample, canvas: tuple[int, int], rng: np.random.Generator
) -> Example:
    """One random view of the picture on a canvas (width, height)."""
    if sample.source.nadir and not len(sample.boxes):
        quarter = int(rng.integers(0, 4))
        picture, mask = np.rot90(picture, quarter), None if mask is None else np.rot90(mask, quarter)
    height, width = picture.shape[:2]
    pixel_boxes = _in_pixels(sample.boxes, width, height)
    whole = max(width, height) < _TILE_MIN_SIDE_PX or _only_whole(sample) or rng.random() < 0.4
    zoom = 1.25 if len(pixel_boxes) == 0 else 1.0
    view = _whole_view(width, height, canvas, zoom, rng) if whole else _tile_view(width, height, pixel_boxes, canvas, rng)
    pad = int(rng.integers(0, 256)) if rng.random() < 0.2 else PAD_VALUE
    flags = cv2.INTER_AREA if view.scale < 0.6 else cv2.INTER_LINEAR
    drawn = cv2.warpAffine(picture, view.matrix(), canvas, flags=flags, borderValue=(pad, pad, pad))
    pixels: Picture = drawn.astype(np.uint8, copy=False)
    boxes, ignored = _move_boxes(pixel_boxes, view, width, height)
    truth = picture_truth(sample, boxes, ignored, whole=whole)
    water, known = _water(sample, mask, view, (height, width))
    if not whole and truth[2] == 1:
        truth[2] = _flood_in_tile(sample, float((water * known).mean()))
    if sample.truth.fire == 0 and rng.random() < _PLUMES:
        pixels, boxes = with_plume(pixels, view.seen(width, height), rng)
        truth[:2] = 1.0 if len(boxes) else truth[:2]
    return Example(
        pixels=np.ascontiguousarray(photometric(pixels, sample.source, rng)),
        boxes=boxes,
        ignored=ignored,
        picture=truth,
        water=water,
        water_known=known,
        water_somewhere=sample.truth.water is Water.SOME and whole,
    )


def _only_whole(sample: Sample) -> bool:
    """Something is in the picture and nobody says where: a tile of it proves nothing."""
    truth = sample.truth
    unlocated_fire = truth.fire == 1 and len(sample.boxes) == 0
    return unlocated_fire or (truth.flood == 1 and truth.water is not Water.MASK)


def picture_truth(sample: Sample, boxes: Boxes, partial: Boxes, *, whole: bool) -> Array:
    """(fire, smoke, flood) of a view: of the source when whole, else what the boxes in the tile prove."""
    truth = sample.truth
    told = np.array([np.nan if value is None else value for value in (truth.fire, truth.smoke, truth.flood)], np.float32)
    if whole or truth.fire == 0:
        return told
    if truth.loose or set(truth.boxes) != {FLAME, SMOKE}:  # what is not boxed may still be there
        return told if len(boxes) else np.array([np.nan, np.nan, told[2]], np.float32)
    smoke, partial_smoke = boxes[boxes[:, 0] == SMOKE], partial[partial[:, 0] == SMOKE]
    return np.array([_seen(boxes, partial), _seen(smoke, partial_smoke), told[2]], np.float32)


def _seen(boxes: Boxes, partial: Boxes) -> float:
    """1 with a box, unknown with a cut one only, else 0."""
    if len(boxes):
        return 1.0
    return float("nan") if len(partial) else 0.0


def _flood_in_tile(sample: Sample, wet: float) -> float:
    """A tile of a flood shows flood when it is wet enough, unless the mask also holds the river in its bed."""
    return 1.0 if wet > 0.08 and not sample.source.boxes_say_all else float("nan")


def photometric(pixels: Picture, source: Source, rng: np.random.Generator) -> Picture:
    """Light, air, lens and codec. Colours move little: flame and muddy water are told by them."""
    x = pixels.astype(np.float32)
    if rng.random() < 0.7:
        gain = rng.uniform(0.7, 1.35, size=3).mean() * rng.uniform(0.94, 1.06, size=3)
        x = (x - 128) * rng.uniform(0.75, 1.25) + 128 * gain
        x = x * gain
    if rng.random() < 0.3:
        grey = x.mean(2, keepdims=True)
        x = grey + (x - grey) * rng.uniform(0.4, 1.4)
    if rng.random() < (0.08 if source.name.startswith("hpwren") else 0.02):
        x = np.repeat(x.mean(2, keepdims=True), 3, axis=2)
    if rng.random() < 0.2:
        x = _haze(x, rng)
    x = np.clip(x, 0, 255)
    if rng.random() < 0.25:
        x = _blur(x, rng)
    if rng.random() < 0.2:
        x = x + rng.normal(0, rng.uniform(2, 9), x.shape).astype(np.float32)
    out = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        _, coded = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))])
        out = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return out


def _haze(x: Array, rng: np.random.Generator) -> Array:
    """Airlight that grows to the top of the picture, as distance does."""
    height = x.shape[0]
    depth = np.linspace(1.0, rng.uniform(0.0, 1.0), height, dtype=np.float32)[:, None, None] * rng.uniform(0.1, 0.4)
    airlight = rng.uniform(150, 235) + rng.uniform(-8, 8, size=3).astype(np.float32)
    return (x * (1 - depth) + airlight * depth).astype(np.float32)


def _blur(x: Array, rng: np.random.Generator) -> Array:
    if rng.random() < 0.5:
        return cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.4, 1.5))).astype(np.float32)
    length = int(rng.integers(3, 7))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), float(rng.uniform(0, 180)), 1.0)
    kernel = cv2.warpAffine(kernel, turn, (length, length)).astype(np.float32)
    return cv2.filter2D(x, -1, kernel / max(float(kernel.sum()), 1e-3)).astype(np.float32)


def _whole_view(width: int, height: int, canvas: tuple[int, int], zoom: float, rng: np.random.Generator) -> View:
    """The letterboxed picture, at times smaller or, where nothing small can be lost, up to `zoom` times larger."""
    scale = min(canvas[0] / width, canvas[1] / height) * (rng.uniform(0.6, zoom) if rng.random() < 0.5 else 1.0)
    slack_x, slack_y = canvas[0] - width * scale, canvas[1] - height * scale
    fx, fy = (rng.random(), rng.random()) if rng.random() < 0.5 else (0.5, 0.5)
    return View(scale, slack_x * fx, slack_y * fy, bool(rng.random() < 0.5), canvas)


def _tile_view(width: int, height: int, boxes: Boxes, canvas: tuple[int, int], rng: np.random.Generator) -> View:
    """A part of the picture at 0.7 to 1.7 times its own size, two times in three around a box where there is one."""
    scale = float(np.exp(rng.uniform(np.log(0.7), np.log(1.7))))
    scale = max(scale, min(canvas[0] / width, canvas[1] / height))
    wide, high = canvas[0] / scale, canvas[1] / scale
    if len(boxes) and rng.random() < 0.65:
        _, x0, y0, x1, y1 = boxes[int(rng.integers(len(boxes)))]
        centre_x = rng.uniform(x0, x1) + rng.uniform(-0.35, 0.35) * wide
        centre_y = rng.uniform(y0, y1) + rng.uniform(-0.35, 0.35) * high
    else:
        centre_x, centre_y = rng.uniform(0, width), rng.uniform(0, height)
    left = np.clip(centre_x - wide / 2, min(0.0, (width - wide) / 2), max((width - wide) / 2, width - wide))
    top = np.clip(centre_y - high / 2, min(0.0, (height - high) / 2), max((height - high) / 2, height - high))
    return View(scale, float(-left * scale), float(-top * scale), bool(rng.random() < 0.5), canvas)


def _in_pixels(boxes: Boxes, width: int, height: int) -> Boxes:
    return boxes * np.array([1, width, height, width, height], np.float32)


def _move_boxes(boxes: Boxes, view: View, width: int, height: int) -> tuple[Boxes, Boxes]:
    """Boxes seen well enough to learn from, and the rest, where nothing may be learnt. Both clipped to the view."""
    moved = boxes.copy()
    moved[:, [1, 3]] = np.clip(moved[:, [1, 3]], 0, width) * view.scale + view.shift_x
    moved[:, [2, 4]] = np.clip(moved[:, [2, 4]], 0, height) * view.scale + view.shift_y
    if view.mirror:
        moved[:, [1, 3]] = view.canvas[0] - moved[:, [3, 1]]
    clipped = moved.copy()
    clipped[:, [1, 3]] = np.clip(moved[:, [1, 3]], 0, view.canvas[0])
    clipped[:, [2, 4]] = np.clip(moved[:, [2, 4]], 0, view.canvas[1])
    wide, high = clipped[:, 3] - clipped[:, 1], clipped[:, 4] - clipped[:, 2]
    visible = wide * high / np.maximum((moved[:, 3] - moved[:, 1]) * (moved[:, 4] - moved[:, 2]), 1e-6)
    there = (wide > 0) & (high > 0)
    enough = (visible >= _MIN_VISIBLE) | ((wide >= 48) & (high >= 32))
    good = there & enough & (np.minimum(wide, high) >= _MIN_BOX_PX)
    return clipped[good], clipped[there & ~good]


def _water(sample: Sample, mask: Picture | None, view: View, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Water in 0..1 and where it is known, each a quarter of the canvas [height/4, width/4]."""
    small = (view.canvas[1] // MASK_STRIDE, view.canvas[0] // MASK_STRIDE)
    if sample.truth.water is Water.DRY:
        return np.zeros(small, np.float32), np.ones(small, np.float32)
    if sample.truth.water is not Water.MASK or mask is None:
        return np.zeros(small, np.float32), np.zeros(small, np.float32)
    if mask.shape != shape:
        mask = cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    full = cv2.warpAffine((mask > 127).astype(np.float32), view.matrix(), view.canvas, flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.ones(shape, np.float32), view.matrix(), view.canvas, flags=cv2.INTER_NEAREST)
    target = cv2.resize(full, small[::-1], interpolation=cv2.INTER_AREA)
    known = cv2.resize(inside, small[::-1], interpolation=cv2.INTER_AREA)
    return target.astype(np.float32), (known > 0.99).astype(np.float32)
