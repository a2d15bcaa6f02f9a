"""Writes what the network says of its golden picture into the manifest.

The picture is drawn or rendered by our own code, never a photograph of somebody else. The runtime looks at it at every start.
"""

from pathlib import Path

import numpy as np

from agent.domain.hazard import Hazard
from agent.vision.decode import sigmoid
from agent.vision.golden import prove
from agent.vision.manifest import Golden, GoldenBox, GoldenExpect
from agent.vision.pictures import read_picture
from agent.vision.runtime import Answer, Network
from models.training.manifest_file import write_manifest

TOLERANCE = 0.02
"""Other processors round differently: measured differences are a thousandth and less."""
_BOXES_MOST = 3


def record_golden(folder: Path, picture: str = "golden.png") -> None:
    """Looks at the golden picture as a whole, records the result, and proves that a fresh start accepts it."""
    network = Network(folder)
    answer = network.look(read_picture(folder / picture))
    expect = _expectation(answer, network.manifest.mask_threshold)
    golden = Golden(picture=picture, expect=expect, tolerance=TOLERANCE)
    write_manifest(network.manifest.model_copy(update={"golden": golden}), folder)
    prove(Network(folder))


def _expectation(answer: Answer, mask_threshold: float) -> GoldenExpect:
    scores: dict[Hazard, float] = {
        hazard: round(float(sigmoid(np.array(value))), 4) for hazard, value in (answer.logits or {}).items()
    }
    surest = sorted(answer.boxes, key=lambda box: -box.confidence)[:_BOXES_MOST]
    boxes = tuple(GoldenBox(hazard=b.hazard, box_px=_rounded(b.box_px), confidence=round(b.confidence, 4)) for b in surest)
    water = None if answer.water is None else round(float(np.mean(answer.water >= mask_threshold)), 4)
    return GoldenExpect(picture=scores, boxes=boxes, water_fraction=water)


def _rounded(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (round(value, 1) for value in box)
    return x0, y0, x1, y1
