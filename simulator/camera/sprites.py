"""Small pictures of flames and puffs of smoke, made once from noise."""

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.world.noise import fractal
from simulator.world.raster import Field2D, Picture

FLAME_FRAMES = 24
PUFF_KINDS = 10
PUFF_LIGHTS = 4
_FLAME_SIZE = (96, 64)
_PUFF_SIZE = 96


@lru_cache(maxsize=1)
def flames() -> tuple[Picture, ...]:
    """Intensities 0..255 of one flame in successive shapes; it burns upwards from the lower edge."""
    rng = np.random.default_rng(11)
    rows, columns = _FLAME_SIZE
    noise = fractal(128, rng, slope=2.2, longest=0.3)
    tongues = fractal(128, rng, slope=2.6, longest=0.5)
    y = np.linspace(1.0, 0.0, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, columns, dtype=np.float32)[None, :]
    frames = []
    for frame in range(FLAME_FRAMES):
        shift = round(frame * 128 / FLAME_FRAMES)
        lick = np.roll(noise, -shift * 2, axis=0)[:rows, :columns]
        sway = np.roll(tongues, -shift, axis=0)[:rows, 20 : 20 + columns]
        across = x + 0.38 * sway * y
        width = 0.85 * (1.0 - y) ** 0.75 + 0.08
        body = 1.0 - np.abs(across) / width
        heat = body * 1.05 - 0.50 * y + 0.40 * lick * (0.35 + y)
        edge = np.clip(np.minimum(y * 10.0 + 0.3, (1.0 - np.abs(x)) * 5.0), 0.0, 1.0)
        frames.append((np.clip(heat * edge, 0.0, 1.0) * 255).astype(np.uint8))
    return tuple(frames)


@lru_cache(maxsize=1)
def flame_colours() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """BGR (1, 256, 3) and opacity (1, 256) of each intensity."""
    stops = np.array([0.0, 0.15, 0.35, 0.55, 0.75, 1.0])
    colours = np.array([(10, 20, 90), (8, 40, 190), (12, 95, 250), (40, 170, 255), (120, 228, 255), (225, 250, 255)], float)
    level = np.linspace(0.0, 1.0, 256)
    table = np.stack([np.interp(level, stops, colours[:, channel]) for channel in range(3)], axis=1)
    opacity = np.clip((level - 0.06) / 0.32, 0.0, 1.0) ** 0.8 * 0.97
    return table.astype(np.uint8)[None], opacity.astype(np.float32)[None]


@lru_cache(maxsize=1)
def puffs() -> tuple[tuple[Field2D, ...], tuple[tuple[Field2D, ...], ...]]:
    """Opacities (kind) and brightnesses (kind, light from above/right/below/left in the picture) of puffs, 0..1."""
    rng = np.random.default_rng(12)
    axis = np.linspace(-1.0, 1.0, _PUFF_SIZE, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    radius = np.hypot(x, y)
    opacities, lights = [], []
    for _ in range(PUFF_KINDS):
        lump = fractal(128, rng, slope=3.1, longest=0.5)[:_PUFF_SIZE, :_PUFF_SIZE]
        edge = np.clip((0.86 - radius + 0.17 * lump) / 0.62, 0.0, 1.0)
        edge *= np.clip((1.0 - radius) / 0.12, 0.0, 1.0)
        opacities.append((edge * edge * (3.0 - 2.0 * edge)).astype(np.float32))
        bulge = np.sqrt(np.clip(1.05 - radius**2, 0.0, 1.0)) + 0.22 * lump
        slope_y, slope_x = np.gradient(cv2.GaussianBlur(bulge.astype(np.float32), (0, 0), 1.5))
        lit = []
        for quarter in range(PUFF_LIGHTS):
            angle = quarter * math.pi / 2
            towards = -slope_x * math.sin(angle) + slope_y * math.cos(angle)
            lit.append(np.clip(0.90 + 4.0 * towards, 0.5, 1.12).astype(np.float32))
        lights.append(tuple(lit))
    return tuple(opacities), tuple(lights)


@lru_cache(maxsize=1)
def detail_tile() -> NDArray[np.uint8]:
    """A periodic 512 x 512 grain around 128 that stands for what the ground's picture is too coarse for."""
    rng = np.random.default_rng(13)
    fine = fractal(512, rng, slope=0.7, longest=0.25)
    broad = fractal(512, rng, slope=2.0, longest=0.5)
    return np.asarray(np.clip(128 + 12 * fine + 4 * broad, 40, 216), dtype=np.uint8)


@lru_cache(maxsize=1)
def ripples() -> Field2D:
    """A periodic field of water ripples, mean 0 and standard deviation 1."""
    return fractal(512, np.random.default_rng(14), slope=1.7, longest=0.15)


@lru_cache(maxsize=1)
def clouds() -> Field2D:
    """A periodic field of cloud density, mean 0 and standard deviation 1."""
    return fractal(512, np.random.default_rng(15), slope=2.6, longest=0.6)
