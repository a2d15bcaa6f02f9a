"""Evaluation from files to card with the shipped networks, on pictures that the test draws."""

import csv
import json
import shutil
import sys
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.vision.runtime import Network
from models.training.choose import choose
from models.training.cli import main
from models.training.data import held_out_samples, training_samples
from models.training.evaluate import evaluate, record
from models.training.report import write_card
from models.training.report_page import precision_over_recall, reliability, write_page
from models.training.sources import BY_NAME


def shipped(name: str) -> Path:
    return Path(str(files("models").joinpath(name)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two flood pictures with masks (the upper half is water) and one of dry grass, in each split."""
    rng = np.random.default_rng(1)
    for name, label in (("flood_area", "flood"), ("rsscn7_land_water", "grass")):
        folder = tmp_path / "data" / BY_NAME[name].folder
        (folder / "images").mkdir(parents=True)
        (folder / "masks").mkdir()
        rows = []
        for split in ("train", "val", "test"):
            for number in range(2):
                stem = f"{name}_{split}_{number}"
                picture = rng.integers(60, 120, (90, 120, 3), dtype=np.uint8)
                cv2.imwrite(str(folder / "images" / f"{stem}.jpg"), picture)
                mask = np.zeros((90, 120), np.uint8)
                mask[:45] = 255
                if name == "flood_area":
                    cv2.imwrite(str(folder / "masks" / f"{stem}.png"), mask)
                rows.append((f"{stem}.jpg", label, split, stem))
        with (folder / "split.csv").open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream)
            table.writerows([("file", "label", "split", "group"), *rows])
    return tmp_path / "data"


def test_evaluation_counts_the_pictures_of_its_split_only(root: Path, tmp_path: Path):
    samples = held_out_samples(root, "test")

    measured, _ = evaluate(shipped("flood"), samples, "test", tmp_path / "scratch", threads=1)

    rows: list[dict[str, object]] = measured["pictures"]  # type: ignore[assignment]
    row = next(row for row in rows if row["question"] == "flood or not, from the air")
    assert (row["positives"], row["negatives"]) == (2, 2)
    assert measured["sha256"] == Network(shipped("flood")).manifest.sha256
    assert {entry["source"]: entry["pictures"] for entry in measured["data"]} == {"flood_area": 2, "rsscn7_land_water": 2}  # type: ignore[attr-defined]
    masks = measured["masks"][0]  # type: ignore[index]
    assert masks["pictures"] == 2
    assert 0 <= masks["iou_all_pixels"]["value"] <= 1


def test_the_evaluated_boxes_reach_below_the_shipped_threshold(tmp_path: Path, root: Path):
    scratch = tmp_path / "scratch"

    evaluate(shipped("fire"), held_out_samples(root, "test"), "test", scratch, threads=1)

    low, shipped_manifest = Network(scratch).manifest, Network(shipped("fire")).manifest
    assert all(one.threshold == 0.05 for one in low.classes)
    assert low.picture == shipped_manifest.picture
    assert low.sha256 == shipped_manifest.sha256


def test_the_card_says_what_was_measured(root: Path, tmp_path: Path):
    folder = tmp_path / "flood"
    shutil.copytree(shipped("flood"), folder)
    measured, results = evaluate(folder, held_out_samples(root, "test"), "test", tmp_path / "scratch", threads=1)
    measured["clips"] = []
    record(folder, measured)

    stored = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    write_card(folder, Network(folder).manifest, stored, training)

    card = (folder / "CARD.md").read_text(encoding="utf-8")
    assert f"{stored['masks'][0]['iou_all_pixels']['value']:.3f}" in card
    assert stored["sha256"] in card
    assert "Licence" in card
    assert "Where it is weak" in card
    for source in training["data"]:
        assert source["source"] in card

    page = tmp_path / "report.html"
    write_page(page, stored, results)
    text = page.read_text(encoding="utf-8")
    assert f"{stored['masks'][0]['iou_all_pixels']['value']:.3f}" in text
    assert text.count("data:image/jpeg;base64,") == len(results)  # the worst of so few are all of them


def test_thresholds_are_never_chosen_on_test_or_train(root: Path, tmp_path: Path):
    folder = tmp_path / "fire"
    shutil.copytree(shipped("fire"), folder)
    before = (folder / "manifest.yaml").read_bytes()

    for samples in (held_out_samples(root, "test"), training_samples(root), []):
        with pytest.raises(ValueError, match="val only"):
            choose(folder, samples, tmp_path / "scratch", threads=1)

    assert (folder / "manifest.yaml").read_bytes() == before


def test_missing_pictures_are_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["nest-models", "evaluate", "fire", "--data", str(tmp_path)])

    with pytest.raises(SystemExit) as stopped:
        main()

    assert stopped.value.code == 2
    output = capsys.readouterr().out
    assert "no pictures of the test split" in output
    assert "Traceback" not in output


def test_training_without_torch_says_which_extra_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "models.training.train", raising=False)
    monkeypatch.setattr(sys, "argv", ["nest-models", "train", "fire", "--out", str(tmp_path / "out"), "--data", str(tmp_path)])

    with pytest.raises(SystemExit) as stopped:
        main()

    assert stopped.value.code == 2
    assert "nest-agent[train]" in capsys.readouterr().out


def test_the_curves_of_a_page_are_those_of_its_scores():
    scores, labels = np.array([0.95, 0.85, 0.35, 0.05]), np.array([1.0, 0.0, 1.0, 0.0])

    recalls, precisions = precision_over_recall(scores, labels)
    means, shares, sizes = reliability(scores, labels)

    assert recalls.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert precisions.tolist() == pytest.approx([1.0, 0.5, 2 / 3, 0.5])
    assert means.tolist() == pytest.approx([0.05, 0.35, 0.85, 0.95])
    assert shares.tolist() == [0.0, 1.0, 0.0, 1.0]
    assert sizes.sum() == pytest.approx(1.0)
