"""Periodic fractal noise. Knows only numbers; the seed decides everything."""

import numpy as np
from numpy.typing import NDArray

from simulator.world.raster import Field2D


def fractal(cells: int, rng: np.random.Generator, slope: float = 2.0, longest: float = 1.0, shortest: float = 0.0) -> Field2D:
    """A square field that repeats at its edges, mean 0 and standard deviation 1.

    Args:
        cells: side of the square.
        rng: the source of chance.
        slope: the spectrum falls with frequency to this power; 2 is rough ground, 3 is smooth.
        longest: wavelengths above this fraction of the side are left out.
        shortest: wavelengths below this fraction of the side are left out.
    """
    white = np.fft.rfft2(rng.standard_normal((cells, cells)))
    across = np.fft.fftfreq(cells) * cells
    along = np.fft.rfftfreq(cells) * cells
    frequency = np.hypot(across[:, None], along[None, :])
    frequency[0, 0] = np.inf
    gain = frequency ** (-slope / 2.0)
    gain[frequency < 1.0 / longest] = 0.0
    if shortest > 0.0:
        gain[frequency > 1.0 / shortest] = 0.0
    field = np.fft.irfft2(white * gain, s=(cells, cells))
    return np.asarray(field / field.std(), dtype=np.float32)


def hash_unit(*keys: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """A fixed pseudo-random number in 0..1 for each combination of integer keys (broadcast)."""
    state = np.zeros(np.broadcast_shapes(*(np.shape(key) for key in keys)), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = state ^ np.asarray(key, dtype=np.int64).astype(np.uint64)
            state = (state + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return (state >> np.uint64(11)).astype(np.float64) / float(2**53)


def smoothstep(low: float, high: float, value: Field2D) -> Field2D:
    """0 below low, 1 above high, smooth between."""
    x = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x), dtype=np.float32)
