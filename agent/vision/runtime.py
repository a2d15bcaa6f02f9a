"""One network at work: its folder is proven, then it answers for one picture at a time.

The only place that knows onnxruntime. A model that is missing, changed, strange or that does not give its golden result is
refused with a code before it sees a single frame. Threads are bounded. Inputs have one size, so the runtime plans its memory
once and keeps it: asked for anew at each look, it broke the heap into pieces, and the process soon grew to twice its size.
"""

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
from agent.vision.admission import Port, fitting_outputs, model_bytes, proven_bytes, require_harmless
from agent.vision.frame import Box, Detection, Pixels
from agent.vision.manifest import MODEL_NAME, Manifest, load_manifest
from agent.vision.onnx_file import inspect_onnx
from agent.vision.preprocess import Placement, crop_of_mask, prepare

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
    _ort.ModelLoaded,
    _ort.NoModel,
    _ort.NoSuchFile,
    _ort.NotFound,
    _ort.NotImplemented,
    _ort.RuntimeException,
    MemoryError,
    RuntimeError,
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
        data = proven_bytes(folder, self.manifest)
        self._session, self.missing_providers = _session(folder, data, threads, providers)
        ports = (self._session.get_inputs(), self._session.get_outputs())
        self._outputs = fitting_outputs(folder, self.manifest, *ports)
        self.thresholds = _picture_thresholds(self.manifest)
        """Least threshold of each hazard's picture score; a network without picture scores speaks by its surest box."""
        self._floors = np.array([max(c.threshold, _CANDIDATE_FLOOR) for c in self.manifest.classes])

    @property
    def hazards(self) -> frozenset[Hazard]:
        """What it can find."""
        masked = {self.manifest.outputs.mask.hazard} if self.manifest.outputs.mask else set()
        boxes = {one.hazard for one in self.manifest.classes if one.hazard is not None}
        return frozenset(masked | boxes | self.thresholds.keys())

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
        except _RUNTIME_ERRORS as error:
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
            mask = crop_of_mask(whole, self.manifest.input, placement)
            if outputs.mask.hazard is Hazard.FLOOD:
                water = mask
            else:
                boxes += self._parts(mask, outputs.mask.hazard, placement)
        if not (outputs.boxes or outputs.mask):
            boxes = self._views(logits or {}, placement)
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

    def _parts(self, mask: NDArray[np.float32], hazard: Hazard, placement: Placement) -> tuple[Detection, ...]:
        """A mask's connected parts as boxes."""
        size = (placement.width_px, placement.height_px)
        corners, scores = decode.boxes_of_mask(mask, self.manifest.mask_threshold, size)
        found = zip(corners, np.clip(scores, 0.0, 1.0), strict=True)
        return tuple(Detection(hazard, float(score), _box(box), self.manifest.name) for box, score in found)

    def _views(self, logits: dict[Hazard, float], placement: Placement) -> tuple[Detection, ...]:
        """A classifier's boxes: where its score passes the threshold, the thing is somewhere in all that it looked at."""
        box = (0.0, 0.0, float(placement.width_px), float(placement.height_px))
        scores = {hazard: float(decode.sigmoid(np.array(value))) for hazard, value in logits.items()}
        passed = {hazard: score for hazard, score in scores.items() if score >= self.thresholds[hazard]}
        return tuple(Detection(hazard, score, box, self.manifest.name, anywhere=True) for hazard, score in passed.items())

    def _logits(self, raw: dict[str, NDArray[np.floating]]) -> dict[Hazard, float]:
        spec = self.manifest.outputs.picture
        values = decode.decode_picture_scores(raw[spec.name], spec) if spec else np.empty(0)
        out: dict[Hazard, float] = {}
        for head in self.manifest.picture:
            if head.index >= len(values):
                raise ModelError("model.refused", f"{self.folder}: picture head {head.index} of {len(values)} outputs")
            value = head.calibration.a * float(values[head.index]) + head.calibration.b
            out[head.hazard] = max(value, out.get(head.hazard, -np.inf))
        return out


def ports_of(folder: Path) -> tuple[list[Port], list[Port]]:
    """Inputs and outputs of a folder's network, which needs no manifest yet.

    Raises:
        ModelError: ``model.missing`` or ``model.refused``.
    """
    data = model_bytes(folder)
    require_harmless(folder / MODEL_NAME, inspect_onnx(data))
    session, _ = _session(folder, data, 1, ("cpu",))
    return list(session.get_inputs()), list(session.get_outputs())


def _picture_thresholds(manifest: Manifest) -> dict[Hazard, float]:
    heads: list[tuple[Hazard | None, float]] = [(head.hazard, head.threshold) for head in manifest.picture]
    boxes: list[tuple[Hazard | None, float]] = [(one.hazard, one.threshold) for one in manifest.classes]
    if manifest.outputs.mask and manifest.outputs.mask.hazard is not Hazard.FLOOD:
        boxes.append((manifest.outputs.mask.hazard, manifest.mask_threshold))
    out: dict[Hazard, float] = {}
    for hazard, threshold in heads if manifest.outputs.picture else boxes:
        if hazard is not None:
            out[hazard] = min(out.get(hazard, 1.0), threshold)
    return out


def _box(corners: NDArray[np.float64]) -> Box:
    x0, y0, x1, y1 = (float(v) for v in corners)
    return x0, y0, x1, y1


def _session(
    folder: Path, data: bytes, threads: int, providers: Sequence[str]
) -> tuple[onnxruntime.InferenceSession, tuple[str, ...]]:
    """The session, and the configured providers that are not there."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = True
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The runtime has a second format of its own, and would choose by the first bytes. What was looked into was ONNX.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    available = set(onnxruntime.get_available_providers())
    missing = tuple(name for name in providers if _PROVIDERS[name] not in available)
    for name in missing:
        _log.warning("execution provider is not there, falling back", code="vision.provider_missing", provider=name)
    chosen = [_PROVIDERS[name] for name in providers if name not in missing]
    if _PROVIDERS["cpu"] not in chosen:
        chosen.append(_PROVIDERS["cpu"])
    try:
        return onnxruntime.InferenceSession(data, options, providers=chosen), missing
    except _RUNTIME_ERRORS as error:
        raise ModelError("model.refused", f"{folder / MODEL_NAME}: cannot be loaded: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
