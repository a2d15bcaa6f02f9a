"""What a model folder says of its network: the one description that training writes and the runtime reads.

Knows the form of ``manifest.yaml`` and nothing of networks or pictures. A third party's network is added by writing this file.
"""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from agent.core.errors import ModelError
from agent.domain.hazard import Hazard
from agent.domain.wire import Unit, Wire

MANIFEST_NAME = "manifest.yaml"
MODEL_NAME = "model.onnx"

_MANIFEST_BYTES_MAX = 1_000_000
"""A manifest is a page of text; more is not read."""


class InputSpec(Wire):
    """The network's one input: float32, [1, 3, height, width] or with the channels last.

    Attributes:
        layout: nchw, as PyTorch exports, or nhwc, as TensorFlow does.
        scale: 8-bit values are multiplied by it; then mean is taken away and the result divided by std, per channel in the
            order of ``channels``.
        resize: letterbox keeps the aspect ratio and pads right and bottom equally on both sides; stretch does not keep it.
        pad_value: grey level of the padding, 0..255, before scaling.
    """

    name: str
    width: int = Field(ge=16, le=4096)
    height: int = Field(ge=16, le=4096)
    layout: Literal["nchw", "nhwc"] = "nchw"
    channels: Literal["rgb", "bgr"] = "rgb"
    scale: float = Field(default=1 / 255, gt=0)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    resize: Literal["letterbox", "stretch"] = "letterbox"
    pad_value: float = Field(default=114, ge=0, le=255)


BoxLayout = Literal["1xNx(4+C)", "1x(4+C)xN", "1xNx(5+C)", "1x(5+C)xN", "1xNx6", "1x(5+C)xHxW"]


class BoxOutput(Wire):
    """Where the boxes come out. ``N`` candidates, ``C`` classes.

    Attributes:
        layout: ``4+C`` is a box and its class scores (YOLOv8 and later); ``5+C`` has an objectness before the classes (YOLOv5,
            v7), which multiplies them; ``1xNx6`` is box, score and number of the class, as networks with their own suppression
            end; ``1x(5+C)xHxW`` is the grid of FastestDet: objectness, offsets in the cell, size, classes.
        activation: what is still to be applied to objectness and classes.
    """

    name: str
    layout: BoxLayout
    format: Literal["cxcywh", "xyxy"] = "cxcywh"
    units: Literal["input_px", "normalized"] = "input_px"
    activation: Literal["none", "sigmoid"] = "none"

    @model_validator(mode="after")
    def _grid_is_normalized(self) -> "BoxOutput":
        if self.layout == "1x(5+C)xHxW" and (self.format, self.units) != ("cxcywh", "normalized"):
            raise ValueError("the layout 1x(5+C)xHxW needs format: cxcywh and units: normalized")
        return self


class MaskOutput(Wire):
    """Where a mask comes out: [1, K, h, w], any h and w over the input's extent.

    Attributes:
        hazard: what it is a mask of. flood: of water, which is laid on the ground and compared with what is normal there. Of
            any other hazard each connected part above the mask's threshold is a box, as sure as its mean.
        channel: which of the K channels it is; may be left out where there is one.
        activation: what is still to be applied: none where the network gives probabilities; softmax is over the channels.
    """

    name: str
    hazard: Hazard = Hazard.FLOOD
    channel: int | None = Field(default=None, ge=0)
    activation: Literal["none", "sigmoid", "softmax"] = "none"


class PictureOutput(Wire):
    """Where the picture scores come out: [1, K], or [1, K, 1, 1] as pooling leaves them.

    Attributes:
        values: whether the network gives logits or probabilities; probabilities are turned into log-odds.
        activation: what is still to be applied to logits. ``sigmoid`` and ``none`` are the same here, because the calibration
            works on logits; ``softmax`` makes the classes exclude each other first.
    """

    name: str
    values: Literal["logits", "probabilities"] = "logits"
    activation: Literal["none", "sigmoid", "softmax"] = "none"


class Outputs(Wire):
    """At least one of the three."""

    boxes: BoxOutput | None = None
    mask: MaskOutput | None = None
    picture: PictureOutput | None = None

    @model_validator(mode="after")
    def _at_least_one(self) -> "Outputs":
        if not (self.boxes or self.mask or self.picture):
            raise ValueError("names no output: give boxes, mask or picture")
        return self


