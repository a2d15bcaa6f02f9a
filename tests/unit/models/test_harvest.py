"""Dispatchers' answers become a labelled folder."""

import csv
import json
from pathlib import Path

import pytest

from agent.alerts.incident import SightingContext
from agent.alerts.lifecycle import AlertEvent
from agent.alerts.service import open_alerts
from agent.config.hub import AlertsSection
from agent.config.store import StoreSection
from agent.core.bus import Bus
from agent.domain.hazard import Hazard
from agent.domain.topics import Topics
from agent.store.store import open_store
from models.training.data import DataError
from models.training.harvest import harvest, split_of
from tests.doubles.hub import HandClock, picture, sighting


async def nest(store: Path, *, simulated: bool = False) -> None:
    """Four alerts far apart: a false alarm, a real fire, a real flood whose picture was changed later, one unanswered."""
    time = HandClock()
    with open_store(StoreSection(directory=store), time.clock) as opened:
        topics = Topics("nest/v1", "n1")
        async with open_alerts(AlertsSection(), topics, opened, Bus(), time.clock, simulated=simulated) as alerts:
            answers = (AlertEvent.FALSE_ALARM, AlertEvent.RESOLVE, AlertEvent.RESOLVE, None)
            hazards = (Hazard.SMOKE, Hazard.FIRE, Hazard.FLOOD, Hazard.FIRE)
            for i, (answer, hazard) in enumerate(zip(answers, hazards, strict=True)):
                shown = picture(store / "evidence", i)
                raw = picture(store / "evidence", 10 + i).model_copy(update={"kind": "snapshot_raw"})
                seen = sighting(f"t{i}", hazard, north_m=20_000.0 * i, evidence=(shown, raw))
                told = await alerts.on_sighting(seen, SightingContext())
                if answer is not None:
                    await alerts.on_action(told.alert, answer, "Anna@forestry", "dust of a harvester")
    (store / "evidence" / "12-96.jpg").write_bytes(b"other")


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "split.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def test_answers_become_labels_and_the_rest_is_counted(tmp_path):
    await nest(tmp_path / "store")
    result = harvest([tmp_path / "store"], tmp_path / "out")
    rows = table(tmp_path / "out")
    assert {(row["hazard"], row["label"]) for row in rows} == {("smoke", "none"), ("fire", "fire")}
    assert result.taken == {"none": 1, "fire": 1}
    assert result.left_out == {"picture changed": 1}
    (false_alarm,) = [row for row in rows if row["label"] == "none"]
    assert false_alarm["answered_by"] == "Anna@forestry"
    assert false_alarm["reason"] == "dust of a harvester"
    for row, seed in zip(sorted(rows, key=lambda r: r["hazard"], reverse=True), (10, 11), strict=True):
        kept = (tmp_path / "store" / "evidence" / f"{seed}-96.jpg").read_bytes()
        assert (tmp_path / "out" / "images" / row["file"]).read_bytes() == kept
        assert row["split"] == split_of(row["group"])
    assert "1 picture changed" in (tmp_path / "out" / "SOURCE.md").read_text()


async def test_a_second_harvest_gives_the_same_folder(tmp_path):
    await nest(tmp_path / "store")
    harvest([tmp_path / "store"], tmp_path / "out")
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    harvest([tmp_path / "store"], tmp_path / "out")
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before


async def test_the_simulators_alerts_do_not_mix_with_real_ones(tmp_path):
    await nest(tmp_path / "store", simulated=True)
    assert harvest([tmp_path / "store"], tmp_path / "real").taken == {}
    assert harvest([tmp_path / "store"], tmp_path / "sim", simulated=True).taken == {"none": 1, "fire": 1}


def test_splits_are_eighty_ten_ten():
    splits = [split_of(f"alert-{i}") for i in range(5000)]
    assert [round(splits.count(name) / 50) for name in ("train", "val", "test")] == pytest.approx([80, 10, 10], abs=2)


def test_what_is_no_store_is_named(tmp_path):
    with pytest.raises(DataError, match=r"hub\.sqlite"):
        harvest([tmp_path], tmp_path / "out")
    (tmp_path / "hub.sqlite").write_text(json.dumps({"not": "a database"}) * 200)
    with pytest.raises(DataError, match="not the store"):
        harvest([tmp_path], tmp_path / "out")
