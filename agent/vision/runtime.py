"""One network at work: its folder is proven, then it answers for one picture at a time.

The only place that knows onnxruntime. A model that is missing, changed, strange or that does not give its golden result is
refused with a code before it sees a single frame. Threads are bounded and the memory arena is off, so that a child process
that looks at frames for weeks stays as large as it was on the first day.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import structlog
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as _ort

from agent.core.errors import ModelError
from agent.domain.hazard import Hazard
from agent.vision import decode
from agent.vision.frame import Box, Detection, Pixels
from agent.vision.manifest import MODEL_NAME, Manifest, load_manifest
from agent.vision.onnx_file import KNOWN_DOMAINS, inspect_onnx
from agent.vision.preprocess import Placement, crop_of_mask, prepare

_MODEL_BYTES_MAX = 300_000_000
_CANDIDATE_FLOOR = 0.05
"""Boxes below this are not even candidates, whatever the manifest's thresholds are."""

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
    "qnn": "QNNExecutionProvider",
}

_RUNTIME_ERRORS = (
    _ort.EPFail,
    _ort.EngineError,
    _ort.Fail,
    _ort.InvalidArgument,
    _ort.InvalidGraph,
    _ort.InvalidProtobuf,
    _ort.NoModel,
    _ort.NotFound,
    _ort.NotImplemented,
    _ort.RuntimeException,
    ValueError,
)
"""The runtime's exceptions have no common class of their own."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What one network says of one picture or part of it.

    Attributes:
        boxes: in the picture's pixels, those that pass their threshold; non-maximum suppression is done.
        logits: calibrated log-odds by hazard that the picture shows it.
        water: probability over the picture, at the network's own resolution.
        whole_logits: as logits, from the whole alone where tiles were looked at too.
    """

    boxes: tuple[Detection, ...] = ()
    logits: dict[Hazard, float] | None = None
    water: NDArray[np.float32] | None = None
    whole_logits: dict[Hazard, float] | None = None


class Network:
    """A proven model folder, ready to look.

    Args:
        folder: holds ``model.onnx``, ``manifest.yaml`` and the golden picture.
        threads: of the inference runtime.
        providers: names of the configuration in order of preference; cpu is always the last resort.

    Raises:
        ModelError: ``model.missing``, ``model.changed`` or ``model.refused``.
    """

    def __init__(self, folder: Path, threads: int = 1, providers: Sequence[str] = ("cpu",)) -> None:
        self.folder = folder
        self.manifest: Manifest = load_manifest(folder)
        data = _proven_bytes(folder, self.manifest)
        self._session, self.missing_providers = _session(folder, data, threads, providers)
        self._outputs = _checked_outputs(folder, self.manifest, self._session)
        self._floors = np.array([max(c.threshold, _CANDIDATE_FLOOR) for c in self.manifest.classes])

    def look(self, pixels: Pixels) -> Answer:
        """Looks at a picture of any size, as a whole.

        Raises:
            ModelError: ``model.refused``, the network does not do what its manifest says, or fails.
        """
        tensor, placement = prepare(self.manifest.input, pixels)
        return self.interpret(self.infer(tensor), placement)

    def infer(self, tensor: NDArray[np.float32]) -> dict[str, NDArray[np.floating]]:
        """The raw outputs that the manifest names, by name.

        Raises:
            ModelError: ``model.refused``, the runtime fails.
        """
        try:
            values = self._session.run(self._outputs, {self.manifest.input.name: tensor})
        except Exception as error:
            raise ModelError("model.refused", f"{self.folder}: inference failed: {_one_line(error)}") from error
        return dict(zip(self._outputs, values, strict=True))

    def interpret(self, raw: dict[str, NDArray[np.floating]], placement: Placement) -> Answer:
        """The raw outputs in the picture's terms."""
        outputs = self.manifest.outputs
        boxes = self._boxes(raw, placement) if outputs.boxes else ()
        logits = self._logits(raw) if outputs.picture else None
        water = None
        if outputs.mask:
            whole = decode.decode_mask(raw[outputs.mask.name], outputs.mask)
            water = crop_of_mask(whole, self.manifest.input, placement)
        return Answer(boxes, logits, water)

    def _boxes(self, raw: dict[str, NDArray[np.floating]], placement: Placement) -> tuple[Detection, ...]:
        spec, manifest = self.manifest.outputs.boxes, self.manifest
        if spec is None:
            return ()
        size = (manifest.input.width, manifest.input.height)
        corners, scores, labels = decode.decode_boxes(raw[spec.name], spec, len(manifest.classes), size, self._floors)
        kept = decode.non_maximum_suppression(corners, scores, labels, manifest.nms_iou)
        inside = placement.to_picture(corners[kept])
        found = []
        for box, score, label in zip(inside, scores[kept], labels[kept], strict=True):
            hazard = manifest.classes[label].hazard
            if hazard is not None and box[2] - box[0] >= 1.0 and box[3] - box[1] >= 1.0:
                found.append(Detection(hazard, float(score), _box(box), manifest.name))
        return tuple(found)

    def _logits(self, raw: dict[str, NDArray[np.floating]]) -> dict[Hazard, float]:
        spec = self.manifest.outputs.picture
        values = decode.decode_picture_scores(raw[spec.name], spec) if spec else np.empty(0)
        out: dict[Hazard, float] = {}
        for head in self.manifest.picture:
            if head.index >= len(values):
                raise ModelError("model.refused", f"{self.folder}: picture head {head.index} of {len(values)} outputs")
            out[head.hazard] = head.calibration.a * float(values[head.index]) + head.calibration.b
        return out


