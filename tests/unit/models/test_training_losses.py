"""Losses and assignment with partial labels. Needs torch, which only training has."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.training import losses  # noqa: E402 - torch must be there first
from models.training.assign import Assigned, assign, overlap  # noqa: E402
from models.training.augment import Example  # noqa: E402
from models.training.network import HOT_CELLS, cell_centres, hottest  # noqa: E402
from models.training.sources import BOTH, BY_NAME, FLAME, SMOKE, Truth  # noqa: E402
from models.training.stream import LOOSE_BACKGROUND_WEIGHT, background_weights, evidence_targets  # noqa: E402

CANVAS = (320, 256)
CENTRES, STRIDES = cell_centres(*CANVAS)
NOTHING = np.zeros((0, 5), np.float32)


def rows(*boxes: tuple[float, ...]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 5)


def example(boxes: np.ndarray, ignored: np.ndarray = NOTHING) -> Example:
    width, height = CANVAS
    empty = np.zeros((height // 4, width // 4), np.float32)
    pixels = np.zeros((height, width, 3), np.uint8)
    return Example(pixels, boxes, ignored, np.zeros(3, np.float32), empty, empty, water_somewhere=False)


def assigned(*boxes: tuple[float, ...]) -> Assigned:
    """What an untrained network is told: it finds squares of two strides everywhere."""
    found = torch.cat((CENTRES - 2 * STRIDES[:, None], CENTRES + 2 * STRIDES[:, None]), 1)[None]
    scores = torch.full((1, len(CENTRES), 2), 0.02)
    return assign(scores, found, torch.tensor(rows(*boxes))[None], CENTRES, STRIDES)


def test_unknown_labels_add_nothing_and_take_no_gradient():
    logits = torch.tensor([[3.0, -1.0], [0.5, 2.0]], requires_grad=True)
    targets = torch.tensor([[1.0, float("nan")], [float("nan"), float("nan")]])

    loss = losses.known_binary(logits, targets)
    loss.backward()

    assert loss.item() == pytest.approx(np.log1p(np.exp(-3.0)))
    assert logits.grad[0, 1] == 0
    assert (logits.grad[1] == 0).all()


def test_what_a_source_does_not_box_teaches_no_background():
    assert background_weights(BY_NAME["aider_fire"].truth("fire")).tolist() == [0, 0]
    assert background_weights(BY_NAME["hpwren_nosmoke"].truth("none")).tolist() == [1, 1]
    loose = background_weights(BY_NAME["kaggle_fire_boxes"].truth("fire"))
    assert loose.tolist() == [np.float32(LOOSE_BACKGROUND_WEIGHT), 0]


def test_cells_of_weight_nothing_add_nothing():
    logits = torch.randn(1, len(CENTRES), 2)
    assert losses.varifocal(logits, assigned(), torch.zeros(1, 1, 2)).item() == 0


@pytest.mark.parametrize("box", [(SMOKE, 60, 90, 110, 130), (FLAME, 4, 4, 300, 250), (SMOKE, 97, 98, 100, 101)])
def test_every_box_has_cells_that_must_find_it(box: tuple[float, ...]):
    told = assigned(box)

    assert 1 <= int(told.positive.sum()) <= 9
    assert torch.equal(told.corners[told.positive], torch.tensor(box[1:]).expand(int(told.positive.sum()), 4))
    assert told.scores[..., int(box[0])].max() > 0
    assert told.scores[..., 1 - int(box[0])].max() == 0


def test_a_cell_that_two_boxes_want_has_one_of_them():
    large, small = (SMOKE, 100.0, 100.0, 150.0, 150.0), (FLAME, 115.0, 115.0, 135.0, 135.0)
    told = assigned(large, small)

    assert ((told.scores > 0).sum(2) <= 1).all()
    assert told.scores[..., FLAME].max() > 0
    assert told.scores[..., SMOKE].max() > 0


def test_the_better_a_cell_finds_its_box_the_surer_it_should_be():
    box = torch.tensor([60.0, 90.0, 124.0, 154.0])
    found = torch.cat((CENTRES - 32, CENTRES + 32), 1)[None]
    told = assign(torch.full((1, len(CENTRES), 2), 0.1), found, torch.tensor(rows((SMOKE, *box)))[None], CENTRES, STRIDES)
    fit = overlap(found[0], box)[told.positive[0]]
    score = told.scores[0, told.positive[0], SMOKE]

    assert score.argmax() == fit.argmax()
    assert score.max() == pytest.approx(fit.max().item())


def test_equal_boxes_cost_nothing_and_distant_ones_more_than_one():
    told = assigned((SMOKE, 60, 90, 110, 130))
    assert losses.box_fit(told.corners, told).item() == pytest.approx(0.0, abs=1e-6)
    assert losses.box_fit(told.corners + 100, told).item() > 1


def test_evidence_is_asked_for_in_the_core_and_unknown_at_the_rim_of_a_box():
    told = evidence_targets(example(rows((SMOKE, 80, 80, 160, 160))), Truth(boxes=BOTH))

    assert told[:, 15, 15].tolist() == [1, 1]
    assert np.isnan(told[:, 10, 10]).all()
    assert told[:, 2, 2].tolist() == [0, 0]


def test_evidence_of_flame_says_fire_and_leaves_smoke_open_where_smoke_is_not_boxed():
    told = evidence_targets(example(rows((FLAME, 80, 80, 160, 160))), BY_NAME["kaggle_fire_boxes"].truth("fire"))

    assert told[0, 15, 15] == 1
    assert np.isnan(told[1]).all()
    assert np.isnan(told[0, 2, 2])


def test_a_cut_box_is_no_evidence_for_or_against():
    told = evidence_targets(example(NOTHING, rows((SMOKE, 0, 0, 40, 40))), Truth(boxes=BOTH))

    assert np.isnan(told[:, :5, :5]).all()
    assert (told[:, 6:, 6:] == 0).all()


def test_a_plume_of_a_few_cells_counts_the_same_in_a_large_picture():
    small, large = torch.full((1, 1, 12, 20), -6.0), torch.full((1, 1, 48, 80), -6.0)
    for evidence in (small, large):
        evidence[0, 0, 4:7, 4:8] = 5.0

    assert hottest(small).item() == pytest.approx(5.0)
    assert hottest(large).item() == pytest.approx(5.0)
    assert HOT_CELLS == 12


def test_unknown_water_adds_nothing():
    wrong = torch.full((1, 4, 4), 9.0)
    assert losses.water_mask(wrong, torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)).item() == pytest.approx(0.0, abs=1e-6)
