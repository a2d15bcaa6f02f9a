"""Draws smoke into pictures that have none, so that smoke is learnt apart from the few places where it was photographed.

A plume is a cone of turbulent opacity over a random base, bent by wind and thinning upwards; air and light of the picture set
its colour. It is a lesson and no picture of fire: figures are only ever measured on pictures as they were taken.
"""

import cv2
import numpy as np
import numpy.typing as npt

from models.training.data import Boxes, Picture
from models.training.sources import SMOKE

Array = npt.NDArray[np.float32]
_VISIBLE = 0.16  # opacity below which nobody would draw a box around it
_LEAST_PX = 7
_NO_BOX: Boxes = np.zeros((0, 5), np.float32)


def with_plume(pixels: Picture, area: tuple[int, int, int, int], rng: np.random.Generator) -> tuple[Picture, Boxes]:
    """The picture with one plume in `area` (x0, y0, x1, y1), and its box (class, x0, y0, x1, y1) in pixels.

    No box: there was no room or it came out too thin; then nothing is drawn.
    """
    left, top, right, bottom = area
    width, height = right - left, bottom - top
    if min(width, height) < 4 * _LEAST_PX:
        return pixels, _NO_BOX
    tall = int(np.exp(rng.uniform(np.log(2.0 * _LEAST_PX), np.log(0.75 * height))))
    wide = int(np.clip(tall * rng.uniform(0.5, 2.2), _LEAST_PX, width * 0.8))
    base_x = left + int(rng.integers(-wide // 6, max(1, width - wide + wide // 6)))
    base_y = top + int(rng.uniform(0.25, 0.95) * height)
    x0, y0, x1, y1 = max(left, base_x), max(top, base_y - tall), min(right, base_x + wide), base_y
    opacity = _opacity(wide, tall, rng)[y0 - (base_y - tall) : y1 - (base_y - tall), x0 - base_x : x1 - base_x]
    rows, columns = np.flatnonzero((opacity > _VISIBLE).any(1)), np.flatnonzero((opacity > _VISIBLE).any(0))
    if len(rows) < _LEAST_PX or len(columns) < _LEAST_PX:
        return pixels, _NO_BOX
    out = pixels.copy()
    under = out[y0:y1, x0:x1].astype(np.float32)
    mixed = under + (_colour(pixels[top:bottom, left:right], opacity, rng) - under) * opacity[..., None]
    out[y0:y1, x0:x1] = np.clip(mixed, 0, 255).astype(np.uint8)
    box = (SMOKE, x0 + columns[0], y0 + rows[0], x0 + columns[-1] + 1, y0 + rows[-1] + 1)
    return out, np.array([box], np.float32)


def _opacity(wide: int, tall: int, rng: np.random.Generator) -> Array:
    """Opacity [tall, wide] in 0..1: densest at the base, spreading and drifting on the way up."""
    up = np.linspace(1.0, 0.0, tall, dtype=np.float32)[:, None]  # 1 at the top
    across = np.linspace(0.0, 1.0, wide, dtype=np.float32)[None]
    drift = rng.uniform(-0.35, 0.35)
    middle = 0.5 - drift / 2 + drift * up ** rng.uniform(0.6, 1.6)
    spread = rng.uniform(0.04, 0.12) + rng.uniform(0.08, 0.3) * up ** rng.uniform(0.5, 1.3)
    wobble = _noise(wide, tall, rng)
    shape = np.exp(-(((across - middle + 0.12 * (wobble - 0.5)) / spread) ** 2))
    fade = (1 - up) ** rng.uniform(0.2, 1.0) if rng.random() < 0.7 else np.ones_like(up)
    edge = np.clip(up * 8, 0, 1) * np.clip((1 - up) * 12 + 0.3, 0, 1)
    texture = np.clip(0.35 + 1.1 * (_noise(wide, tall, rng) - 0.25), 0, 1)
    strongest = float(np.exp(rng.uniform(np.log(0.22), np.log(0.95))))
    opacity: Array = np.clip(strongest * shape * fade * edge * texture * 1.4, 0, 0.97).astype(np.float32)
    return opacity


def _noise(wide: int, tall: int, rng: np.random.Generator) -> Array:
    """Soft noise in 0..1 with detail at several scales."""
    total = np.zeros((tall, wide), np.float32)
    for octave, weight in ((3, 0.5), (6, 0.28), (12, 0.15), (24, 0.07)):
        grid = rng.random((octave, max(2, round(octave * wide / tall)))).astype(np.float32)
        total += weight * cv2.resize(grid, (wide, tall), interpolation=cv2.INTER_CUBIC)
    return total


def _colour(pixels: Picture, opacity: Array, rng: np.random.Generator) -> Array:
    """White, grey, brownish or dark, as bright as the picture's light allows; brighter where it is denser."""
    light = float(np.percentile(pixels[::8, ::8], 85))
    tone = light * (rng.uniform(0.75, 1.08) if rng.random() < 0.8 else rng.uniform(0.25, 0.7))
    grey = bool(np.ptp(pixels[::8, ::8], axis=2).max() < 6)
    tint = np.zeros(3, np.float32) if grey else np.array([rng.uniform(-6, 14), 0.0, rng.uniform(-14, 8)], np.float32)
    relief = rng.uniform(0, 24) * (opacity[..., None] - 0.5)
    return np.asarray(tone + tint + relief, np.float32)
