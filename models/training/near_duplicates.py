"""Tells pictures that are nearly the same, whatever their size, brightness and compression. Arrays in, arrays out."""

import cv2
import numpy as np
import numpy.typing as npt

NEAR_BITS = 64
"""Hashes that differ in at most so many of their 512 bits are of nearly the same picture."""
_SIDE = 16

Hash = npt.NDArray[np.uint8]


def difference_hash(grey: npt.NDArray[np.uint8]) -> Hash:
    """64 bytes: whether each of 16 x 16 patches is darker than its neighbour to the right, then below (dHash)."""
    across = cv2.resize(grey, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    down = cv2.resize(grey, (_SIDE, _SIDE + 1), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.packbits(np.concatenate(((np.diff(across, axis=1) > 0).ravel(), (np.diff(down, axis=0) > 0).ravel())))


def near_pairs(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Indices of the near pairs of two lists of hashes, [n, 64] and [m, 64]."""
    pairs = []
    for index, one in enumerate(a):
        bits = np.bitwise_count(np.bitwise_xor(b, one)).sum(axis=1)
        pairs += [(index, int(other)) for other in np.flatnonzero(bits <= NEAR_BITS)]
    return pairs
