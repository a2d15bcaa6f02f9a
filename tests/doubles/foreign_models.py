"""Networks as strangers export them, tiny and exact: each finds red, says it in its own layout, and has a begun manifest.

A manifest here is what a person writes: without digest, opset and golden result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from tests.doubles.tiny_model import CELL, red_square

WIDTH, HEIGHT = 320, 192
ROWS, COLS = HEIGHT // CELL, WIDTH // CELL
COUNT = ROWS * COLS
BOX_PX = 64.0
SURE = 0.9


@dataclass(frozen=True)
class Foreign:
    """A network and its owner's words about it."""

    model: onnx.ModelProto
    manifest: dict[str, Any]


def write_foreign(folder: Path, foreign: Foreign) -> Path:
    """The folder that the owner hands over."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(foreign.model.SerializeToString())
    cv2.imwrite(str(folder / "golden.png"), red_square())
    (folder / "manifest.yaml").write_text(yaml.safe_dump(foreign.manifest), encoding="utf-8")
    return folder


def _model(
    nodes: list, constants: dict[str, np.ndarray], output: tuple[str, list[int]], *, nhwc: bool = False
) -> onnx.ModelProto:
    """Red scores of cells, 1 x 1 x ROWS x COLS, under the name ``red``; the nodes make the output of it."""
    node = helper.make_node
    shape = [1, HEIGHT, WIDTH, 3] if nhwc else [1, 3, HEIGHT, WIDTH]
    first = [node("Transpose", ["images"], ["chw"], perm=[0, 3, 1, 2])] if nhwc else [node("Identity", ["images"], ["chw"])]
    base = [
        *first,
        node("Conv", ["chw", "redness"], ["red_px"], kernel_shape=[1, 1]),
        node("AveragePool", ["red_px"], ["red_cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        node("Sub", ["red_cells", "middle"], ["red_off"]),
        node("Mul", ["red_off", "gain"], ["red_logit"]),
        node("Sigmoid", ["red_logit"], ["red"]),
    ]
    constants = constants | {
        "redness": np.array([1.0, -0.5, -0.5], np.float32).reshape(1, 3, 1, 1),
        "middle": np.array(0.4, np.float32),
        "gain": np.array(20.0, np.float32),
    }
    graph = helper.make_graph(
        [*base, *nodes],
        "foreign",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)])
    model.ir_version = 7
    return model


def _manifest(outputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "stranger",
        "version": "1",
        "task": "detect",
        "input": {"name": "images", "width": WIDTH, "height": HEIGHT},
        "outputs": outputs,
        "nms_iou": 0.3,
        "licence": "somebody's",
        "golden": {"picture": "golden.png"},
        **more,
    }


_CLASSES = [
    {"name": "person", "hazard": None, "threshold": 0.5},
    {"name": "flame", "hazard": "fire", "threshold": 0.5},
]


def _constants(scale_x: float = 1.0, scale_y: float = 1.0) -> dict[str, np.ndarray]:
    ys, xs = np.mgrid[0:ROWS, 0:COLS]
    boxes = np.stack([(xs + 0.5) * CELL, (ys + 0.5) * CELL, np.full(xs.shape, BOX_PX), np.full(xs.shape, BOX_PX)], -1)
    boxes = boxes * (scale_x, scale_y, scale_x, scale_y)
    return {
        "places": boxes.reshape(1, COUNT, 4).astype(np.float32),
        "column": np.array([1, COUNT, 1], np.int64),
        "dim": np.array(0.1, np.float32),
        "sure": np.array(SURE, np.float32),
    }


def _score_nodes() -> list:
    """``score``: 1 x COUNT x 1, at most SURE."""
    return [
        helper.make_node("Mul", ["red", "sure"], ["sured"]),
        helper.make_node("Reshape", ["sured", "column"], ["score"]),
        helper.make_node("Mul", ["score", "dim"], ["faint"]),
    ]


def rows_first() -> Foreign:
    """1 x N x (4 + C)."""
    nodes = [*_score_nodes(), helper.make_node("Concat", ["places", "faint", "score"], ["output0"], axis=2)]
    boxes = {"name": "output0", "layout": "1xNx(4+C)"}
    return Foreign(_model(nodes, _constants(), ("output0", [1, COUNT, 6])), _manifest({"boxes": boxes}, classes=_CLASSES))


def yolov8() -> Foreign:
    """1 x (4 + C) x N, as YOLOv8 to v11 export."""
    nodes = [
        *_score_nodes(),
        helper.make_node("Concat", ["places", "faint", "score"], ["rows"], axis=2),
        helper.make_node("Transpose", ["rows"], ["output0"], perm=[0, 2, 1]),
    ]
    boxes = {"name": "output0", "layout": "1x(4+C)xN"}
    return Foreign(_model(nodes, _constants(), ("output0", [1, 6, COUNT])), _manifest({"boxes": boxes}, classes=_CLASSES))


def yolov5() -> Foreign:
    """1 x N x (5 + C): objectness falls where nothing is, the classes do not."""
    constants = _constants() | {"classes": np.tile(np.array([0.1, SURE], np.float32), (1, COUNT, 1))}
    nodes = [
        helper.make_node("Reshape", ["red", "column"], ["objectness"]),
        helper.make_node("Concat", ["places", "objectness", "classes"], ["output0"], axis=2),
    ]
    boxes = {"name": "output0", "layout": "1xNx(5+C)"}
    return Foreign(_model(nodes, constants, ("output0", [1, COUNT, 7])), _manifest({"boxes": boxes}, classes=_CLASSES))


def end_to_end() -> Foreign:
    """1 x N x 6 with corners between 0 and 1, as networks with their own suppression end."""
    constants = _constants(1 / WIDTH, 1 / HEIGHT)
    x, y, w, h = np.moveaxis(constants["places"], 2, 0)
    constants["places"] = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1).astype(np.float32)
    constants["label"] = np.ones((1, COUNT, 1), np.float32)
    nodes = [*_score_nodes(), helper.make_node("Concat", ["places", "score", "label"], ["output0"], axis=2)]
    boxes = {"name": "output0", "layout": "1xNx6", "format": "xyxy", "units": "normalized"}
    return Foreign(_model(nodes, constants, ("output0", [1, COUNT, 6])), _manifest({"boxes": boxes}, classes=_CLASSES))


def grid() -> Foreign:
    """1 x (5 + C) x H x W, as FastestDet: the score is objectness ** 0.6 * class ** 0.4."""

    def everywhere(value: float) -> np.ndarray:
        return np.full((1, 1, ROWS, COLS), value, np.float32)

    def logit(p: float) -> float:
        return float(np.log(p / (1 - p)))

    constants = {
        "offset": everywhere(float(np.arctanh(0.5))),
        "wide": everywhere(logit(BOX_PX / WIDTH)),
        "high": everywhere(logit(BOX_PX / HEIGHT)),
        "other": everywhere(0.1),
        "flame": everywhere(SURE),
    }
    nodes = [helper.make_node("Concat", ["red", "offset", "offset", "wide", "high", "other", "flame"], ["out"], axis=1)]
    boxes = {"name": "out", "layout": "1x(5+C)xHxW", "units": "normalized"}
    return Foreign(_model(nodes, constants, ("out", [1, 7, ROWS, COLS])), _manifest({"boxes": boxes}, classes=_CLASSES))


def classifier() -> Foreign:
    """Logits of normal and fire, softmax still to be applied, channels last, mean and deviation as usual with ImageNet."""
    constants = {"two": np.array([1, 1], np.int64), "half": np.array(0.5, np.float32)}
    nodes = [
        helper.make_node("GlobalMaxPool", ["red_logit"], ["hottest"]),
        helper.make_node("Reshape", ["hottest", "two"], ["fire"]),
        helper.make_node("Neg", ["fire"], ["normal"]),
        helper.make_node("Concat", ["normal", "fire"], ["logits"], axis=1),
    ]
    manifest = _manifest(
        {"picture": {"name": "logits", "activation": "softmax"}},
        task="classify",
        picture=[{"hazard": "fire", "index": 1, "threshold": 0.6}],
    )
    manifest["input"] |= {"layout": "nhwc", "resize": "stretch"}
    return Foreign(_model(nodes, constants, ("logits", [1, 2]), nhwc=True), manifest)


def segmenter(hazard: str = "flood") -> Foreign:
    """Two channels of logits, background and what is sought; red stands for it."""
    nodes = [
        helper.make_node("Neg", ["red_logit"], ["ground"]),
        helper.make_node("Concat", ["ground", "red_logit"], ["out"], axis=1),
    ]
    mask = {"name": "out", "hazard": hazard, "channel": 1, "activation": "softmax"}
    return Foreign(_model(nodes, {}, ("out", [1, 2, ROWS, COLS])), _manifest({"mask": mask}, task="segment"))


DETECTORS: dict[str, Callable[[], Foreign]] = {
    "1xNx(4+C)": rows_first,
    "1x(4+C)xN": yolov8,
    "1xNx(5+C)": yolov5,
    "1xNx6": end_to_end,
    "1x(5+C)xHxW": grid,
}
