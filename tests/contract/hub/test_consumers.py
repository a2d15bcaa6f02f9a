"""docs/hub/consumers.md, run as it stands there: other people's programs read what a nest says on a real broker with TLS."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
import pytest
import takproto
import yaml
from paho.mqtt.client import topic_matches_sub

from agent.alerts.lifecycle import AlertEvent
from agent.domain.alert import AlertStatus
from agent.domain.hazard import Hazard
from agent.domain.status import NestStatus, NestSummary, Reason
from agent.domain.topics import Topics
from simulator.hub.broker import Broker, BrokerOptions
from simulator.ports import free_port
from tests.contract.hub.conftest import StartBroker, hub_section
from tests.doubles.alerts import alert as an_alert
from tests.doubles.hub import NOON
from tests.doubles.nest_on_hub import NestOnHub, nest_on_hub
from tests.doubles.tls import make_tls

DOCS = Path(__file__).parents[3] / "docs" / "hub"
PAGE = (DOCS / "consumers.md").read_text(encoding="utf-8")


def recipe(heading: str) -> str:
    """The commands under a heading of the page."""
    found = re.search(rf"^## {re.escape(heading)}\n.*?^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


def need(*programs: str) -> None:
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        words = f"{', '.join(missing)} not installed: apt-get install mosquitto-clients jq"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


class Shell:
    """Runs recipes with the test's broker, login and folder in place of the words in capitals."""

    def __init__(self, broker: Broker, ca_file: Path, folder: Path) -> None:
        self._put_in = {
            "HUB": broker.host,
            "8883": str(broker.port),
            "ca.pem": str(ca_file),
            "DESK": "desk",
            "PASSWORD": "secret2",
            "cap_reader.py": str(DOCS / "cap_reader.py"),
        }
        self._folder = folder
        self._env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def command(self, heading: str, **more: str) -> list[str]:
        text = recipe(heading)
        for word, value in {**self._put_in, **more}.items():
            text = re.sub(rf"(?<![\w.]){re.escape(word)}(?![\w.])", value, text)
        return ["bash", "-c", text]

    def run(self, heading: str) -> str:
        """Runs it to its end."""
        return self.bash(self.command(heading)[2])

    def bash(self, text: str) -> str:
        command = ["bash", "-c", text]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=self._folder, env=self._env, timeout=30)
        assert "rror" not in done.stderr, done.stderr
        return done.stdout

    @contextmanager
    def running(self, heading: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Runs it for as long as the block lasts."""
        process = subprocess.Popen(
            self.command(heading, **more),
            stdout=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            env=self._env,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=10)


@pytest.fixture
async def hub(start_broker: StartBroker, tmp_path: Path) -> AsyncIterator[tuple[NestOnHub, Shell]]:
    files = make_tls(tmp_path / "tls")
    broker = start_broker("mosquitto", BrokerOptions(users={"nest": "secret", "desk": "secret2"}, tls=files))
    section = hub_section(broker, tls={"ca_file": files.ca_file}, username="nest", password="secret")  # noqa: S106 the test's own
    async with nest_on_hub(tmp_path / "store", section) as nest:
        yield nest, Shell(broker, files.ca_file, tmp_path)


async def test_mosquitto_sub_lists_what_is_open(hub: tuple[NestOnHub, Shell]) -> None:
    need("mosquitto_sub")
    nest, shell = hub
    closed, still_open = await nest.raise_alert(), await nest.raise_alert("track-2", north_m=900.0)
    await nest.alerts.on_action(closed.alert, AlertEvent.RESOLVE, "anna")
    await nest.until_delivered(4 + 4, "nest.alert.v1")
    ((topic, body),) = (line.split(" ", 1) for line in (await asyncio.to_thread(shell.run, "What is open now")).splitlines())
    assert topic == f"nest/v1/alerts/forestry/fire/n1/{still_open.alert}"
    assert json.loads(body)["alert"] == still_open.alert


async def test_jq_makes_one_layer_of_all_open_alerts(hub: tuple[NestOnHub, Shell], tmp_path: Path) -> None:
    need("mosquitto_sub", "jq")
    nest, shell = hub
    told = {(await nest.raise_alert(track, north_m=metres)).alert for track, metres in (("a", 0.0), ("b", 900.0))}
    await nest.until_delivered(4, "nest.alert.geojson.v1")
    await asyncio.to_thread(shell.run, "A layer for QGIS, geojson.io or Leaflet")
    layer = json.loads((tmp_path / "open.geojson").read_text())
    assert layer["type"] == "FeatureCollection"
    assert {f["properties"]["alert"] for f in layer["features"]} == told


async def test_pytak_carries_the_events_to_a_tak_server(hub: tuple[NestOnHub, Shell]) -> None:
    need("mosquitto_sub")
    nest, shell = hub
    events: asyncio.Queue[Any] = asyncio.Queue()
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                xml = await reader.readuntil(b"</event>")
                event = takproto.parse_proto(bytearray(xml.strip())).cotEvent
                if event.uid != "takPing":  # PyTAK keeps its connection alive
                    events.put_nowait(event)
        writer.close()
        hung_up.set()

    (_, _, text) = shell.command("TAK")
    await asyncio.to_thread(shell.bash, text.split("|")[0] + " -E")  # the session stands; nobody reads
    told = await nest.raise_alert()
    await nest.alerts.on_action(told.alert, AlertEvent.RESOLVE, "anna")
    await nest.until_delivered(4, "nest.alert.cot.v1")
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with shell.running("TAK", **{"TAK:8087": f"127.0.0.1:{port}"}):
            async with asyncio.timeout(20.0):
                raised, withdrawn = await events.get(), await events.get()
        await hung_up.wait()
    assert {raised.uid, withdrawn.uid} == {f"n1.{told.alert}"}
    assert (raised.type, raised.how) == ("a-u-X-i-f-w", "m-s")
    assert raised.staleTime > raised.startTime
    assert withdrawn.staleTime < withdrawn.startTime


async def test_the_cap_reader_keeps_what_is_in_force(hub: tuple[NestOnHub, Shell]) -> None:
    nest, shell = hub
    told = await nest.raise_alert()
    await nest.until_delivered(2, "nest.alert.cap.v1")
    with shell.running("CAP") as reader:
        assert reader.stdout is not None
        lines = [await asyncio.to_thread(reader.stdout.readline)]
        await nest.alerts.on_action(told.alert, AlertEvent.DISPATCH, "anna")
        lines.append(await asyncio.to_thread(reader.stdout.readline))
        await nest.alerts.on_action(told.alert, AlertEvent.FALSE_ALARM, "anna")
        lines.append(await asyncio.to_thread(reader.stdout.readline))
    place = "30.39000°N 119.84000°E"
    assert [line.strip() for line in lines] == [
        f"Alert Exercise {told.alert} EXERCISE. Fire (new), observed: {place} | in force: 1",
        f"Update Exercise {told.alert} EXERCISE. Fire (help is on the way), observed: {place} | in force: 1",
        f"Cancel Exercise {told.alert} EXERCISE. Fire (false alarm): {place} | in force: 0",
    ]


# Home Assistant itself is too large for a test. Its templates are Jinja2 with a few filters of its own.


def _home(template: str, **values: Any) -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 no web page
    environment.filters["to_json"] = json.dumps
    environment.filters["round"] = round
    return environment.from_string(template).render(**values)


@pytest.fixture(scope="module")
def home() -> Any:
    return yaml.safe_load((DOCS / "home_assistant.yaml").read_text(encoding="utf-8").replace("NEST", "n1"))


@pytest.mark.parametrize(("battery", "words"), [(0.85, "85"), (None, "None")])
def test_home_assistant_reads_the_status(home: Any, battery: float | None, words: str) -> None:
    reasons = (Reason(code="weather.wind", words="The wind is too strong."),)
    status = NestStatus(state=NestSummary.NOT_READY, at=NOON, reasons=reasons, battery=battery)
    value = json.loads(status.model_dump_json(exclude_none=True))
    state, charge = home["mqtt"]["sensor"]
    assert {state["state_topic"], state["json_attributes_topic"], charge["state_topic"]} == {Topics("nest/v1", "n1").status()}
    assert _home(state["value_template"], value_json=value) == "not_ready"
    assert json.loads(_home(state["json_attributes_template"], value_json=value)) == {"reasons": ["The wind is too strong."]}
    assert _home(charge["value_template"], value_json=value) == words


@pytest.mark.parametrize(("sequence", "notified"), [(1, True), (2, False), (None, False)])
def test_home_assistant_notifies_of_a_new_alert_once(home: Any, sequence: int | None, notified: bool) -> None:
    (automation,) = home["automation"]
    told = an_alert(Hazard.FIRE, AlertStatus.OPEN, simulated=True, sequence=sequence or 1)
    payload = told.model_dump_json(exclude_none=True) if sequence else ""
    trigger = {"payload": payload, "payload_json": json.loads(payload or "{}")}
    (asked,), (condition,) = automation["triggers"], automation["conditions"]
    assert topic_matches_sub(asked["topic"], Topics("nest/v1", "n1").alert("forestry", Hazard.FIRE, told.alert))
    assert (_home(condition["value_template"], trigger=trigger) == "True") == notified
    if notified:
        data = automation["actions"][0]["data"]
        assert _home(data["title"], trigger=trigger) == "EXERCISE: fire"
        assert _home(data["message"], trigger=trigger).startswith("Observed, within 10 m of https://")


async def test_node_red_passes_new_alerts_on(start_broker: StartBroker, tmp_path: Path) -> None:
    program = shutil.which("node-red")
    if program is None:
        pytest.skip("Node-RED is not installed: npm install -g node-red (version 4 for Node.js 20)")
    broker = start_broker("mosquitto")
    flow = json.loads((DOCS / "node_red.json").read_text(encoding="utf-8"))
    by_id = {node["id"]: node for node in flow}
    by_id["nest-hub"].update(broker=broker.host, port=str(broker.port), usetls=False)
    by_id["nest-show"].update(console=True)
    by_id["nest-new"]["func"] = by_id["nest-new"]["func"].replace(" || alert.simulated", "")  # the test's nest exercises
    (tmp_path / "flow.json").write_text(json.dumps(flow))
    settings = "module.exports = { uiHost: '127.0.0.1', httpAdminRoot: false, httpNodeRoot: false }"
    (tmp_path / "settings.js").write_text(settings)
    command = [program, "-u", str(tmp_path), "-s", str(tmp_path / "settings.js"), "-p", str(free_port()), "flow.json"]
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        told = await nest.raise_alert()
        await nest.until_delivered(2)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=tmp_path)
        try:
            assert process.stdout is not None
            async with asyncio.timeout(60.0):
                while told.alert not in (line := (await process.stdout.readline()).decode()):
                    assert line, "Node-RED has ended"
        finally:
            process.terminate()
            await process.wait()
