"""How sharp a picture is, cell by cell. Pure; shared by what judges a picture and what judges the lens."""

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.frame import Pixels

CELLS_ACROSS = 32


def detail_map(pixels: Pixels, width_px: int) -> NDArray[np.float32]:
    """Mean absolute Laplacian of each cell, in grey levels, after the picture was brought to a width; 32 cells across.

    At a smaller width coarser detail is measured, and the sensor's noise is averaged away.
    """
    cell_px = width_px // CELLS_ACROSS
    rows = max(1, round(pixels.shape[0] * width_px / pixels.shape[1] / cell_px))
    how = cv2.INTER_AREA if pixels.shape[1] >= width_px else cv2.INTER_CUBIC
    grey = cv2.cvtColor(cv2.resize(pixels, (width_px, rows * cell_px), interpolation=how), cv2.COLOR_BGR2GRAY)
    detail = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    return np.asarray(cv2.resize(detail, (CELLS_ACROSS, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def spread(detail: NDArray[np.float32]) -> float:
    """The sharpest cells less the dullest: what the scene shows, without the noise that is everywhere."""
    low, high = np.percentile(detail, [10, 98])
    return float(high - low)