def _box(corners: NDArray[np.float64]) -> Box:
    x0, y0, x1, y1 = (float(v) for v in corners)
    return x0, y0, x1, y1


def _proven_bytes(folder: Path, manifest: Manifest) -> bytes:
    """The model's bytes after size, digest, opset and external data were looked at."""
    path = folder / MODEL_NAME
    try:
        size = path.stat().st_size
        if size > _MODEL_BYTES_MAX:
            raise ModelError("model.refused", f"{path}: {size} bytes, the limit is {_MODEL_BYTES_MAX}")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError("model.missing", f"{path}: cannot be read ({error.strerror}); install the model again") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != manifest.sha256:
        words = f"its SHA-256 is {digest[:12]}…, the manifest says {manifest.sha256[:12]}…; install the model again"
        raise ModelError("model.changed", f"{path}: {words}")
    facts = inspect_onnx(data)
    if facts.external_data:
        raise ModelError("model.refused", f"{path}: keeps data in other files; export it as one file")
    strange = sorted(set(facts.opsets) - KNOWN_DOMAINS)
    if strange:
        raise ModelError("model.refused", f"{path}: needs operators of {', '.join(strange)}, which are not taken")
    stated = max(version for domain, version in facts.opsets.items() if domain in {"", "ai.onnx"} or len(facts.opsets) == 1)
    if stated != manifest.opset:
        raise ModelError("model.refused", f"{path}: opset {stated}, the manifest says {manifest.opset}")
    return data


def _session(
    folder: Path, data: bytes, threads: int, providers: Sequence[str]
) -> tuple[onnxruntime.InferenceSession, tuple[str, ...]]:
    """The session, and the configured providers that are not there."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    available = set(onnxruntime.get_available_providers())
    missing = tuple(name for name in providers if _PROVIDERS[name] not in available)
    for name in missing:
        _log.warning("execution provider is not there, falling back", code="vision.provider_missing", provider=name)
    chosen = [_PROVIDERS[name] for name in providers if name not in missing]
    if _PROVIDERS["cpu"] not in chosen:
        chosen.append(_PROVIDERS["cpu"])
    try:
        return onnxruntime.InferenceSession(data, options, providers=chosen), missing
    except Exception as error:
        raise ModelError("model.refused", f"{folder / MODEL_NAME}: cannot be loaded: {_one_line(error)}") from error


def _checked_outputs(folder: Path, manifest: Manifest, session: onnxruntime.InferenceSession) -> list[str]:
    """The outputs to ask for, after the input's name, type and size were compared with the manifest."""
    inputs = session.get_inputs()
    spec = manifest.input
    if len(inputs) != 1 or inputs[0].name != spec.name or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{i.name} {i.type}" for i in inputs)
        raise ModelError("model.refused", f"{folder}: inputs are {found}; the manifest says one tensor(float) {spec.name}")
    wanted = [1, 3, spec.height, spec.width]
    shape = inputs[0].shape
    if len(shape) != 4 or any(isinstance(have, int) and have != want for have, want in zip(shape, wanted, strict=True)):
        raise ModelError("model.refused", f"{folder}: the input's shape is {shape}, the manifest says {wanted}")
    there = {output.name for output in session.get_outputs()}
    named = [o.name for o in (manifest.outputs.boxes, manifest.outputs.mask, manifest.outputs.picture) if o]
    absent = [name for name in named if name not in there]
    if absent:
        raise ModelError("model.refused", f"{folder}: no output {', '.join(absent)}; there are {', '.join(sorted(there))}")
    return named


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
