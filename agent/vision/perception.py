"""All networks over one frame: whole and tiles, joined into one observation.

The same code looks at frames in flight, at pictures from the command line and at test sets. Stateless but for whose turn it
is among the tiles.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
import structlog
from numpy.typing import NDArray

from agent.core.errors import ModelError
from agent.domain.hazard import Hazard
from agent.vision.decode import sigmoid
from agent.vision.frame import Detection, Frame, Observation, Pixels
from agent.vision.golden import prove
from agent.vision.runtime import Answer, Network
from agent.vision.tile_choice import Ranges, worthwhile
from agent.vision.tiles import Tile, combined_logits, joined_boxes, joined_mask, tiles_for

SHIPPED = ("fire", "flood")
"""Folders of the package of models, which is data to the agent and is never imported."""

TileMode = Literal["never", "rotate", "always"]

_log = structlog.get_logger(__name__)


def shipped_models() -> tuple[Path, ...]:
    """The folders of the models that come with the product."""
    return tuple(Path(str(files("models").joinpath(name))) for name in SHIPPED)


def load_networks(folders: Sequence[Path], threads: int = 1, providers: Sequence[str] = ("cpu",)) -> tuple[Network, ...]:
    """Loads and proves models. No folders: the shipped ones.

    Raises:
        ModelError: the first that is missing, changed or does not prove itself.
    """
    networks = tuple(Network(folder, threads, providers) for folder in (folders or shipped_models()))
    names = [network.manifest.name for network in networks]
    if len(set(names)) < len(names):
        raise ModelError("model.refused", f"two models have the same name: {', '.join(names)}")
    for network in networks:
        prove(network)
        _log.info("model ready", model=network.manifest.name, version=network.manifest.version)
    return networks


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a frame's distances.

    Attributes:
        focal_px: of the lens, in the frame's pixels.
        ranges: distances by pixel.
    """

    focal_px: float
    ranges: Ranges


@dataclass
class _Turn:
    """Whose turn it is among a network's tiles, and what one costs."""

    next_tile: int = 0
    seconds_each: float = 0.05


class Perception:
    """Looks at frames.

    Args:
        networks: proven ones.
        tiles: never, always, or some in turn.
        tile_budget_s: computing time of one frame that tiles may use with rotate.
    """

    def __init__(self, networks: Sequence[Network], tiles: TileMode = "always", tile_budget_s: float = 0.2) -> None:
        self.networks = tuple(networks)
        self._tiles = tiles
        self._budget_s = tile_budget_s / max(1, len(self.networks))
        self._turns = [_Turn() for _ in self.networks]
        self.thresholds = _thresholds(self.networks)
        self._looks_for = frozenset(hazard for network in self.networks for hazard in network.hazards)

    def look(self, frame: Frame, view: View | None = None) -> Observation:
        """Everything that the networks see in a frame.

        Args:
            view: how far off things are in it; None where nobody knows: then every tile is worth looking at.

        Raises:
            ModelError: a network fails.
        """
        scores: dict[Hazard, float] = {}
        whole_scores: dict[Hazard, float] = {}
        found: list[Detection] = []
        water, water_threshold, water_model = None, 0.5, ""
        for network, turn in zip(self.networks, self._turns, strict=True):
            answer = self._look_with(network, turn, frame.pixels, view)
            if answer.logits is None:
                _raise_by_boxes(scores, network, answer.boxes)
            _raise(scores, answer.logits)
            _raise(whole_scores, answer.whole_logits or answer.logits)
            found += answer.boxes
            if answer.water is not None:
                water, water_threshold = answer.water, network.manifest.mask_threshold
                water_model = network.manifest.name
        alarms = tuple(sorted(h for h, s in scores.items() if s >= self.thresholds.get(h, 1.1)))
        return Observation(scores, tuple(found), alarms, water, water_threshold, water_model, whole_scores, self._looks_for)

    def _look_with(self, network: Network, turn: _Turn, pixels: Pixels, view: View | None) -> Answer:
        height_px, width_px = pixels.shape[:2]
        spec, policy = network.manifest.input, network.manifest.tiles
        whole = network.look(pixels)
        tiles = tiles_for(width_px, height_px, spec, policy)
        if view is not None:
            tiles = worthwhile(tiles, max(width_px / spec.width, height_px / spec.height), view.focal_px, policy, view.ranges)
        chosen = self._chosen(tiles, turn)
        if not chosen:
            return whole
        started_s = time.perf_counter()
        parts = [(tile, network.look(np.ascontiguousarray(pixels[tile.y0 : tile.y1, tile.x0 : tile.x1]))) for tile in chosen]
        turn.seconds_each = 0.7 * turn.seconds_each + 0.3 * (time.perf_counter() - started_s) / len(chosen)
        return _joined(network, whole, parts, len(tiles), (width_px, height_px))

    def _chosen(self, tiles: tuple[Tile, ...], turn: _Turn) -> list[Tile]:
        """All tiles, none, or as many as the time allows, beginning where the last frame ended."""
        if self._tiles == "never" or not tiles:
            return []
        if self._tiles == "always":
            return list(tiles)
        count = min(len(tiles), int(self._budget_s / turn.seconds_each))
        start = turn.next_tile % len(tiles)
        turn.next_tile = start + count
        return [tiles[(start + i) % len(tiles)] for i in range(count)]


