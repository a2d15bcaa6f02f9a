"""The plug-in door: a stranger's network works by a manifest alone, and what does not fit is refused before it runs."""

import numpy as np
import pytest
import yaml
from onnx import helper, numpy_helper

from agent.config.vision import VisionSection
from agent.core.errors import ModelError
from agent.core.geo import LatLon, distance_m
from agent.domain.hazard import Hazard
from agent.vision.adoption import complete, description
from agent.vision.decode import iou
from agent.vision.frame import Frame
from agent.vision.perception import Perception, box_thresholds, load_networks
from agent.vision.poses import CameraPose
from agent.vision.runtime import Network
from agent.vision.situation import Situation
from tests.doubles.foreign_models import DETECTORS, SURE, classifier, grid, segmenter, write_foreign, yolov5, yolov8
from tests.doubles.tiny_model import build_model, red_square, write_model_folder

RED = (128.0, 64.0, 192.0, 128.0)
GREEN = red_square(box=(0, 0, 0, 0))


def adopted(folder, foreign) -> Network:
    complete(write_foreign(folder, foreign))
    return load_networks([folder])[0]


@pytest.mark.parametrize("layout", DETECTORS)
def test_every_layout_says_the_same_of_the_same_picture(tmp_path, layout):
    network = adopted(tmp_path, DETECTORS[layout]())
    answer = network.look(red_square())
    assert {found.hazard for found in answer.boxes} == {Hazard.FIRE}
    assert len(answer.boxes) <= 4  # sixteen cells are red, and their boxes overlap
    assert max(found.confidence for found in answer.boxes) == pytest.approx(
        SURE if layout != "1x(5+C)xHxW" else SURE**0.4, abs=0.01
    )
    plain = adopted(tmp_path / "plain", DETECTORS["1xNx(4+C)"]()).look(red_square())
    assert np.array([b.box_px for b in answer.boxes]) == pytest.approx(np.array([b.box_px for b in plain.boxes]), abs=0.05)
    assert min(iou(np.array(RED), np.array([b.box_px for b in answer.boxes]))) > 0.2
    assert network.look(GREEN).boxes == ()


@pytest.mark.parametrize("layout", DETECTORS)
def test_the_way_back_through_the_letterbox(tmp_path, layout):
    network = adopted(tmp_path, DETECTORS[layout]())
    tall = red_square(640, 768, (256, 384, 384, 512))  # shrunk four times, with bars left and right
    corners = np.array([found.box_px for found in network.look(tall).boxes])
    middle = (corners[:, :2].min(axis=0) + corners[:, 2:].max(axis=0)) / 2
    assert middle == pytest.approx((320, 448), abs=40)


def test_a_detector_without_picture_scores_alarms_by_its_surest_box(tmp_path):
    perception = Perception([adopted(tmp_path, yolov8())], "never")
    seen = perception.look(Frame(red_square(), "x", 0))
    assert seen.alarms == (Hazard.FIRE,)
    assert seen.scores[Hazard.FIRE] == pytest.approx(SURE, abs=0.01)
    assert perception.look(Frame(GREEN, "x", 1)).scores == {Hazard.FIRE: 0.0}


def test_a_classifier_scores_the_picture(tmp_path):
    perception = Perception([adopted(tmp_path, classifier())], "never")
    seen = perception.look(Frame(red_square(), "x", 0))
    assert seen.alarms == (Hazard.FIRE,)
    assert perception.look(Frame(GREEN, "x", 1)).alarms == ()


def test_a_classifiers_alarm_is_tracked_with_the_ellipse_of_all_it_looked_at(tmp_path):
    perception = Perception([adopted(tmp_path, classifier())], "never")
    situation = Situation(VisionSection(), None, (), box_thresholds(perception.networks))
    place = LatLon(30.39, 119.84)
    down = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]).T @ np.diag([1.0, 1.0, 1.0])
    for i in range(8):
        pose = CameraPose(100.0 + i, place, 130.0, 30.0, down)
        frame = Frame(red_square(1280, 720, (500, 300, 700, 500)), "x", i, 100.0 + i)
        situation.update(frame, perception.look(frame), pose, steady=True)
    (track,) = situation.tracks
    assert track.hazard is Hazard.FIRE
    assert track.evidence.frames_seen == 8
    assert distance_m(track.position(situation.frame), place) < 10
    # The footprint of 60 degrees from 100 m is 115 m wide: its ellipse must reach its edges.
    assert 2.4 * np.sqrt(np.linalg.eigvalsh(track.stated_covariance_m2)[1]) > 57


def test_a_segmenters_channel_is_the_water(tmp_path):
    network = adopted(tmp_path, segmenter())
    water = network.look(red_square()).water
    assert water.shape == (12, 20)
    assert water[4:8, 8:12].min() > 0.9
    assert water[:, :8].max() < 0.1


