"""Height of the ground from a raster.

Reads the ESRI ASCII grid (``.asc``), which every GIS writes: a small header, then rows from north to south. The raster's
coordinates are WGS84 degrees, its values metres above mean sea level.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agent.core.errors import ConfigError
from agent.core.geo import LatLon

_HEADER_KEYS = {
    "ncols",
    "nrows",
    "xllcorner",
    "yllcorner",
    "xllcenter",
    "yllcenter",
    "cellsize",
    "dx",
    "dy",
    "nodata_value",
}


@dataclass(frozen=True, eq=False)
class Terrain:
    """A regular raster of ground heights.

    Attributes:
        heights_amsl_m: rows north to south, columns west to east; NaN where unknown.
        south_lat_deg: latitude of the centre of the last row.
        west_lon_deg: longitude of the centre of the first column.
        step_lat_deg: row spacing, positive.
        step_lon_deg: column spacing, positive.
    """

    heights_amsl_m: NDArray[np.float64]
    south_lat_deg: float
    west_lon_deg: float
    step_lat_deg: float
    step_lon_deg: float

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads an ESRI ASCII grid.

        Raises:
            ConfigError: the file is missing or is not such a grid.
        """
        try:
            header, skip = _read_header(path)
            data = np.loadtxt(path, skiprows=skip, ndmin=2)
        except (OSError, ValueError, UnicodeDecodeError) as error:
            raise ConfigError(
                "terrain.unreadable", f"{path}: not an ESRI ASCII grid ({error}); export the DEM as .asc"
            ) from error
        rows, cols = int(header.get("nrows", 0)), int(header.get("ncols", 0))
        if data.shape != (rows, cols) or rows < 2 or cols < 2:
            raise ConfigError("terrain.unreadable", f"{path}: header says {rows} x {cols} cells, the file has {data.shape}")
        step_lon = header.get("dx", header.get("cellsize", 0.0))
        step_lat = header.get("dy", header.get("cellsize", 0.0))
        if not (step_lat > 0 and step_lon > 0):
            raise ConfigError("terrain.unreadable", f"{path}: no positive cellsize (or dx, dy) in the header")
        data[data == header.get("nodata_value", -9999.0)] = np.nan
        south = header.get("yllcenter", header.get("yllcorner", 0.0) + step_lat / 2)
        west = header.get("xllcenter", header.get("xllcorner", 0.0) + step_lon / 2)
        return cls(data, south, west, step_lat, step_lon)

    def height_amsl_m(self, place: LatLon) -> float | None:
        """Ground height by bilinear interpolation; None outside the raster or beside an unknown cell."""
        value = self.heights_at(np.array([place.lat_deg]), np.array([place.lon_deg]))[0]
        return None if np.isnan(value) else float(value)

    def heights_at(self, lat_deg: NDArray[np.float64], lon_deg: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ground heights in metres AMSL at many places, shape of the inputs, NaN where unknown."""
        rows, cols = self.heights_amsl_m.shape
        row = (rows - 1) - (np.asarray(lat_deg) - self.south_lat_deg) / self.step_lat_deg
        col = (np.asarray(lon_deg) - self.west_lon_deg) / self.step_lon_deg
        inside = (row >= 0) & (row <= rows - 1) & (col >= 0) & (col <= cols - 1)
        row_0 = np.clip(np.floor(np.nan_to_num(row)), 0, rows - 2).astype(np.int64)
        col_0 = np.clip(np.floor(np.nan_to_num(col)), 0, cols - 2).astype(np.int64)
        down, right = row - row_0, col - col_0
        corners = (
            (0, 0, (1 - down) * (1 - right)),
            (0, 1, (1 - down) * right),
            (1, 0, down * (1 - right)),
            (1, 1, down * right),
        )
        total = np.zeros_like(down)
        for d_row, d_col, weight in corners:
            height = self.heights_amsl_m[row_0 + d_row, col_0 + d_col]
            total += np.where(weight > 0, height * weight, 0.0)  # an unknown cell counts only where it has weight
        return np.where(inside, total, np.nan)


def _read_header(path: Path) -> tuple[dict[str, float], int]:
    """The header's values by lower-case key, and how many lines it takes."""
    header: dict[str, float] = {}
    with path.open(encoding="ascii") as lines:
        for line in lines:
            key, *rest = line.split() or [""]
            if key.lower() not in _HEADER_KEYS:
                break
            header[key.lower()] = float(rest[0])
    if not header:
        raise ValueError("it has no header")
    return header, len(header)
