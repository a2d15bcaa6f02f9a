"""Real brokers for the tests: Mosquitto, and the pure-Python one. Where Mosquitto is absent its tests fail and say so."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.config.hub import HubSection
from simulator.hub.broker import Broker, BrokerOptions, Kind
from simulator.hub.subscriber import Account, Subscriber

StartBroker = Callable[..., Broker]
StartDesk = Callable[..., Subscriber]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def start_broker(stack: ExitStack, tmp_path: Path) -> StartBroker:
    """Starts a broker that ends with the test."""

    def start(kind: Kind = "mosquitto", options: BrokerOptions | None = None) -> Broker:
        return stack.enter_context(Broker(tmp_path / "broker", kind, options=options))

    return start


@pytest.fixture
def start_desk(stack: ExitStack, tmp_path: Path) -> StartDesk:
    """Starts a desk that ends with the test."""

    def start(broker: Broker, name: str = "desk", **account: Any) -> Subscriber:
        account.setdefault("version_5", broker.kind == "mosquitto")
        desk = Subscriber(Account(broker.host, broker.port, **account), tmp_path / name, client_id=name)
        return stack.enter_context(desk)

    return start


def hub_section(broker: Broker, **settings: Any) -> HubSection:
    """The configuration of a nest for a broker, impatient enough for tests."""
    base = {
        "host": broker.host,
        "port": broker.port,
        "tls": None,
        "protocol": "5" if broker.kind == "mosquitto" else "3.1.1",
        "reconnect_max_s": 0.3,
        "will_delay_s": 0,
    }
    return HubSection.model_validate({**base, **settings})