def test_a_segmenter_of_another_hazard_gives_its_parts_as_boxes(tmp_path):
    network = adopted(tmp_path, segmenter("smoke"))
    perception = Perception([network], "never")
    two = red_square()
    two[16:64, 240:288] = (20, 30, 240)
    seen = perception.look(Frame(two, "x", 0))
    assert seen.water is None
    assert seen.alarms == (Hazard.SMOKE,)
    assert [box.box_px for box in seen.detections] == [RED, (240.0, 16.0, 288.0, 64.0)]
    assert all(box.hazard is Hazard.SMOKE and box.confidence > 0.9 for box in seen.detections)
    assert box_thresholds([network]) == {("stranger", Hazard.SMOKE): 0.5}
    assert perception.look(Frame(GREEN, "x", 1)).alarms == ()


def test_what_the_network_says_of_itself_is_what_a_manifest_needs(tmp_path):
    lines = list(description(write_foreign(tmp_path, yolov5())))
    assert lines[1:] == [
        "opset   12",
        "input   images  tensor(float)  1 x 3 x 192 x 320",
        "output  output0  tensor(float)  1 x 240 x 7",
    ]


def test_a_golden_picture_that_shows_nothing_proves_nothing(tmp_path):
    import cv2

    folder = write_foreign(tmp_path, yolov8())
    begun = (folder / "manifest.yaml").read_text()
    cv2.imwrite(str(folder / "golden.png"), GREEN)
    with pytest.raises(ModelError, match="sees nothing"):
        complete(folder)
    assert (folder / "manifest.yaml").read_text() == begun


@pytest.mark.parametrize(
    ("foreign", "change"),
    [
        (yolov8, {"outputs": {"boxes": {"name": "output0", "layout": "1xNx(4+C)"}}}),
        (yolov8, {"outputs": {"boxes": {"name": "output0", "layout": "1x(5+C)xHxW", "units": "normalized"}}}),
        (yolov5, {"outputs": {"boxes": {"name": "output0", "layout": "1xNx(4+C)"}}}),
        (grid, {"outputs": {"boxes": {"name": "out", "layout": "1x(5+C)xHxW"}}}),
        (segmenter, {"outputs": {"mask": {"name": "out"}}}),
        (segmenter, {"outputs": {"mask": {"name": "out", "channel": 2}}}),
        (classifier, {"picture": [{"hazard": "fire", "index": 2, "threshold": 0.5}]}),
        (classifier, {"outputs": {"mask": {"name": "logits"}}}),
        (classifier, {"input": {"name": "images", "width": 320, "height": 192}}),
        (yolov8, {"classes": [{"name": "flame", "hazard": "fire", "threshold": 0.5}]}),
    ],
)
def test_a_shape_that_does_not_fit_the_manifest_is_refused_before_it_runs(tmp_path, monkeypatch, foreign, change):
    folder = write_foreign(tmp_path, foreign())
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | change))
    monkeypatch.setattr(Network, "infer", lambda *_: pytest.fail("it ran"))
    with pytest.raises(ModelError) as caught:
        complete(folder)
    assert caught.value.code == "model.refused"


@pytest.mark.parametrize("broken", ["boxes", "mask", "picture"])
def test_answers_that_are_no_numbers_are_a_fault_not_an_all_clear(tmp_path, broken):
    model = build_model()
    (name,) = [
        n for n in ("red_shifted", "blue_shifted", "fire_logit") if {"r": "boxes", "b": "mask", "f": "picture"}[n[0]] == broken
    ]
    for node in model.graph.node:
        for i, output in enumerate(node.output):
            if output == name:
                node.output[i] = f"{name}_good"
    model.graph.initializer.append(numpy_helper.from_array(np.array(np.nan, np.float32), "nan"))
    at = next(i for i, node in enumerate(model.graph.node) if f"{name}_good" in node.output)
    model.graph.node.insert(at + 1, helper.make_node("Mul", [f"{name}_good", "nan"], [name]))
    folder = write_model_folder(tmp_path, model)
    with pytest.raises(ModelError) as caught:
        load_networks([folder])
    assert caught.value.code == "model.no_numbers"


def test_an_operator_that_opens_other_files_is_refused(tmp_path):
    model = build_model()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.graph.node.append(
        helper.make_node("EPContext", ["image"], ["more"], domain="com.microsoft", ep_cache_context="../x.bin")
    )
    with pytest.raises(ModelError, match="EPContext") as caught:
        load_networks([write_model_folder(tmp_path, model)])
    assert caught.value.code == "model.refused"


def test_two_gigabytes_are_refused_before_they_are_read(tmp_path, monkeypatch):
    folder = write_model_folder(tmp_path)
    with (folder / "model.onnx").open("r+b") as file:
        file.truncate(2_100_000_000)  # a sparse file: it takes no room
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(ModelError, match="the limit is") as caught:
        load_networks([folder])
    assert caught.value.code == "model.refused"
