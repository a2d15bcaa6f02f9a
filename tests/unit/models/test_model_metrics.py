"""The figures against values worked out by hand."""

import math

import numpy as np
import pytest

from models.training import metrics
from models.training.metrics import Detections


def array(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_auroc_counts_the_pairs_that_are_in_order_and_ties_as_half():
    # positives 0.9, 0.4; negatives 0.5, 0.4, 0.1: of six pairs 0.9 wins 3, 0.4 wins 1 and ties 1
    scores = array(0.9, 0.5, 0.4, 0.4, 0.1)
    labels = array(1, 0, 1, 0, 0)

    assert metrics.auroc(scores, labels) == pytest.approx((3 + 1 + 0.5) / 6)


def test_auroc_without_one_of_the_kinds_is_not_a_number():
    assert math.isnan(metrics.auroc(array(0.2, 0.8), array(1, 1)))


def test_precision_recall_f1_and_false_alarms_of_a_small_table():
    called = array(1, 1, 1, 0, 0, 0, 0)
    labels = array(1, 1, 0, 1, 0, 0, 0)

    assert metrics.precision(called, labels) == pytest.approx(2 / 3)
    assert metrics.recall(called, labels) == pytest.approx(2 / 3)
    assert metrics.f1(called, labels) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert metrics.false_alarm_rate(called, labels) == pytest.approx(1 / 4)


def test_figures_without_a_denominator_are_not_numbers():
    assert math.isnan(metrics.precision(array(0, 0), array(1, 0)))
    assert math.isnan(metrics.recall(array(1, 0), array(0, 0)))


def test_calibration_error_weighs_each_bin_by_its_pictures():
    # bin 0.2: two pictures, one positive, gap 0.5 - 0.2; bin 0.9: two positives, gap 1 - 0.9
    probabilities = array(0.2, 0.2, 0.9, 0.9)
    labels = array(1, 0, 1, 1)

    assert metrics.calibration_error(probabilities, labels) == pytest.approx((2 * 0.3 + 2 * 0.1) / 4)


def test_calibration_error_is_zero_when_every_bin_keeps_its_promise():
    assert metrics.calibration_error(array(0.5, 0.5, 1.0), array(1, 0, 1)) == pytest.approx(0.0)


def test_box_iou_of_half_overlapping_squares():
    iou = metrics.box_iou(array(0, 0, 10, 10)[None], np.array([[5.0, 0, 15, 10], [20.0, 20, 30, 30]]))

    assert iou[0] == pytest.approx([50 / 150, 0.0])


def test_average_precision_by_hand():
    drawn = np.array([[0.0, 0, 10, 10], [50.0, 50, 60, 60]])
    found = np.array([[0.0, 0, 10, 10], [80.0, 80, 90, 90], [50.0, 50, 60, 61]])
    picture = Detections(found, array(0.9, 0.8, 0.7), drawn)

    # hit, miss, hit: recall 1/2 at precision 1, recall 1 at precision 2/3
    assert metrics.average_precision([picture]) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_a_drawn_box_is_hit_only_once():
    drawn = np.array([[0.0, 0, 10, 10]])
    twice = Detections(np.array([[0.0, 0, 10, 10], [0.0, 0, 10, 10]]), array(0.6, 0.9), drawn)
    miss_first = Detections(np.array([[70.0, 70, 80, 80], [0.0, 0, 10, 10]]), array(0.9, 0.6), drawn)

    assert metrics.average_precision([twice]) == pytest.approx(1.0)
    assert metrics.average_precision([miss_first]) == pytest.approx(0.5)


def test_boxes_in_pictures_without_the_thing_lower_average_precision():
    drawn = np.array([[0.0, 0, 10, 10]])
    right = Detections(drawn.copy(), array(0.5), drawn)
    nothing_there = Detections(np.array([[1.0, 1, 5, 5]]), array(0.9), np.zeros((0, 4)))

    assert metrics.average_precision([right]) == pytest.approx(1.0)
    assert metrics.average_precision([right, nothing_there]) == pytest.approx(0.5)
    assert math.isnan(metrics.average_precision([nothing_there]))


def test_loose_overlap_finds_what_strict_overlap_misses():
    drawn = np.array([[0.0, 0, 10, 10]])
    shifted = Detections(np.array([[5.0, 0, 15, 10]]), array(0.9), drawn)  # IoU 1/3

    assert metrics.average_precision([shifted], 0.5) == 0.0
    assert metrics.average_precision([shifted], 0.2) == pytest.approx(1.0)


def test_mask_iou_adds_up_pixels_before_it_divides():
    assert metrics.mask_iou(array(90, 0), array(100, 10)) == pytest.approx(90 / 110)


def test_bootstrap_draws_whole_groups():
    # Two cameras: one always right, one always wrong. Drawn by picture the interval would be narrow around one half.
    values = np.array([1.0] * 50 + [0.0] * 50)
    by_group = metrics.bootstrap(lambda index: float(values[index].mean()), ["a"] * 50 + ["b"] * 50)
    by_picture = metrics.bootstrap(lambda index: float(values[index].mean()), [str(i) for i in range(100)])

    assert (by_group.value, by_group.low, by_group.high) == (0.5, 0.0, 1.0)
    assert 0.35 < by_picture.low < 0.45
    assert 0.55 < by_picture.high < 0.65


def test_bootstrap_is_the_same_every_time():
    values = np.arange(30.0)
    groups = [str(i % 7) for i in range(30)]

    first = metrics.bootstrap(lambda index: float(values[index].mean()), groups)
    assert first == metrics.bootstrap(lambda index: float(values[index].mean()), groups)


def test_bootstrap_of_an_undefined_figure_has_no_interval():
    interval = metrics.bootstrap(lambda _: float("nan"), ["a", "b"])

    assert math.isnan(interval.value)
    assert math.isnan(interval.low)
