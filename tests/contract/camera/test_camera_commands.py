"""The commands as a person types them: files they write, and what wrong input gets."""

import csv
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from simulator.__main__ import main

WORLD = "place: {lat_deg: 30.39, lon_deg: 119.84}\nsize_m: 800\ntexture_m: 1.5\n"


@dataclass
class Done:
    """What a command left."""

    returncode: int
    stderr: str


@pytest.fixture
def nest_sim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs ``nest-sim`` in this process, its signal handlers undone afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["nest-sim", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return Done(int(left.value.code or 0), capsys.readouterr().err)

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_dataset_has_a_label_and_two_masks_for_each_picture(nest_sim, tmp_path: Path):
    done = nest_sim("dataset", "--out", str(tmp_path), "--count", "4", "--seed", "2", "--size", "320x176")

    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "split.csv").read_text().splitlines()))
    assert len(rows) == 4
    assert {row["split"] for row in rows} == {"train"}  # one world, one split
    for row in rows:
        stem = Path(row["file"]).stem
        picture = cv2.imread(str(tmp_path / "images" / row["file"]))
        flood, water = (cv2.imread(str(tmp_path / folder / f"{stem}.png"), 0) for folder in ("masks", "masks_water"))
        boxes = [line.split() for line in (tmp_path / "labels" / f"{stem}.txt").read_text().splitlines()]
        assert picture.shape == (176, 320, 3)
        assert flood.shape == water.shape == (176, 320)
        assert not (flood & ~water).any()
        assert set(np.unique(water)) <= {0, 255}
        assert (row["label"] == "fire") == bool(boxes)
        for kind, *numbers in boxes:
            x, y, wide, high = map(float, numbers)
            assert kind in {"0", "1"}
            assert -1e-6 <= x - wide / 2 <= x + wide / 2 <= 1 + 1e-6
            assert -1e-6 <= y - high / 2 <= y + high / 2 <= 1 + 1e-6


def test_terrain_is_written_for_the_operator(nest_sim, tmp_path: Path):
    world = tmp_path / "world.yaml"
    world.write_text(WORLD)

    done = nest_sim("terrain", "--world", str(world), "--out", str(tmp_path / "site"))

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "site").iterdir()} == {"dem.asc", "river.geojson", "map.png", "map.json"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("camera", "--http", "127.0.0.1:0"), "give --world FILE or --play PATH"),
        (("camera", "--http", "nowhere", "--play", "x"), "HOST:PORT"),
        (("camera", "--http", "127.0.0.1:0", "--play", "absent.mp4"), "no picture can be read"),
        (("camera", "--http", "127.0.0.1:0", "--world", "absent.yaml"), "absent.yaml"),
        (("camera", "--time-base", "fast", "--play", "x"), "RATE@UNIX_SECONDS"),
    ],
)
def test_wrong_input_gets_one_clear_line(nest_sim, arguments: tuple[str, ...], said: str):
    done = nest_sim(*arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_world_file_names_key_value_and_limit(nest_sim, tmp_path: Path):
    world = tmp_path / "world.yaml"
    world.write_text(WORLD + "flood: {max_rise_m: 40}\n")

    done = nest_sim("terrain", "--world", str(world), "--out", str(tmp_path))

    assert done.returncode == 2
    assert "flood.max_rise_m" in done.stderr
    assert "4" in done.stderr
    assert "40" in done.stderr
