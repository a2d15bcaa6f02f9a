"""What a model folder must be before its network sees a frame, and how each deviation is refused."""

import contextlib
import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from agent.core.errors import ModelError
from agent.domain.hazard import Hazard
from agent.vision.onnx_file import inspect_onnx
from agent.vision.perception import load_networks
from agent.vision.runtime import Network
from tests.doubles.tiny_model import build_model, manifest_tree, red_square, write_model_folder


def change_manifest(folder: Path, **changes: object) -> Path:
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_networks([folder])
    return caught.value.code


def test_a_good_folder_proves_itself_and_looks(tmp_path):
    (network,) = load_networks([write_model_folder(tmp_path)])
    answer = network.look(red_square(640, 384, (256, 128, 384, 256)))
    assert {found.hazard for found in answer.boxes} == {Hazard.FIRE}
    x0, y0, x1, y1 = answer.boxes[0].box_px
    assert 200 < x0 < x1 < 420
    assert 90 < y0 < y1 < 290
    assert answer.logits[Hazard.FIRE] > 5 > answer.logits[Hazard.FLOOD]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda f: (f / "model.onnx").unlink(), "model.missing"),
        (lambda f: (f / "manifest.yaml").unlink(), "model.missing"),
        (lambda f: (f / "golden.png").unlink(), "model.missing"),
        (lambda f: (f / "model.onnx").write_bytes((f / "model.onnx").read_bytes() + b"\0"), "model.changed"),
        (lambda f: (f / "manifest.yaml").write_text("{"), "model.refused"),
        (lambda f: (f / "manifest.yaml").write_text("- 1"), "model.refused"),
        (lambda f: (f / "manifest.yaml").write_bytes(b"\xff\xfe\x00"), "model.refused"),
        (lambda f: change_manifest(f, opset=13), "model.refused"),
        (lambda f: change_manifest(f, surprise=1), "model.refused"),
        (lambda f: change_manifest(f, outputs={}), "model.refused"),
        (lambda f: change_manifest(f, classes=[]), "model.refused"),
        (lambda f: change_manifest(f, outputs={"mask": {"name": "nothing"}}), "model.refused"),
        (lambda f: change_manifest(f, input={"name": "image", "width": 640, "height": 192}), "model.refused"),
        (lambda f: change_manifest(f, input={"name": "wrong", "width": 320, "height": 192}), "model.refused"),
        (lambda f: change_manifest(f, picture=[{"hazard": "fire", "index": 7, "threshold": 0.5}]), "model.refused"),
        (
            lambda f: change_manifest(f, classes=[{"name": n, "hazard": "fire", "threshold": 0.5} for n in "ab"]),
            "model.refused",
        ),
        (lambda f: cv2.imwrite(str(f / "golden.png"), np.zeros((192, 320, 3), np.uint8)), "model.golden_failed"),
    ],
)
def test_what_is_wrong_is_refused_with_its_code(tmp_path, spoil, code):
    folder = write_model_folder(tmp_path)
    spoil(folder)
    assert refused(folder) == code


def test_a_digest_that_fits_does_not_make_bytes_a_network(tmp_path):
    folder = write_model_folder(tmp_path)
    (folder / "model.onnx").write_bytes(b"not a network")
    change_manifest(folder, sha256=hashlib.sha256(b"not a network").hexdigest())
    assert refused(folder) == "model.refused"


def test_external_data_is_refused_before_the_runtime_opens_the_file(tmp_path):
    model = build_model()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/hostname")
    assert inspect_onnx(model.SerializeToString()).external_data
    assert refused(write_model_folder(tmp_path, model)) == "model.refused"


def test_external_data_is_found_in_the_branch_of_a_condition():
    inner = helper.make_tensor("deep", TensorProto.FLOAT, [1], [1.0])
    inner.data_location = TensorProto.EXTERNAL
    inner.external_data.add(key="location", value="x")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["o"], value=inner)],
        "branch",
        [],
        [helper.make_tensor_value_info("o", TensorProto.FLOAT, [1])],
    )
    model = build_model()
    model.graph.node.append(helper.make_node("If", ["c"], ["r"], then_branch=branch, else_branch=branch))
    assert inspect_onnx(model.SerializeToString()).external_data


def test_operators_of_an_unknown_domain_are_refused(tmp_path):
    model = build_model()
    model.opset_import.append(helper.make_opsetid("someone.else", 1))
    assert refused(write_model_folder(tmp_path, model)) == "model.refused"


def test_any_cut_or_flipped_byte_of_a_model_is_refused_or_harmless():
    data = build_model().SerializeToString()
    rng = np.random.default_rng(11)
    for _ in range(300):
        spoilt = bytearray(data[: rng.integers(0, len(data))])
        for at in rng.integers(0, max(1, len(spoilt)), 3):
            if spoilt:
                spoilt[at] = rng.integers(0, 256)
        # Any other exception than the refusal fails the test.
        with contextlib.suppress(ModelError):
            inspect_onnx(bytes(spoilt))


def test_facts_agree_with_the_onnx_library():
    model = build_model()
    assert inspect_onnx(model.SerializeToString()).opsets == {o.domain: o.version for o in model.opset_import}


def test_two_models_of_one_name_are_refused(tmp_path):
    with pytest.raises(ModelError, match="same name"):
        load_networks([write_model_folder(tmp_path / "a"), write_model_folder(tmp_path / "b")])


def test_a_provider_that_is_not_there_is_told_and_replaced(tmp_path):
    network = Network(write_model_folder(tmp_path), providers=("qnn", "cpu"))
    assert network.missing_providers == ("qnn",)
    assert network.look(red_square()).boxes


def test_a_network_with_a_dynamic_batch_works(tmp_path):
    model = build_model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(model)
    assert load_networks([write_model_folder(tmp_path, model)])[0].look(red_square()).boxes


def test_the_manifest_of_the_double_is_what_the_double_says(tmp_path):
    data = build_model().SerializeToString()
    assert manifest_tree(data)["sha256"] == hashlib.sha256(data).hexdigest()
