"""Light of a world: the sun's direction, the sky, the haze, and how strong the day is."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera.projection import Camera
from simulator.camera.sprites import clouds
from simulator.world.config import AirConfig, SunConfig
from simulator.world.raster import Field2D


@dataclass(frozen=True)
class Light:
    """Colours are BGR 0..255.

    Attributes:
        sun: direction towards the sun, world axes.
        zenith, horizon: sky colours.
        sunlight: colour of something white in the sun.
        cloud_cover: 0..1.
        visibility_m: where contrast falls to 2 % (Koschmieder).
    """

    sun: tuple[float, float, float]
    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    sunlight: tuple[float, float, float]
    cloud_cover: float
    visibility_m: float

    def haze(self, depth_m: Field2D) -> Field2D:
        """Share of the picture that haze covers at a depth."""
        return np.asarray(1.0 - cv2.exp(depth_m * np.float32(-3.912 / self.visibility_m)), dtype=np.float32)


def light_of(sun: SunConfig, air: AirConfig) -> Light:
    """The light under a sun and a sky."""
    azimuth, elevation = math.radians(sun.azimuth_deg), math.radians(sun.elevation_deg)
    low = max(0.0, 1.0 - sun.elevation_deg / 30.0)
    gray = air.cloud_cover
    direction = (math.sin(azimuth) * math.cos(elevation), math.cos(azimuth) * math.cos(elevation), math.sin(elevation))
    strength = 0.72 + 0.28 * math.sin(elevation)
    zenith = _mix((205.0, 140.0, 84.0), (190.0, 186.0, 182.0), gray)
    horizon = _mix(_mix((226.0, 214.0, 200.0), (150.0, 190.0, 228.0), low), (205.0, 203.0, 200.0), gray)
    white = _mix((244.0, 246.0, 248.0), (186.0, 214.0, 246.0), low)
    return Light(
        direction, _scaled(zenith, strength), _scaled(horizon, strength), _scaled(white, strength), gray, air.visibility_m
    )


def _mix(a: tuple[float, float, float], b: tuple[float, float, float], share: float) -> tuple[float, float, float]:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


def _scaled(colour: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def sky_picture(light: Light, rays: tuple[Field2D, Field2D, Field2D], world_s: float) -> NDArray[np.uint8]:
    """The sky along rays (east, north, up; any length): gradient, clouds that drift, brightness around the sun."""
    east, north, up = rays
    length = cv2.sqrt(east * east + north * north + up * up)
    climb = np.clip(up / length, 0.0, 1.0)
    share = np.sqrt(climb)[..., None]
    sky = np.array(light.horizon, np.float32) * (1.0 - share) + np.array(light.zenith, np.float32) * share
    plane = np.maximum(climb, 0.03)
    column = east / length / plane * 70.0 + np.float32(world_s * 0.2)
    cover = cv2.remap(clouds(), column, north / length / plane * 70.0, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    density = np.clip((cover + np.float32(3.2 * light.cloud_cover - 1.9)) / 1.4, 0.0, 0.9) * np.clip(climb * 9.0, 0.0, 1.0)
    bright = np.array(light.sunlight, np.float32) * (1.02 - 0.07 * np.clip(cover, 0, 2))[..., None]
    sky += (bright - sky) * density[..., None]
    towards = np.clip((east * light.sun[0] + north * light.sun[1] + up * light.sun[2]) / length, 0.0, 1.0)
    narrow = towards**16
    halo = 90.0 * narrow + 160.0 * (narrow**8) ** 3
    sky += (halo * (1.0 - 0.7 * light.cloud_cover))[..., None] * np.array((0.7, 0.9, 1.0), np.float32)
    return np.asarray(np.clip(sky, 0, 255), dtype=np.uint8)


def sun_in_view(camera: Camera, light: Light) -> float:
    """0 with the sun behind the camera .. 1 with the camera looking into it."""
    return max(0.0, float(camera.axes[2] @ np.array(light.sun)))
