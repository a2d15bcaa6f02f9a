"""Writes what an operator would have of a site: a DEM, the river's normal extent, a map from above."""

import json
import math
from pathlib import Path

import cv2
import numpy as np

from simulator.world.scene import World
from simulator.world.truth import outlines

DEM_CELL_M = 10.0
_DEM_MARGIN_M = 300.0
_MAP_PX = 1600


def export_site(world: World, out: Path, *, with_map: bool = True) -> list[Path]:
    """Writes ``dem.asc``, ``river.geojson``, and ``map.png`` with ``map.json``; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    written = [_write_dem(world, out / "dem.asc"), _write_river(world, out / "river.geojson")]
    if with_map:
        written += _write_map(world, out)
    return written


def _write_dem(world: World, path: Path) -> Path:
    """The bare ground, some way beyond the world's edge (the landscape repeats there)."""
    half = world.config.size_m / 2 + _DEM_MARGIN_M
    count = math.ceil(2 * half / DEM_CELL_M) + 1
    corner, far = world.frame.to_latlon(-half, -half), world.frame.to_latlon(half, half)
    d_lat, d_lon = (far.lat_deg - corner.lat_deg) / (count - 1), (far.lon_deg - corner.lon_deg) / (count - 1)
    offset = np.linspace(-half, half, count, dtype=np.float32)
    east = np.repeat(offset[None, :], count, axis=0)
    north = np.repeat(offset[::-1, None], count, axis=1)
    heights = world.ground.grid.sample(world.ground.height_amsl_m, east, north)
    header = (
        f"ncols {count}\nnrows {count}\nxllcenter {corner.lon_deg:.9f}\nyllcenter {corner.lat_deg:.9f}\n"
        f"dx {d_lon:.12f}\ndy {d_lat:.12f}\nNODATA_value -9999\n"
    )
    rows = "\n".join(" ".join(f"{value:.2f}" for value in row) for row in np.asarray(heights, np.float64).tolist())
    path.write_text(header + rows + "\n", encoding="ascii")
    return path


def _write_river(world: World, path: Path) -> Path:
    """Water at normal gauge as a GeoJSON multipolygon."""
    grid = world.water_grid
    half = grid.size_m / 2
    rings = outlines(world, world.flooding_rise_m <= 0.0, grid.step_m, (-half, half))
    polygons = [[[[point.lon_deg, point.lat_deg] for point in (*ring, ring[0])]] for ring in rings if len(ring) >= 3]
    feature = {
        "type": "Feature",
        "properties": {"name": "river", "water": "normal"},
        "geometry": {"type": "MultiPolygon", "coordinates": polygons},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    return path


def _write_map(world: World, out: Path) -> list[Path]:
    """The ground from above with the river's water, and where the picture's corners lie."""
    coarse = World(world.config.model_copy(update={"texture_m": min(2.0, world.config.size_m / _MAP_PX)}))
    picture = cv2.resize(coarse.surface.picture, (_MAP_PX, _MAP_PX), interpolation=cv2.INTER_AREA)
    water = cv2.resize((world.flooding_rise_m <= 0.0).astype(np.uint8), (_MAP_PX, _MAP_PX), interpolation=cv2.INTER_AREA) > 0
    picture[water] = (120, 104, 74)
    cv2.imwrite(str(out / "map.png"), picture)
    half = world.config.size_m / 2
    south_west, north_east = world.frame.to_latlon(-half, -half), world.frame.to_latlon(half, half)
    corners = {"south_lat_deg": south_west.lat_deg, "west_lon_deg": south_west.lon_deg}
    corners |= {"north_lat_deg": north_east.lat_deg, "east_lon_deg": north_east.lon_deg}
    (out / "map.json").write_text(json.dumps(corners), encoding="utf-8")
    return [out / "map.png", out / "map.json"]
