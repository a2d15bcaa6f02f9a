"""The first command of the README, as a stranger types it, on the shorter of the shipped scenarios."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(900)]


def test_the_demo_ends_well_and_leaves_its_report(tmp_path):
    out = tmp_path / "demo"
    command = [sys.executable, "-m", "simulator", "demo", "--scenario", "short_patrol", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=880, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Passed" in page
    assert page.count("data:image/jpeg;base64,") >= 2, "a map and at least one snapshot stand inside the page"
    assert 'src="http' not in page, "the page opens without a network"
    alerts = [json.loads(line) for line in (out / "alerts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {alert["topic"].split("/")[3] for alert in alerts} >= {"forestry", "emergency"}
    assert list((out / "snapshots").glob("*.jpg"))
    flight = json.loads((out / "flight.json").read_text(encoding="utf-8"))
    assert flight["points_seen"] == flight["points_total"] == 4
    assert (out / "telemetry.tlog").stat().st_size > 100_000
