"""Writes manifests: the one place of training that knows their form.

The form itself belongs to `agent.vision.manifest`, which also reads it back here, so that a wrong manifest is never written.
"""

from pathlib import Path
from typing import Any

import yaml

from agent.domain.hazard import Hazard
from agent.vision.manifest import (
    MANIFEST_NAME,
    BoxClass,
    BoxOutput,
    Calibration,
    Golden,
    GoldenExpect,
    InputSpec,
    Manifest,
    MaskOutput,
    Outputs,
    PictureHead,
    PictureOutput,
    TilePolicy,
    TrainingSource,
    load_manifest,
)
from models.training.data import MEAN, STD
from models.training.figures import HAZARDS

OPSET = 17
LICENCE = (
    "Apache-2.0 for the weights as far as that can be said: the pictures that they were trained on are partly non-commercial "
    "or without a stated licence, see CARD.md"
)


def first_manifest(model: str, version: str, sha256: str, size_px: tuple[int, int]) -> Manifest:
    """A manifest of a network just exported: not calibrated, no thresholds chosen, nothing measured."""
    boxes = BoxOutput(name="boxes", layout="1xNx(4+C)", format="cxcywh", units="input_px")
    picture = PictureOutput(name="picture")
    detects = model == "fire"
    return Manifest(
        name=model,
        version=version,
        task="detect" if detects else "segment",
        sha256=sha256,
        opset=OPSET,
        input=InputSpec(name="image", width=size_px[0], height=size_px[1], mean=MEAN, std=STD),
        outputs=Outputs(boxes=boxes, picture=picture) if detects else Outputs(mask=MaskOutput(name="mask"), picture=picture),
        classes=(
            (
                BoxClass(name="flame", hazard=Hazard.FIRE, threshold=0.3),
                BoxClass(name="smoke", hazard=Hazard.SMOKE, threshold=0.3),
            )
            if detects
            else ()
        ),
        picture=tuple(
            PictureHead(hazard=Hazard(name), index=index, calibration=Calibration(), threshold=0.5)
            for index, name in enumerate(HAZARDS[model])
        ),
        # Tiles find small plumes; water masks were no better with them on val, and they cost most of the time.
        tiles=TilePolicy(enabled=detects, zoom_min=1.2),
        licence=LICENCE,
        golden=Golden(picture="golden.png", expect=GoldenExpect()),
    )


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Writes `manifest.yaml` and reads it back. Raises agent.core.errors.ModelError when it cannot be read back."""
    tree = manifest.model_dump(mode="json", exclude_none=True)
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)
    (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")
    load_manifest(folder)


def with_training_data(manifest: Manifest, training: dict[str, Any]) -> Manifest:
    """The sources of `training.json` (written by train) in the manifest."""
    rows = tuple(
        TrainingSource(source=row["source"], licence=row["licence"], pictures=row["pictures"]) for row in training["data"]
    )
    return manifest.model_copy(update={"training_data": rows})
