"""A wrong configuration is named with file, line, key, value and limit; the generated example is right."""

from pathlib import Path

import pytest
import yaml

from agent.config.example import example
from agent.config.load import load
from agent.core.errors import ConfigError

GOOD = """\
nest:
  id: nest-01
  pad: {lat: 30.39, lon: 119.84, alt_amsl_m: 30}
  site_file: site.geojson
  routes_dir: routes
store:
  directory: data
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "nest.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, secrets: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, secrets)
    assert caught.value.code == "config.invalid"
    return caught.value.message


def test_a_good_file_is_read_and_its_paths_count_from_its_folder(tmp_path):
    config = load(write(tmp_path, GOOD))
    assert config.nest.id == "nest-01"
    assert config.nest.site_file == tmp_path / "site.geojson"
    assert config.store.directory == tmp_path / "data"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("dock: {port: 70000}", ["nest.yaml:8", "dock.port", "70000", "65535"]),
        ("hub: {protocol: '4'}", ["nest.yaml:8", "hub.protocol", "'4'", "'5' or '3.1.1'"]),
        ("flight: {battery_reserve: 0.01}", ["flight.battery_reserve", "0.01", "0.1"]),
        ("flight: {battery_reserv: 0.3}", ["flight.battery_reserv", "remove it or correct its spelling"]),
        ("vison: {}", ["nest.yaml:8", "vison", "remove it or correct its spelling"]),
        ("missions: {schedule: [{route: x, at_utc: 25:00}]}", ["missions.schedule.0.at_utc", "25:00"]),
        ("alerts: {departments: {fire brigade: {hazards: [fire]}}}", ["alerts.departments", "fire brigade"]),
        ("alerts: {departments: {}}", ["alerts.departments", "at least 1"]),
        ("flight: {battery_start_min: 0.3, battery_reserve: 0.4}", ["nest.yaml:8", "flight", "0.3", "battery_reserve, 0.4"]),
        ("weather: {wind_max_m_s: 12, gust_max_m_s: 8}", ["weather", "gust_max_m_s is 8", "12"]),
        ("weather: {temp_min_c: 20, temp_max_c: 10}", ["weather", "temp_max_c is 10", "20"]),
        ("vehicle: {system_id: 7, own_system_id: 7}", ["vehicle", "own_system_id is 7"]),
        ("dock: {poll_interval_s: 4}", ["dock.poll_interval_s", "4", "2"]),
    ],
)
def test_a_wrong_value_is_named_with_line_key_value_and_limit(tmp_path, change, told):
    message = refused(write(tmp_path, GOOD + change + "\n"))
    for part in told:
        assert part in message


def test_a_time_of_day_is_not_a_number_in_base_60(tmp_path):
    config = load(write(tmp_path, GOOD + "missions: {schedule: [{route: x, at_utc: 12:30}, {route: x, at_utc: 12:30:15}]}\n"))
    assert [entry.at_utc.isoformat() for entry in config.missions.schedule] == ["12:30:00", "12:30:15"]


def test_all_errors_are_told_at_once(tmp_path):
    message = refused(write(tmp_path, GOOD.replace("119.84", "1119.84") + "dock: {port: 0}\nhub: {port: -1}\n"))
    assert "3 to correct" in message
    for key in ("nest.pad.lon", "dock.port", "hub.port"):
        assert key in message


@pytest.mark.parametrize("text", ["nest: [", "- a\n- b", "", "nest:\n\t- x"])
def test_what_is_not_a_configuration_is_said_plainly(tmp_path, text):
    assert "nest.yaml" in refused(write(tmp_path, text))


def test_a_missing_file_says_how_to_get_one(tmp_path):
    assert "nest-agent example" in refused(tmp_path / "none.yaml")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "nest.yaml"
    path.write_bytes(b"\xff\xfe\x00nest")
    assert "UTF-8" in refused(path)


def test_environment_wins_over_secrets_and_secrets_over_the_file(tmp_path, monkeypatch):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "hub__password").write_text("from secrets", encoding="utf-8")
    (secrets / "hub__username").write_text("from secrets", encoding="utf-8")
    monkeypatch.setenv("NEST_HUB__USERNAME", "from environment")
    config = load(write(tmp_path, GOOD + "hub: {username: from file, host: hub.example}\n"), secrets)
    assert config.hub.username == "from environment"
    assert config.hub.password is not None
    assert config.hub.password.get_secret_value() == "from secrets"
    assert config.hub.host == "hub.example"


def test_a_wrong_environment_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("NEST_HUB__PORT", "many")
    assert "NEST_HUB__PORT" in refused(write(tmp_path, GOOD))


def test_a_password_never_stands_in_a_message(tmp_path):
    assert "hunter2" not in refused(write(tmp_path, GOOD + "hub: {password: [hunter2]}\n"))


def test_the_example_is_right_as_it_is_and_with_every_comment_of_a_key_removed(tmp_path):
    load(write(tmp_path, example()))
    opened = []
    for line in example().splitlines():
        words = line.lstrip()
        indent = line[: len(line) - len(words)]
        opened.append(indent + words[1:] if words.startswith("#") and not words.startswith("# ") else line)
    tree = yaml.safe_load("\n".join(opened))
    assert set(tree) >= {"nest", "store", "vehicle", "dock", "weather", "vision", "hub", "alerts", "flight", "missions"}
