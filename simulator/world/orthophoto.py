"""The ground as seen from straight above: colours with light and shadow, and the height of what stands on it.

Knows the plan of the cover and the sun. Water is left to the camera, because its edge moves.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from simulator.world.config import SunConfig, WorldConfig
from simulator.world.forest import forest_tiles, stamp_trees
from simulator.world.grid import Grid
from simulator.world.houses import stamp_houses
from simulator.world.landcover import LandCover
from simulator.world.noise import fractal, hash_unit
from simulator.world.raster import Field2D, Picture
from simulator.world.terrain import Ground

HEIGHT_STEP_M = 0.1  # canopy heights are stored in steps of this
_STRIP_ROWS = 400
_TILE_M = 312.0  # woodland repeats after this


# Colours are BGR albedos 0..255.
_MEADOWS = ((66, 108, 100), (60, 100, 86), (76, 116, 122), (62, 116, 94))
_CROPS = (
    (58, 108, 86),
    (58, 122, 104),
    (94, 142, 158),
    (78, 104, 130),
    (70, 92, 112),
    (64, 150, 160),
    (60, 112, 76),
    (102, 134, 142),
)
_ASPHALT, _EARTH, _CONCRETE = (104, 102, 100), (112, 142, 166), (136, 138, 138)
_BED, _SAND = (74, 92, 96), (118, 142, 156)


@dataclass(frozen=True, eq=False)
class Surface:
    """The picture of the ground.

    Attributes:
        grid: raster of both.
        picture: BGR, lit, without water.
        canopy: height of what stands on the ground in steps of ``HEIGHT_STEP_M``.
    """

    grid: Grid
    picture: Picture
    canopy: Picture


def make_surface(config: WorldConfig, ground: Ground, cover: LandCover) -> Surface:
    """Paints a world. Seconds of work and ``3 * (size / texture)^2`` bytes."""
    rng = np.random.default_rng([config.seed, 3])
    tiles = max(1, round(config.size_m / _TILE_M))
    tile_cells = 32 * round(config.size_m / config.texture_m / tiles / 32)  # halves evenly, so far views stay aligned
    grid = Grid(config.size_m, tiles * tile_cells)
    canopy = np.zeros((grid.cells, grid.cells), np.uint8)
    coarse = _paint_cover(config, ground, cover, Grid(config.size_m, grid.cells // 2), rng)
    albedo = np.asarray(cv2.resize(coarse, (grid.cells, grid.cells), interpolation=cv2.INTER_CUBIC), np.uint8)
    _plant_forest(albedo, canopy, cover, forest_tiles(tile_cells, grid.step_m, rng), rng)
    stamp_trees(albedo, canopy, grid, cover.trees, rng)
    stamp_houses(albedo, canopy, grid, cover.houses)
    _place_nest(albedo, canopy, grid)
    _light(albedo, canopy, grid, ground, config.sun)
    return Surface(grid, albedo, canopy)


def _paint_cover(config: WorldConfig, ground: Ground, cover: LandCover, grid: Grid, rng: np.random.Generator) -> Picture:
    """Meadow, fields, roads, banks."""
    n = grid.cells
    picture = np.zeros((n, n, 3), np.uint8)
    patches = fractal(512, rng, slope=2.2, longest=0.3)
    grain = fractal(512, rng, slope=0.9, longest=0.1)
    meadow = np.array(_MEADOWS[int(rng.integers(len(_MEADOWS)))], np.float32)
    dry = float(rng.uniform(-0.6, 0.9))
    paved, earth = cover.road_mask(grid, paved=True), cover.road_mask(grid, paved=False)
    verge = cv2.GaussianBlur(cover.road_mask(grid, paved=True, widen_m=4.0), (0, 0), 3)
    crops = _crop_colours(config.seed)
    east, north = grid.axes()
    for top in range(0, n, _STRIP_ROWS):
        rows = slice(top, min(top + _STRIP_ROWS, n))
        e = np.repeat(east, rows.stop - rows.start, axis=0)
        nn = np.repeat(north[rows], n, axis=1)
        broad = _tiled(patches, e, nn, config.size_m / 3)
        fine = _tiled(grain, e, nn, 90.0) * 0.6 + _tiled(grain, nn, e, 31.0) * 0.4
        colour = meadow * (1.0 + 0.06 * broad + 0.11 * fine)[..., None]
        colour += (np.array((-2.0, 5.0, 16.0), np.float32) * (dry + 0.45 * broad)[..., None]).astype(np.float32)
        _lay_fields(colour, cover, e, nn, fine, crops)
        _lay_banks(colour, ground, e, nn, fine)
        for mask, tint in ((verge, _EARTH), (earth, _EARTH), (paved, _ASPHALT)):
            share = (mask[rows].astype(np.float32) / (255.0 if mask is not verge else 500.0))[..., None]
            colour += share * (np.array(tint, np.float32) * (1.0 + 0.05 * fine)[..., None] - colour)
        picture[rows] = np.clip(colour, 0, 255).astype(np.uint8)
    return picture


def _tiled(tile: Field2D, east: Field2D, north: Field2D, length_m: float) -> Field2D:
    """A periodic tile stretched to a length and repeated."""
    scale = np.float32(tile.shape[0] / length_m)
    return np.asarray(cv2.remap(tile, east * scale, north * scale, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


def _crop_colours(seed: int) -> Field2D:
    """A colour for each parcel number."""
    numbers = np.arange(65_536)
    palette = np.array(_CROPS, np.float32)
    kind = (hash_unit(numbers, seed, 21) ** 1.4 * len(palette)).astype(np.int64)
    return np.asarray(palette[kind] * (0.85 + 0.3 * hash_unit(numbers, seed, 22))[:, None], dtype=np.float32)


def _lay_fields(colour: Field2D, cover: LandCover, east: Field2D, north: Field2D, fine: Field2D, crops: Field2D) -> None:
    """Fields with rows in their direction; borders between them stay meadow."""
    column, row = cover.grid.to_cells(east + 0.9 * fine, north - 0.9 * fine)  # ragged edges
    c = np.clip(np.rint(column), 0, cover.grid.cells - 1).astype(np.int32)
    r = np.clip(np.rint(row), 0, cover.grid.cells - 1).astype(np.int32)
    parcel = cover.parcel[r, c]
    turn = cover.parcel_turn_rad + np.where(parcel % 3 == 0, math.pi / 2, 0.0).astype(np.float32)
    rows = np.sin((east * np.sin(turn) - north * np.cos(turn)) * (2 * math.pi / (2.6 + (parcel % 4) * 0.9)))
    shade = 1.0 + 0.05 * rows * (0.3 + (parcel % 5) * 0.25) + 0.06 * fine
    inside = cv2.blur((parcel > 0).astype(np.float32), (3, 3))[..., None]
    colour += inside * (crops[parcel] * shade[..., None].astype(np.float32) - colour)


def _lay_banks(colour: Field2D, ground: Ground, east: Field2D, north: Field2D, fine: Field2D) -> None:
    bank = ground.grid.sample(ground.bank_distance_m, east, north)
    sand = np.clip(1.0 - np.abs(bank - 1.0 + 1.5 * fine) / 4.0, 0.0, 1.0)[..., None]
    colour += sand * (np.array(_SAND, np.float32) - colour) * 0.8
    bed = np.clip(-bank / 3.0, 0.0, 1.0)[..., None]
    colour += bed * (np.array(_BED, np.float32) - colour)


def _plant_forest(
    picture: Picture, canopy: Picture, cover: LandCover, tiles: list[tuple[Picture, Picture]], rng: np.random.Generator
) -> None:
    """Copies closed and open woodland from periodic tiles to where forest grows."""
    n, tile_cells = canopy.shape[0], tiles[0][1].shape[0]
    tint = cv2.resize(fractal(256, rng, slope=2.0, longest=0.5), (n, n), interpolation=cv2.INTER_LINEAR)
    forest = cv2.resize(cover.forest, (n, n), interpolation=cv2.INTER_LINEAR)
    roads = cover.road_mask(Grid(cover.grid.size_m, n), paved=True, widen_m=5.0) | cover.road_mask(
        Grid(cover.grid.size_m, n), paved=False, widen_m=1.0
    )
    for top in range(0, n, tile_cells):
        for left in range(0, n, tile_cells):
            part = (slice(top, top + tile_cells), slice(left, left + tile_cells))
            closed = tint[part] > -0.9
            for (colours, heights), chosen in ((tiles[0], closed), (tiles[1], ~closed)):
                planted = (chosen & (forest[part] > 0.5) & (roads[part] < 100)).astype(np.uint8)
                shade = np.clip(128.0 + 9.0 * tint[part], 0, 255).astype(np.uint8)
                toned = cv2.multiply(colours, cv2.merge([shade, shade, shade]), scale=1.0 / 128.0)
                cv2.copyTo(toned, planted, picture[part])
                cv2.copyTo(heights, planted, canopy[part])


def _place_nest(picture: Picture, canopy: Picture, grid: Grid) -> None:
    """The nest: a concrete yard, a white box with the pad in it."""

    def square(half_m: float, east_m: float = 0.0, north_m: float = 0.0) -> tuple[slice, slice]:
        column, row = grid.cells / 2 + east_m / grid.step_m, grid.cells / 2 - north_m / grid.step_m
        half = half_m / grid.step_m
        return slice(round(row - half), round(row + half)), slice(round(column - half), round(column + half))

    picture[square(7.0)] = _CONCRETE
    picture[square(1.6)] = (60, 60, 62)
    picture[square(1.1)] = (120, 124, 122)
    picture[square(0.5)] = (84, 82, 80)
    picture[square(1.3, east_m=4.5)] = (226, 228, 230)
    canopy[square(7.5)] = 0
    canopy[square(1.3, east_m=4.5)] = round(2.2 / HEIGHT_STEP_M)


def _light(picture: Picture, canopy: Picture, grid: Grid, ground: Ground, sun: SunConfig) -> None:
    """Sun on slopes and crowns, cast shadows, blue light from the sky. In place."""
    n = grid.cells
    azimuth, elevation = math.radians(sun.azimuth_deg), math.radians(sun.elevation_deg)
    shadow = _shadows(canopy, grid, azimuth, elevation)
    slope = cv2.resize(
        _sunward_slope(ground.height_amsl_m, ground.grid.step_m, azimuth), (n, n), interpolation=cv2.INTER_LINEAR
    )
    warm = np.clip(1.0 - sun.elevation_deg / 35.0, 0.0, 1.0)
    direct = np.array((1.0 - 0.45 * warm, 1.0 - 0.22 * warm, 1.0), np.float32) * np.float32(0.5 + 0.5 * math.sin(elevation))
    ambient = np.array((0.47, 0.42, 0.38), np.float32)
    for top in range(0, n, _STRIP_ROWS):
        rows = slice(max(0, top - 1), min(top + _STRIP_ROWS + 1, n))
        keep = slice(top - rows.start, min(top + _STRIP_ROWS, n) - rows.start)
        crowns = _sunward_slope(canopy[rows].astype(np.float32) * HEIGHT_STEP_M, grid.step_m, azimuth)
        tilt = slope[rows] + np.clip(crowns, -2.2, 2.2)
        facing = np.clip((math.sin(elevation) + tilt * math.cos(elevation)) / np.sqrt(1.0 + tilt * tilt), 0.0, 1.0)
        lit = (facing / (0.25 + 0.75 * math.sin(elevation)) * (1.0 - shadow[rows].astype(np.float32) / 255.0))[..., None]
        light = ambient + 0.78 * direct * np.minimum(lit, 1.7)
        out = slice(top, min(top + _STRIP_ROWS, n))
        picture[out] = np.clip(picture[out] * light[keep] * 1.18, 0, 255).astype(np.uint8)


def _sunward_slope(height: Field2D, step_m: float, azimuth: float) -> Field2D:
    """Minus the rise towards the sun: positive where the surface faces it."""
    d_east = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1.0 / (8.0 * step_m))
    d_south = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1.0 / (8.0 * step_m))
    return np.asarray(-(d_east * math.sin(azimuth) - d_south * math.cos(azimuth)), dtype=np.float32)


def _shadows(canopy: Picture, grid: Grid, azimuth: float, elevation: float) -> Picture:
    """255 where something towards the sun stands in its way; computed at half resolution."""
    half = cv2.resize(canopy, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.int16)
    step_m = 2.0 * grid.step_m
    longest_m = min(90.0, float(half.max()) * HEIGHT_STEP_M / math.tan(elevation))
    shade = np.zeros(half.shape, bool)
    stride_m = max(step_m, longest_m / 36.0)
    for number in range(1, 1 + math.ceil(longest_m / stride_m)):
        away = number * stride_m
        d_column = -round(away * math.sin(azimuth) / step_m)
        d_row = round(away * math.cos(azimuth) / step_m)
        above = np.roll(half, (d_row, d_column), axis=(0, 1)) - np.int16(away * math.tan(elevation) / HEIGHT_STEP_M)
        shade |= above > half + 4
    soft = cv2.GaussianBlur(shade.astype(np.uint8) * 255, (3, 3), 0)
    return np.asarray(cv2.resize(soft, (grid.cells, grid.cells), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
