"""From a sighting to a dispatcher's desk over a real broker: once, complete, in order, whatever the broker does."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import capvalidator
import jsonschema
import pytest
from paho.mqtt import publish

from agent.alerts.lifecycle import AlertEvent
from agent.core.clock import Clock
from agent.domain.alert import Alert
from agent.domain.hub import Delivered, HubLink, SetAside
from agent.domain.status import DroneTelemetry, FlightReport
from agent.messaging.schema import schemas
from agent.store.outbox import Priority
from simulator.hub.broker import Broker, BrokerOptions
from simulator.hub.subscriber import Received, Subscriber
from simulator.ports import free_port
from tests.contract.hub.conftest import StartBroker, StartDesk, hub_section
from tests.doubles.hub import RETAINED_TAILS, picture
from tests.doubles.nest_on_hub import nest_on_hub
from tests.doubles.tls import make_tls

_ALERTS_WITHOUT_PICTURES = "".join(
    f"topic readwrite nest/v1/alerts/+/+/+/+{form}\n" for form in ("", "/cap", "/cot", "/geojson")
)


async def _got(desk: Subscriber, condition: Callable[[list[Received]], bool], timeout_s: float = 10.0) -> None:
    assert await asyncio.to_thread(desk.wait_for, condition, timeout_s), [m.topic for m in desk.messages]


def _alerts(messages: list[Received]) -> list[Received]:
    return [m for m in messages if m.form == "alert" and m.data]


def _report(flight: str, state: str = "PATROLLING") -> FlightReport:
    return FlightReport(
        flight=flight, route="r1", state=state, outcome="flying", started_at=Clock().utc(), points_total=3, points_seen=1
    )


@pytest.mark.parametrize(
    ("kind", "protocol", "secure"),
    [("mosquitto", "5", True), ("mosquitto", "5", False), ("mosquitto", "3.1.1", False), ("embedded", "3.1.1", False)],
)
async def test_everything_a_nest_says_arrives_and_fits_its_schema(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path, kind: str, protocol: str, secure: bool
) -> None:
    options = None
    settings: dict[str, Any] = {"protocol": protocol}
    account: dict[str, Any] = {"version_5": protocol == "5"}
    if secure:
        files = make_tls(tmp_path / "tls")
        options = BrokerOptions(users={"nest": "secret", "desk": "secret2"}, tls=files)
        settings |= {"tls": {"ca_file": files.ca_file}, "username": "nest", "password": "secret"}
        account |= {"ca_file": files.ca_file, "username": "desk", "password": "secret2"}
    broker = start_broker(kind, options)
    desk = start_desk(broker, **account)
    async with nest_on_hub(tmp_path / "store", hub_section(broker, **settings)) as nest:
        await nest.until_delivered(1, "nest.status.v1")
        told = await nest.raise_alert(evidence=(picture(tmp_path),))
        await nest.hub.publish_report(_report("f1"))
        assert nest.hub.publish_telemetry(DroneTelemetry(at=Clock().utc(), flight_state="IDLE", mode="hold"))
        await _got(desk, lambda got: len(got) >= 13)
    await _got(desk, lambda got: got[-1].topic.endswith("/status") and got[-1].body["state"] == "stopped")

    assert desk.duplicates == []
    for received in desk.messages:
        if received.form == "cap":
            assert capvalidator.check_schema(received.data).passed
        if received.form in {"cap", "cot", "snapshot"} or (protocol != "5" and received.form == "geojson"):
            continue
        assert received.attributes["specversion"] == "1.0"
        assert received.attributes["source"] == "/nests/n1"
        schema = json.loads(schemas()[f"{received.attributes['type']}.json"])
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(received.body)
    (first, _) = _alerts(desk.messages)
    assert first.attributes["subject"] == told.alert
    evidence = first.body["evidence"][0]
    (snapshot,) = [m for m in desk.messages if m.topic == evidence["topic"]]
    assert hashlib.sha256(snapshot.data).hexdigest() == evidence["sha256"]


@pytest.mark.parametrize(("kind", "keep_state"), [("mosquitto", True), ("mosquitto", False), ("embedded", False)])
async def test_a_broker_that_is_killed_while_an_alert_is_raised(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path, kind: str, keep_state: bool
) -> None:
    broker = start_broker(kind)
    desk = start_desk(broker)
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        before = await nest.raise_alert()
        await nest.until_delivered(2)
        broker.kill()
        await nest.until_refused()
        during = await nest.raise_alert("track-2", north_m=900.0)
        assert len(nest.delivered("nest.alert.v1")) == 2
        broker.restart(keep_state=keep_state)
        await nest.until(lambda _: {m.topic.split("/")[-1] for m in nest.delivered("nest.alert.v1")} >= {during.alert})
        await _got(desk, lambda got: len(_alerts(got)) >= 4)
        late = start_desk(broker, "late")
        await _got(late, lambda got: len(_alerts(got)) >= 4)

    ids = [m.id for m in _alerts(desk.messages)]
    assert len(ids) == len(set(ids)) == 4
    told = {(m.body["alert"], m.body["sequence"], m.topic.split("/")[3]) for m in _alerts(desk.messages)}
    assert told == {(a.alert, 1, d) for a in (before, during) for d in ("forestry", "emergency")}
    assert {m.id for m in _alerts(late.messages)} == set(ids)


async def test_the_retained_messages_are_the_open_alerts(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        closed = await nest.raise_alert("closed", evidence=(picture(tmp_path),))
        still_open = await nest.raise_alert("open", north_m=900.0, evidence=(picture(tmp_path, seed=1),))
        await nest.alerts.on_action(closed.alert, AlertEvent.RESOLVE, "anna", "put out")
        await _got(desk, lambda got: sum(not m.data for m in got) == 8)
        late = start_desk(broker, "late")
        await _got(late, lambda got: sum("/alerts/" in m.topic for m in got) >= 8)
    retained = {m.topic.split("/alerts/")[1] for m in late.messages if m.retained and "/alerts/" in m.topic}
    assert retained == _retained_of(still_open)
    final = [m.body for m in _alerts(desk.messages) if m.body["alert"] == closed.alert]
    assert [b["status"] for b in final] == ["open", "open", "resolved", "resolved"]


async def test_a_new_alert_overtakes_the_backlog(start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    broker.stop()
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        for n in range(60):
            await nest.hub.publish_report(_report(f"flight-{n}"))
        await nest.raise_alert()
        broker.start()
        await _got(desk, lambda got: len(got) >= 69)
    kinds = [m.attributes["type"] for m in desk.messages if m.form in {"", "alert"}]
    assert kinds[:2] == ["nest.alert.v1"] * 2
    assert kinds[2:62] == ["nest.flight.v1"] * 60
    flights = [m.body["flight"] for m in desk.messages if m.attributes["type"] == "nest.flight.v1"]
    assert flights == [f"flight-{n}" for n in range(60)]


async def test_the_newest_alert_does_not_wait_for_older_ones(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    broker.stop()
    async with nest_on_hub(tmp_path / "store", hub_section(broker, inflight_max=4)) as nest:
        for n in range(30):
            newest = await nest.raise_alert(f"track-{n}", north_m=900.0 * n)
        broker.start()
        await _got(desk, lambda got: len(_alerts(got)) == 60)
    arrived = [m.body["alert"] for m in _alerts(desk.messages)]
    assert arrived.index(newest.alert) < 8, "within the first two windows, not after all that waited"
    assert len(set(arrived)) == 30


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("wrong password", "hub.login"),
        ("untrusted certificate", "hub.certificate"),
        ("wrong address in certificate", "hub.certificate"),
        ("no TLS", "hub.silent|hub.closed|hub.lost"),
        ("TLS to a plain port", "hub.tls|hub.closed"),
        ("unreachable", "hub.unreachable"),
        ("no client certificate", "hub.closed|hub.lost|hub.tls"),
    ],
)
async def test_what_keeps_the_nest_out_has_a_code_and_costs_nothing(
    start_broker: StartBroker, tmp_path: Path, fault: str, code: str
) -> None:
    files = make_tls(tmp_path / "tls", "127.0.0.2" if fault == "wrong address in certificate" else "127.0.0.1")
    if fault == "no client certificate":
        files = type(files)(files.ca_file, files.cert_file, files.key_file, require_certificate=True)
    plain = fault == "TLS to a plain port"
    broker = start_broker("mosquitto", BrokerOptions(users={"nest": "right"}, tls=None if plain else files))
    authority = make_tls(tmp_path / "other").ca_file if fault == "untrusted certificate" else files.ca_file
    settings = {
        "tls": None if fault == "no TLS" else {"ca_file": authority},
        "username": "nest",
        "password": "wrong" if fault == "wrong password" else "right",
        "port": free_port() if fault == "unreachable" else broker.port,
        "connect_timeout_s": 1.0,
    }
    async with nest_on_hub(tmp_path / "store", hub_section(broker, **settings)) as nest:
        alert = await nest.raise_alert()
        link = await nest.until_refused()
        waiting = await nest.store.outbox.heads(10)
    assert link.code in code.split("|"), link
    assert link.words
    assert [q.message.subject for q in waiting] == [alert.alert, alert.alert]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (BrokerOptions(extra=("max_packet_size 5000",)), "the broker takes 5000"),
        (BrokerOptions(acl="topic readwrite nest/v1/nests/#\n" + _ALERTS_WITHOUT_PICTURES), "0x87"),
    ],
)
async def test_poison_is_set_aside_and_blocks_nothing(
    start_broker: StartBroker, tmp_path: Path, options: BrokerOptions, reason: str
) -> None:
    broker = start_broker("mosquitto", options)
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        await nest.raise_alert(evidence=(picture(tmp_path, size=(200, 300)),))
        await nest.until(lambda said: sum(isinstance(v, SetAside) for v in said) == 2)
        await nest.raise_alert("track-2", north_m=900.0)
        await nest.until_delivered(4)
        assert (await nest.store.outbox.depth()).set_aside == 2
        assert [(r.code, r.words[-3:]) for r in nest.hub.reasons] == [("hub.set_aside", "(2)")]
    aside = [v for v in nest.said if isinstance(v, SetAside)]
    assert all(reason in v.reason and v.topic.endswith("/snapshot") for v in aside), aside


async def test_a_message_on_which_the_broker_closes_does_not_hold_up_the_others(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker("mosquitto", BrokerOptions(extra=("message_size_limit 5000",)))
    desk = start_desk(broker)
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        first = await nest.raise_alert(evidence=(picture(tmp_path, size=(200, 300)),))
        second = await nest.raise_alert("track-2", north_m=900.0)
        await nest.until_delivered(4)
        await nest.until_delivered(4, "nest.alert.geojson.v1")
        await _got(desk, lambda got: len({m.id for m in _alerts(got)}) == 4)
        assert (await nest.store.outbox.depth()).waiting == {Priority.PICTURE: 2}
    assert {m.body["alert"] for m in _alerts(desk.messages)} == {first.alert, second.alert}


async def test_a_broker_that_falls_silent_is_called_anew(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    settings = {"puback_timeout_s": 2.0, "connect_timeout_s": 1.0}
    async with nest_on_hub(tmp_path / "store", hub_section(broker, **settings)) as nest:
        await nest.until_delivered(1, "nest.status.v1")
        broker.pause()
        alert = await nest.raise_alert()
        link = await nest.until_refused()
        assert link.code == "hub.silent"
        broker.resume()
        await nest.until_delivered(2)
        await _got(desk, lambda got: len(_alerts(got)) == 2)
    assert {m.body["alert"] for m in _alerts(desk.messages)} == {alert.alert}


async def test_two_nests_of_one_name_disturb_each_other_with_a_code(start_broker: StartBroker, tmp_path: Path) -> None:
    broker = start_broker()
    section = hub_section(broker)
    async with nest_on_hub(tmp_path / "a", section) as first:
        await first.until(lambda said: HubLink(connected=True) in said)
        async with nest_on_hub(tmp_path / "b", section):
            link = await first.until_refused()
    assert link.code in {"hub.taken_over", "hub.lost"}  # Mosquitto 2.0 closes without a word, others name the reason


def test_a_broker_that_cannot_start_says_why(tmp_path: Path, start_broker: StartBroker) -> None:
    from agent.core.errors import LinkError

    with pytest.raises(LinkError, match="nonsense") as caught:
        start_broker("mosquitto", BrokerOptions(extra=("nonsense yes",)))
    assert caught.value.code == "sim.broker"
    assert Broker(tmp_path, "embedded").kind == "embedded"


def _send(broker: Broker, topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Publishes as any client would."""
    publish.single(topic, payload, qos=1, retain=retain, hostname=broker.host, port=broker.port)


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
async def test_a_department_answers_and_everybody_sees_it(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path, kind: str
) -> None:
    broker = start_broker(kind)
    desk = start_desk(broker)
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        told = await nest.raise_alert()
        await nest.until_delivered(2)

        def send(department: str, body: object) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            _send(broker, f"nest/v1/acks/{department}/n1", data)

        good = {"alert": told.alert, "action": "acknowledge", "by": "anna"}
        nonsense = (
            b"\xff\xfe",
            b"[" * 10_000,
            b"{}",
            {**good, "action": "explode"},
            {**good, "unknown": 1},
            {**good, "by": "x" * 20_000},
        )
        for body in nonsense:
            await asyncio.to_thread(send, "forestry", body)
        await asyncio.to_thread(send, "water", {**good, "action": "resolve"})  # not told of fires
        await asyncio.to_thread(send, "forestry", good)
        await nest.until_delivered(4)
        structured = {"specversion": "1.0", "id": "1", "source": "/desk", "type": "x", "data": {**good, "action": "dispatch"}}
        await asyncio.to_thread(send, "emergency", structured)
        await nest.until_delivered(6)
        await _got(desk, lambda got: len(_alerts(got)) >= 6)
    bodies = [m.body for m in _alerts(desk.messages) if "/forestry/" in m.topic]
    assert [(b["sequence"], b["status"]) for b in bodies] == [(1, "open"), (2, "acknowledged"), (3, "dispatched")]
    assert [h["by"] for h in bodies[-1]["history"][1:]] == ["anna@forestry", "anna@emergency"]


