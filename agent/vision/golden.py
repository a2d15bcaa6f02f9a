"""Proves a network on a picture whose result is known: at every start, and in the preflight check.

A network with the right digest can still err on another processor, provider or runtime version. This is where that shows.
"""

import numpy as np

from agent.core.errors import ModelError
from agent.vision.decode import iou, sigmoid
from agent.vision.frame import Box
from agent.vision.manifest import Golden, GoldenBox, GoldenExpect
from agent.vision.pictures import PictureError, read_picture
from agent.vision.runtime import Answer, Network

_IOU_MIN = 0.7
_BOXES_MOST = 3


def prove(network: Network) -> None:
    """Looks at the golden picture as a whole and compares.

    Raises:
        ModelError: ``model.missing`` without the picture, ``model.golden_failed`` with what differs.
    """
    golden = network.manifest.golden
    path = network.folder / golden.picture
    try:
        pixels = read_picture(path)
    except PictureError as error:
        raise ModelError("model.missing", f"golden picture: {error.message}") from error
    faults = differences(network.look(pixels), golden, network.manifest.mask_threshold)
    if faults:
        raise ModelError("model.golden_failed", f"{path}: {'; '.join(faults)}; tolerance {golden.tolerance}")


def differences(answer: Answer, golden: Golden, mask_threshold: float) -> list[str]:
    """What differs from the expectation, in words; empty when all is as it must be."""
    expect, faults = golden.expect, []
    scores = {hazard: float(sigmoid(np.array(value))) for hazard, value in (answer.logits or {}).items()}
    for hazard, wanted in expect.picture.items():
        found = scores.get(hazard)
        if found is None or not abs(found - wanted) <= golden.tolerance:
            faults.append(f"picture score of {hazard} is {found}, expected {wanted}")
    faults += [f"no box of {box.hazard} at {box.box_px}" for box in expect.boxes if not _has(answer, box, golden.tolerance)]
    if expect.water_fraction is not None:
        water = None if answer.water is None else float(np.mean(answer.water >= mask_threshold))
        if water is None or not abs(water - expect.water_fraction) <= golden.tolerance:
            faults.append(f"fraction of water is {water}, expected {expect.water_fraction}")
    return faults


def expectation(answer: Answer, mask_threshold: float) -> GoldenExpect:
    """What an answer, once recorded, lets :func:`differences` expect: all scores, the surest boxes, the part of water."""
    scores = {hazard: round(float(sigmoid(np.array(value))), 4) for hazard, value in (answer.logits or {}).items()}
    surest = sorted((b for b in answer.boxes if not b.anywhere), key=lambda b: -b.confidence)[:_BOXES_MOST]
    boxes = tuple(GoldenBox(hazard=b.hazard, box_px=_rounded(b.box_px), confidence=round(b.confidence, 4)) for b in surest)
    water = None if answer.water is None else round(float(np.mean(answer.water >= mask_threshold)), 4)
    return GoldenExpect(picture=scores, boxes=boxes, water_fraction=water)


def _rounded(box: Box) -> Box:
    x0, y0, x1, y1 = (round(value, 1) for value in box)
    return x0, y0, x1, y1


def _has(answer: Answer, box: GoldenBox, tolerance: float) -> bool:
    return any(
        found.hazard is box.hazard
        and abs(found.confidence - box.confidence) <= tolerance
        and iou(np.array(box.box_px), np.array([found.box_px]))[0] >= _IOU_MIN
        for found in answer.boxes
    )