def _raise(scores: dict[Hazard, float], logits: dict[Hazard, float] | None) -> None:
    """Takes log-odds into the scores; of several networks the greatest counts."""
    for hazard, value in (logits or {}).items():
        scores[hazard] = max(scores.get(hazard, 0.0), float(sigmoid(np.array(value))))


def _raise_by_boxes(scores: dict[Hazard, float], network: Network, boxes: Sequence[Detection]) -> None:
    """A network without picture scores says of a picture what its surest box says."""
    for hazard in network.thresholds:
        surest = max((box.confidence for box in boxes if box.hazard is hazard), default=0.0)
        scores[hazard] = max(scores.get(hazard, 0.0), surest)


def box_thresholds(networks: Sequence[Network]) -> dict[tuple[str, Hazard], float]:
    """The least threshold of each network's boxes, by model name and hazard. A classifier's boxes have its own threshold."""
    out: dict[tuple[str, Hazard], float] = {}
    for network in networks:
        manifest, mask = network.manifest, network.manifest.outputs.mask
        boxes = [(row.hazard, row.threshold) for row in manifest.classes if manifest.outputs.boxes]
        boxes += [(mask.hazard, manifest.mask_threshold)] if mask is not None else []
        for hazard, threshold in boxes or list(network.thresholds.items()):
            if hazard is not None:
                key = (manifest.name, hazard)
                out[key] = min(out.get(key, 1.0), threshold)
    return out


def _thresholds(networks: Sequence[Network]) -> dict[Hazard, float]:
    """The least threshold of each hazard's picture score."""
    out: dict[Hazard, float] = {}
    for network in networks:
        for hazard, threshold in network.thresholds.items():
            out[hazard] = min(out.get(hazard, 1.0), threshold)
    return out


def _joined(
    network: Network, whole: Answer, parts: Sequence[tuple[Tile, Answer]], tile_count: int, size: tuple[int, int]
) -> Answer:
    manifest = network.manifest
    boxes = joined_boxes(whole.boxes, [(tile, answer.boxes) for tile, answer in parts], *size, manifest.nms_iou)
    logits = None
    if whole.logits is not None:
        logits = combined_logits(
            whole.logits, [answer.logits for _, answer in parts], manifest.tiles.picture_penalty, tile_count
        )
    water: NDArray[np.float32] | None = None
    if whole.water is not None:
        masks = [(tile, answer.water) for tile, answer in parts if answer.water is not None]
        water = joined_mask(whole.water, masks, *size)
    return Answer(boxes, logits, water, whole.logits)
