"""The agent dies between the commitment of an alert and the broker's acknowledgement: a real process, a real kill -9."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.hub.broker import Broker
from tests.contract.hub.conftest import StartBroker, StartDesk, hub_section
from tests.doubles.nest_on_hub import nest_on_hub


def _start(broker: Broker, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.doubles.nest_on_hub", str(store), str(broker.port)]
    command.append("5" if broker.kind == "mosquitto" else "3.1.1")
    root = Path(__file__).parents[3]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)


def _line(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return line.strip()
    raise AssertionError(f"the agent ended with {process.wait()} before it said {word!r}")


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
async def test_killed_between_commit_and_puback(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path, kind: str
) -> None:
    broker = start_broker(kind)
    desk = start_desk(broker)
    store = tmp_path / "store"
    with _start(broker, store) as agent:
        await asyncio.to_thread(_line, agent, "online")
        broker.pause()  # from here on nothing is acknowledged
        assert agent.stdin is not None
        agent.stdin.write("\n")
        agent.stdin.flush()
        alert = (await asyncio.to_thread(_line, agent, "committed")).split()[1]
        agent.kill()
    broker.resume()

    def lost(messages: list[object]) -> bool:
        return any(m.topic.endswith("/status") and m.body["state"] == "lost" for m in messages)  # type: ignore[attr-defined]

    assert await asyncio.to_thread(desk.wait_for, lost, 10.0), "no last will"
    async with nest_on_hub(store, hub_section(broker)) as nest:
        await nest.until_delivered(2)
        assert [a.alert for a in nest.alerts.open_alerts] == [alert]
        assert await asyncio.to_thread(desk.wait_for, lambda _: len(desk.alerts()) >= 2, 10.0)
    told = desk.alerts()
    assert [(a["alert"], a["sequence"]) for a in told] == [(alert, 1)] * 2  # once for each department
    states = [m.body["state"] for m in desk.messages if m.topic.endswith("/status")]
    assert states[:1] == ["ready"]
    assert states.index("lost") < len(states) - 1 - states[::-1].index("ready")
