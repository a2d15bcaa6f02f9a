"""The world as a radiometric thermal camera sees it: temperatures, 16 bit a pixel.

Knows the world, the pose and the lens. What is not fire is what tempts a detector: metal roofs in the sun, asphalt, engines.
The temperatures are plausible for a summer's day; they are no heat balance.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.core.clock import Clock
from simulator.camera import raycast
from simulator.camera.frames import Captured
from simulator.camera.pose import PoseTrack
from simulator.camera.projection import Camera, Lens
from simulator.world.fire import CELL_M, RESIDENCE_S, Fire
from simulator.world.landcover import House
from simulator.world.noise import hash_unit
from simulator.world.raster import Field2D
from simulator.world.scene import World

LENS = Lens(640, 512, 45.0)
KELVIN_PER_COUNT = 0.01
_GROUND_C, _CROWN_C, _WATER_C, _SKY_C = 24.0, 19.0, 15.0, -25.0
_SUN_ASPHALT_C, _SUN_TILES_C, _SUN_METAL_C = 14.0, 14.0, 34.0
"""What the sun at its highest adds."""
_NOISE_C = 0.06
_FLICKER_HZ = 4.0
_EMBERS_C, _COOLING_S = 180.0, 600.0
_LAG_S = 0.08


class ThermalRenderer:
    """Draws one world's temperatures.

    Args:
        world: the world.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._canopy = raycast.make_canopy(world.surface.grid, world.surface.canopy)
        self._ground_c = _ground_c(world)

    def render(self, camera: Camera, world_s: float, frame: int = 0) -> Field2D:
        """Degrees Celsius, at the lens's size. The same arguments give the same picture."""
        world = self.world
        hits = raycast.cast(camera, world.ground.height_amsl_m, world.ground.grid, self._canopy)
        celsius = world.cover.grid.sample(self._ground_c, hits.east_m, hits.north_m)
        size = celsius.shape[1], celsius.shape[0]
        above_m = cv2.resize(hits.above_m, size, interpolation=cv2.INTER_LINEAR)
        crowns = (above_m > 3.0) & (celsius < _GROUND_C + 4.0)
        celsius = np.where(crowns, np.float32(_CROWN_C), celsius)
        for fire in world.fires:
            celsius = np.maximum(celsius, _fire_c(fire, world_s, hits.east_m, hits.north_m))
        sky = cv2.resize(hits.sky, size, interpolation=cv2.INTER_NEAREST) > 0
        celsius = np.where(sky, np.float32(_SKY_C), celsius)
        rng = np.random.default_rng([world.config.seed, 77, frame])
        blurred = cv2.GaussianBlur(np.asarray(celsius, np.float32), (0, 0), 0.7)
        return np.asarray(blurred + rng.normal(0.0, _NOISE_C, celsius.shape), np.float32)


def counts_of(celsius: Field2D) -> NDArray[np.uint16]:
    """Temperatures as the camera counts them: hundredths of a kelvin."""
    return np.clip(np.rint((celsius + 273.15) / KELVIN_PER_COUNT), 0, 65_535).astype(np.uint16)


def _ground_c(world: World) -> Field2D:
    """Temperature of the bare surface on the raster of the land cover."""
    cover, grid = world.cover, world.cover.grid
    sun = max(0.0, math.sin(math.radians(world.config.sun.elevation_deg))) * (1.0 - 0.7 * world.config.air.cloud_cover)
    rows, cols = np.mgrid[0 : grid.cells, 0 : grid.cells]
    celsius = (_GROUND_C + 3.0 * (hash_unit(rows // 6, cols // 6, world.config.seed) - 0.5)).astype(np.float32)
    celsius = np.asarray(cv2.blur(celsius, (9, 9)), np.float32)
    celsius[cover.road_mask(grid, paved=True) > 0] += _SUN_ASPHALT_C * sun
    east, north = (np.broadcast_to(axis, celsius.shape).astype(np.float32) for axis in grid.axes())
    bank = world.ground.grid.sample(world.ground.bank_distance_m, east, north)
    celsius[bank < 0.0] = _WATER_C
    for house in cover.houses:
        corners = np.column_stack(grid.to_cells(*_corners(house)))
        added = _SUN_METAL_C if house.metal else _SUN_TILES_C
        cv2.fillConvexPoly(celsius, np.rint(corners).astype(np.int32), _GROUND_C + added * sun)
    return celsius


def _corners(house: House) -> tuple[Field2D, Field2D]:
    """East and north of a roof's corners."""
    along = np.array([-1, 1, 1, -1], np.float32) * np.float32(house.length_m / 2)
    across = np.array([-1, -1, 1, 1], np.float32) * np.float32(house.width_m / 2)
    cosine, sine = np.float32(math.cos(house.turn_rad)), np.float32(math.sin(house.turn_rad))
    return house.east_m + along * cosine - across * sine, house.north_m + along * sine + across * cosine


def _fire_c(fire: Fire, world_s: float, east_m: Field2D, north_m: Field2D) -> Field2D:
    """Flames of 250 to 800 degrees that flicker cell by cell, and embers that cool; far below zero elsewhere."""
    column = np.floor((east_m - fire.east_m) / CELL_M + fire.cells / 2).astype(np.int64)
    row = np.floor((fire.north_m - north_m) / CELL_M + fire.cells / 2).astype(np.int64)
    inside = (column >= 0) & (column < fire.cells) & (row >= 0) & (row < fire.cells)
    age_s = world_s - fire.arrival_s[np.where(inside, row, 0), np.where(inside, column, 0)]
    # Half a metre is what burns at once: a cell is a patchwork of flames and not yet of them.
    patch = np.floor(east_m * 2.0).astype(np.int64), np.floor(north_m * 2.0).astype(np.int64)
    unit = hash_unit(*patch, int(world_s * _FLICKER_HZ))
    flames = np.where(unit > 0.45, 250.0 + 1000.0 * (unit - 0.45), 70.0)
    embers = 40.0 + _EMBERS_C * np.exp(-np.maximum(age_s - RESIDENCE_S, 0.0) / _COOLING_S)
    out = np.where(age_s < RESIDENCE_S, flames, embers)
    return np.asarray(np.where(inside & (age_s >= 0.0), out, -300.0), np.float32)


class ThermalSource:
    """Thermal pictures from the newest pose of the gimbal; even warmth before the first pose.

    Args:
        renderer: draws the world.
        track: the camera's poses.
        clock: product time.
        start_unix_s: product time of the world's second 0.
    """

    def __init__(self, renderer: ThermalRenderer, track: PoseTrack, clock: Clock, start_unix_s: float) -> None:
        self._renderer, self._track, self._clock, self._start_s = renderer, track, clock, start_unix_s
        self._frame = 0

    def capture(self) -> Captured:
        """The picture of now: a 16-bit PNG."""
        moment = self._clock.unix_s() - _LAG_S
        pose = self._track.at(moment)
        self._frame += 1
        if pose is None:
            celsius = np.full((LENS.height_px, LENS.width_px), _GROUND_C, np.float32)
        else:
            celsius = self._renderer.render(pose.camera(LENS), moment - self._start_s, self._frame)
        return Captured(cv2.imencode(".png", counts_of(celsius))[1].tobytes(), moment)
