"""The soak tells a process that grows from one that breathes."""

import itertools
import json

import numpy as np
import pytest

from agent.vision import soak
from agent.vision.perception import Perception, load_networks
from agent.vision.soak import READINGS, Size, endless, growth, soak_lines
from tests.doubles.tiny_model import write_model_folder


def sizes(mb) -> list[Size]:
    return [Size(100 * (i + 1), mb(i)) for i in range(READINGS)]


@pytest.mark.parametrize(
    ("mb", "grown"),
    [
        (lambda i: 200.0 + 5.0 * (i % 2), 0.0),  # it breathes
        (lambda i: 100.0 if i < 6 else 200.0, 0.0),  # it warms up
        (lambda i: 200.0 + 0.5 * i, 0.12),  # it leaks
    ],
)
def test_growth_is_what_stays(mb, grown):
    assert growth(sizes(mb), 100 * READINGS) == pytest.approx(grown, abs=0.02)


def test_too_few_readings_say_nothing():
    assert np.isnan(growth(sizes(lambda _: 1.0)[:5], 100 * READINGS))


def test_a_leak_in_the_pipeline_is_found(tmp_path, monkeypatch):
    perception = Perception(load_networks([write_model_folder(tmp_path)]), "never")
    kept: list[np.ndarray] = []
    look = Perception.look
    monkeypatch.setattr(Perception, "look", lambda self, frame: kept.append(np.ones(100_000)) or look(self, frame))
    monkeypatch.setattr(soak, "endless", lambda paths: itertools.cycle(itertools.islice(endless(paths), 4)))
    result = json.loads(list(soak_lines(perception, [], 240))[-1])
    assert result["growth"] > 0.2
    assert result["last_mb"] - result["first_mb"] > 150
