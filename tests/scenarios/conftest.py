"""A whole nest as processes, faster than real time, and helpers that follow it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.demo.run import feed, verdict_of
from simulator.demo.story import Story
from simulator.demo.verdict import Item
from simulator.runner.nest_run import NestRun, RunOptions, start_nest
from simulator.runner.pace import pace
from simulator.scenario import load_scenario

FLIGHT_S = 1500.0
"""Longest a scenario's flight may take, of the run's own clock."""


class Followed:
    """A running nest with what the hub tells of it."""

    def __init__(self, run: NestRun) -> None:
        self.run = run
        self.story = Story()
        self._heard = 0

    def wait(self, what: str, ready: Callable[[Story], bool], product_s: float = FLIGHT_S) -> None:
        """Feeds the story until the condition holds."""

        def look() -> bool:
            self._heard = feed(self.story, self.run, self._heard)
            return ready(self.story)

        self.run.wait(what, look, product_s)

    def wait_s(self, product_s: float) -> None:
        """Lets the run go on for so long; every process must stay alive."""
        until = self.run.clock.unix_s() + product_s
        self.wait("time", lambda _: self.run.clock.unix_s() > until, product_s + 60.0)

    @property
    def state(self) -> str:
        return (self.story.telemetry or {}).get("flight_state", "")

    @property
    def high(self) -> bool:
        """Whether the drone is surely in the air, on its route."""
        return self.state == "patrolling" and (self.story.telemetry or {}).get("alt_rel_m", 0.0) > 25.0

    def pending_alerts(self) -> int:
        """Alert messages that wait on the nest's disk; read as a technician would, from the database."""
        path = self.run.nest_folder / "store" / "hub.sqlite"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
        try:
            return int(connection.execute("SELECT count(*) FROM outbox WHERE topic LIKE '%/alerts/%'").fetchone()[0])
        finally:
            connection.close()

    def verdict(self) -> list[Item]:
        return verdict_of(self.run, self.story)


@contextmanager
def followed(folder: Path, name: str = "short_patrol") -> Iterator[Followed]:
    scenario = load_scenario(name)
    with start_nest(scenario, folder, RunOptions(speed=pace(scenario.speed)), print) as run:
        yield Followed(run)


@pytest.fixture
def nest(tmp_path: Path) -> Iterator[Followed]:
    with followed(tmp_path / "run") as running:
        yield running
