"""What lens and sensor do to a picture: exposure, vignette, veiling glare, blur, noise."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.world.raster import Picture


@dataclass(frozen=True)
class Optics:
    """Settings of a camera.

    Attributes:
        exposure: gain before the tone curve.
        contrast: 1 leaves the curve as it is.
        noise: standard deviation of grain in levels of 255.
        sharpness_px: standard deviation of the blur; 0 is sharp.
        vignette: share of light lost in the corners.
        jpeg_quality: 1..100.
    """

    exposure: float = 1.0
    contrast: float = 1.08
    noise: float = 3.0
    sharpness_px: float = 0.0
    vignette: float = 0.18
    jpeg_quality: int = 88


def apply_optics(picture: Picture, optics: Optics, glare: float, motion_px: tuple[float, float], frame: int) -> Picture:
    """The picture as the sensor gives it.

    Args:
        picture: BGR.
        optics: the settings.
        glare: 0..1, light of the sun scattered in the lens.
        motion_px: movement of the picture while the shutter is open.
        frame: chooses the grain.
    """
    picture = _blurred(picture, optics.sharpness_px, motion_px)
    picture = cv2.multiply(picture, _vignette(picture.shape[1], picture.shape[0], optics.vignette), scale=1.0 / 255.0)
    picture = cv2.LUT(picture, _curve(round(optics.exposure, 3), round(optics.contrast, 3), round(glare, 2)))
    if optics.noise > 0.0:
        height, width = picture.shape[:2]
        rng = np.random.default_rng([99, frame])
        y, x = (int(value) for value in rng.integers(0, 64, 2))
        grain = _grain(width + 64, height + 64, round(optics.noise, 2))
        picture = cv2.add(picture, grain[y : y + height, x : x + width], dtype=cv2.CV_8U)
    return np.asarray(picture, dtype=np.uint8)


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    """The picture as JPEG bytes."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def _blurred(picture: Picture, softness_px: float, motion_px: tuple[float, float]) -> Picture:
    if softness_px > 0.2:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), softness_px), np.uint8)
    return smeared(picture, motion_px, longest_px=40.0)


def smeared(picture: Picture, motion_px: tuple[float, float], *, longest_px: float) -> Picture:
    """Blurred along the motion; what is shorter than a pixel and a half is not seen."""
    length = math.hypot(*motion_px)
    if length < 1.5:
        return picture
    half = math.ceil(min(length, longest_px) / 2)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    step = motion_px[0] / length * half, motion_px[1] / length * half
    ends = [(round(half - step[0]), round(half - step[1])), (round(half + step[0]), round(half + step[1]))]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


@lru_cache(maxsize=4)
def _vignette(width: int, height: int, loss: float) -> Picture:
    x = np.linspace(-1.0, 1.0, width)[None, :]
    y = np.linspace(-1.0, 1.0, height)[:, None] * height / width
    reach = (x * x + y * y) / (1.0 + (height / width) ** 2)
    gain = np.clip(255.0 * (1.0 - loss * reach), 0, 255).astype(np.uint8)
    return np.repeat(gain[..., None], 3, axis=2)


@lru_cache(maxsize=32)
def _curve(exposure: float, contrast: float, glare: float) -> Picture:
    level = np.arange(256) / 255.0 * exposure
    level = np.where(level > 0.8, 0.8 + 0.2 * np.tanh((level - 0.8) / 0.2), level)  # highlights roll off
    level = 0.45 + (level - 0.45) * contrast
    level = level * (1.0 - 0.25 * glare) + 0.22 * glare
    return np.asarray(np.clip(level * 255.0, 0, 255), dtype=np.uint8)


@lru_cache(maxsize=2)
def _grain(width: int, height: int, sigma: float) -> NDArray[np.int8]:
    rng = np.random.default_rng(17)
    luma = rng.normal(0.0, sigma, (height, width, 1))
    chroma = rng.normal(0.0, sigma * 0.4, (height, width, 3))
    return np.asarray(np.clip(np.rint(luma + chroma), -100, 100), dtype=np.int8)
