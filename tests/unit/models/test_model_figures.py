"""From results to tables: the right pictures in the right row, and simulated ones never beside real ones."""

from pathlib import Path

import numpy as np
import pytest

from models.training.data import Sample
from models.training.figures import QUESTIONS, SIMULATOR, FoundBox, Result, measure
from models.training.sources import BY_NAME, SIMULATED, SMOKE

THRESHOLDS = {"fire": 0.5, "smoke": 0.5, "flood": 0.5}
BOX_THRESHOLDS = {"fire": 0.5, "smoke": 0.5}


def result(name: str, label: str, scores: dict[str, float], number: int = 0, **more: object) -> Result:
    source = SIMULATED if name == SIMULATOR else BY_NAME[name]
    sample = Sample(Path("/nowhere"), f"{number}.jpg", source, "test", f"g{number}", label, source.truth(label))
    sample.__dict__["boxes"] = np.array(more.get("drawn", []), np.float32).reshape(-1, 5)
    return Result(
        sample,
        100,
        100,
        scores,
        more.get("boxes", ()),  # type: ignore[arg-type]
        more.get("overlap"),  # type: ignore[arg-type]
        more.get("wrong_water"),  # type: ignore[arg-type]
    )


def row_of(tables: dict[str, object], title: str) -> dict[str, dict[str, float]]:
    rows: list[dict[str, dict[str, float]]] = tables["pictures"]  # type: ignore[assignment]
    return next(row for row in rows if row["question"] == title)  # type: ignore[comparison-overlap]


def test_recall_and_false_alarms_are_counted_at_the_shipped_threshold():
    results = [result("mendeley_forest", "fire", {"fire": score, "smoke": 0.0}, i) for i, score in enumerate((0.9, 0.6, 0.4))]
    results += [result("mendeley_forest", "none", {"fire": score, "smoke": 0.0}, 9 + i) for i, score in enumerate((0.7, 0.1))]

    row = row_of(measure("fire", results, THRESHOLDS, BOX_THRESHOLDS), "forest, Mendeley")

    assert (row["positives"], row["negatives"]) == (3, 2)
    assert row["recall"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert row["false_alarm_rate"]["value"] == pytest.approx(0.5)
    assert row["auroc"]["value"] == pytest.approx(4 / 6, abs=1e-4)


def test_a_picture_whose_label_says_nothing_of_smoke_is_not_counted_for_smoke():
    results = [result("mendeley_forest", "fire", {"fire": 0.9, "smoke": 0.9})]

    by_source = measure("fire", results, THRESHOLDS, BOX_THRESHOLDS)["by_source"]

    assert [row["hazard"] for row in by_source] == ["fire"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("model", ["fire", "flood"])
def test_no_question_mixes_simulated_and_real_pictures(model: str):
    for question in QUESTIONS[model]:
        assert SIMULATOR not in question.sources or question.sources == (SIMULATOR,)


def test_smoke_boxes_are_measured_in_pixels_of_the_picture():
    drawn = [(SMOKE, 0.1, 0.1, 0.3, 0.3)]
    hit = FoundBox("smoke", 0.8, (10.0, 10.0, 30.0, 30.0))
    results = [result("hpwren_smoke", "smoke", {"fire": 1.0, "smoke": 1.0}, drawn=drawn, boxes=(hit,))]

    tables = measure("fire", results, THRESHOLDS, BOX_THRESHOLDS)

    smoke = next(row for row in tables["boxes"] if row["class"] == "smoke")  # type: ignore[attr-defined]
    assert smoke["ap50"]["value"] == pytest.approx(1.0)
    sizes = {tuple(row["longest_side_px"]): row["found"]["value"] for row in tables["smoke_by_size"]}  # type: ignore[attr-defined]
    assert sizes == {(0, 48): 1.0, (48, 96): None, (96, 192): None, (192, 10_000): None}


def test_a_box_below_the_shipped_threshold_finds_nothing():
    drawn = [(SMOKE, 0.1, 0.1, 0.3, 0.3)]
    faint = FoundBox("smoke", 0.2, (10.0, 10.0, 30.0, 30.0))
    results = [result("hpwren_smoke", "smoke", {"fire": 1.0, "smoke": 1.0}, drawn=drawn, boxes=(faint,))]

    tables = measure("fire", results, THRESHOLDS, BOX_THRESHOLDS)

    assert tables["smoke_by_size"][0]["found"]["value"] == 0.0  # type: ignore[index]
    rows = [row for row in tables["pictures_with_a_box"] if row["hazard"] == "smoke"]  # type: ignore[attr-defined]
    assert [row["alarmed"]["value"] for row in rows] == [0.0]


def test_masks_are_joined_over_pixels_and_over_pictures():
    scores = {"flood": 0.9}
    results = [
        result("flood_area", "flood", scores, 0, overlap=(90, 100)),
        result("flood_area", "flood", scores, 1, overlap=(10, 100)),
        result("rsscn7_land_water", "grass", {"flood": 0.1}, 2, wrong_water=(5, 100)),
        result(SIMULATOR, "none", {"flood": 0.1}, 3, wrong_water=(50, 100)),
    ]

    tables = measure("flood", results, THRESHOLDS)

    masks = tables["masks"][0]  # type: ignore[index]
    assert masks["iou_all_pixels"]["value"] == pytest.approx(0.5)
    assert masks["iou_mean_of_pictures"]["value"] == pytest.approx(0.5)
    dry: list[dict[str, object]] = tables["dry_land_called_water"]  # type: ignore[assignment]
    assert [(row["kind"], row["pictures"]) for row in dry] == [("real", 1), ("simulator", 1)]
    assert [row["share_of_pixels"]["value"] for row in dry] == [0.05, 0.5]  # type: ignore[index]
