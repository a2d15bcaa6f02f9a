"""No picture of one split is nearly a picture of another: a figure on such a test would flatter."""

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.training.data import DATA_ROOT, Sample, held_out_samples, training_samples
from models.training.near_duplicates import NEAR_BITS, difference_hash, near_pairs

ROOT = Path(__file__).parents[3] / DATA_ROOT


def scene(seed: int) -> np.ndarray:
    """Soft shapes, as a landscape has them."""
    small = np.random.default_rng(seed).integers(0, 255, (9, 12), dtype=np.uint8)
    return cv2.resize(small, (320, 240), interpolation=cv2.INTER_CUBIC)


def test_a_picture_darkened_shrunk_and_coded_again_is_near_and_another_is_not():
    picture, other = scene(1), scene(2)
    _, coded = cv2.imencode(".jpg", cv2.resize(picture, (200, 150)) // 2 + 20, [cv2.IMWRITE_JPEG_QUALITY, 60])
    again = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    hashes = np.stack([difference_hash(each) for each in (picture, again, other)])

    assert near_pairs(hashes[:1], hashes[1:]) == [(0, 0)]


def test_hashes_have_a_bit_for_each_step_to_the_right_and_down():
    rising = np.tile(np.linspace(0, 255, 320).astype(np.uint8), (240, 1))

    bits = np.unpackbits(difference_hash(rising))

    assert len(bits) == 512
    assert bits[:256].all()
    assert not bits[256:].any()
    assert NEAR_BITS < 512 // 4


@pytest.mark.skipif(not ROOT.exists(), reason=f"the labelled pictures are not at {DATA_ROOT}")
def test_no_near_duplicates_cross_the_splits():
    splits = {"train": training_samples(ROOT), "val": held_out_samples(ROOT, "val"), "test": held_out_samples(ROOT, "test")}
    # Masks and boxes may say what they like; what counts here is what the pictures look like.
    hashes = {name: np.stack([difference_hash(_grey(sample)) for sample in samples]) for name, samples in splits.items()}
    crossing = [
        f"{splits[a][i].path} ({a}) and {splits[b][j].path} ({b})"
        for a, b in combinations(splits, 2)
        for i, j in near_pairs(hashes[a], hashes[b])
    ]

    assert crossing == []


def _grey(sample: Sample) -> np.ndarray:
    """A quarter of the size is more than the hash needs, and four times faster to read."""
    return cv2.imread(str(sample.path), cv2.IMREAD_REDUCED_GRAYSCALE_4)
