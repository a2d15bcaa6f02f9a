"""``nest-agent firmware`` at the console: what it prints, its exit status, and that it keeps out of a running agent's way."""

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from agent.__main__ import build
from agent.commands import firmware
from agent.core.errors import StoreError
from agent.core.outcome import Refused
from agent.vehicle.firmware import Applied
from agent.vehicle.parameter_set import Comparison, deviation
from firmware_config.schema import load_set


class Drone:
    """Stands in for the drone behind the link."""

    def __init__(self, values: dict[str, float], applied: Applied | Refused | None = None) -> None:
        self.values, self.applied = values, applied

    async def compare_parameters(self) -> list[Comparison]:
        rows = load_set("ardupilot/nest").rows
        return [Comparison(row, self.values.get(row.name), deviation(row, self.values.get(row.name), 255)) for row in rows]

    async def apply_firmware(self, progress: Any) -> Applied | Refused:
        progress("parameters", 1, 1)
        assert self.applied is not None
        return self.applied


RIGHT = {row.name: row.nearest(0.0, 255) for row in load_set("ardupilot/nest").rows}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    pad = {"lat": 30.39, "lon": 119.84, "alt_amsl_m": 30.0}
    (tmp_path / "routes").mkdir()
    (tmp_path / "site.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    content = {
        "nest": {"id": "n1", "name": "N", "pad": pad, "site_file": "site.geojson", "routes_dir": "routes"},
        "store": {"directory": str(tmp_path / "store")},
        "dock": {"host": "127.0.0.1"},
        "weather": {"url": "http://127.0.0.1/weather"},
        "vision": {"source": "http://127.0.0.1/stream.mjpg"},
        "hub": {"host": "127.0.0.1", "tls": None},
    }
    (tmp_path / "nest.yaml").write_text(yaml.safe_dump(content))
    return tmp_path / "nest.yaml"


@pytest.fixture
def drone(monkeypatch: pytest.MonkeyPatch) -> Drone:
    from contextlib import asynccontextmanager

    standing = Drone(dict(RIGHT))

    @asynccontextmanager
    async def there(_: Any) -> Any:
        yield standing

    monkeypatch.setattr(firmware, "_drone", there)
    return standing


def run(*words: str) -> Any:
    return CliRunner().invoke(build(), ["firmware", *words])


def test_a_drone_that_is_right_passes(config: Path, drone: Drone) -> None:
    result = run("check", "-c", str(config))
    assert result.exit_code == 0, result.output
    assert load_set("ardupilot/nest").digest[:12] in result.output


def test_a_wrong_and_a_missing_parameter_are_named(config: Path, drone: Drone) -> None:
    drone.values["FS_GCS_ENABLE"] = 0.0
    del drone.values["FENCE_TYPE"]
    result = run("check", "-c", str(config))
    assert result.exit_code == 1
    assert "FS_GCS_ENABLE is 0, must be 1" in result.output
    assert "FENCE_TYPE is missing, must be 5" in result.output


def test_the_difference_is_a_table_with_reasons(config: Path, drone: Drone) -> None:
    drone.values["RTL_ALT"] = 1000.0
    result = run("diff", "-c", str(config))
    assert result.exit_code == 1
    line = next(line for line in result.output.splitlines() if line.startswith("RTL_ALT "))
    assert all(word in line for word in ("1000", "2000 .. 12000", "cm", "each flight", "above trees"))
    assert "FENCE_TYPE" not in result.output
    assert "FENCE_TYPE" in run("diff", "-c", str(config), "--all").output


def test_where_nothing_differs_the_difference_is_empty(config: Path, drone: Drone) -> None:
    result = run("diff", "-c", str(config))
    assert result.exit_code == 0
    assert "no difference" in result.output


def test_what_was_applied_is_counted(config: Path, drone: Drone) -> None:
    drone.applied = Applied(("RTL_ALT", "PLND_ENABLED"), 1, ())
    result = run("apply", "-c", str(config))
    assert result.exit_code == 0, result.output
    assert "2 parameters set, 1 restarts" in result.output


def test_a_refusal_has_its_code_and_words(config: Path, drone: Drone) -> None:
    drone.applied = Refused("vehicle.armed", "the motors are armed")
    result = run("apply", "-c", str(config))
    assert result.exit_code == 2
    assert "vehicle.armed: the motors are armed" in result.output


def test_nothing_is_applied_beside_a_running_agent(config: Path, drone: Drone, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = run("apply", "-c", str(config))
        assert isinstance(result.exception, StoreError)
        assert result.exception.code == "store.in_use"
        assert "stop it first" in result.exception.message
        checked = run("check", "-c", str(config))
        assert checked.exit_code == 0
        assert "an agent runs on this nest" in checked.output


def test_asking_leaves_no_lock_behind(config: Path, drone: Drone, tmp_path: Path) -> None:
    run("check", "-c", str(config))
    assert not (tmp_path / "store").exists()


def test_the_set_is_exported_without_a_drone(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "nest.param"
    result = run("export", "-c", str(config), "-o", str(out))
    assert result.exit_code == 0, result.output
    assert "FS_GCS_ENABLE,1" in out.read_text()
    assert "FS_GCS_ENABLE,1" in run("export", "-c", str(config)).output
