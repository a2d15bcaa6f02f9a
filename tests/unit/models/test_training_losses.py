"""Losses with partial labels. Needs torch, which only training has; what the labels say is tested without it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.training import losses  # noqa: E402 - torch must be there first


def test_unknown_labels_add_nothing_and_take_no_gradient():
    logits = torch.tensor([[3.0, -1.0], [0.5, 2.0]], requires_grad=True)
    targets = torch.tensor([[1.0, float("nan")], [float("nan"), float("nan")]])

    loss = losses.known_binary(logits, targets)
    loss.backward()

    assert loss.item() == pytest.approx(np.log1p(np.exp(-3.0)))
    assert logits.grad[0, 1] == 0
    assert (logits.grad[1] == 0).all()


def test_cells_of_weight_nothing_add_nothing():
    logits = torch.randn(1, 5, 2)
    targets = torch.zeros(1, 5, 2)
    weights = torch.zeros(1, 5, 2)

    assert losses.focal(logits, targets, weights).item() == 0


def test_equal_boxes_cost_nothing_and_distant_ones_more_than_one():
    same = torch.tensor([[[4.0, 5.0, 6.0, 7.0]]])
    assert losses.box_overlap(same, same, torch.ones(1, 1)).item() == pytest.approx(0.0, abs=1e-6)

    thin = torch.tensor([[[0.1, 8.0, 0.1, 8.0]]])
    flat = torch.tensor([[[8.0, 0.1, 8.0, 0.1]]])
    assert losses.box_overlap(thin, flat, torch.ones(1, 1)).item() > 1


def test_unknown_water_adds_nothing():
    wrong = torch.full((1, 4, 4), 9.0)
    assert losses.water_mask(wrong, torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)).item() == pytest.approx(0.0, abs=1e-6)
