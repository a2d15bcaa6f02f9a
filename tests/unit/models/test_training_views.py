"""What a view of a picture teaches, and what it must not teach: no torch needed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.training.augment import View, make_example, picture_truth
from models.training.data import Sample
from models.training.plumes import with_plume
from models.training.sources import BY_NAME, FLAME, SIMULATED, SMOKE

CANVAS = (320, 256)
NO_BOXES = np.zeros((0, 5), np.float32)


def sample_of(source_name: str, label: str, boxes: list[tuple[float, ...]] | None = None) -> Sample:
    source = SIMULATED if source_name == "simulator" else BY_NAME[source_name]
    sample = Sample(Path("/nowhere"), "x.jpg", source, "train", "g", label, source.truth(label))
    sample.__dict__["boxes"] = np.array(boxes or [], np.float32).reshape(-1, 5)
    return sample


def rows(*boxes: tuple[float, ...]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 5)


def test_a_tile_of_a_smoke_picture_without_its_plume_is_a_negative():
    sample = sample_of("hpwren_smoke", "smoke", [(SMOKE, 0.1, 0.1, 0.2, 0.2)])

    assert picture_truth(sample, NO_BOXES, NO_BOXES, whole=False).tolist() == [0, 0, 0]


def test_a_tile_with_a_sliver_of_the_plume_is_unknown():
    sample = sample_of("hpwren_smoke", "smoke", [(SMOKE, 0.1, 0.1, 0.2, 0.2)])
    sliver = rows((SMOKE, 0, 0, 4, 4))

    assert np.isnan(picture_truth(sample, NO_BOXES, sliver, whole=False)[:2]).all()


def test_a_tile_without_a_box_of_a_loosely_boxed_fire_is_unknown():
    sample = sample_of("kaggle_fire_boxes", "fire", [(FLAME, 0.1, 0.1, 0.2, 0.2)])

    assert np.isnan(picture_truth(sample, NO_BOXES, NO_BOXES, whole=False)[:2]).all()


def test_a_simulated_tile_with_flame_only_shows_fire_and_no_smoke():
    sample = sample_of("simulator", "fire", [(FLAME, 0.1, 0.1, 0.2, 0.2), (SMOKE, 0.6, 0.6, 0.9, 0.9)])
    sample = replace(sample, truth=replace(sample.truth, smoke=1.0))
    sample.__dict__["boxes"] = rows((FLAME, 0.1, 0.1, 0.2, 0.2), (SMOKE, 0.6, 0.6, 0.9, 0.9))

    assert picture_truth(sample, rows((FLAME, 5, 5, 30, 30)), NO_BOXES, whole=False)[:2].tolist() == [1, 0]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_a_view_moves_pixels_and_boxes_alike(*, mirror: bool, scale: float):
    import cv2

    from models.training.augment import _move_boxes

    picture = np.zeros((200, 240, 3), np.uint8)
    picture[60:100, 80:140] = 255
    view = View(scale, 13.0, -7.0, mirror, CANVAS)

    seen = cv2.warpAffine(picture, view.matrix(), CANVAS, flags=cv2.INTER_LINEAR)[..., 0] > 127
    boxes, ignored = _move_boxes(rows((FLAME, 80, 60, 140, 100)), view, 240, 200)

    ys, xs = np.nonzero(seen)
    assert len(ignored) == 0
    assert boxes[0, 1:] == pytest.approx([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], abs=1.1)


def test_the_same_seed_makes_the_same_view():
    picture = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    sample = sample_of("hpwren_smoke", "smoke", [(SMOKE, 0.4, 0.4, 0.6, 0.5)])

    one = make_example(picture, None, sample, CANVAS, np.random.default_rng(9))
    two = make_example(picture, None, sample, CANVAS, np.random.default_rng(9))

    assert np.array_equal(one.pixels, two.pixels)
    assert np.array_equal(one.boxes, two.boxes)


def test_water_of_a_view_follows_its_mask_and_padding_is_not_known():
    picture = np.full((150, 300, 3), 80, np.uint8)
    mask = np.zeros((150, 300), np.uint8)
    mask[:, :150] = 255
    sample = sample_of("flood_area", "flood")
    shares, known = [], []
    for seed in range(20):
        example = make_example(picture, mask, sample, CANVAS, np.random.default_rng(seed))
        shares.append(float(example.water[example.water_known > 0].mean()))
        known.append(float(example.water_known.mean()))

    assert np.mean(shares) == pytest.approx(0.5, abs=0.08)
    assert max(known) < 0.85  # a picture twice as wide as high leaves a part of the canvas empty


def test_a_river_in_its_bed_is_never_taught_as_a_flood():
    picture = np.full((544, 960, 3), 80, np.uint8)
    mask = np.full((544, 960), 255, np.uint8)
    for seed in range(20):
        example = make_example(picture, mask, sample_of("simulator", "none"), CANVAS, np.random.default_rng(seed))
        assert example.picture[2] == 0


@pytest.mark.parametrize("seed", range(8))
def test_a_drawn_plume_changes_what_its_box_holds_and_nothing_outside_its_area(seed: int):
    pixels = np.random.default_rng(1).integers(60, 120, (256, 320, 3), dtype=np.uint8)
    drawn, boxes = with_plume(pixels, (20, 10, 300, 240), np.random.default_rng(seed))
    changed = (drawn != pixels).any(axis=2)

    if not len(boxes):
        assert not changed.any()
        return
    _, x0, y0, x1, y1 = (int(value) for value in boxes[0])
    assert boxes[0, 0] == SMOKE
    assert changed[y0:y1, x0:x1].mean() > 0.2
    changed[10:240, 20:300] = False
    assert not changed.any()


def test_plumes_are_drawn_only_where_there_is_surely_no_fire():
    picture = np.full((240, 320, 3), 120, np.uint8)
    clear, burning = sample_of("hpwren_nosmoke", "none"), sample_of("aider_fire", "fire")
    with_smoke = [make_example(picture, None, clear, CANVAS, np.random.default_rng(seed)) for seed in range(30)]
    untouched = [make_example(picture, None, burning, CANVAS, np.random.default_rng(seed)) for seed in range(30)]

    drawn = [example for example in with_smoke if len(example.boxes)]
    assert 0 < len(drawn) < 20
    assert all(example.picture[:2].tolist() == [1, 1] for example in drawn)
    assert not any(len(example.boxes) for example in untouched)
