"""What a person or a broken part can do to the shipped program: each is a clear message or state, never a traceback."""

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from simulator.hub.broker import Broker
from simulator.hub.subscriber import Account, Subscriber
from simulator.ports import free_port
from simulator.runner.nest_files import Ports, configuration, route_geojson, site_geojson
from simulator.scenario import load_scenario

pytestmark = pytest.mark.timeout(180)
AGENT = (sys.executable, "-m", "agent")
NO_WATER = {"type": "FeatureCollection", "features": []}
MODELS = Path(__file__).parents[3] / "models"


def write_nest(folder: Path, broker_port: int, **changes: dict) -> Path:
    """A right configuration whose every peer but the broker is away."""
    scenario = load_scenario("short_patrol")
    ports = Ports(broker_port, *(free_port() for _ in range(6)))
    tree = configuration(scenario, ports, datetime.now(UTC), "5")
    del tree["nest"]["terrain_file"]
    tree["missions"] = {}
    for section, values in changes.items():
        tree[section] = {**tree.get(section, {}), **values}
    (folder / "routes").mkdir()
    (folder / "site.geojson").write_text(json.dumps(site_geojson(scenario, NO_WATER)), encoding="utf-8")
    (folder / "routes" / "r.geojson").write_text(json.dumps(route_geojson(scenario)), encoding="utf-8")
    path = folder / "nest.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


@contextmanager
def running(config: Path, log: Path):
    with log.open("w", encoding="utf-8") as out:
        agent = subprocess.Popen([*AGENT, "run", "-c", str(config)], stdout=out, stderr=out)
        try:
            yield agent
        finally:
            agent.kill()
            agent.wait()
    assert "Traceback" not in log.read_text(encoding="utf-8")


def statuses(messages):
    return [m.body for m in messages if m.topic.endswith("/status") and m.data]


def codes_of(messages):
    return {reason["code"] for status in statuses(messages)[-1:] for reason in status.get("reasons", ())}


@pytest.fixture
def broker(tmp_path):
    with Broker(tmp_path / "broker", "mosquitto") as started:
        yield started


def test_every_peer_away_is_a_state_with_reasons_and_stopping_says_so(tmp_path, broker):
    config = write_nest(tmp_path, broker.port)
    expected = {"vehicle.silent", "dock.unreachable", "weather.unreachable", "vision.no_video"}
    with Subscriber(Account("127.0.0.1", broker.port), tmp_path / "desk") as desk, running(config, tmp_path / "log") as agent:
        assert desk.wait_for(lambda messages: codes_of(messages) >= expected, 90.0), codes_of(desk.messages)
        assert statuses(desk.messages)[-1]["state"] == "not_ready"
        agent.terminate()
        assert agent.wait(30.0) == 0
        assert desk.wait_for(lambda messages: statuses(messages)[-1]["state"] == "stopped", 10.0)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (shutil.rmtree, "model.missing"),
        (
            lambda model: (model / "model.onnx").write_bytes((model / "model.onnx").read_bytes()[:-9] + b"\x00" * 9),
            "model.changed",
        ),
    ],
)
def test_a_missing_or_changed_model_is_a_reason_of_the_status(tmp_path, broker, damage, code):
    model = tmp_path / "fire"
    shutil.copytree(MODELS / "fire", model)
    damage(model)
    config = write_nest(tmp_path, broker.port, vision={"models": [str(model)]})
    with Subscriber(Account("127.0.0.1", broker.port), tmp_path / "desk") as desk, running(config, tmp_path / "log"):
        assert desk.wait_for(lambda messages: code in codes_of(messages), 60.0), codes_of(desk.messages)
    told = check(config)
    assert told.returncode == 2
    assert code in told.stderr


def test_an_unreachable_broker_is_said_in_the_log_and_the_agent_goes_on(tmp_path):
    config = write_nest(tmp_path, free_port())
    log = tmp_path / "log"
    with running(config, log) as agent:
        wait_for_text(log, "hub.unreachable", agent)
        agent.terminate()
        assert agent.wait(40.0) == 0


def test_two_agents_in_one_folder_are_refused(tmp_path, broker):
    config = write_nest(tmp_path, broker.port)
    with running(config, tmp_path / "log") as agent:
        wait_for_text(tmp_path / "log", "hub connected", agent)
        second = subprocess.run([*AGENT, "run", "-c", str(config)], capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 2
        assert second.stderr.startswith("nest-agent: store.in_use")
        assert "Traceback" not in second.stderr


def check(config: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*AGENT, "check", "-c", str(config)], capture_output=True, text=True, timeout=90, check=False)
    assert "Traceback" not in done.stderr
    return done


def test_check_passes_a_right_configuration(tmp_path):
    assert check(write_nest(tmp_path, 1883)).returncode == 0


def test_check_names_a_route_outside_the_fence(tmp_path):
    config = write_nest(tmp_path, 1883)
    route = tmp_path / "routes" / "r.geojson"
    tree = json.loads(route.read_text(encoding="utf-8"))
    tree["features"][1]["geometry"]["coordinates"] = [119.86, 30.39]
    route.write_text(json.dumps(tree), encoding="utf-8")
    told = check(config)
    assert told.returncode == 2
    assert "route.outside_fence" in told.stderr
    assert "P2" in told.stderr


def test_check_names_a_calendar_entry_without_a_route(tmp_path):
    config = write_nest(tmp_path, 1883, missions={"schedule": [{"route": "nowhere", "at_utc": "09:00"}]})
    told = check(config)
    assert told.returncode == 2
    assert "nowhere" in told.stderr


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_wrong_configuration_ends_with_one_clear_message(tmp_path, command):
    config = write_nest(tmp_path, 1883, hub={"port": 99999})
    done = subprocess.run([*AGENT, command, "-c", str(config)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "hub.port" in done.stderr
    assert "99999" in done.stderr
    assert "65535" in done.stderr
    assert "Traceback" not in done.stderr


def wait_for_text(log: Path, text: str, agent: subprocess.Popen) -> None:
    """Until the log holds a text; a process that ends first is a failure with its last words."""
    for _ in range(600):
        if log.exists() and text in log.read_text(encoding="utf-8"):
            return
        assert agent.poll() is None, log.read_text(encoding="utf-8")[-2000:]
        try:
            agent.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"{text!r} not in 60 s: {log.read_text(encoding='utf-8')[-2000:]}")
