"""Calibration and thresholds on val."""

import numpy as np
import pytest

from models.training.calibrate import balanced_weights, cheapest_threshold, platt, sigmoid, threshold_for_false_alarms


def test_platt_finds_the_line_that_made_the_labels():
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, 20_000)
    labels = (rng.random(20_000) < sigmoid(0.7 * logits - 1.2)).astype(np.float64)

    a, b = platt(logits, labels)

    assert a == pytest.approx(0.7, abs=0.03)
    assert b == pytest.approx(-1.2, abs=0.05)


def test_platt_is_not_certain_after_few_separable_pictures():
    a, b = platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]))

    assert sigmoid(np.array([a * 2.0 + b]))[0] < 0.95


def test_platt_refuses_one_kind_only():
    with pytest.raises(ValueError, match="positive and negative"):
        platt(np.array([1.0, 2.0]), np.array([1.0, 1.0]))


def test_platt_refuses_a_network_that_ranks_backwards():
    logits = np.linspace(-4, 4, 200)
    with pytest.raises(ValueError, match="does not rank"):
        platt(logits, (logits < 0).astype(np.float64))


def test_threshold_lets_the_stated_share_of_negatives_pass_and_no_more():
    negatives = np.linspace(0.0, 0.99, 100)
    probabilities = np.concatenate((negatives, [0.9, 0.95]))
    labels = np.concatenate((np.zeros(100), [1, 1]))

    threshold = threshold_for_false_alarms(probabilities, labels, most=0.05, floor=0.1)

    assert (negatives >= threshold).sum() <= 5
    assert (negatives >= threshold - 0.02).sum() > 5


def test_threshold_is_not_below_its_floor():
    assert threshold_for_false_alarms(np.array([0.01, 0.02, 0.9]), np.array([0.0, 0.0, 1.0]), 0.01, 0.3) == 0.3


def test_every_source_counts_alike_however_many_pictures_it_has():
    weights = balanced_weights(["many"] * 90 + ["few"] * 10)

    assert weights[:90].sum() == pytest.approx(weights[90:].sum())
    assert weights.mean() == pytest.approx(1.0)


def test_the_cheapest_threshold_keeps_the_limit_of_false_alarms_and_misses_as_little_as_it_may():
    probabilities = np.array([0.1, 0.2, 0.6, 0.55, 0.7, 0.9])
    labels = np.array([0, 0, 0, 1, 1, 1])
    weights = np.ones(6)

    assert cheapest_threshold(probabilities, labels, weights, 20.0, most=0.0, floor=0.1) == pytest.approx(0.601)
    assert cheapest_threshold(probabilities, labels, weights, 20.0, most=0.4, floor=0.1) == pytest.approx(0.201)
    assert cheapest_threshold(probabilities, labels, weights, 0.5, most=0.4, floor=0.1) == pytest.approx(0.601)


@pytest.mark.parametrize("x", [-1e4, -30.0, 0.0, 30.0, 1e4])
def test_sigmoid_does_not_overflow(x: float):
    value = sigmoid(np.array([x]))[0]
    assert 0.0 <= value <= 1.0
    assert value + sigmoid(np.array([-x]))[0] == pytest.approx(1.0)
