"""Who may do what: each topic and each identity, on a real Mosquitto with TLS, certificates and docs/hub/mosquitto.conf."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.domain.topics import TOPICS
from agent.messaging.acl import Identity, Role, emqx, identities, mosquitto
from agent.messaging.certificates import Authority
from simulator.hub.broker import Broker, BrokerOptions

CONF = Path(__file__).parents[3] / "docs" / "hub" / "mosquitto.conf"
ADMIN = "desk-admin"

# r reads, w writes; what is not named is refused. The access list does not know desk-nobody, but the authority does.
TABLE = """
topic                                      nest-n1  nest-n2  desk-forestry  desk-water  public  desk-nobody
nests/n1/status                            rw       r        r              r           -       -
nests/n2/status                            r        rw       r              r           -       -
nests/n1/telemetry                         rw       r        r              r           -       -
nests/n1/flights/F1                        rw       r        r              r           -       -
alerts/forestry/fire/n1/A1                 rw       -        r              -           -       -
alerts/forestry/fire/n1/A1/cap             rw       -        r              -           -       -
alerts/forestry/fire/n1/A1/cot             rw       -        r              -           -       -
alerts/forestry/fire/n1/A1/geojson         rw       -        r              -           -       -
alerts/forestry/fire/n1/A1/snapshot        rw       -        r              -           -       -
alerts/forestry/fire/n1/A1/snapshot/thermal rw      -        r              -           -       -
alerts/forestry/fire/n2/A2                 -        rw       r              -           -       -
alerts/water/flood/n1/A3                   rw       -        -              r           -       -
alerts/water/flood/n2/A4/snapshot          -        rw       -              r           -       -
requests/forestry/n1                       r        -        w              -           -       -
requests/forestry/n2                       -        r        w              -           -       -
requests/water/n1                          r        -        -              w           -       -
replies/forestry/n1                        w        -        r              -           -       -
replies/forestry/n1/anna                   w        -        r              -           -       -
replies/forestry/n2/anna                   -        w        r              -           -       -
replies/water/n1                           w        -        -              r           -       -
acks/forestry/n1                           r        -        w              -           -       -
acks/water/n2                              -        r        -              w           -       -
cues/forestry                              r        r        w              -           -       -
cues/water                                 r        r        -              w           -       -
public/n1                                  w        -        -              -           r       -
public/n2                                  -        w        -              -           r       -
public/n1/more                             -        -        -              -           -       -
nests/n3/status                            r        r        r              r           -       -
requests/forestry/n1/more                  -        -        -              -           -       -
something/else                             -        -        -              -           -       -
"""
_HEAD, *_LINES = (line.split() for line in TABLE.strip().splitlines())
USERS = _HEAD[1:]
CELLS = {(row[0], user): set(cell) - {"-"} for row in _LINES for user, cell in zip(USERS, row[1:], strict=True)}
NAMES = [row[0] for row in _LINES]


class Client:
    """An MQTT 5 client with a certificate. It hears everything that it may."""

    def __init__(self, broker: Broker, ca: Path, cert: Path | None, name: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._answers: dict[int, int] = {}
        self._answered = threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        context = ssl.create_default_context(cafile=str(ca))
        if cert is not None:
            context.load_cert_chain(cert, cert.with_suffix(".key"))
        self._client.tls_set_context(context)
        self._client.on_message = lambda _c, _u, m: self.heard.append((m.topic, bytes(m.payload)))
        self._client.on_publish = lambda _c, _u, mid, reason, _p: self._answer(mid, reason.value)
        self._client.on_subscribe = lambda _c, _u, mid, _r, _p: self._answer(mid, 0)
        self._client.on_unsubscribe = lambda _c, _u, mid, _r, _p: self._answer(mid, 0)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def listen(self) -> None:
        self._wait(self._client.subscribe([("#", 1), ("$SYS/#", 1)])[1])

    def barrier(self) -> None:
        """Everything that the broker had for us before has arrived when this returns."""
        self._wait(self._client.unsubscribe("no/such/topic")[1])

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> int:
        """The broker's reason code."""
        return self._wait(self._client.publish(topic, payload, 1, retain).mid)

    def _answer(self, mid: int | None, code: int) -> None:
        with self._answered:
            self._answers[mid or 0] = code
            self._answered.notify_all()

    def _wait(self, mid: int | None) -> int:
        with self._answered:
            assert self._answered.wait_for(lambda: (mid or 0) in self._answers, 10.0)
            return self._answers.pop(mid or 0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("hub-certs"))
    made.broker(["127.0.0.1", "hub.example.org"], 1)
    for user in (*USERS, ADMIN):
        made.client(user, 1)
    return made


