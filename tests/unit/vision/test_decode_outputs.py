"""The layouts of boxes say the same thing; masks and scores come out as probabilities."""

import numpy as np
import pytest

from agent.core.errors import ModelError
from agent.vision.decode import decode_boxes, decode_mask, decode_picture_scores, logit, non_maximum_suppression, sigmoid
from agent.vision.manifest import BoxOutput, InputSpec, MaskOutput, PictureOutput
from agent.vision.preprocess import crop_of_mask, prepare

CENTRES = np.array([[100.0, 50.0, 40.0, 20.0], [30.0, 30.0, 10.0, 10.0], [5.0, 5.0, 2.0, 2.0]])
SCORES = np.array([[0.2, 0.9], [0.7, 0.1], [0.04, 0.03]])
FLOORS = np.array([0.3, 0.3])


def decoded(raw, layout, **spec):
    return decode_boxes(raw[None].astype(np.float32), BoxOutput(name="o", layout=layout, **spec), 2, (320, 192), FLOORS)


@pytest.mark.parametrize(
    ("raw", "layout"),
    [
        (np.hstack([CENTRES, SCORES]), "1xNx(4+C)"),
        (np.hstack([CENTRES, SCORES]).T, "1x(4+C)xN"),
        (np.hstack([CENTRES, np.full((3, 1), 0.5), SCORES * 2]), "1xNx(5+C)"),
        (np.hstack([CENTRES, np.full((3, 1), 0.5), SCORES * 2]).T, "1x(5+C)xN"),
        (np.hstack([CENTRES, [[0.9, 1], [0.7, 0], [0.04, 0]]]), "1xNx6"),
    ],
)
def test_layouts_agree(raw, layout):
    corners, scores, labels = decoded(raw, layout)
    assert corners == pytest.approx(np.array([[80, 40, 120, 60], [25, 25, 35, 35]]))
    assert scores == pytest.approx([0.9, 0.7])
    assert labels.tolist() == [1, 0]


def test_corner_format_and_normalized_units():
    raw = np.hstack([[[0.25, 0.25, 0.5, 0.5]], [[0.9, 0.1]]])
    corners, *_ = decoded(raw, "1xNx(4+C)", format="xyxy", units="normalized")
    assert corners == pytest.approx(np.array([[80, 48, 160, 96]]))


@pytest.mark.parametrize(("row", "column", "value"), [(0, 0, np.nan), (1, 4, np.inf), (2, 5, np.nan)])
def test_values_that_are_no_numbers_are_a_fault(row, column, value):
    raw = np.hstack([CENTRES, SCORES])
    raw[row, column] = value
    with pytest.raises(ModelError) as caught:
        decoded(raw, "1xNx(4+C)")
    assert caught.value.code == "model.no_numbers"


def test_the_place_of_what_is_no_candidate_may_be_no_number():
    raw = np.hstack([CENTRES, SCORES])
    raw[2, 2] = np.inf  # an exponential of a size that nobody trained
    assert len(decoded(raw, "1xNx(4+C)")[0]) == 2


@pytest.mark.parametrize("shape", [(1, 3, 7), (2, 3, 6), (3, 6), (1, 3, 3)])
def test_another_shape_than_stated_is_refused(shape):
    spec = BoxOutput(name="o", layout="1xNx(4+C)")
    with pytest.raises(ModelError) as caught:
        decode_boxes(np.zeros(shape, np.float32), spec, 2, (320, 192), FLOORS)
    assert caught.value.code == "model.refused"


def test_suppression_keeps_the_best_of_each_class():
    corners = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [1, 1, 11, 11], [50, 50, 60, 60.0]])
    kept = non_maximum_suppression(corners, np.array([0.6, 0.9, 0.8, 0.5]), np.array([0, 0, 1, 0]), 0.5)
    assert kept.tolist() == [1, 2, 3]


def test_mask_activation():
    raw = np.zeros((1, 1, 4, 4), np.float32)
    assert decode_mask(raw, MaskOutput(name="m", activation="sigmoid")).max() == 0.5
    assert decode_mask(raw, MaskOutput(name="m")).max() == 0.0
    with pytest.raises(ModelError):
        decode_mask(raw[0], MaskOutput(name="m"))


def test_picture_scores_are_logits_whatever_the_network_gives():
    wanted = np.array([1.5, -2.0])
    assert decode_picture_scores(wanted[None], PictureOutput(name="p")) == pytest.approx(wanted)
    probabilities = PictureOutput(name="p", values="probabilities")
    assert decode_picture_scores(sigmoid(wanted)[None], probabilities) == pytest.approx(wanted)
    softmax = decode_picture_scores(wanted[None], PictureOutput(name="p", activation="softmax"))
    assert sigmoid(softmax).sum() == pytest.approx(1.0)
    assert softmax == pytest.approx(logit(sigmoid(softmax)))


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (100, 300), (320, 192), (31, 17)])
@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
def test_a_box_finds_its_way_back_to_the_picture(size, resize):
    spec = InputSpec(name="i", width=320, height=192, resize=resize)
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    tensor, placement = prepare(spec, pixels)
    assert tensor.shape == (1, 3, 192, 320)
    whole = np.array([[0, 0, size[0], size[1]]], float)
    scale, offset = [placement.scale_x, placement.scale_y] * 2, [placement.offset_x, placement.offset_y] * 2
    assert placement.to_picture(whole * scale + offset) == pytest.approx(whole)


def test_channels_scale_mean_and_padding():
    pixels = np.full((10, 10, 3), (10, 20, 30), np.uint8)
    spec = InputSpec(name="i", width=40, height=20, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 1.0), pad_value=114)
    tensor, _ = prepare(spec, pixels)
    assert tensor[0, :, 10, 20] == pytest.approx([(30 / 255 - 0.1) / 0.5, (20 / 255 - 0.2) / 0.25, (10 / 255 - 0.3)], abs=1e-6)
    assert tensor[0, 2, 10, 0] == pytest.approx(114 / 255 - 0.3, abs=1e-6)
    bgr, _ = prepare(spec.model_copy(update={"channels": "bgr", "mean": (0, 0, 0), "std": (1, 1, 1)}), pixels)
    assert bgr[0, :, 10, 20] == pytest.approx([10 / 255, 20 / 255, 30 / 255], abs=1e-6)


def test_the_mask_over_the_padding_is_cut_off():
    spec = InputSpec(name="i", width=320, height=192)
    _, placement = prepare(spec, np.zeros((720, 720, 3), np.uint8))
    mask = np.zeros((48, 80), np.float32)
    mask[:, 16:64] = 1.0  # 192 of 320 columns are picture
    assert crop_of_mask(mask, spec, placement).min() == 1.0