async def test_an_answer_that_came_while_the_nest_was_away_counts(start_broker: StartBroker, tmp_path: Path) -> None:
    broker = start_broker()
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        told = await nest.raise_alert()
        await nest.until_delivered(2)
    body = json.dumps({"alert": told.alert, "action": "false_alarm", "by": "anna", "reason": "a barbecue"}).encode()
    await asyncio.to_thread(_send, broker, "nest/v1/acks/forestry/n1", body)
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        await nest.until_delivered(2)
        assert nest.alerts.open_alerts == ()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_broker_that_comes_back_with_an_old_state(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path, protocol: str
) -> None:
    """It knows the nest's session, but it lost one alert that it had acknowledged and still has one that is closed."""
    broker = start_broker()
    database, old = broker.directory / "mosquitto.db", tmp_path / "old.db"
    async with nest_on_hub(tmp_path / "store", hub_section(broker, protocol=protocol)) as nest:
        closed = await nest.raise_alert(evidence=(picture(tmp_path),))
        await nest.until_delivered(2, "nest.alert.snapshot.v1")
        broker.stop()
        shutil.copy(database, old)
        broker.start()
        lost = await nest.raise_alert("track-2", north_m=900.0, evidence=(picture(tmp_path, seed=1),))
        await nest.alerts.on_action(closed.alert, AlertEvent.RESOLVE, "anna")
        await nest.until(lambda _: len(nest.delivered("nest.alert.v1")) >= 8)
        broker.kill()
        shutil.copy(old, database)
        broker.start()
        before = len(nest.said)
        # The lost alert and its picture again, and the closed one cleared again, for both departments.
        again = {f"nest/v1/alerts/{part}" for alert in (lost, closed) for part in _retained_of(alert)}
        await nest.until(lambda said: again <= {v.topic for v in said[before:] if isinstance(v, Delivered)})
        late = start_desk(broker, "late")
        await _got(late, lambda got: sum("/alerts/" in m.topic for m in got) >= 8)
    retained = {m.topic.split("/alerts/")[1] for m in late.messages if m.retained and "/alerts/" in m.topic}
    assert retained == _retained_of(lost)


