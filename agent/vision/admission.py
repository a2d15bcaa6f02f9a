"""May this file be given to the runtime, and does it fit its manifest?

A model comes from somewhere else. Its size, digest, operators and what it says of its inputs and outputs are looked at before
a single number passes through it. Knows files and the manifest, not the runtime.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from agent.core.errors import ModelError
from agent.vision import decode
from agent.vision.manifest import MODEL_NAME, BoxOutput, InputSpec, Manifest, MaskOutput, PictureOutput
from agent.vision.onnx_file import FORBIDDEN_OPERATORS, KNOWN_DOMAINS, OnnxFacts, inspect_onnx

_MODEL_BYTES_MAX = 300_000_000


class Port(Protocol):
    """What a loaded network says of one of its inputs or outputs; a dimension that is no number may be anything."""

    name: str
    type: str
    shape: Sequence[int | str | None]


def model_bytes(folder: Path) -> bytes:
    """The model's bytes after its size was looked at.

    Raises:
        ModelError: ``model.missing`` or ``model.refused``.
    """
    path = folder / MODEL_NAME
    try:
        size = path.stat().st_size
        if size > _MODEL_BYTES_MAX:
            raise ModelError("model.refused", f"{path}: {size} bytes, the limit is {_MODEL_BYTES_MAX}")
        return path.read_bytes()
    except OSError as error:
        raise ModelError("model.missing", f"{path}: cannot be read ({error.strerror}); install the model again") from error


def proven_bytes(folder: Path, manifest: Manifest) -> bytes:
    """The model's bytes after size, digest, opset, operators and external data were looked at.

    Raises:
        ModelError: ``model.missing``, ``model.changed`` or ``model.refused``.
    """
    path = folder / MODEL_NAME
    data = model_bytes(folder)
    digest = hashlib.sha256(data).hexdigest()
    if digest != manifest.sha256:
        words = f"its SHA-256 is {digest[:12]}…, the manifest says {manifest.sha256[:12]}…; install the model again"
        raise ModelError("model.changed", f"{path}: {words}")
    facts = inspect_onnx(data)
    require_harmless(path, facts)
    if opset_of(facts) != manifest.opset:
        raise ModelError("model.refused", f"{path}: opset {opset_of(facts)}, the manifest says {manifest.opset}")
    return data


def require_harmless(path: Path, facts: OnnxFacts) -> None:
    """Refuses what could open other files or run other code.

    Raises:
        ModelError: ``model.refused``.
    """
    if facts.external_data:
        raise ModelError("model.refused", f"{path}: keeps data in other files; export it as one file")
    domains = set(facts.opsets) | {domain for domain, _ in facts.operators}
    strange = sorted(domains - KNOWN_DOMAINS)
    if strange:
        raise ModelError("model.refused", f"{path}: needs operators of {', '.join(strange)}, which are not taken")
    forbidden = sorted({name for _, name in facts.operators} & FORBIDDEN_OPERATORS)
    if forbidden:
        raise ModelError("model.refused", f"{path}: has {', '.join(forbidden)}, which opens other files or runs other code")


def opset_of(facts: OnnxFacts) -> int:
    """Version of ONNX's own operator set; of the only one where that is another."""
    own = [version for domain, version in facts.opsets.items() if domain in {"", "ai.onnx"} or len(facts.opsets) == 1]
    return max(own, default=0)


def fitting_outputs(folder: Path, manifest: Manifest, inputs: Sequence[Port], outputs: Sequence[Port]) -> list[str]:
    """The outputs to ask for, after names, types and shapes were compared with the manifest.

    Raises:
        ModelError: ``model.refused``; what does not fit, in words.
    """
    fault = _input_fault(manifest.input, inputs) or _outputs_fault(manifest, {port.name: port for port in outputs})
    if fault is not None:
        raise ModelError("model.refused", f"{folder}: {fault}")
    return [output.name for output in _named(manifest)]


def _input_fault(spec: InputSpec, inputs: Sequence[Port]) -> str | None:
    if len(inputs) != 1 or inputs[0].name != spec.name or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{i.name} {i.type}" for i in inputs)
        return f"inputs are {found}; the manifest says one tensor(float) {spec.name}"
    wanted = [1, 3, spec.height, spec.width] if spec.layout == "nchw" else [1, spec.height, spec.width, 3]
    shape = inputs[0].shape
    if len(shape) != 4 or any(isinstance(have, int) and have != want for have, want in zip(shape, wanted, strict=True)):
        return f"the input's shape is {shape}, the manifest says {wanted}"
    return None


def _outputs_fault(manifest: Manifest, ports: dict[str, Port]) -> str | None:
    absent = [output.name for output in _named(manifest) if output.name not in ports]
    if absent:
        return f"no output {', '.join(absent)}; there are {', '.join(sorted(ports))}"
    out, heads = manifest.outputs, 1 + max((head.index for head in manifest.picture), default=0)
    faults = [
        decode.boxes_fault(ports[out.boxes.name].shape, out.boxes, len(manifest.classes)) if out.boxes else None,
        decode.mask_fault(ports[out.mask.name].shape, out.mask) if out.mask else None,
        decode.picture_fault(ports[out.picture.name].shape, out.picture, heads) if out.picture else None,
    ]
    return "; ".join(fault for fault in faults if fault) or None


def _named(manifest: Manifest) -> list[BoxOutput | MaskOutput | PictureOutput]:
    outputs = manifest.outputs
    return [output for output in (outputs.boxes, outputs.mask, outputs.picture) if output is not None]
