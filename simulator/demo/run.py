"""Runs a scenario as processes, watches it, judges it, and leaves the report. Blocking; the agent runs elsewhere."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from simulator.demo.report import Findings, write_report
from simulator.demo.story import Story
from simulator.demo.verdict import DockEnd, Item, Truth, judge
from simulator.demo.view import new_lines, picture
from simulator.runner.nest_run import NestRun, RunOptions, start_nest
from simulator.runner.plc_view import read_plc
from simulator.scenario import Scenario
from simulator.world.scene import World
from simulator.world.truth import truth

_FLIGHT_LIMIT_S = 1800.0  # of the run's own clock, from the agent's start to the end of the flight
_AFTER_S = 30.0  # for the charger and the last messages
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    items: list[Item]
    story: Story
    took_s: float
    peaks_mb: dict[str, float]

    @property
    def passed(self) -> bool:
        """Whether all that had to hold did."""
        return all(item.passed for item in self.items)


def run_demo(scenario: Scenario, folder: Path, options: RunOptions, console: Console) -> Ended:
    """Runs a scenario to its end.

    Raises:
        DeviceError: a process did not start, or ended by itself.
    """
    began_s = time.monotonic()
    story, told = Story(), set[str]()
    with start_nest(scenario, folder, options, console.print) as run:
        if console.is_terminal:
            with Live(console=console, refresh_per_second=5) as live:
                _follow(run, story, lambda: live.update(picture(scenario, story, f"{run.clock.utc():%H:%M:%S}")))
        else:
            _follow(run, story, lambda: _print_new(console, run, story, told))
        items = verdict_of(run, story)
        peaks_mb = run.agent.peaks_mb()
    took_s = time.monotonic() - began_s
    _leave_report(scenario, folder, story, items, options.speed, took_s)
    return Ended(items, story, took_s, peaks_mb)


def _print_new(console: Console, run: NestRun, story: Story, told: set[str]) -> None:
    for line in new_lines(story, told, f"{run.clock.utc():%H:%M:%S}"):
        console.print(line, highlight=False)


def _follow(run: NestRun, story: Story, show: Callable[[], None]) -> None:
    """Feeds the story until the flight has ended and the dock has had its time to charge."""
    heard = 0
    ended_unix_s: float | None = None

    def done() -> bool:
        nonlocal heard, ended_unix_s
        heard = feed(story, run, heard)
        show()
        if story.ended and ended_unix_s is None:
            ended_unix_s = run.clock.unix_s()
        time.sleep(_LOOK_S)
        return ended_unix_s is not None and run.clock.unix_s() > ended_unix_s + _AFTER_S

    run.wait("the end of the flight", done, _FLIGHT_LIMIT_S)


def feed(story: Story, run: NestRun, heard: int) -> int:
    """Gives the story what the subscriber has heard since; returns how many messages that makes."""
    messages = run.hub.messages[heard:]
    for message in messages:
        if message.data and message.form in {"", "alert"}:
            story.hear(message.topic, message.body)
    return heard + len(messages)


def truths_of(run: NestRun) -> list[Truth]:
    """The world's hazards as they are now."""
    world = World(run.scenario.world)
    world_s = run.clock.unix_s() - run.clock.base.unix_epoch_s
    return [Truth(hazard.hazard, hazard.polygons) for hazard in truth(world, world_s)]


def verdict_of(run: NestRun, story: Story) -> list[Item]:
    """Judges a run that is still up: the dock is asked itself, the truth is that of now."""
    plc = read_plc(run.ports.modbus)
    dock = None
    if plc is not None:
        dock = DockEnd(plc.lid_closed, plc.charging_a, plc.pad_occupied, collisions(run.folder / "dock_truth.jsonl"))
    expected = () if run.real_pictures else run.scenario.expect  # pictures of elsewhere prove nothing about this world
    return judge(story.flight, dock, story.newest_alerts, told_twice(run), truths_of(run), expected)


def told_twice(run: NestRun) -> int:
    """Alert messages that a desk could take for two: one step of one alert under different ids.

    The same id again is no harm; a broker that dies makes that happen, and every desk drops it.
    """
    steps = [
        (message.topic, message.body["sequence"]) for message in run.hub.messages if message.data and message.form == "alert"
    ]
    return len(steps) - len(set(steps))


def collisions(truth_log: Path) -> int:
    """How often something in the dock's mechanics hit the drone."""
    if not truth_log.exists():
        return 0
    events = [json.loads(line) for line in truth_log.read_text(encoding="utf-8").splitlines()]
    return sum(1 for event in events if "collision" in str(event.get("event", "")).lower())


def _leave_report(scenario: Scenario, folder: Path, story: Story, items: list[Item], speed: float, took_s: float) -> None:
    """The page, and beside it the flight record as it was told last."""
    world = World(scenario.world)
    late_s = took_s * speed
    truths = [Truth(hazard.hazard, hazard.polygons) for hazard in truth(world, late_s)]
    each_once = {path.read_bytes(): path for path in sorted((folder / "snapshots").glob("*.jpg"))}
    snapshots = list(each_once.values())[-4:]  # every department gets the same picture
    (folder / "flight.json").write_text(json.dumps(story.flight, indent=1), encoding="utf-8")
    verdict = [{"name": item.name, "passed": item.passed, "words": item.words} for item in items]
    (folder / "verdict.json").write_text(json.dumps(verdict, indent=1), encoding="utf-8")
    findings = Findings(items, truths, snapshots, took_s, speed)
    write_report(folder / "report.html", scenario, story, findings, folder / "nest" / "map.png")
