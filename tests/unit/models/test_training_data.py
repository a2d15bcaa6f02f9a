"""Split hygiene and labels, on a small folder of real files made by the test."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.training.data import DataError, describe, held_out_samples, training_samples
from models.training.sources import BY_NAME, FLAME, SIMULATED, SMOKE, SOURCES, Water

ROWS = {
    "hpwren_smoke": [("a.jpg", "smoke", "train", "c1"), ("b.jpg", "smoke", "val", "c2"), ("c.jpg", "smoke", "test", "c3")],
    "mendeley_forest": [("d.jpg", "fire", "train", "g1"), ("e.jpg", "none", "test", "g2"), ("f.jpg", "none", "train", "g3")],
}


def write_source(folder: Path, rows: list[tuple[str, str, str, str]]) -> None:
    (folder / "images").mkdir(parents=True)
    with (folder / "split.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("file", "label", "split", "group"))
        table.writerows(rows)
    for file, *_ in rows:
        cv2.imwrite(str(folder / "images" / file), np.full((20, 30, 3), 90, np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, rows in ROWS.items():
        write_source(tmp_path / BY_NAME[name].folder, rows)
    labels = tmp_path / BY_NAME["hpwren_smoke"].folder / "labels"
    labels.mkdir()
    (labels / "a.txt").write_text("1 0.5 0.25 0.2 0.1\n", encoding="utf-8")
    return tmp_path


def test_training_reaches_no_row_of_another_split(root: Path):
    reached = {(sample.source.name, sample.file) for sample in training_samples(root)}

    assert reached == {("hpwren_smoke", "a.jpg"), ("mendeley_forest", "d.jpg"), ("mendeley_forest", "f.jpg")}
    for split in ("val", "test"):
        held_out = {(sample.source.name, sample.file) for sample in held_out_samples(root, split)}
        assert held_out
        assert not held_out & reached


def test_train_is_not_a_held_out_split(root: Path):
    with pytest.raises(ValueError, match="not held out"):
        held_out_samples(root, "train")  # type: ignore[arg-type]


def test_a_row_moved_to_test_is_no_longer_trained_on(root: Path):
    split_file = root / BY_NAME["mendeley_forest"].folder / "split.csv"
    split_file.write_text(
        split_file.read_text(encoding="utf-8").replace("d.jpg,fire,train", "d.jpg,fire,test"), encoding="utf-8"
    )

    assert "d.jpg" not in {sample.file for sample in training_samples(root)}
    assert "d.jpg" in {sample.file for sample in held_out_samples(root, "test")}


def test_the_data_manifest_changes_with_the_list_of_pictures(root: Path):
    before = describe(training_samples(root))
    split_file = root / BY_NAME["mendeley_forest"].folder / "split.csv"
    split_file.write_text(
        split_file.read_text(encoding="utf-8").replace("f.jpg,none,train", "f.jpg,none,test"), encoding="utf-8"
    )
    after = describe(training_samples(root))

    assert [row["pictures"] for row in before] == [1, 2]
    assert [row["pictures"] for row in after] == [1, 1]
    assert before[0] == after[0]
    assert before[1]["rows_sha256"] != after[1]["rows_sha256"]


def test_boxes_are_corners_as_fractions(root: Path):
    sample = next(s for s in training_samples(root) if s.file == "a.jpg")

    assert sample.boxes == pytest.approx(np.array([[SMOKE, 0.4, 0.2, 0.6, 0.3]]), abs=1e-6)


def test_a_broken_label_line_is_named(root: Path):
    labels = root / BY_NAME["hpwren_smoke"].folder / "labels"
    (labels / "a.txt").write_text("1 0.5 0.25 0.2\n", encoding="utf-8")
    sample = next(s for s in training_samples(root) if s.file == "a.jpg")

    with pytest.raises(DataError, match=r"a\.txt"):
        _ = sample.boxes


def test_an_unreadable_picture_is_named(root: Path):
    sample = training_samples(root)[0]
    sample.path.write_bytes(b"not a picture")

    with pytest.raises(DataError, match=sample.file):
        sample.read()


def test_flame_masks_become_boxes(tmp_path: Path):
    folder = tmp_path / BY_NAME["visifire_masks"].folder
    write_source(folder, [("v.jpg", "fire", "train", "g")])
    mask = np.zeros((100, 200), np.uint8)
    mask[20:40, 50:90] = 255
    mask[80, 10] = 255  # a speck is no flame
    (folder / "masks").mkdir()
    cv2.imwrite(str(folder / "masks" / "v.png"), mask)

    boxes = training_samples(tmp_path)[0].boxes

    assert boxes == pytest.approx(np.array([[FLAME, 0.25, 0.2, 0.45, 0.4]]), abs=0.01)


def test_simulated_pictures_say_smoke_by_their_boxes(tmp_path: Path):
    write_source(tmp_path, [("s.jpg", "fire", "train", "w"), ("t.jpg", "fire", "train", "w"), ("u.jpg", "none", "test", "x")])
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "s.txt").write_text("0 0.5 0.5 0.1 0.1\n1 0.5 0.4 0.2 0.3\n", encoding="utf-8")
    (tmp_path / "labels" / "t.txt").write_text("0 0.5 0.5 0.1 0.1\n", encoding="utf-8")

    samples = training_samples(Path("/nowhere"), [tmp_path])

    assert [(sample.truth.fire, sample.truth.smoke) for sample in samples] == [(1, 1.0), (1, 0.0)]
    assert {sample.source for sample in samples} == {SIMULATED}


def test_a_label_that_the_table_does_not_know_is_refused():
    with pytest.raises(KeyError, match="mendeley_forest"):
        BY_NAME["mendeley_forest"].truth("volcano")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_source_states_its_licence_and_says_something(source):
    assert source.licence
    assert source.fire_share + source.flood_share > 0
    for truth in source.truths.values():
        # A picture with fire and no drawn boxes must not claim that its boxes are complete.
        known = (truth.fire, truth.smoke, truth.flood)
        assert any(value is not None for value in known) or truth.boxes
        assert not (truth.smoke == 1 and truth.fire != 1)
        assert truth.flood is None or truth.flood == 0 or truth.water in {Water.MASK, Water.SOME}
