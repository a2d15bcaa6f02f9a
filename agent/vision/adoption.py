"""Makes a foreign network a model of this product: what it says of itself, and the rest of a manifest that a person began.

A person knows what the network means: layout, classes, hazards, thresholds. Digest, opset and the golden result are facts,
and are filled in here.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from agent.core.errors import ModelError, StoreError
from agent.core.files import write_whole
from agent.vision.admission import model_bytes, opset_of
from agent.vision.golden import expectation, prove
from agent.vision.manifest import MANIFEST_NAME, GoldenExpect, load_manifest, manifest_tree
from agent.vision.onnx_file import inspect_onnx
from agent.vision.pictures import PictureError, read_picture
from agent.vision.runtime import Network, ports_of


def description(folder: Path) -> Iterator[str]:
    """What a manifest must name, one line each.

    Raises:
        ModelError: ``model.missing`` or ``model.refused``.
    """
    data = model_bytes(folder)
    facts = inspect_onnx(data)
    inputs, outputs = ports_of(folder)
    yield f"sha256  {hashlib.sha256(data).hexdigest()}"
    yield f"opset   {opset_of(facts)}"
    for kind, ports in (("input", inputs), ("output", outputs)):
        for port in ports:
            yield f"{kind:<7} {port.name}  {port.type}  {' x '.join(map(str, port.shape))}"


def complete(folder: Path) -> GoldenExpect:
    """Fills digest, opset and golden result into a folder's manifest, and proves the model by it.

    The golden picture is the one that the manifest names as ``golden: {picture: NAME}``.

    Returns:
        what the golden picture gave.

    Raises:
        ModelError: ``model.missing`` or ``model.refused``; also when the golden picture shows the network nothing, because
            that would prove nothing.
        StoreError: ``vision.output_failed``, the manifest cannot be written.
    """
    data = model_bytes(folder)
    facts = inspect_onnx(data)
    tree = manifest_tree(folder)
    picture = tree.get("golden")
    if not isinstance(picture, dict) or "picture" not in picture:
        raise ModelError("model.refused", f"{folder / MANIFEST_NAME}: names no golden picture; write golden: {{picture: NAME}}")
    tree |= {"sha256": hashlib.sha256(data).hexdigest(), "opset": opset_of(facts), "golden": picture | {"expect": {}}}
    before = (folder / MANIFEST_NAME).read_bytes()
    _write(folder, tree)
    try:
        expect = _seen(folder)
        _write(folder, tree | {"golden": picture | {"expect": expect.model_dump(mode="json", exclude_none=True)}})
        prove(Network(folder))
    except ModelError:
        write_whole(folder / MANIFEST_NAME, before)
        raise
    return expect


def _seen(folder: Path) -> GoldenExpect:
    manifest = load_manifest(folder)
    path = folder / manifest.golden.picture
    try:
        pixels = read_picture(path)
    except PictureError as error:
        raise ModelError("model.missing", f"golden picture: {error.message}") from error
    network = Network(folder)
    expect = expectation(network.look(pixels), manifest.mask_threshold)
    passed = any(score >= network.thresholds.get(hazard, 1.1) for hazard, score in expect.picture.items())
    if not (passed or expect.boxes or expect.water_fraction):
        words = "the network sees nothing in it; take a picture of what it is for, or lower the thresholds"
        raise ModelError("model.refused", f"{path}: {words}")
    return expect


def _write(folder: Path, tree: dict[str, Any]) -> None:
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)
    try:
        write_whole(folder / MANIFEST_NAME, text.encode())
    except OSError as error:
        raise StoreError("vision.output_failed", f"{folder / MANIFEST_NAME}: {error.strerror}") from error