async def test_a_form_of_an_alert_that_the_broker_lost_goes_again(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker()
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        told = await nest.raise_alert()
        await nest.until_delivered(2, "nest.alert.geojson.v1")
        lost = f"nest/v1/alerts/forestry/fire/n1/{told.alert}/cap"
        await asyncio.to_thread(_send, broker, lost, b"", retain=True)
        broker.restart()
        before = len(nest.said)
        await nest.until(lambda said: any(isinstance(v, Delivered) and v.topic == lost for v in said[before:]))
        late = start_desk(broker, "late")
        await _got(late, lambda got: any(m.topic == lost for m in got))
        others = [v.topic for v in nest.said[before:] if isinstance(v, Delivered) and "/alerts/" in v.topic]
    assert others == [lost], "what the broker kept is not sent again"


def _retained_of(alert: Alert) -> set[str]:
    """Where an open alert stands, below the departments."""
    return {f"{d}/fire/n1/{alert.alert}{tail}" for d in ("forestry", "emergency") for tail in RETAINED_TAILS}


async def test_a_disk_that_turned_read_only_still_lets_the_outbox_out_and_says_so(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    broker.stop()
    async with nest_on_hub(tmp_path / "store", hub_section(broker)) as nest:
        alert = await nest.raise_alert()
        with nest.store.database.transaction() as connection:
            connection.execute("PRAGMA query_only = ON")
        broker.start()
        await _got(desk, lambda got: len(_alerts(got)) == 2)
        await _got(desk, lambda got: any(m.topic.endswith("/status") for m in got))
        assert "store.read_only" in {r.code for r in nest.hub.reasons}
        with nest.store.database.transaction(write=False) as connection:
            connection.execute("PRAGMA query_only = OFF")
        await nest.until_delivered(4)  # the broker did not know the nest, so what it retains goes again
        await nest.until_empty()
    assert {m.body["alert"] for m in _alerts(desk.messages)} == {alert.alert}
    assert len({m.id for m in _alerts(desk.messages)}) == len(_alerts(desk.messages)) == 2
