"""Renders a world as an RGB camera sees it, with the truth about what is in the picture.

Knows the world, the pose and the lens. Knows nothing of streams or files.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from simulator.camera import raycast
from simulator.camera.flames import VISIBLE_INTENSITY, FlameLayer, char, draw_flames, flame_layer
from simulator.camera.labels import Box, flame_boxes, smoke_boxes
from simulator.camera.light import Light, light_of, sky_picture, sun_in_view
from simulator.camera.optics import Optics, apply_optics
from simulator.camera.plume import draw_smoke, smoke_layer
from simulator.camera.power_line import PowerLine
from simulator.camera.projection import Camera
from simulator.camera.sprites import clouds, detail_tile
from simulator.camera.traffic import draw_traffic
from simulator.camera.water import WaterMasks, find_water, water_picture
from simulator.world.orthophoto import HEIGHT_STEP_M
from simulator.world.raster import Field2D, Picture
from simulator.world.scene import World

_BAND_ROWS = 40
_DETAIL_BELOW_M = 0.45  # of ground a pixel: from here on the ground's picture needs grain
_MIP_LEVELS = 6


@dataclass(frozen=True, eq=False)
class Rendered:
    """A picture and what is in it.

    Attributes:
        picture: BGR, before compression.
        boxes: flames and smoke.
        masks: water at the picture's size; None where no water is seen.
    """

    picture: Picture
    boxes: tuple[Box, ...]
    masks: WaterMasks | None


class Renderer:
    """Draws one world. Holds its textures; one instance is used by one thread.

    Args:
        world: the world.
        optics: lens and sensor.
    """

    def __init__(self, world: World, optics: Optics | None = None) -> None:
        self.world = world
        self.optics = optics or Optics()
        self.light: Light = light_of(world.config.sun, world.config.air)
        surface = world.surface
        self._power_line = PowerLine(world)
        self._canopy = raycast.make_canopy(surface.grid, surface.canopy)
        self._mips = [surface.picture]
        while len(self._mips) < _MIP_LEVELS:
            self._mips.append(np.asarray(cv2.resize(self._mips[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)))
        self._mips = [raycast.repeated(mip, level) for level, mip in enumerate(self._mips)]

    def render(self, camera: Camera, world_s: float, frame: int = 0, motion_px: tuple[float, float] = (0.0, 0.0)) -> Rendered:
        """The picture from a pose at a moment. The same arguments give the same picture."""
        world = self.world
        hits = raycast.cast(camera, world.ground.height_amsl_m, world.ground.grid, self._canopy)
        picture = self._ground_picture(camera, hits)
        places = hits.east_m[::2, ::2], hits.north_m[::2, ::2]
        for fire in world.fires:
            char(picture, fire, world_s, *places)
        masks = self._lay_water(picture, camera, hits, places, world_s)
        draw_traffic(picture, camera, world, world_s, hits.depth_m)
        self._power_line.draw(picture, camera)
        self._lay_air(picture, camera, hits, world_s)
        flames, smokes = self._lay_fires(picture, camera, hits.depth_m, world_s)
        boxes = (*(box for layer in flames for box in flame_boxes(layer, VISIBLE_INTENSITY)), *(b for s in smokes for b in s))
        glare = sun_in_view(camera, self.light) ** 3 * (1.0 - 0.8 * self.light.cloud_cover)
        return Rendered(apply_optics(picture, self.optics, glare, motion_px, frame), boxes, masks)

    def _ground_picture(self, camera: Camera, hits: raycast.Hits) -> Picture:
        """The lit ground. Bands of rows take the texture whose resolution fits their distance."""
        grid = self.world.surface.grid
        column, row = grid.to_cells(hits.east_m, hits.north_m)
        size = hits.depth_m.shape[1], hits.depth_m.shape[0]
        half = column[::2, ::2], row[::2, ::2]
        gain = self._side_light(*half, hits.above_m)
        last = self._grain_rows(camera, hits) // 2
        if last < gain.shape[0]:
            # On flanks the place hardly changes with height: grain that also follows the height keeps them from being streaked.
            lift = hits.above_m[last:] * np.float32(11.0)
            u, v = cv2.scaleAdd(half[0][last:].copy(), 4.7, lift), cv2.scaleAdd(half[1][last:].copy(), 4.7, lift)
            grain = cv2.remap(detail_tile(), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
            gain[last:] = cv2.multiply(gain[last:], grain, scale=1.0 / 128.0)
        gain = np.asarray(cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        picture = np.empty((*hits.depth_m.shape, 3), np.uint8)
        for top in range(0, picture.shape[0], _BAND_ROWS):
            rows = slice(top, min(top + _BAND_ROWS, picture.shape[0]))
            part = self._textured(column[rows], row[rows], _footprint_m(camera, hits, rows))
            shade = gain[rows]
            cv2.multiply(part, cv2.merge([shade, shade, shade]), dst=picture[rows], scale=1.0 / 128.0)
        return picture

    @staticmethod
    def _grain_rows(camera: Camera, hits: raycast.Hits) -> int:
        """The first row that is near enough to need grain; the picture's height if none is."""
        near = np.median(hits.depth_m[::8, ::32], axis=1) / camera.lens.focal_px < _DETAIL_BELOW_M
        return int(near.argmax()) * 8 if near.any() else hits.depth_m.shape[0]

    def _textured(self, column: Field2D, row: Field2D, pixel_m: float) -> Picture:
        """The ground's picture at cells of its raster, at the resolution for pixels of a size."""
        grid = self.world.surface.grid
        level = int(np.clip(np.floor(np.log2(max(pixel_m, 1e-3) / grid.step_m) + 0.45), 0, _MIP_LEVELS - 1))
        if level:
            scale = 0.5**level
            whole = grid.cells * scale if level >= raycast.REPEATED_FROM else 0.0
            shift = np.float32(0.5 * scale - 0.5 + whole)
            column, row = column * np.float32(scale) + shift, row * np.float32(scale) + shift
        mip = self._mips[level]
        inside = min(column.min(), row.min()) >= 0 and max(column.max(), row.max()) <= mip.shape[0] - 1
        border = cv2.BORDER_REPLICATE if inside else cv2.BORDER_WRAP
        return np.asarray(cv2.remap(mip, column, row, cv2.INTER_LINEAR, borderMode=border), np.uint8)

    def _side_light(self, column: Field2D, row: Field2D, above_m: Field2D) -> Picture:
        """Light on what rays meet, 128 for full: the flanks of crowns and the walls of houses are darker than their tops."""
        canopy = self._canopy.mips[0]
        top = cv2.remap(canopy, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        below = cv2.scaleAdd(top.astype(np.float32), HEIGHT_STEP_M, -above_m)
        light = np.clip(134.0 - 14.0 * below, 56.0, 128.0).astype(np.uint8)
        return np.asarray(cv2.blur(light, (3, 3)), np.uint8)

    def _lay_water(
        self, picture: Picture, camera: Camera, hits: raycast.Hits, places: tuple[Field2D, Field2D], world_s: float
    ) -> WaterMasks | None:
        world, rise = self.world, self.world.water_rise_m(world_s)
        needed = world.water_grid.sample(world.flooding_rise_m, *places)
        found = find_water(needed, hits.above_m, rise, hits.sky)
        if found is None:
            return None
        cover, masks = found
        x, y, wide, high = cv2.boundingRect(masks.water)
        cut = slice(y, y + high), slice(x, x + wide)
        rays = raycast.half_rays(camera)
        rays_here, places_here = (rays[0][cut], rays[1][cut], rays[2][cut]), (places[0][cut], places[1][cut])
        look = water_picture(rays_here, places_here, self.light, rise, world_s, world.config.seed)
        part = picture[2 * y : 2 * (y + high), 2 * x : 2 * (x + wide)]
        size = part.shape[1], part.shape[0]
        share = cv2.resize(cover[cut], size, interpolation=cv2.INTER_LINEAR)
        part[:] = cv2.blendLinear(cv2.resize(look, size, interpolation=cv2.INTER_LINEAR), part, share, 1.0 - share)
        full = picture.shape[1], picture.shape[0]
        return WaterMasks(
            *(np.asarray(cv2.resize(m, full, interpolation=cv2.INTER_NEAREST)) for m in (masks.water, masks.flood))
        )

    def _lay_air(self, picture: Picture, camera: Camera, hits: raycast.Hits, world_s: float) -> None:
        """Haze and sky. In place."""
        haze = self.light.haze(np.ascontiguousarray(hits.depth_m[::2, ::2]))
        if self.world.config.lookalikes.mist > 0.0:
            haze = 1.0 - (1.0 - haze) * (1.0 - self._mist(hits, world_s))
        veil = np.empty((*haze.shape, 3), np.uint8)
        veil[:] = np.clip(self.light.horizon, 0, 255)
        share = haze
        if cv2.countNonZero(hits.sky):
            _, top, _, high = cv2.boundingRect(hits.sky)
            last = top + high
            rays = raycast.half_rays(camera)
            sky = sky_picture(self.light, (rays[0][:last:2, ::2], rays[1][:last:2, ::2], rays[2][:last:2, ::2]), world_s)
            cv2.copyTo(cv2.resize(sky, (haze.shape[1], last), interpolation=cv2.INTER_LINEAR), hits.sky[:last], veil[:last])
            share = haze.copy()
            share[hits.sky > 0] = 1.0
        size = picture.shape[1], picture.shape[0]
        wide = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
        picture[:] = cv2.blendLinear(cv2.resize(veil, size, interpolation=cv2.INTER_LINEAR), picture, wide, 1.0 - wide)

    def _mist(self, hits: raycast.Hits, world_s: float) -> Field2D:
        """Opacity of the mist that lies on low ground in drifting patches, at half the picture's size."""
        world = self.world
        east, north, depth = (np.ascontiguousarray(part[::2, ::2]) for part in (hits.east_m, hits.north_m, hits.depth_m))
        height = world.ground.grid.sample(world.ground.height_amsl_m, east, north) + hits.above_m
        low = np.clip(1.3 - (height - np.float32(world.ground.river.level_amsl_m)) / 7.0, 0.0, 1.0)
        column, row = east * 0.35 + np.float32(world_s * 0.15), north * 0.35
        patches = np.clip(
            0.55 + 0.45 * cv2.remap(clouds(), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), 0.0, 1.0
        )
        mist = world.config.lookalikes.mist * 0.85 * low * patches * np.clip(depth / 120.0, 0.0, 1.0)
        return np.asarray(mist, dtype=np.float32)

    def _lay_fires(
        self, picture: Picture, camera: Camera, depth_m: Field2D, world_s: float
    ) -> tuple[list[FlameLayer], list[list[Box]]]:
        """Smoke first, then flames shining through it. In place."""
        flames: list[FlameLayer] = []
        smokes: list[list[Box]] = []
        for number, fire in enumerate(self.world.fires):
            smoke = smoke_layer(camera, self.world.puffs(number, world_s), depth_m, self.light.sun)
            clear: Field2D | None = None
            if smoke is not None:
                veil = self._haze_at(camera, fire.east_m, fire.north_m)
                draw_smoke(picture, smoke, self.light.sunlight, veil)
                smokes.append(smoke_boxes(smoke, veil))
                clear = np.ones(depth_m.shape, np.float32)
                clear[smoke.top : smoke.top + smoke.clear.shape[0], smoke.left : smoke.left + smoke.clear.shape[1]] = (
                    smoke.clear
                )
            layer = flame_layer(camera, fire, world_s, depth_m)
            if layer is not None:
                draw_flames(picture, layer, clear)
                flames.append(layer)
        return flames, smokes

    def _haze_at(self, camera: Camera, east_m: float, north_m: float) -> float:
        away = float(np.hypot(camera.position_m[0] - east_m, camera.position_m[1] - north_m))
        return float(self.light.haze(np.full((1, 1), away, np.float32))[0, 0])


def _footprint_m(camera: Camera, hits: raycast.Hits, rows: slice) -> float:
    """Metres of ground a pixel of a band covers: across at its median depth, and along the slant if that is coarser."""
    depth = hits.depth_m[rows][::8, ::16]
    across = float(np.median(depth)) / camera.lens.focal_px
    high = max(1.0, float(camera.position_m[2]) - 20.0)
    slant = min(4.0, max(1.0, float(np.median(depth)) / high))
    return float(across * slant**0.6)
