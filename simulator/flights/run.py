"""One flight with its trouble, from the calendar to the closed lid, and whether it ended as it had to. Blocking."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from agent.core.geo import distance_m
from simulator.demo.run import collisions, feed, verdict_of
from simulator.demo.story import Story
from simulator.demo.verdict import Item
from simulator.flights.hand import Hand
from simulator.flights.trouble import FAULTS, STORM_GUST_M_S, STORM_M_S, Ending, Fault, Trouble
from simulator.flights.valve import Valve
from simulator.ports import free_port
from simulator.runner.nest_run import NestRun, RunOptions, start_nest
from simulator.scenario import Scenario

_FLIGHT_LIMIT_S = 1800.0  # of the run's own clock
_SETTLE_S = 30.0  # for the charger and the last messages
_ON_THE_WAY_ALT_M = 25.0
_LOST_S = 120.0
_LOOK_S = 0.2
_PAD_M = 1.0


@dataclass(frozen=True, slots=True)
class Flown:
    """How one flight ended.

    Attributes:
        good: all that had to hold did.
        outcome: in the agent's report; ``lost`` where it could not tell.
        took_s: of the run's own clock, from the start of preparations until the drone was down.
        off_pad_m: where the drone truly stands at the end, from the pad's centre; None: not known.
        points: seen, of all.
        alert: whether a department was told of the hazard.
        autopilot: as the nest reports it.
        words: what did not hold, or why the flight was cut short.
    """

    good: bool
    outcome: str
    took_s: float
    off_pad_m: float | None
    points: tuple[int, int]
    alert: bool
    autopilot: str
    words: str


def fly(scenario: Scenario, folder: Path, options: RunOptions, trouble: Trouble, tell: Callable[[str], None]) -> Flown:
    """Flies once.

    Raises:
        DeviceError: a part of the nest did not start, or ended by itself.
    """
    with ExitStack() as stack:
        hand_port = free_port(socket.SOCK_DGRAM)
        ready = replace(options, vehicle_args=(*options.vehicle_args, "--link", f"udpin:127.0.0.1:{hand_port}"))
        valve_port = free_port(socket.SOCK_DGRAM) if trouble.cut_s else None
        run = stack.enter_context(start_nest(scenario, folder, replace(ready, vehicle_port=valve_port), tell))
        valve = stack.enter_context(Valve(valve_port, run.ports.vehicle)) if valve_port else None
        hand = stack.enter_context(Hand(hand_port))
        flight = _Flight(run, hand, trouble)
        flight.until("the drone on its way", flight.on_its_way)
        _make(trouble, flight, valve, options)
        flight.until("the drone down and the flight ended", flight.over)
        down_s = run.clock.unix_s()
        flight.until("things settled", lambda: run.clock.unix_s() > down_s + _SETTLE_S)
        return flight.judged(down_s)


def _make(trouble: Trouble, flight: "_Flight", valve: Valve | None, options: RunOptions) -> None:
    """Makes the trouble."""
    run = flight.run
    if trouble.fault is not None:
        flight.hand.do(*FAULTS[trouble.fault, options.backend])
        flight.until("the vehicle to take its fault", lambda: flight.hand.done)
    if trouble.fault is Fault.WIND:
        _post(run.ports.weather, "/weather", {"wind_m_s": STORM_M_S, "gust_m_s": STORM_GUST_M_S})
    if valve is not None:
        valve.open = False
        until_s = run.clock.unix_s() + trouble.cut_s
        if trouble.cut_s != float("inf"):
            flight.until("the cut", lambda: run.clock.unix_s() > until_s)
            valve.open = True
    if trouble.kill_agent:
        run.agent.kill()
        run.processes.children.pop("agent").stop()
        flight.until("the agent's last will", lambda: (flight.story.status or {}).get("state") == "lost", _LOST_S)
        run.start_agent()


class _Flight:
    """A running flight, what is told of it and what is seen of it."""

    def __init__(self, run: NestRun, hand: Hand, trouble: Trouble) -> None:
        self.run, self.hand, self.trouble = run, hand, trouble
        self.story = Story()
        self._heard = 0
        self._began_s: float | None = None
        self._flew = False

    def until(self, what: str, ready: Callable[[], bool], limit_s: float = _FLIGHT_LIMIT_S) -> None:
        """Waits, so many seconds of the run's own clock at most.

        Raises:
            DeviceError: it did not come true.
        """

        def look() -> bool:
            self._heard = feed(self.story, self.run, self._heard)
            if self._began_s is None and self._state == "preparing":
                self._began_s = self.run.clock.unix_s()
            time.sleep(_LOOK_S)
            return ready()

        self.run.wait(what, look, limit_s)

    @property
    def _state(self) -> str:
        return str((self.story.telemetry or {}).get("flight_state", ""))

    def on_its_way(self) -> bool:
        """Whether it is in the air, on its route, past its first point. A flight that ended before that is over, too."""
        high = ((self.story.telemetry or {}).get("alt_rel_m") or 0.0) > _ON_THE_WAY_ALT_M
        self._flew = self._flew or (self._state == "patrolling" and high)
        past_one = int((self.story.flight or {}).get("points_seen", 0)) > 0
        return self.story.ended or (self._state == "patrolling" and high and past_one)

    def over(self) -> bool:
        """Whether the drone is down and disarmed and, where the agent can know it, the flight has ended."""
        down = self.hand.seen.armed is False and self.hand.seen.on_ground is True
        knows = self.trouble.ending in {Ending.WHOLE_JOB, Ending.IN_THE_NEST}
        return down and (self.story.ended or not knows)

    def judged(self, down_s: float) -> Flown:
        """How it ended."""
        report = self.story.flight or {}
        pad = self.run.scenario.world.place.latlon
        place = self.hand.seen.place
        off_m = distance_m(place, pad) if place is not None else None
        items = verdict_of(self.run, self.story)
        struck = collisions(self.run.folder / "dock_truth.jsonl")
        missing = [
            *([] if self._flew else ["it never flew"]),
            *_missing(self.trouble.ending, items, off_m),
            *([f"{struck} collisions"] if struck else []),
        ]
        reasons = [str(reason["words"]) for reason in report.get("reasons", ())]
        return Flown(
            good=not missing,
            outcome=str(report.get("outcome", "lost")),
            took_s=down_s - (self._began_s or down_s),
            off_pad_m=off_m,
            points=(int(report.get("points_seen", 0)), int(report.get("points_total", 0))),
            alert=bool(self.story.alerts),
            autopilot=str((self.story.status or {}).get("versions", {}).get("autopilot", "")),
            words="; ".join(missing or reasons),
        )


def _missing(ending: Ending, items: Sequence[Item], off_m: float | None) -> list[str]:
    """What had to hold and does not, in words."""
    wanted = _ITEMS[ending]
    missing = [f"{item.name}: {item.words}" for item in items if not item.passed and wanted(item.name)]
    if ending is not Ending.DOWN and (off_m is None or off_m > _PAD_M):
        missing.append(
            "where the drone stands is not known" if off_m is None else f"the drone stands {off_m:.1f} m off the pad"
        )
    return missing


_ITEMS: dict[Ending, Callable[[str], bool]] = {
    Ending.WHOLE_JOB: lambda _: True,
    Ending.IN_THE_NEST: lambda name: name.startswith(("lid", "each")),
    Ending.ON_THE_PAD: lambda name: name.startswith("each"),
    Ending.DOWN: lambda name: name.startswith("each"),
}
"""Which items of the demo's verdict count for an ending, by name."""


def _post(port: int, path: str, told: dict[str, object]) -> None:
    """Tells a simulated device of the loopback interface something."""
    url = f"http://127.0.0.1:{port}{path}"
    body = json.dumps(told).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5.0):  # noqa: S310
        return
