import json
import math

import pytest

from simulator.bench.link_load import KINDS, listen
from simulator.commands.bench import deliveries, spread


def test_the_spread_of_known_values():
    assert spread([float(n) for n in range(1, 101)]) == (50.5, 95.0, 100.0)
    assert spread([3.0]) == (3.0, 3.0, 3.0)
    assert all(math.isnan(value) for value in spread([]))


def test_only_alert_deliveries_count(tmp_path):
    lines = [
        "2026-11-23 model ready",
        json.dumps({"event": "delivered", "kind": "nest.status.v1", "capture_to_puback_s": None, "commit_to_puback_s": 9}),
        json.dumps({"event": "delivered", "kind": "nest.alert.v1", "capture_to_puback_s": 0.5, "commit_to_puback_s": 0.1}),
        "{half a line",
        json.dumps({"event": "flight.state", "words": 'it was "delivered"'}),
    ]
    (tmp_path / "agent.log").write_text("\n".join(lines), encoding="utf-8")
    assert [row["capture_to_puback_s"] for row in deliveries(tmp_path / "agent.log")] == [0.5]


def test_what_listening_costs_is_measured_by_the_agent_itself() -> None:
    watched = listen(rate_hz=4.0, seconds=2.0)
    assert len(watched["kinds"]) == KINDS
    assert sum(watched["kinds"].values()) == pytest.approx(4.0 * KINDS, rel=0.3)
    assert 0.0 < watched["processor"] < 1.0
    (link,) = watched["links"]
    assert (link["loss"], link["malformed"], watched["problems"]) == (0.0, 0, [])
