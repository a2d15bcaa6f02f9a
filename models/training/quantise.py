"""Makes an int8 model folder of a float one, by static quantisation with a calibration set.

Weights are quantised per channel, activations by the range that pictures of the train split give them. The heads stay in float:
they cost little time, and they are where rounding costs most. The result is calibrated and measured like any other model.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from agent.vision.manifest import MODEL_NAME, InputSpec, load_manifest
from agent.vision.pictures import read_picture
from agent.vision.preprocess import prepare
from models.training.data import Sample
from models.training.manifest_file import write_manifest

CALIBRATION_PICTURES = 96
_FLOAT_NODES = ("class_out", "box_out", "evidence", "/mask/", "average")
"""Parts of the names of nodes that stay in float."""


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    """The network's inputs for the calibration pictures."""

    def __init__(self, samples: Sequence[Sample], spec: InputSpec) -> None:
        self._feeds: Iterator[dict[str, npt.NDArray[np.float32]]] = (
            {spec.name: prepare(spec, read_picture(sample.path))[0]} for sample in samples
        )

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        """The next input; None at the end."""
        return next(self._feeds, None)


def calibration_set(samples: Sequence[Sample], shares: dict[str, float], seed: int = 5) -> list[Sample]:
    """Pictures drawn by the sources' shares of training, always the same for a seed."""
    rng = np.random.default_rng(seed)
    used = [sample for sample in samples if shares.get(sample.source.name, 0) > 0]
    counts = {name: sum(sample.source.name == name for sample in used) for name in shares}
    weights = np.array([shares[sample.source.name] / counts[sample.source.name] for sample in used])
    chosen = rng.choice(len(used), size=min(CALIBRATION_PICTURES, len(used)), replace=False, p=weights / weights.sum())
    return [used[int(index)] for index in chosen]


def quantise(folder: Path, out: Path, samples: Sequence[Sample]) -> None:
    """Writes the int8 twin of `folder` to `out`; thresholds and golden result are still those of the float model."""
    manifest = load_manifest(folder)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        ready = Path(scratch) / "ready.onnx"
        quant_pre_process(str(folder / MODEL_NAME), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(out / MODEL_NAME),
            _Pictures(samples, manifest.input),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add", "Clip", "Resize"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=_float_nodes(onnx.load(str(ready))),
        )
    for name in (manifest.golden.picture, "training.json"):
        shutil.copy(folder / name, out / name)
    digest = hashlib.sha256((out / MODEL_NAME).read_bytes()).hexdigest()
    write_manifest(manifest.model_copy(update={"sha256": digest, "version": f"{manifest.version}-int8"}), out)


def _float_nodes(model: onnx.ModelProto) -> list[str]:
    return [node.name for node in model.graph.node if any(part in node.name for part in _FLOAT_NODES)]
