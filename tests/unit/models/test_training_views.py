"""What a view of a picture teaches, and what it must not teach: no torch needed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.training.assign import LOOSE_BACKGROUND_WEIGHT, assign, cell_grid
from models.training.augment import View, make_example, picture_truth
from models.training.data import Sample
from models.training.sources import BOTH, BY_NAME, FLAME, SIMULATED, SMOKE, Truth

SIZE = 320
NO_BOXES = np.zeros((0, 5), np.float32)


def sample_of(source_name: str, label: str, boxes: list[tuple[float, ...]] | None = None) -> Sample:
    source = SIMULATED if source_name == "simulator" else BY_NAME[source_name]
    sample = Sample(Path("/nowhere"), "x.jpg", source, "train", "g", label, source.truth(label))
    sample.__dict__["boxes"] = np.array(boxes or [], np.float32).reshape(-1, 5)
    return sample


def rows(*boxes: tuple[float, ...]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 5)


def test_a_fire_picture_without_boxes_teaches_no_background():
    targets = assign(NO_BOXES, NO_BOXES, BY_NAME["aider_fire"].truth("fire"), SIZE)

    assert targets.weights.sum() == 0
    assert targets.positive.sum() == 0


def test_a_negative_picture_teaches_background_of_both_classes_everywhere():
    targets = assign(NO_BOXES, NO_BOXES, BY_NAME["hpwren_nosmoke"].truth("none"), SIZE)

    assert (targets.weights == 1).all()
    assert targets.classes.sum() == 0


def test_flame_boxes_without_smoke_boxes_say_nothing_about_smoke():
    truth = BY_NAME["kaggle_fire_boxes"].truth("fire")
    targets = assign(rows((FLAME, 100, 100, 140, 150)), NO_BOXES, truth, SIZE)

    assert targets.weights[:, SMOKE].sum() == 0
    assert targets.weights[targets.positive > 0, FLAME].min() == 1
    far = targets.weights[targets.positive == 0, FLAME]
    assert set(np.unique(far)) <= {np.float32(0), np.float32(LOOSE_BACKGROUND_WEIGHT)}


def test_the_cell_responsible_for_a_box_gives_the_box_back():
    box = (SMOKE, 60.0, 90.0, 110.0, 130.0)
    targets = assign(rows(box), NO_BOXES, Truth(boxes=BOTH), SIZE)
    centres, strides, _ = cell_grid(SIZE)
    found = np.flatnonzero(targets.positive)

    assert len(found) >= 1
    assert set(strides[found]) == {8.0}
    for cell in found:
        left, top, right, bottom = targets.distances[cell]
        x, y = centres[cell]
        assert (x - left, y - top, x + right, y + bottom) == pytest.approx(box[1:])


@pytest.mark.parametrize(("side_px", "stride"), [(20, 8), (100, 16), (250, 32)])
def test_larger_boxes_go_to_coarser_levels(side_px: float, stride: float):
    box = (FLAME, 20.0, 20.0, 20.0 + side_px, 20.0 + side_px)
    targets = assign(rows(box), NO_BOXES, Truth(boxes=BOTH), SIZE)

    assert set(cell_grid(SIZE)[1][targets.positive > 0]) == {stride}


def test_a_plume_smaller_than_a_cell_still_has_a_cell():
    targets = assign(rows((SMOKE, 97.0, 98.0, 100.0, 101.0)), NO_BOXES, Truth(boxes=BOTH), SIZE)

    assert targets.positive.sum() == 1


def test_a_cut_box_teaches_neither_yes_nor_no():
    centres, _, _ = cell_grid(SIZE)
    cut = (SMOKE, 0.0, 0.0, 40.0, 40.0)
    targets = assign(NO_BOXES, rows(cut), Truth(boxes=BOTH), SIZE)
    inside = (centres <= 40).all(axis=1)

    assert targets.weights[inside].sum() == 0
    assert (targets.weights[~inside] == 1).all()


def test_where_boxes_overlap_the_smaller_keeps_the_cell():
    large, small = (SMOKE, 100.0, 100.0, 150.0, 150.0), (FLAME, 115.0, 115.0, 135.0, 135.0)
    targets = assign(rows(large, small), NO_BOXES, Truth(boxes=BOTH), SIZE)
    centres, _, _ = cell_grid(SIZE)
    middle = np.flatnonzero((targets.positive > 0) & (np.abs(centres - 125).max(axis=1) <= 8))

    assert targets.classes[middle, FLAME].min() == 1
    assert targets.classes[middle, SMOKE].max() == 0


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
    view = View(scale, 13.0, -7.0, mirror, SIZE)

    seen = cv2.warpAffine(picture, view.matrix(SIZE), (SIZE, SIZE), flags=cv2.INTER_LINEAR)[..., 0] > 127
    boxes, ignored = _move_boxes(rows((FLAME, 80, 60, 140, 100)), view, 240, 200)

    ys, xs = np.nonzero(seen)
    assert len(ignored) == 0
    assert boxes[0, 1:] == pytest.approx([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], abs=1.1)


def test_the_same_seed_makes_the_same_view():
    picture = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    sample = sample_of("hpwren_smoke", "smoke", [(SMOKE, 0.4, 0.4, 0.6, 0.5)])

    one = make_example(picture, None, sample, SIZE, np.random.default_rng(9))
    two = make_example(picture, None, sample, SIZE, np.random.default_rng(9))

    assert np.array_equal(one.pixels, two.pixels)
    assert np.array_equal(one.boxes, two.boxes)


def test_water_of_a_view_follows_its_mask_and_padding_is_not_known():
    picture = np.full((150, 300, 3), 80, np.uint8)
    mask = np.zeros((150, 300), np.uint8)
    mask[:, :150] = 255
    sample = sample_of("flood_area", "flood")
    shares, known = [], []
    for seed in range(20):
        example = make_example(picture, mask, sample, SIZE, np.random.default_rng(seed))
        shares.append(float(example.water[example.water_known > 0].mean()))
        known.append(float(example.water_known.mean()))

    assert np.mean(shares) == pytest.approx(0.5, abs=0.08)
    assert max(known) < 0.75  # a picture twice as wide as high leaves at least a good part of the square empty


def test_a_river_in_its_bed_is_never_taught_as_a_flood():
    picture = np.full((544, 960, 3), 80, np.uint8)
    mask = np.full((544, 960), 255, np.uint8)
    for seed in range(20):
        example = make_example(picture, mask, sample_of("simulator", "none"), SIZE, np.random.default_rng(seed))
        assert example.picture[2] == 0
