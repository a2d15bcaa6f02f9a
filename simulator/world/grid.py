"""A square raster over the world. Row 0 is north, column 0 is west; it repeats beyond its edges."""

from dataclasses import dataclass

import cv2
import numpy as np

from simulator.world.raster import Field2D


@dataclass(frozen=True)
class Grid:
    """The relation between metres east/north of the world's centre and cells.

    Attributes:
        size_m: side of the world.
        cells: cells a side.
    """

    size_m: float
    cells: int

    @property
    def step_m(self) -> float:
        """Side of a cell."""
        return self.size_m / self.cells

    def axes(self) -> tuple[Field2D, Field2D]:
        """East of each column and north of each row (cell centres), shaped to broadcast: (1, n) and (n, 1)."""
        centre = (np.arange(self.cells, dtype=np.float32) + 0.5) * np.float32(self.step_m) - np.float32(self.size_m / 2)
        return centre[None, :], -centre[:, None]

    def to_cells(self, east_m: Field2D, north_m: Field2D) -> tuple[Field2D, Field2D]:
        """Column and row as ``cv2.remap`` wants them: 0 is the centre of the first cell."""
        scale = np.float32(1.0 / self.step_m)
        shift = np.float32(self.cells / 2 - 0.5)
        return east_m * scale + shift, north_m * -scale + shift

    def sample(self, raster: Field2D, east_m: Field2D, north_m: Field2D) -> Field2D:
        """Bilinear values of a raster of this grid at places, which are 2-D arrays."""
        column, row = self.to_cells(east_m, north_m)
        return np.asarray(cv2.remap(raster, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))

    def at(self, raster: Field2D, east_m: float, north_m: float) -> float:
        """The bilinear value at one place."""
        east, north = np.full((1, 1), east_m, np.float32), np.full((1, 1), north_m, np.float32)
        return float(self.sample(raster, east, north)[0, 0])


def enlarge(raster: Field2D, cells: int) -> Field2D:
    """A periodic raster at another resolution, smooth, without a seam at its edges."""
    old = raster.shape[0]
    pad = 4
    wrapped = cv2.copyMakeBorder(raster, pad, pad, pad, pad, cv2.BORDER_WRAP)
    where = (np.arange(cells, dtype=np.float32) + 0.5) * np.float32(old / cells) - 0.5 + pad
    column = np.repeat(where[None, :], cells, axis=0)
    row = np.repeat(where[:, None], cells, axis=1)
    return np.asarray(cv2.remap(wrapped, column, row, cv2.INTER_CUBIC), dtype=np.float32)
