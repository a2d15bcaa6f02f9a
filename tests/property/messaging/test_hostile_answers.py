"""Whatever is sent as an answer to an alert: nothing is raised, and only who was told of the alert changes it.

Hundreds of messages each time; with ``NEST_HOSTILE=100000`` as many as that says.
"""

import asyncio
import base64
import json
import os
import unicodedata
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agent.alerts.incident import SightingContext
from agent.alerts.service import open_alerts
from agent.config.hub import AlertsSection
from agent.config.store import StoreSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.domain.alert import Alert
from agent.domain.topics import Topics
from agent.messaging.actions import ActionReader
from agent.messaging.link import Incoming
from agent.store.store import open_store
from simulator.loops import VirtualLoop
from tests.doubles.hostile import STEADY, Hostile, hostile
from tests.doubles.hub import sighting
from tests.doubles.requests import WallClock

MESSAGES = int(os.environ.get("NEST_HOSTILE", "100"))
_BATCH = 10
_TOLD = ("forestry", "emergency")
_SPOKEN = {"answer to an alert dropped", "answer refused"}
_UNKNOWN = "01KB3ZV6J1Q8W9E4R5T6Y7XA2S"


def _bases() -> st.SearchStrategy[dict[str, Any]]:
    """Good answers; ``ALERT`` is put in when it is known."""
    return st.fixed_dictionaries(
        {
            "alert": st.sampled_from(["ALERT", "ALERT", "ALERT", _UNKNOWN]),
            "action": st.sampled_from(["acknowledge", "dispatch", "resolve", "false_alarm"]),
            "by": st.sampled_from(["anna", "Li Wei"]),
        },
        optional={"reason": st.sampled_from(["", "a barbecue"])},
    )


def _may_change(message: Hostile, payload: bytes, alert: str) -> bool:
    """An own opinion, without the product's models: a plain object with alert, step and person, from who was told."""
    try:
        tree = json.loads(payload)
        if isinstance(tree, dict) and "specversion" in tree:
            tree = json.loads(base64.b64decode(tree["data_base64"])) if "data_base64" in tree else tree["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    fields = isinstance(tree, dict) and {"alert", "action", "by"} <= set(tree) <= {"alert", "action", "by", "reason"}
    steps = ["acknowledge", "dispatch", "resolve", "false_alarm"]
    seen = fields and isinstance(tree["by"], str) and all(unicodedata.category(sign)[0] != "C" for sign in tree["by"])
    named = seen and tree["alert"] == alert and tree["action"] in steps
    return bool(named and message.department in _TOLD and not message.retained)


class Court:
    """A nest with one alert, and its reader of answers."""

    def __init__(self, stack: ExitStack, directory: Path, clock: Clock) -> None:
        self.bus, self.topics = Bus(), Topics("nest/v1", "n1")
        self.store = stack.enter_context(open_store(StoreSection(directory=directory), clock))
        self.reader = ActionReader(self.topics, self.bus)
        self.clock = clock

    async def judge(self, batch: list[Hostile]) -> None:
        async with open_alerts(AlertsSection(), self.topics, self.store, self.bus, self.clock, simulated=True) as alerts:
            for n, message in enumerate(batch):
                found = sighting(f"track-{n}", at=self.clock.utc(), north_m=1000.0 * n)
                told = await alerts.on_sighting(found, SightingContext())
                assert told is not None
                await self._deliver(alerts, message, told)

    async def _deliver(self, alerts: Any, message: Hostile, told: Alert) -> None:
        payload = message.payload.replace(b"ALERT", told.alert.encode())
        topic = f"nest/v1/acks/{message.department}/n1"
        incoming = Incoming(topic, payload, message.retained, message.attributes, message.response_topic, message.correlation)
        with capture_logs() as logs:
            self.reader.read(incoming)
            await _until(lambda: _now(alerts, told) != told.sequence or any(line["event"] in _SPOKEN for line in logs))
        assert not [line for line in logs if line["log_level"] in {"error", "critical"}], logs
        changed = _now(alerts, told) != told.sequence
        assert changed <= _may_change(message, payload, told.alert), (message.department, payload)
        assert changed or len([line for line in logs if line["event"] in _SPOKEN]) == 1


def _now(alerts: Any, told: Alert) -> int:
    """The alert's sequence; 0 when it is closed."""
    return next((alert.sequence for alert in alerts.open_alerts if alert.alert == told.alert), 0)


async def _until(condition: Any) -> None:
    async with asyncio.timeout(60.0):
        while not condition():  # noqa: ASYNC110 what is waited for is told by properties
            await asyncio.sleep(0.05)


def test_only_who_was_told_of_an_alert_changes_it() -> None:
    changes = []

    @settings(STEADY, max_examples=max(1, MESSAGES // _BATCH))
    @given(batch=st.lists(hostile("acks", _bases()), min_size=_BATCH, max_size=_BATCH))
    def play(batch: list[Hostile]) -> None:
        async def main() -> None:
            court = Court(stack, directory, Clock(computer_unix_s=WallClock()))
            await court.judge(batch)
            changes.append(len(batch) - court.reader.dropped)

        with ExitStack() as stack, asyncio.Runner(loop_factory=VirtualLoop) as runner:
            directory = Path(stack.enter_context(TemporaryDirectory()))
            runner.run(main())

    play()
    assert sum(changes) > 0, "some are good, else this test would prove nothing"
