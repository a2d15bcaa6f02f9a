"""How fast messages become safe, how fast they leave, and whether a new alert waits for a backlog. Real disk, real broker.

The agent's own store and hub link; the broker is a process of its own on the loopback interface. A consumer in a thread of this
process takes what arrives, so the figures for draining include its share of the interpreter.
"""

import asyncio
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.hub import HubSection
from agent.config.store import StoreSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.messaging.hub import open_hub
from agent.store.outbox import Message, Outbox, Priority
from agent.store.store import Store, open_store
from simulator.hub.broker import Broker, BrokerOptions

_STEPS = 4  # messages of one alert
_FILL = 1000  # messages in one transaction while the backlog is made
_FRESH_EVERY_S = 0.5
_PAYLOAD_BYTES = 1500  # an alert with weather, detector and history
_ROOT = "nest/v1"


@dataclass(frozen=True, slots=True)
class Appending:
    """One after the other, each safe on disk before the next.

    Attributes:
        seconds: of each, sorted.
    """

    seconds: tuple[float, ...]

    def percentile_s(self, share: float) -> float:
        """Nearest rank."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


@dataclass(frozen=True, slots=True)
class Draining:
    """A backlog that leaves while new alerts come in.

    Attributes:
        backlog: messages that waited.
        file_mb: database with its write-ahead log, backlog included.
        opened_s: opening the store with that backlog, its integrity check included.
        drained_s: from the broker's coming back until the last of the backlog was acknowledged.
        fresh_s: from the call that commits a new alert to its arrival at the consumer, sorted.
        duplicates: messages that the consumer got twice.
        peak_mb: most memory of this process.
    """

    backlog: int
    file_mb: float
    opened_s: float
    drained_s: float
    fresh_s: tuple[float, ...]
    duplicates: int
    peak_mb: float


async def append(directory: Path, count: int) -> Appending:
    """Measures commits of single alert messages."""
    with open_store(StoreSection(directory=directory), Clock()) as store:
        took = []
        for n in range(count):
            begun = time.perf_counter()
            await store.outbox.submit(_message(f"a{n}", f"alert-{n}"))
            took.append(time.perf_counter() - begun)
    return Appending(tuple(sorted(took)))


async def sustained(directory: Path, count: int) -> float:
    """Alert messages a second from commit to acknowledgement, while both go on at once."""
    with Broker(directory / "broker", options=_OPTIONS) as broker, open_store(_store(directory), Clock()) as store:
        async with open_hub(_section(broker), "bench", store.outbox, Bus(), Clock()) as hub:
            while not hub.online:  # noqa: ASYNC110 the hub tells it by a property
                await asyncio.sleep(0.01)
            begun = time.perf_counter()
            for n in range(count):
                await store.outbox.submit(_message(f"s{n}", f"alert-{n}"))
            await _until_empty(store.outbox, 0.005)
            return count / (time.perf_counter() - begun)


async def drain(directory: Path, backlog: int) -> Draining:
    """Lets a backlog leave and sends a new alert into it every half second."""
    with open_store(_store(directory), Clock()) as store:
        await _fill(store.outbox, backlog)
    file_mb = _size_mb(directory / "store")
    with Broker(directory / "broker", options=_OPTIONS) as broker, _Consumer(broker) as consumer:
        begun = time.perf_counter()
        with open_store(_store(directory), Clock()) as store:
            opened_s = time.perf_counter() - begun
            async with open_hub(_section(broker), "bench", store.outbox, Bus(), Clock()) as hub:
                while not hub.online:  # noqa: ASYNC110 as above
                    await asyncio.sleep(0.01)
                begun = time.perf_counter()
                fresh = await _fresh_while_draining(store, backlog)
                drained_s = time.perf_counter() - begun
                await _until_empty(store.outbox, 0.05)
            await asyncio.to_thread(consumer.wait, backlog + len(fresh))
    took = tuple(sorted(consumer.arrived[name] - at for name, at in fresh.items()))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000.0
    return Draining(backlog, file_mb, opened_s, drained_s, took, consumer.duplicates, peak_mb)


_OPTIONS = BrokerOptions(extra=("max_inflight_messages 0", "set_tcp_nodelay true"))


def _store(directory: Path) -> StoreSection:
    return StoreSection(directory=directory / "store")


def _section(broker: Broker) -> HubSection:
    return HubSection(host=broker.host, port=broker.port, tls=None, protocol="5" if broker.kind == "mosquitto" else "3.1.1")


async def _fill(outbox: Outbox, backlog: int) -> None:
    """Alerts of four messages each, committed in the order in which a nest would."""
    messages = _backlog(backlog)
    while batch := [message for _, message in zip(range(_FILL), messages, strict=False)]:
        await outbox.submit(*batch)


def _backlog(count: int) -> Iterator[Message]:
    for n in range(count):
        yield _message(f"b{n}", f"alert-{n // (_STEPS * 10)}-{n % 10}")


def _size_mb(directory: Path) -> float:
    return sum(path.stat().st_size for path in directory.glob("hub.sqlite*")) / 1e6


async def _fresh_while_draining(store: Store, backlog: int) -> dict[str, float]:
    """Ids of new alerts -> when they were given to be committed."""
    fresh: dict[str, float] = {}
    left = backlog
    while left:
        name = f"fresh-{len(fresh)}"
        fresh[name] = time.monotonic()
        await store.outbox.submit(_message(name, name))
        await asyncio.sleep(_FRESH_EVERY_S)
        left = sum((await store.outbox.depth()).waiting.values())
    return fresh


async def _until_empty(outbox: Outbox, look_every_s: float) -> None:
    while (await outbox.depth()).waiting:  # noqa: ASYNC110 the outbox tells it on request
        await asyncio.sleep(look_every_s)


def _message(name: str, alert: str) -> Message:
    return Message(
        message_id=name,
        priority=Priority.ALERT,
        order_key=alert,
        topic=f"{_ROOT}/alerts/forestry/fire/bench/{alert}",
        payload=b'{"filler": "' + b"x" * _PAYLOAD_BYTES + b'"}',
        content_type="application/json",
        event_type="nest.alert.v1",
        subject=alert,
        event_unix_s=time.time(),
        retain=True,
    )


class _Consumer:
    """Takes everything and notes when each id first arrived."""

    def __init__(self, broker: Broker) -> None:
        self.arrived: dict[str, float] = {}
        self.duplicates = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-desk", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._on_message
        self._client.connect(broker.host, broker.port)
        self._client.subscribe(f"{_ROOT}/alerts/#", 1)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, count: int, timeout_s: float = 60.0) -> None:
        """Blocks until so many have arrived, or nothing came for so long."""
        deadline = time.monotonic() + timeout_s
        while len(self.arrived) < count and time.monotonic() < deadline:
            time.sleep(0.05)

    def _on_message(self, _c: mqtt.Client, _u: object, message: mqtt.MQTTMessage) -> None:
        now = time.monotonic()
        found = dict(getattr(message.properties, "UserProperty", ())).get("id", "")
        if found in self.arrived:
            self.duplicates += 1
        self.arrived.setdefault(found, now)