class BoxClass(Wire):
    """One class of boxes, in the order of the network's channels. hazard None: found, but of no interest."""

    name: str
    hazard: Hazard | None
    threshold: Unit


class Calibration(Wire):
    """Platt scaling: probability = sigmoid(a * logit + b)."""

    a: float = 1.0
    b: float = 0.0


class PictureHead(Wire):
    """One picture score. ``threshold`` is on the calibrated probability. Of several heads of one hazard the surest counts."""

    hazard: Hazard
    index: int = Field(ge=0)
    calibration: Calibration = Calibration()
    threshold: Unit


class TilePolicy(Wire):
    """How frames larger than the input are looked at beside the whole.

    Attributes:
        zoom_min: tiles are used where the whole would be shrunk by more than this factor.
        overlap: part of a tile that its neighbour sees too.
        most: no more tiles than this; they grow instead.
        least_m: the least thing worth finding, across; a flame that a person could no longer tread out.
        enough_px: so many pixels of the input show it surely; where the whole gives as many, a tile adds nothing.
        picture_penalty: taken from a tile's calibrated logit before the greatest counts, because many tiles have many chances
            to err. None: the natural logarithm of the number of tiles.
    """

    enabled: bool = True
    zoom_min: float = Field(default=1.3, ge=1)
    overlap: float = Field(default=0.2, ge=0, le=0.5)
    most: int = Field(default=12, ge=1, le=64)
    least_m: float = Field(default=2.0, gt=0, le=1000)
    enough_px: float = Field(default=24.0, ge=1, le=1000)
    picture_penalty: float | None = Field(default=None, ge=0)


class TrainingSource(Wire):
    """Where pictures for training came from."""

    source: str
    licence: str
    pictures: int = Field(ge=0)


class GoldenBox(Wire):
    """A box that the golden picture must give, in its pixels."""

    hazard: Hazard
    box_px: tuple[float, float, float, float]
    confidence: Unit


class GoldenExpect(Wire):
    """What the golden picture must give when looked at whole. Picture scores are calibrated."""

    picture: dict[Hazard, Unit] = Field(default_factory=dict)
    boxes: tuple[GoldenBox, ...] = ()
    water_fraction: Unit | None = None


class Golden(Wire):
    """A picture with its known result; tolerance is absolute, on scores, confidences and the fraction."""

    picture: str
    expect: GoldenExpect
    tolerance: float = Field(default=0.02, gt=0, le=0.5)


class Manifest(Wire):
    """The whole description."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    version: str
    task: Literal["detect", "segment", "classify"]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    opset: int = Field(ge=1)
    input: InputSpec
    outputs: Outputs
    classes: tuple[BoxClass, ...] = ()
    picture: tuple[PictureHead, ...] = ()
    mask_threshold: Unit = 0.5
    nms_iou: Unit = 0.5
    tiles: TilePolicy = TilePolicy()
    licence: str
    training_data: tuple[TrainingSource, ...] = ()
    measured: dict[str, Any] = Field(default_factory=dict)
    golden: Golden

    @model_validator(mode="after")
    def _complete(self) -> "Manifest":
        if self.outputs.boxes and not self.classes:
            raise ValueError("has an output of boxes but no classes")
        if self.outputs.picture and not self.picture:
            raise ValueError("has an output of picture scores but no picture heads")
        return self


def manifest_tree(folder: Path) -> dict[str, Any]:
    """A folder's manifest as it is written, not yet checked.

    Raises:
        ModelError: ``model.missing`` without the file, ``model.refused`` when it is no YAML mapping.
    """
    path = folder / MANIFEST_NAME
    try:
        if path.stat().st_size > _MANIFEST_BYTES_MAX:
            raise ModelError("model.refused", f"{path}: larger than {_MANIFEST_BYTES_MAX} bytes; this is no manifest")
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError("model.missing", f"{path}: cannot be read ({error.strerror}); a model folder needs it") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError("model.refused", f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict):
        raise ModelError("model.refused", f"{path}: no mapping of keys to values")
    return tree


def load_manifest(folder: Path) -> Manifest:
    """Reads a folder's manifest.

    Raises:
        ModelError: ``model.missing`` without the file, ``model.refused`` when it is wrong; the message names each key.
    """
    tree = manifest_tree(folder)
    try:
        return Manifest.model_validate(tree)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'manifest'}: {e['msg']}" for e in error.errors())
        raise ModelError("model.refused", f"{folder / MANIFEST_NAME}: {faults}") from error
