"""How water looks: turbid, with the sky in it at flat angles, ripples, and glitter towards the sun."""

from dataclasses import dataclass

import cv2
import numpy as np

from simulator.camera.light import Light
from simulator.camera.sprites import ripples
from simulator.world.raster import Field2D, Picture, above

# BGR of calm rivers and of rivers in flood; a world has one of each.
_CLEAR = ((74.0, 88.0, 66.0), (84.0, 84.0, 70.0), (62.0, 78.0, 74.0), (92.0, 112.0, 112.0))
_TURBID = ((98.0, 138.0, 164.0), (84.0, 130.0, 178.0), (118.0, 140.0, 146.0), (126.0, 142.0, 128.0), (92.0, 116.0, 132.0))
_EDGE_M = 0.06  # depth over which the shore fades in


@dataclass(frozen=True, eq=False)
class WaterMasks:
    """Water in the picture, 255 where it is seen.

    Attributes:
        water: all water.
        flood: water on normally dry land.
    """

    water: Picture
    flood: Picture


def find_water(needed_rise_m: Field2D, above_m: Field2D, rise_m: float, sky: Picture) -> tuple[Field2D, WaterMasks] | None:
    """Where rays meet water.

    Args:
        needed_rise_m: gauge rise that floods the place each ray meets.
        above_m: height over bare ground of what the ray meets.
        rise_m: the gauge now.
        sky: 255 where there is no ground.

    Returns:
        Opacity of the water and its masks, or None where there is none.
    """
    depth = np.float32(rise_m) - needed_rise_m
    cover = np.clip(depth * np.float32(1.0 / _EDGE_M), 0.0, 1.0)
    cover[above_m > np.maximum(depth + 0.25, 0.7)] = 0.0
    cover[sky > 0] = 0.0
    water = above(cover, 0.5)
    if not cv2.countNonZero(water):
        return None
    flood = cv2.bitwise_and(water, above(needed_rise_m, 0.0))
    return cover, WaterMasks(water, flood)


def water_picture(
    rays: tuple[Field2D, Field2D, Field2D],
    place: tuple[Field2D, Field2D],
    light: Light,
    rise_m: float,
    world_s: float,
    seed: int,
) -> Picture:
    """The look of water along rays that meet it at places (metres east and north); the seed chooses the river's colour."""
    east, north = place
    drift = np.float32(world_s * 0.9)
    coarse = cv2.remap(ripples(), east * 5.3, north * 4.1 + drift, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    broad = cv2.remap(ripples(), north * 0.17 - drift * 0.2, east * 0.17, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    length = cv2.sqrt(rays[0] * rays[0] + rays[1] * rays[1] + rays[2] * rays[2])
    down = np.clip(-rays[2] / length, 0.02, 1.0)
    tilt = 0.035 * coarse + 0.03 * broad
    mirror = 0.03 + 0.90 * np.power(1.0 - np.clip(down + tilt, 0.0, 1.0), 4.0)
    share = min(1.0, 0.25 + rise_m / 0.8)
    clear, turbid = _CLEAR[seed % len(_CLEAR)], _TURBID[seed // 7 % len(_TURBID)]
    mud = np.array(clear, np.float32) * (1 - share) + np.array(turbid, np.float32) * share
    own = mud * (1.0 + 0.05 * broad + 0.03 * coarse)[..., None] * np.float32(light.sunlight[1] / 246.0)
    sky = np.array(light.horizon, np.float32) * 0.45 + np.array(light.zenith, np.float32) * 0.5
    colour = own + (sky - own) * mirror[..., None]
    glance = (rays[0] * light.sun[0] + rays[1] * light.sun[1] - rays[2] * light.sun[2]) / length
    glitter = np.clip(glance + 0.022 * coarse + 0.008 * broad, 0.0, 1.0) ** 110 * (1.0 - 0.85 * light.cloud_cover)
    colour += (190.0 * glitter)[..., None]
    return np.asarray(np.clip(colour, 0, 255), dtype=np.uint8)
