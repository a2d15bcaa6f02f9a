"""From boxes in a frame to things on the ground.

Every box gets a place; boxes whose places lie close together are one thing (a front of flames is one fire, not thirty).
Each thing gets its error from the error samples, once, at its most certain box. Boxes that no real thing could have are
left out. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.core.geo import LocalFrame, NorthEast, bearing_deg
from agent.domain.hazard import Hazard
from agent.vision.camera_model import Vectors
from agent.vision.confirmation import strength
from agent.vision.frame import Detection
from agent.vision.geolocation import Fix, Locator
from agent.vision.plausible import above_horizon_possible, foot_of, plausible_size
from agent.vision.poses import CameraPose
from agent.vision.tracker import JOIN_M, Seen

_ANYWHERE = 0.29
"""One sigma of a place that may be anywhere in a box, as part of its side: a uniform distribution's, 1 / sqrt(12)."""
_THINGS_MAX = 8
"""So many things of one frame are placed, the most certain first."""


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """A box and where it stands: north, east from the camera and height; NaN where its ray meets no ground within range."""

    found: Detection
    foot: tuple[float, float]
    ground: Vectors
    size_m: tuple[float, float]
    range_m: float


class Placer:
    """Places the boxes of frames.

    Args:
        thresholds: by (model, hazard), the model's own threshold for boxes.
        box_fraction: where in its box a thing stands, one sigma, as part of the box's sides.
    """

    def __init__(self, thresholds: Mapping[tuple[str, Hazard], float], box_fraction: float) -> None:
        self._thresholds = dict(thresholds)
        self._fraction = box_fraction

    def things(
        self, detections: Sequence[Detection], pose: CameraPose, locator: Locator, local: LocalFrame, time_error_s: float | None
    ) -> list[Seen]:
        """What stands on the ground, the most certain first; metres are in the local frame."""
        out = []
        for group in _groups(_standing(detections, pose, locator))[:_THINGS_MAX]:
            thing = self._thing(group, pose, locator, local, time_error_s)
            if thing is not None:
                out.append(thing)
        return out

    def _thing(
        self, group: list[_Standing], pose: CameraPose, locator: Locator, local: LocalFrame, time_error_s: float | None
    ) -> Seen | None:
        best = group[0]
        x0, y0, x1, y1 = best.found.box_px
        fraction = _ANYWHERE if best.found.anywhere else self._fraction
        spread = (fraction * (x1 - x0), fraction * (y1 - y0))
        fix = locator.locate(pose, best.foot, spread, time_error_s)
        if fix.bearing_only and not best.found.anywhere and not above_horizon_possible(best.found.hazard):
            return None
        here = local.to_local(pose.place)
        points = tuple(
            NorthEast(here.north_m + float(one.ground[0]), here.east_m + float(one.ground[1]))
            for one in group
            if np.isfinite(one.ground).all()
        )
        threshold = self._thresholds.get((best.found.model, best.found.hazard), 0.5)
        return Seen(
            hazard=best.found.hazard,
            confidence=best.found.confidence,
            place=local.to_local(fix.place),
            alt_amsl_m=fix.alt_amsl_m,
            covariance_m2=fix.covariance_m2,
            range_m=fix.range_m,
            reach_m=best.size_m[0] / 2,
            added=strength(best.found.confidence, threshold),
            threshold=threshold,
            box_px=_hull_box([one.found for one in group]),
            model=best.found.model,
            bearing_deg=bearing_deg(pose.place, fix.place),
            points=() if fix.bearing_only or best.found.anywhere else points,
            area_m2=_area_m2(group, fix),
        )


def _standing(detections: Sequence[Detection], pose: CameraPose, locator: Locator) -> list[_Standing]:
    """All boxes with their places, without those of impossible size; the most certain first."""
    if not detections:
        return []
    ordered = sorted(detections, key=lambda d: -d.confidence)
    feet = [foot_of(found, pose) for found in ordered]
    ground = locator.ground_of(pose, np.array(feet))
    out = []
    for found, foot, place in zip(ordered, feet, ground, strict=True):
        range_m = float(np.linalg.norm([place[0], place[1], pose.alt_amsl_m - place[2]]))
        x0, y0, x1, y1 = found.box_px
        size_m = ((x1 - x0) * range_m / locator.camera.focal_px, (y1 - y0) * range_m / locator.camera.focal_px)
        if found.anywhere or plausible_size(found.hazard, size_m):
            out.append(_Standing(found, foot, place, size_m, range_m))
    return out


def _groups(boxes: Sequence[_Standing]) -> list[list[_Standing]]:
    """Boxes that are one thing, each group's most certain first. Chains count: a long front is one fire."""
    groups: list[list[_Standing]] = []
    for box in boxes:
        near = [group for group in groups if any(_joined(box, other) for other in group)]
        merged = [one for group in near for one in group]
        groups = [group for group in groups if group not in near]
        groups.append(sorted([*merged, box], key=lambda one: -one.found.confidence))
    return sorted(groups, key=lambda group: -group[0].found.confidence)


def _joined(a: _Standing, b: _Standing) -> bool:
    if a.found.hazard is not b.found.hazard:
        return False
    apart_m = float(np.linalg.norm(a.ground[:2] - b.ground[:2]))
    return apart_m <= JOIN_M.get(a.found.hazard, 0.0) + (a.size_m[0] + b.size_m[0]) / 4


def _hull_box(found: Sequence[Detection]) -> tuple[float, float, float, float]:
    boxes = np.array([one.box_px for one in found])
    (x0, y0), (x1, y1) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _area_m2(group: Sequence[_Standing], fix: Fix) -> float | None:
    """Ground that the boxes' widths cover, as squares; a coarse size for flames, none for smoke, which is in the air."""
    if fix.bearing_only or group[0].found.anywhere or group[0].found.hazard is not Hazard.FIRE:
        return None
    return sum(min(one.size_m) ** 2 for one in group)
