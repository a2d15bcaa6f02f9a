"""What PX4 says of a plan after it has accepted it, in virtual time."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from agent.core.outcome import Accepted, Refused
from agent.domain.telemetry import MissionProgress, StatusText, Telemetry
from agent.vehicle.px4 import Px4Driver
from tests.doubles.autopilot import run_virtual


class Told:
    """A session that is told mission states at their times: (seconds, unusable)."""

    def __init__(self, *states: tuple[float, bool], says: str = "") -> None:
        self.states, self.telemetry = states, Telemetry()
        sentences = [StatusText(0.0, 4, says)] if says else []
        self.texts = SimpleNamespace(since=lambda _: sentences)

    async def until(self, condition: Any, timeout_s: float) -> bool:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while loop.time() < end_s:
            for at_s, unusable in self.states:
                if loop.time() >= at_s:
                    progress = MissionProgress(at_s, 0, -1, None, complete=False, unusable=unusable)
                    self.telemetry = Telemetry(mission=progress)
            if condition(self.telemetry):
                return True
            await asyncio.sleep(0.1)
        return False


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (Told((0.1, False)), None),
        (Told((0.2, True)), "mission.refused"),
        (Told((0.1, False), (1.0, True)), "mission.refused"),
        (Told((0.2, True), (1.2, False)), None),  # the first was of the time before the upload
        (Told((0.1, False), says="Geofence invalid, doesn't contain Home position"), "mission.refused"),
    ],
)
def test_a_plan_is_refused_for_good_only_when_px4_stays_with_it(told: Told, code: str | None) -> None:
    outcome = run_virtual(Px4Driver.after_upload(SimpleNamespace(session=told), 0.0))  # type: ignore[arg-type]
    assert outcome == Accepted() if code is None else isinstance(outcome, Refused) and outcome.code == code
