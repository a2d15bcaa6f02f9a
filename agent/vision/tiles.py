"""Cuts a large frame into overlapping tiles and joins what was seen in them with what was seen in the whole.

Pure. Small far-off smoke is a few pixels wide in a frame that was shrunk to the network's input; in a tile it is not.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.domain.hazard import Hazard
from agent.vision.decode import blend_up, covered, iou
from agent.vision.frame import Detection
from agent.vision.manifest import InputSpec, TilePolicy

_WHOLE_FAVOUR = 1.2
"""How much surer a tile's box must be to replace the whole's; chosen on val (the boxes of fire and smoke fitted best)."""
_CUT_MARGIN = 0.02
"""Part of a tile's longer side within which a box counts as cut off by its edge."""


class Tile(NamedTuple):
    """A part of a frame, in its pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


def tiles_for(width_px: int, height_px: int, spec: InputSpec, policy: TilePolicy) -> tuple[Tile, ...]:
    """The tiles beside the whole; empty where the whole loses too little to be worth it."""
    shrink = max(width_px / spec.width, height_px / spec.height)
    if not policy.enabled or shrink <= policy.zoom_min:
        return ()
    scale = 1.0
    while True:
        columns = _starts(width_px, math.ceil(spec.width * scale), policy.overlap)
        rows = _starts(height_px, math.ceil(spec.height * scale), policy.overlap)
        if len(columns) * len(rows) <= policy.most:
            break
        scale *= 1.1
    if len(columns) * len(rows) < 2:
        return ()
    return tuple(Tile(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns)


def _starts(length: int, tile: int, overlap: float) -> list[tuple[int, int]]:
    """Begin and end of equally spaced tiles that cover a length and overlap at least so much."""
    if tile >= length:
        return [(0, length)]
    count = math.ceil((length - tile) / (tile * (1.0 - overlap))) + 1
    return [(start, start + tile) for start in (round(i * (length - tile) / (count - 1)) for i in range(count))]


def moved(detections: Sequence[Detection], tile: Tile) -> list[Detection]:
    """Boxes of a tile as boxes of the frame."""
    out = []
    for found in detections:
        x0, y0, x1, y1 = found.box_px
        box = (x0 + tile.x0, y0 + tile.y0, x1 + tile.x0, y1 + tile.y0)
        out.append(replace(found, box_px=box))
    return out


def joined_boxes(
    whole: Sequence[Detection],
    parts: Sequence[tuple[Tile, Sequence[Detection]]],
    width_px: int,
    height_px: int,
    iou_max: float,
) -> tuple[Detection, ...]:
    """One box for each thing that the whole and the tiles saw; the tiles' boxes are in the tiles' pixels.

    The whole shows the extent of a thing, a tile often a piece of it, however sure it is: so the whole's box stays unless a
    tile's is much surer, and a box that a tile's edge cuts off stays only where nothing else was seen.
    """
    worth = [(found.confidence * _WHOLE_FAVOUR, found) for found in whole]
    for tile, found_in_tile in parts:
        worth += [
            (found.confidence - (1.0 if _cut_off(found, tile, width_px, height_px) else 0.0), found)
            for found in moved(found_in_tile, tile)
        ]
    return _kept([found for _, found in sorted(worth, key=lambda pair: -pair[0])], iou_max)


def _cut_off(found: Detection, tile: Tile, width_px: int, height_px: int) -> bool:
    """Whether a box in the frame's pixels ends where its tile ends and the frame goes on."""
    margin = _CUT_MARGIN * max(tile.x1 - tile.x0, tile.y1 - tile.y0)
    x0, y0, x1, y1 = found.box_px
    return (
        (tile.x0 > 0 and x0 <= tile.x0 + margin)
        or (tile.y0 > 0 and y0 <= tile.y0 + margin)
        or (tile.x1 < width_px and x1 >= tile.x1 - margin)
        or (tile.y1 < height_px and y1 >= tile.y1 - margin)
    )


def _kept(waiting: Sequence[Detection], iou_max: float) -> tuple[Detection, ...]:
    """The first of each thing."""
    kept: list[Detection] = []
    for found in waiting:
        rivals = [k for k in kept if k.hazard is found.hazard]
        if rivals:
            box, others = np.array(found.box_px), np.array([k.box_px for k in rivals])
            if np.any((iou(box, others) > iou_max) | (covered(box, others) > 0.7)):
                continue
        kept.append(found)
    return tuple(kept)


def combined_logits(
    whole: dict[Hazard, float] | None, tiles: Sequence[dict[Hazard, float] | None], penalty: float | None, tile_count: int
) -> dict[Hazard, float]:
    """The greatest of the whole's and the tiles' log-odds, the tiles' less a penalty for their number.

    Args:
        penalty: None for the natural logarithm of the number of tiles.
        tile_count: of all tiles of the frame, also those not looked at this time.
    """
    out = dict(whole or {})
    less = math.log(max(1, tile_count)) if penalty is None else penalty
    for logits in tiles:
        for hazard, value in (logits or {}).items():
            out[hazard] = max(out.get(hazard, -math.inf), value - less)
    return out


def joined_mask(
    whole: NDArray[np.float32], parts: Sequence[tuple[Tile, NDArray[np.float32]]], width_px: int, height_px: int
) -> NDArray[np.float32]:
    """The whole's water probability, averaged with the tiles' where tiles were looked at; at a quarter of the frame's size."""
    if not parts:
        return whole
    cols, rows = max(whole.shape[1], width_px // 4), max(whole.shape[0], height_px // 4)
    total = blend_up(whole, cols, rows)
    weight = np.ones_like(total)
    for tile, mask in parts:
        x0, x1 = round(tile.x0 * cols / width_px), round(tile.x1 * cols / width_px)
        y0, y1 = round(tile.y0 * rows / height_px), round(tile.y1 * rows / height_px)
        total[y0:y1, x0:x1] += blend_up(mask, x1 - x0, y1 - y0)
        weight[y0:y1, x0:x1] += 1.0
    return np.asarray(total / weight, dtype=np.float32)
