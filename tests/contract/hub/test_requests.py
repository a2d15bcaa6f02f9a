"""A department asks over a real broker: answered on both topics, once, and never lost, whatever is restarted."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonschema
import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.config.hub import HubSection
from agent.config.requests import RequestKey, RequestRights, RequestsSection
from agent.config.store import StoreSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.domain.topics import Topics
from agent.messaging.hub import Hub, open_hub
from agent.messaging.requests import signed_bytes
from agent.messaging.schema import schemas
from agent.missions.planner import Ground
from agent.missions.requests import LastFlight, Requests, open_requests
from agent.store.store import open_store
from simulator.hub.broker import Broker
from simulator.hub.subscriber import Received, Subscriber
from tests.contract.hub.conftest import StartBroker, StartDesk, hub_section
from tests.doubles.flight import ROUTE, SITE
from tests.doubles.requests import asked, nest_config

TOPIC = "nest/v1/requests/forestry/n1"
REPLIES = "nest/v1/replies/forestry/n1"
MINE = "nest/v1/replies/forestry/n1/anna"


@asynccontextmanager
async def nest(directory: Path, hub: HubSection, **settings: Any) -> AsyncIterator[tuple[Requests, Hub]]:
    """Requests and hub as the agent opens them; a second time in the same directory it is a restart."""
    clock, bus, topics = Clock(), Bus(), Topics("nest/v1", "n1")
    config = RequestsSection(**{"departments": {"forestry": RequestRights()}, **settings})
    ground = Ground(nest_config(directory), SITE, None, {"loop": ROUTE})
    with open_store(StoreSection(directory=directory / "store"), clock) as store:
        async with (
            open_requests(config, ground, topics, store, bus, clock, LastFlight()) as requests,
            open_hub(hub, "n1", store.outbox, bus, clock) as opened,
        ):
            yield requests, opened


def send(broker: Broker, body: Any, version_5: bool = True, **properties: Any) -> None:
    """Publishes as any client would, and waits for the broker's word."""
    protocol = MQTTProtocolVersion.MQTTv5 if version_5 else MQTTProtocolVersion.MQTTv311
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
    client.connect(broker.host, broker.port)
    client.loop_start()
    more = None
    if properties:
        more = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(more, name, value)
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    client.publish(TOPIC, payload, qos=1, properties=more).wait_for_publish(10.0)
    client.disconnect()
    client.loop_stop()


async def answers(desk: Subscriber, count: int, topic: str = REPLIES) -> list[Received]:
    """Waits until so many answers were heard on a topic."""

    def heard(messages: list[Received]) -> bool:
        return sum(m.topic == topic for m in messages) >= count

    assert await asyncio.to_thread(desk.wait_for, heard, 15.0), [(m.topic, m.data) for m in desk.messages]
    return [m for m in desk.messages if m.topic == topic]


async def online(hub: Hub) -> None:
    async with asyncio.timeout(15.0):
        while not hub.online:  # noqa: ASYNC110 the hub tells it by a property
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("kind", "protocol"), [("mosquitto", "5"), ("mosquitto", "3.1.1"), ("embedded", "3.1.1")])
async def test_a_request_is_answered_on_the_usual_topic_and_fits_its_schema(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path, kind: str, protocol: str
) -> None:
    broker = start_broker(kind)
    desk = start_desk(broker, version_5=protocol == "5")
    body = asked(Clock())
    async with nest(tmp_path, hub_section(broker, protocol=protocol)) as (_, hub):
        await online(hub)
        await asyncio.to_thread(send, broker, body, version_5=protocol == "5")
        (answer,) = await answers(desk, 1)
    assert (answer.body["answer"], answer.body["request"]) == ("accepted", body["request"])
    assert (answer.attributes["type"], answer.attributes["subject"]) == ("nest.reply.v1", body["request"])
    assert not answer.retained
    schema = json.loads(schemas()["nest.reply.v1.json"])
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(answer.body)
    asked_schema = json.loads(schemas()["nest.request.v1.json"])
    jsonschema.Draft202012Validator(asked_schema, format_checker=jsonschema.FormatChecker()).validate(body)


async def test_the_response_topic_gets_it_too_with_the_correlation_data(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    correlations: list[bytes | None] = []

    def on_message(_c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        correlations.append(getattr(message.properties, "CorrelationData", None))

    watcher = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    watcher.on_message = on_message
    watcher.connect(broker.host, broker.port)
    watcher.subscribe(MINE, 1)
    watcher.loop_start()
    try:
        async with nest(tmp_path, hub_section(broker)) as (_, hub):
            await online(hub)
            await asyncio.to_thread(send, broker, asked(Clock()), ResponseTopic=MINE, CorrelationData=b"\x00\xff7")
            usual, mine = await answers(desk, 1), await answers(desk, 1, MINE)
            async with asyncio.timeout(10.0):
                while not correlations:  # noqa: ASYNC110 filled by paho's thread
                    await asyncio.sleep(0.05)
    finally:
        watcher.disconnect()
        watcher.loop_stop()
    assert usual[0].body == mine[0].body
    assert usual[0].id != mine[0].id
    assert correlations == [b"\x00\xff7"]


async def test_duplicates_and_restarts_make_one_flight_and_one_answer(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    body, marker = asked(Clock()), asked(Clock())
    async with nest(tmp_path, hub_section(broker)) as (requests, hub):
        await online(hub)
        for _ in range(3):
            await asyncio.to_thread(send, broker, body)
        await asyncio.to_thread(send, broker, {**marker, "route": "nowhere"})
        await answers(desk, 2)
        assert len(requests.book.open) == 1
    await asyncio.to_thread(send, broker, body)  # while the nest is away: its session keeps it
    async with nest(tmp_path, hub_section(broker)) as (requests, hub):
        await online(hub)
        await asyncio.to_thread(send, broker, {**marker, "request": asked(Clock())["request"], "route": "nowhere"})
        heard = await answers(desk, 3)
        assert len(requests.book.open) == 1
    ids = [m.body["request"] for m in heard]
    assert (ids.count(body["request"]), len(heard)) == (1, 3), "a desk that drops known ids has seen it once"
    assert {m.body["request"] for m in desk.duplicates if m.topic == REPLIES} == {body["request"]}


async def test_an_answer_given_while_the_broker_was_away_arrives_afterwards(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    body = asked(Clock())
    async with nest(tmp_path, hub_section(broker)) as (requests, hub):
        await online(hub)
        await asyncio.to_thread(send, broker, body)
        await answers(desk, 1)
        broker.stop()
        (order,) = requests.book.open.values()
        requests.book.later(requests.book.said(order, "started", flight="F1"))
        await requests.book.flush()
        broker.start()
        heard = await answers(desk, 2)
    assert [m.body["answer"] for m in heard] == ["accepted", "started"]


async def test_a_nest_that_wants_signatures_takes_a_signed_request_only(
    start_broker: StartBroker, start_desk: StartDesk, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    rights = {"forestry": RequestRights(keys=(RequestKey(public=public),))}
    broker = start_broker()
    desk = start_desk(broker)
    data = json.dumps(asked(Clock())).encode()
    signature = base64.b64encode(key.sign(signed_bytes(TOPIC, data))).decode()
    async with nest(tmp_path, hub_section(broker), departments=rights, signature_required=True) as (_, hub):
        await online(hub)
        await asyncio.to_thread(send, broker, data)
        await asyncio.to_thread(send, broker, data, UserProperty=[("signature", signature)])
        heard = await answers(desk, 2)
    assert [m.body["answer"] for m in heard] == ["refused", "accepted"]