@pytest.fixture(scope="module")
def hub(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Mosquitto as docs/hub has it; only the paths are others, and an observer may do everything."""
    directory = tmp_path_factory.mktemp("hub")
    acl = mosquitto("nest/v1", identities(["n1", "n2"], ["forestry", "water"])) + f"\nuser {ADMIN}\ntopic readwrite #\n"
    (directory / "acl").write_text(acl)
    whole = (
        CONF.read_text().replace("/etc/mosquitto/certs", str(authority.directory)).replace("listener 8883", "listener {port}")
    )
    whole = whole.replace("/etc/mosquitto/acl", "{directory}/acl").replace("/var/lib/mosquitto", "{directory}")
    with Broker(directory, "mosquitto", options=BrokerOptions(whole=whole)) as broker:
        yield broker


@pytest.fixture
def clients(hub: Broker, authority: Authority) -> Iterator[dict[str, Client]]:
    with ExitStack() as stack:
        yield {
            user: stack.enter_context(Client(hub, authority.ca_file, authority.directory / f"{user}.pem", f"{user}-test"))
            for user in (*USERS, ADMIN)
        }


def _difference(found: dict[tuple[str, str], set[str]], right: str) -> list[str]:
    """Cells that are not as the table says."""
    words = {True: "must not", False: "may not, but must"}
    return [
        f"{user} {words[right in found[topic, user]]} {right} {topic}"
        for (topic, user), cell in CELLS.items()
        if (right in cell) != (right in found[topic, user])
    ]


def test_what_each_may_write(clients: dict[str, Client]) -> None:
    clients[ADMIN].listen()
    found: dict[tuple[str, str], set[str]] = {}
    for topic, user in CELLS:
        code = clients[user].publish(f"nest/v1/{topic}", user)
        assert code in {0x00, 0x10, 0x87}
        found[topic, user] = {"w"} if code != 0x87 else set()
    clients[ADMIN].barrier()
    arrived = set(clients[ADMIN].heard)
    assert _difference(found, "w") == []
    assert arrived >= {(f"nest/v1/{t}", u.encode()) for (t, u), cell in CELLS.items() if "w" in cell}
    assert {(t, p) for t, p in arrived if p == b"desk-nobody"} == set()


@pytest.mark.parametrize("retained", [True, False])
def test_what_each_may_read(clients: dict[str, Client], retained: bool) -> None:
    admin = clients[ADMIN]
    if not retained:
        for user in USERS:
            clients[user].listen()
    for topic in NAMES:
        admin.publish(f"nest/v1/{topic}", "read me", retain=retained)
    found: dict[tuple[str, str], set[str]] = {}
    for user in USERS:
        if retained:
            clients[user].listen()
        clients[user].barrier()
        heard = {topic for topic, payload in clients[user].heard if payload == b"read me"}
        assert not [topic for topic, _ in clients[user].heard if topic.startswith("$SYS")]
        found |= {(topic, user): {"r"} if f"nest/v1/{topic}" in heard else set() for topic in NAMES}
    for topic in NAMES:
        admin.publish(f"nest/v1/{topic}", "", retain=True)
    assert _difference(found, "r") == []


def test_the_table_holds_each_topic_of_the_contract_and_the_one_who_speaks_there() -> None:
    for name, row in TOPICS.items():
        department = "water" if "n2" in row.pattern else "forestry"
        topic = row.pattern.format(nest="n1", department=department, hazard="fire", alert="A1", flight="F1")
        writer = "nest-n1" if row.from_nest else "desk-forestry"
        assert (topic, writer) in CELLS, f"{name}: no line for {topic}"
        assert [user for user in USERS if "w" in CELLS[topic, user]] == [writer], name


def _no_certificate(_: Authority, __: Path) -> Path | None:
    return None


def _of_another_authority(_: Authority, directory: Path) -> Path | None:
    return Authority(directory).client("nest-n1", 1)


def _expired(authority: Authority, directory: Path) -> Path | None:
    for name in ("ca.pem", "ca.key"):
        (directory / name).write_bytes((authority.directory / name).read_bytes())
    return Authority(directory, datetime.now(UTC) - timedelta(days=3)).client("nest-n1", 2)


def _of_the_broker(authority: Authority, _: Path) -> Path | None:
    return authority.directory / "broker.pem"


def _first_answer(hub: Broker, ca: Path, cert: Path | None) -> bytes:
    """What the broker answers to CONNECT; empty where it hangs up. TLS 1.3 tells a client only then."""
    context = ssl.create_default_context(cafile=str(ca))
    if cert is not None:
        context.load_cert_chain(cert, cert.with_suffix(".key"))
    connect = b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x05probe"
    try:
        with (
            socket.create_connection((hub.host, hub.port), timeout=10.0) as plain,
            context.wrap_socket(plain, server_hostname=hub.host) as secure,
        ):
            secure.sendall(connect)
            return secure.recv(4)
    except (ssl.SSLError, ConnectionError):
        return b""


@pytest.mark.parametrize("made", [_no_certificate, _of_another_authority, _expired, _of_the_broker])
def test_who_has_no_good_certificate_does_not_get_in(hub: Broker, authority: Authority, tmp_path: Path, made: Any) -> None:
    assert _first_answer(hub, authority.ca_file, authority.directory / "nest-n1.pem")[:1] == b"\x20"
    assert _first_answer(hub, authority.ca_file, made(authority, tmp_path)) == b""


def test_emqx_gets_the_same_rows() -> None:
    clients = identities(["n1"], ["forestry"])
    text = emqx("nest/v1", clients)
    for client in clients:
        for access, topic in client.rights("nest/v1"):
            action = {"write": "publish", "read": "subscribe"}[access]
            (line,) = [x for x in text.splitlines() if f'"{client.user}"' in x and f", {action}, " in x]
            assert f'"{topic}"' in line
    assert text.splitlines()[-1] == "{deny, all}."
    assert all(line.startswith(("{", "%%")) and line.endswith((".", "}.")) for line in text.splitlines())


def test_a_nest_is_no_department_of_the_same_name() -> None:
    assert Identity(Role.NEST, "x").user != Identity(Role.DEPARTMENT, "x").user
