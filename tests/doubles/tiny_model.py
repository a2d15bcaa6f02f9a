"""A model folder built by the test: a real network that finds red (fire), grey-white (smoke) and blue (water).

It is small, exact and trained on nothing, so that tests can paint what it must find.
"""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

CELL = 16
OPSET = 17


def red_square(width: int = 320, height: int = 192, box: tuple[int, int, int, int] = (128, 64, 192, 128)) -> np.ndarray:
    """A green picture with a red square, BGR."""
    rng = np.random.default_rng(7)
    pixels = np.full((height, width, 3), (40, 110, 60), dtype=np.uint8)
    pixels = (pixels + rng.integers(0, 12, pixels.shape)).astype(np.uint8)
    x0, y0, x1, y1 = box
    pixels[y0:y1, x0:x1] = (20, 30, 240)
    return pixels


def build_model(width: int = 320, height: int = 192, opset: int = OPSET) -> onnx.ModelProto:
    """Outputs: boxes [1, N, 4 + 1] of red cells, mask [1, 1, h, w] of blue, picture [1, 2] logits (fire, flood)."""
    rows, cols = height // CELL, width // CELL
    count = rows * cols
    ys, xs = np.mgrid[0:rows, 0:cols]
    boxes = np.stack(
        [(xs + 0.5) * CELL, (ys + 0.5) * CELL, np.full_like(xs, CELL * 3.0, float), np.full_like(ys, CELL * 3.0, float)], -1
    )
    red = np.array([1.0, -0.5, -0.5], np.float32).reshape(1, 3, 1, 1)
    blue = np.array([-0.5, -0.5, 1.0], np.float32).reshape(1, 3, 1, 1)
    constants = {
        "red": red,
        "blue": blue,
        "boxes_const": boxes.reshape(1, count, 4).astype(np.float32),
        "gain": np.array(20.0, np.float32),
        "middle": np.array(-0.4, np.float32),
        "shape": np.array([1, count, 1], np.int64),
        "flat": np.array([1, 1], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["image", "red"], ["redness"], kernel_shape=[1, 1]),
        node("Conv", ["image", "blue"], ["blueness"], kernel_shape=[1, 1]),
        node("AveragePool", ["redness"], ["red_cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        node("AveragePool", ["blueness"], ["blue_cells"], kernel_shape=[4, 4], strides=[4, 4]),
        node("Add", ["red_cells", "middle"], ["red_shifted"]),
        node("Mul", ["red_shifted", "gain"], ["red_logits"]),
        node("Sigmoid", ["red_logits"], ["red_scores"]),
        node("Reshape", ["red_scores", "shape"], ["red_column"]),
        node("Concat", ["boxes_const", "red_column"], ["boxes"], axis=2),
        node("Add", ["blue_cells", "middle"], ["blue_shifted"]),
        node("Mul", ["blue_shifted", "gain"], ["blue_logits"]),
        node("Sigmoid", ["blue_logits"], ["mask"]),
        node("GlobalMaxPool", ["red_logits"], ["fire_max"]),
        node("GlobalMaxPool", ["blue_logits"], ["flood_max"]),
        node("Reshape", ["fire_max", "flat"], ["fire_logit"]),
        node("Reshape", ["flood_max", "flat"], ["flood_logit"]),
        node("Concat", ["fire_logit", "flood_logit"], ["picture"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, count, 5]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, height // 4, width // 4]),
            helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


def write_model_folder(folder: Path, model: onnx.ModelProto | None = None, **changes: Any) -> Path:
    """A whole model folder. ``changes`` replace top-level keys of the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    data = (model or build_model()).SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    cv2.imwrite(str(folder / "golden.png"), red_square())
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest_tree(data) | changes), encoding="utf-8")
    (folder / "CARD.md").write_text("# tiny\nFinds colours. For tests.\n", encoding="utf-8")
    return folder


def manifest_tree(data: bytes) -> dict[str, Any]:
    """The manifest of the network above."""
    return {
        "name": "tiny",
        "version": "1",
        "task": "detect",
        "sha256": hashlib.sha256(data).hexdigest(),
        "opset": OPSET,
        "input": {"name": "image", "width": 320, "height": 192, "channels": "rgb"},
        "outputs": {
            "boxes": {"name": "boxes", "layout": "1xNx(4+C)"},
            "mask": {"name": "mask"},
            "picture": {"name": "picture"},
        },
        "classes": [{"name": "flame", "hazard": "fire", "threshold": 0.5}],
        "picture": [
            {"hazard": "fire", "index": 0, "threshold": 0.6},
            {"hazard": "flood", "index": 1, "threshold": 0.6},
        ],
        "nms_iou": 0.3,
        "licence": "Apache-2.0",
        "golden": {
            "picture": "golden.png",
            "expect": {
                "picture": {"fire": 1.0, "flood": 0.0},
                "boxes": [{"hazard": "fire", "box_px": [128, 64, 176, 112], "confidence": 1.0}],
                "water_fraction": 0.0,
            },
            "tolerance": 0.02,
        },
    }


def hanging_model() -> onnx.ModelProto:
    """The tiny network, which counts to a thousand million whenever it sees red."""
    model = build_model()
    counted = helper.make_tensor_value_info("counted", TensorProto.FLOAT, [1, 1])
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["before", "one"], ["counted"])],
        "count",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [1, 1]),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), counted],
    )
    node = helper.make_node
    (picture,) = [n for n in model.graph.node if "picture" in n.output]
    picture.output[0] = "scores"
    model.graph.node.extend(
        [
            node("ReduceMax", ["red_scores"], ["reddest"], keepdims=0),
            node("Mul", ["reddest", "many"], ["turns_f"]),
            node("Cast", ["turns_f"], ["turns"], to=TensorProto.INT64),
            node("Loop", ["turns", "yes", "zero"], ["sum"], body=body),
            node("Mul", ["sum", "zero"], ["nothing"]),
            node("Add", ["scores", "nothing"], ["picture"]),
        ]
    )
    constants = {
        "many": np.array(1.0e9, np.float32),
        "yes": np.array(True),
        "zero": np.zeros((1, 1), np.float32),
        "one": np.ones((1, 1), np.float32),
    }
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    return model
