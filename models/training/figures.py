"""Which figures are measured on which pictures.

Takes what the pipeline said of each picture and gives a plain table of numbers, ready for JSON. Real and simulated pictures
never share a row. Knows no network and no file format.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.training import metrics
from models.training.data import Sample
from models.training.metrics import Array, Detections, Interval
from models.training.sources import BOX_CLASSES

SIMULATOR = "simulator"
_NO_INTERVAL = Interval(float("nan"), float("nan"), float("nan"))
_SIZES_PX = ((0, 48), (48, 96), (96, 192), (192, 10_000))
HAZARDS: dict[str, tuple[str, ...]] = {"fire": ("fire", "smoke"), "flood": ("flood",)}
"""Picture scores of each model, in the order of its picture output."""


@dataclass(frozen=True)
class FoundBox:
    """A box as the pipeline gives it, in pixels of the picture."""

    hazard: str
    confidence: float
    box_px: tuple[float, float, float, float]


@dataclass(frozen=True)
class Result:
    """What the pipeline said of one picture. `overlap` is (intersection, union) of water in pixels where a mask is known."""

    sample: Sample
    width_px: int
    height_px: int
    scores: dict[str, float]
    boxes: tuple[FoundBox, ...]
    overlap: tuple[int, int] | None
    wrong_water: tuple[int, int] | None
    """Pixels called water and all pixels, where the picture is known to be dry."""


@dataclass(frozen=True)
class Question:
    """A question to a model: can it tell the positives from the negatives of these sources?"""

    title: str
    hazard: str
    sources: tuple[str, ...]


_AIR = ("ucmerced_aerial", "rsscn7_land_water", "louisiana_2016", "aider_flood", "flood_area")
_WEB = ("mendeley_forest", "leadingindia_forest")
_MAST = ("hpwren_smoke", "hpwren_nosmoke", "alertwildfire")
QUESTIONS: dict[str, tuple[Question, ...]] = {
    "fire": (
        Question("far smoke from masts", "smoke", _MAST),
        Question("far smoke from masts, as fire", "fire", _MAST),
        Question("fire from the air, among other aerial pictures", "fire", ("aider_fire", *_AIR)),
        Question("forest, Mendeley", "fire", ("mendeley_forest",)),
        Question("forest, LeadingIndia", "fire", ("leadingindia_forest",)),
        Question("all real pictures", "fire", (*_MAST, *_WEB, *_AIR, "aider_fire", "kaggle_fire_boxes", "visifire_masks")),
        Question("simulated pictures", "fire", (SIMULATOR,)),
        Question("simulated pictures", "smoke", (SIMULATOR,)),
    ),
    "flood": (
        Question("flood or not, from the air", "flood", (*_AIR, "aider_fire")),
        Question("same places dry and flooded, Louisiana", "flood", ("louisiana_2016",)),
        Question(
            "flood against natural water and dry land seen straight down",
            "flood",
            ("aider_flood", "flood_area", "rsscn7_land_water", "ucmerced_aerial"),
        ),
        Question("all real pictures", "flood", (*_MAST, *_WEB, *_AIR, "aider_fire", "kaggle_fire_boxes")),
        Question("simulated pictures", "flood", (SIMULATOR,)),
    ),
}


def truth_of(sample: Sample, hazard: str) -> float | None:
    """1, 0 or None (not known) for a picture."""
    return {"fire": sample.truth.fire, "smoke": sample.truth.smoke, "flood": sample.truth.flood}[hazard]


def measure(
    model: str, results: Sequence[Result], thresholds: dict[str, float], box_thresholds: dict[str, float] | None = None
) -> dict[str, object]:
    """All figures of a model over the given results, at the shipped thresholds of picture scores and of boxes."""
    least = box_thresholds or {}
    tables: dict[str, object] = {
        "pictures": [_answer(question, results, thresholds[question.hazard]) for question in QUESTIONS[model]],
        "by_source": [row for hazard in HAZARDS[model] for row in _by_source(hazard, results, thresholds[hazard])],
    }
    if model == "fire":
        tables["boxes"] = [
            _boxes("flame", "fire", ("kaggle_fire_boxes",), results),
            _boxes("smoke", "smoke", ("hpwren_smoke", "hpwren_nosmoke"), results),
            _boxes("flame", "fire", (SIMULATOR,), results),
            _boxes("smoke", "smoke", (SIMULATOR,), results),
        ]
        tables["smoke_by_size"] = [_found_by_size(low, high, results, least["smoke"]) for low, high in _SIZES_PX]
        tables["pictures_with_a_box"] = [row for name in HAZARDS[model] for row in _with_box(name, results, least[name])]
    else:
        tables["masks"] = [_masks(name, results) for name in ("flood_area", SIMULATOR)]
        simulated = [row for row in results if row.sample.source.name == SIMULATOR]
        real = [row for row in results if row.sample.source.name != SIMULATOR]
        tables["dry_land_called_water"] = [_wrong_water("real", real), _wrong_water(SIMULATOR, simulated)]
    return tables


def _answer(question: Question, results: Sequence[Result], threshold: float) -> dict[str, object]:
    rows, labels = _known(question.hazard, [r for r in results if r.sample.source.name in question.sources])
    scores = np.array([row.scores[question.hazard] for row in rows])
    called = (scores >= threshold).astype(np.float64)
    groups = [row.sample.group for row in rows]
    figures: dict[str, Callable[[metrics.Index], float]] = {
        "precision": lambda i: metrics.precision(called[i], labels[i]),
        "recall": lambda i: metrics.recall(called[i], labels[i]),
        "f1": lambda i: metrics.f1(called[i], labels[i]),
        "false_alarm_rate": lambda i: metrics.false_alarm_rate(called[i], labels[i]),
        "auroc": lambda i: metrics.auroc(scores[i], labels[i]),
        "calibration_error": lambda i: metrics.calibration_error(scores[i], labels[i]),
    }
    return {
        "question": question.title,
        "hazard": question.hazard,
        "sources": list(question.sources),
        "positives": int(labels.sum()),
        "negatives": int((1 - labels).sum()),
        "threshold": threshold,
        **{name: _interval(metrics.bootstrap(figure, groups)) for name, figure in figures.items() if len(rows)},
    }


def _by_source(hazard: str, results: Sequence[Result], threshold: float) -> list[dict[str, object]]:
    """One row a source and kind of picture: how many of its positives or negatives are alarmed."""
    table: list[dict[str, object]] = []
    for name in dict.fromkeys(result.sample.source.name for result in results):
        rows, labels = _known(hazard, [r for r in results if r.sample.source.name == name])
        for wanted in (1.0, 0.0):
            kept = [row for row, label in zip(rows, labels, strict=True) if label == wanted]
            if not kept:
                continue
            called = np.array([row.scores[hazard] >= threshold for row in kept], np.float64)
            share = metrics.bootstrap(_mean_of(called), [row.sample.group for row in kept])
            kind = "positive" if wanted else "negative"
            table.append(
                {"source": name, "hazard": hazard, "kind": kind, "pictures": len(kept), "alarmed": _interval(share)},
            )
    return table


def _boxes(class_name: str, hazard: str, sources: tuple[str, ...], results: Sequence[Result]) -> dict[str, object]:
    rows = [r for r in results if r.sample.source.name in sources and BOX_CLASSES.index(class_name) in r.sample.truth.boxes]
    pictures = [detections(row, class_name, hazard) for row in rows]
    groups = [row.sample.group for row in rows]
    return {
        "class": class_name,
        "sources": list(sources),
        "pictures": len(rows),
        "boxes": sum(len(picture.drawn) for picture in pictures),
        **{
            name: _interval(metrics.bootstrap(_precision_at(pictures, overlap), groups, rounds=200))
            for name, overlap in (("ap50", 0.5), ("ap20", 0.2))
            if rows
        },
    }


def _precision_at(pictures: Sequence[Detections], overlap: float) -> Callable[[metrics.Index], float]:
    return lambda index: metrics.average_precision([pictures[i] for i in index], overlap)


def detections(row: Result, class_name: str, hazard: str) -> Detections:
    """Found and drawn boxes of one class, in pixels."""
    size = np.array([row.width_px, row.height_px] * 2, np.float64)
    drawn = row.sample.boxes[row.sample.boxes[:, 0] == BOX_CLASSES.index(class_name), 1:] * size
    found = [box for box in row.boxes if box.hazard == hazard]
    corners = np.array([box.box_px for box in found], np.float64).reshape(-1, 4)
    return Detections(corners, np.array([box.confidence for box in found], np.float64), drawn.astype(np.float64))


def _found_by_size(low_px: float, high_px: float, results: Sequence[Result], threshold: float) -> dict[str, object]:
    """Of the real smoke boxes of this longest side (pixels of the picture), the part that a shipped box of IoU >= 0.2 finds."""
    hits, groups = [], []
    for row in results:
        if row.sample.source.name != "hpwren_smoke":
            continue
        pair = detections(row, "smoke", "smoke")
        sure = pair.found[pair.confidences >= threshold]
        for drawn in pair.drawn:
            if low_px <= float(max(drawn[2:] - drawn[:2])) < high_px:
                hits.append(float(len(sure) > 0 and metrics.box_iou(sure, drawn[None]).max() >= 0.2))
                groups.append(row.sample.group)
    share = metrics.bootstrap(_mean_of(np.array(hits)), groups) if hits else _NO_INTERVAL
    return {"longest_side_px": [low_px, high_px], "boxes": len(hits), "found": _interval(share)}


def _with_box(hazard: str, results: Sequence[Result], threshold: float) -> list[dict[str, object]]:
    """Per source and kind: the part of the pictures that get a shipped box of the hazard, wherever it lies."""
    table: list[dict[str, object]] = []
    for name in dict.fromkeys(result.sample.source.name for result in results):
        rows, labels = _known(hazard, [r for r in results if r.sample.source.name == name])
        for wanted in (1.0, 0.0):
            kept = [row for row, label in zip(rows, labels, strict=True) if label == wanted]
            if not kept:
                continue
            boxed = [any(box.hazard == hazard and box.confidence >= threshold for box in row.boxes) for row in kept]
            share = metrics.bootstrap(_mean_of(np.array(boxed, np.float64)), [row.sample.group for row in kept])
            kind = "positive" if wanted else "negative"
            table.append({"source": name, "hazard": hazard, "kind": kind, "pictures": len(kept), "alarmed": _interval(share)})
    return table


def _masks(source: str, results: Sequence[Result]) -> dict[str, object]:
    rows = [row for row in results if row.sample.source.name == source and row.overlap is not None]
    pairs = np.array([row.overlap for row in rows], np.float64).reshape(-1, 2)
    groups = [row.sample.group for row in rows]
    each = pairs[:, 0] / np.maximum(pairs[:, 1], 1)
    figures: dict[str, Callable[[metrics.Index], float]] = {
        "iou_all_pixels": lambda i: metrics.mask_iou(pairs[i, 0], pairs[i, 1]),
        "iou_mean_of_pictures": lambda i: float(each[i].mean()),
    }
    measured = {name: _interval(metrics.bootstrap(figure, groups)) for name, figure in figures.items() if rows}
    return {"source": source, "pictures": len(rows), **measured}


def _wrong_water(kind: str, results: Sequence[Result]) -> dict[str, object]:
    rows = [row for row in results if row.wrong_water is not None]
    shares = np.array([row.wrong_water[0] / row.wrong_water[1] for row in rows if row.wrong_water])
    share = metrics.bootstrap(_mean_of(shares), [row.sample.group for row in rows]) if rows else _NO_INTERVAL
    return {"kind": kind, "pictures": len(rows), "share_of_pixels": _interval(share)}


def _mean_of(values: Array) -> Callable[[metrics.Index], float]:
    return lambda index: float(values[index].mean())


def _known(hazard: str, results: Sequence[Result]) -> tuple[list[Result], Array]:
    rows = [row for row in results if truth_of(row.sample, hazard) is not None]
    return rows, np.array([truth_of(row.sample, hazard) for row in rows], np.float64)


def _interval(interval: Interval) -> dict[str, float | None]:
    """Rounded for JSON; NaN becomes null."""
    named = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {name: None if np.isnan(number) else round(number, 4) for name, number in named.items()}
