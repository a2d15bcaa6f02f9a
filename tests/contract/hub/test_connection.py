"""How the nest gets to its broker and stays there: certificates, web sockets, slow lines, and what the broker says."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.config.hub import HubSection, TlsSection
from agent.core.clock import Clock
from agent.core.errors import ConfigError
from agent.domain.hub import HubLink, SetAside
from agent.messaging.certificates import Authority
from agent.messaging.closing import PATIENT
from agent.messaging.tls import Credentials
from simulator.hub.broker import BrokerOptions, TlsFiles
from simulator.ports import free_port
from tests.contract.hub.conftest import StartBroker, hub_section
from tests.doubles.nest_on_hub import nest_on_hub
from tests.doubles.scripted_broker import scripted_broker


def _authority(directory: Path, days: int = 90, address: str = "127.0.0.1") -> Authority:
    made = Authority(directory)
    made.broker([address], days)
    made.client("nest-n1", days)
    return made


def _broker_files(directory: Path) -> TlsFiles:
    return TlsFiles(directory / "ca.pem", directory / "broker.pem", directory / "broker.key", require_certificate=True)


def _nest_tls(directory: Path, **more: Any) -> dict[str, Any]:
    files = {"ca_file": directory / "ca.pem", "cert_file": directory / "nest-n1.pem", "key_file": directory / "nest-n1.key"}
    return {**files, **more}


async def _until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 what is waited for is told by properties
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("protocol", "transport", "secure"),
    [("5", "tcp", True), ("3.1.1", "tcp", True), ("5", "websockets", False), ("5", "websockets", True)],
)
async def test_an_alert_gets_out_over_each_kind_of_connection(
    start_broker: StartBroker, tmp_path: Path, protocol: str, transport: str, secure: bool
) -> None:
    certs = tmp_path / "certs"
    _authority(certs)
    files = _broker_files(certs) if secure else None
    port = free_port()
    extra = _web_listener(port, files) if transport == "websockets" else ()
    broker = start_broker("mosquitto", BrokerOptions(tls=files, extra=extra))
    tls = _nest_tls(certs) if secure else None
    used = port if transport == "websockets" else broker.port
    section = hub_section(broker, tls=tls, protocol=protocol, transport=transport, port=used)
    async with nest_on_hub(tmp_path / "store", section) as nest:
        await nest.raise_alert()
        await nest.until_delivered(2)
        assert nest.hub.reasons == ()


def _web_listener(port: int, files: TlsFiles | None) -> tuple[str, ...]:
    """Lines for a second listener: Mosquitto 2.0.11 does not start with web sockets alone."""
    lines = (f"listener {port} 127.0.0.1", "protocol websockets", "socket_domain ipv4")
    if files is None:
        return lines
    secure = (f"cafile {files.ca_file}", f"certfile {files.cert_file}", f"keyfile {files.key_file}", "require_certificate true")
    return (*lines, *secure)


async def test_the_brokers_certificate_may_bear_another_name(start_broker: StartBroker, tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    _authority(certs, address="hub.example.org")
    broker = start_broker("mosquitto", BrokerOptions(tls=_broker_files(certs)))
    async with nest_on_hub(tmp_path / "a", hub_section(broker, tls=_nest_tls(certs))) as nest:
        assert (await nest.until_refused()).code == "hub.certificate"
    named = hub_section(broker, tls=_nest_tls(certs, server_name="hub.example.org"))
    async with nest_on_hub(tmp_path / "b", named) as nest:
        await nest.until_delivered(1, "nest.status.v1")
    other = hub_section(broker, tls=_nest_tls(certs, server_name="other.example.org"))
    async with nest_on_hub(tmp_path / "c", other) as nest:
        assert (await nest.until_refused()).code == "hub.certificate"


async def test_certificates_that_run_out_are_told_before(start_broker: StartBroker, tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    _authority(certs, days=20)
    broker = start_broker("mosquitto", BrokerOptions(tls=_broker_files(certs)))
    async with nest_on_hub(tmp_path / "store", hub_section(broker, tls=_nest_tls(certs))) as nest:
        await nest.until_delivered(1, "nest.status.v1")
        reasons = nest.hub.reasons
    assert [r.code for r in reasons] == ["hub.certificate_expires"] * 2
    assert ["the nest's own" in reasons[0].words, "the broker's" in reasons[1].words] == [True, True]


async def test_new_certificates_are_taken_without_a_restart_and_bad_ones_are_not(
    start_broker: StartBroker, tmp_path: Path
) -> None:
    certs, newer = tmp_path / "certs", tmp_path / "newer"
    _authority(certs, days=20)
    broker = start_broker("mosquitto", BrokerOptions(tls=_broker_files(certs)))
    section = hub_section(broker, tls=_nest_tls(certs, look_every_s=0.05))
    async with nest_on_hub(tmp_path / "store", section) as nest:
        await nest.until_delivered(1, "nest.status.v1")
        (certs / "nest-n1.pem").write_text("half a certificate")
        await _until(lambda: "hub.new_files" in {r.code for r in nest.hub.reasons})
        assert nest.hub.online
        broker.restart()  # the next connection still has the old ones
        await nest.raise_alert()
        await nest.until_delivered(2)

        shutil.copytree(certs, newer)
        (newer / "nest-n1.pem").unlink()
        Authority(newer).client("nest-n1", 200)
        before = len(nest.said)
        for name in ("nest-n1.key", "nest-n1.pem"):
            (newer / name).replace(certs / name)
        await nest.until(lambda said: HubLink(connected=True) in said[before:])
        left = [v.code for v in nest.said[before:] if isinstance(v, HubLink) and not v.connected]
        await _until(lambda: all("the nest's own" not in r.words for r in nest.hub.reasons))
    assert left == ["hub.new_certificate"]


def test_files_that_cannot_be_used_are_said_at_the_start(tmp_path: Path) -> None:
    _authority(tmp_path)
    for change in ({"ca_file": tmp_path / "nothing.pem"}, {"cert_file": tmp_path / "broker.pem"}):
        with pytest.raises(ConfigError) as caught:
            Credentials(TlsSection(**_nest_tls(tmp_path, **change)))
        assert caught.value.code == "hub.tls_files"


def test_of_an_expired_certificate_the_nest_says_that_it_is(tmp_path: Path) -> None:
    _authority(tmp_path, days=1)
    credentials = Credentials(TlsSection(**_nest_tls(tmp_path)))
    later = Clock().utc().replace(year=Clock().utc().year + 1)
    assert [r.code for r in credentials.reasons(later)] == ["hub.certificate_expired"]


@pytest.mark.parametrize(("kbit_s", "least_s"), [(64.0, 33), (16.0, 132), (1000.0, 30)])
def test_a_sign_of_life_may_take_as_long_as_a_picture_on_the_line(kbit_s: float, least_s: int) -> None:
    assert HubSection(uplink_min_kbit_s=kbit_s).keep_alive_used_s == least_s


CONNACKS = [
    (0x80, b"", "hub.refused"),
    (0x84, b"", "hub.protocol"),
    (0x85, b"", "hub.login"),
    (0x86, b"", "hub.login"),
    (0x87, b"", "hub.login"),
    (0x88, b"", "hub.busy"),
    (0x89, b"", "hub.busy"),
    (0x97, b"", "hub.busy"),
    (0x9A, b"", "hub.unfit"),
    (0x9B, b"", "hub.unfit"),
    (0x9D, b"\x1c\x00\x05other", "hub.moved"),
    (0x9F, b"", "hub.busy"),
    (0x00, b"\x24\x00", "hub.unfit"),  # maximum QoS 0
    (0x00, b"\x25\x00", "hub.unfit"),  # retained messages not available
]


@pytest.mark.parametrize(("code", "properties", "expected"), CONNACKS)
async def test_each_way_in_which_a_broker_does_not_let_the_nest_in(
    tmp_path: Path, code: int, properties: bytes, expected: str
) -> None:
    async with scripted_broker(connack=[(code, properties)]) as broker:
        section = HubSection(port=broker.port, tls=None, reconnect_max_s=60.0)
        async with nest_on_hub(tmp_path, section) as nest:
            link = await nest.until_refused()
            await asyncio.sleep(0.7 if expected in PATIENT else 0.0)
    assert link.code == expected
    assert ("other" in link.words) == (expected == "hub.moved")
    assert len(broker.connects) == 1 or expected not in PATIENT


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0x8B, "hub.lost"), (0x8D, "hub.lost"), (0x8E, "hub.taken_over"), (0x96, "hub.busy"), (0x97, "hub.busy")],
)
async def test_each_way_in_which_a_broker_sends_the_nest_away(tmp_path: Path, code: int, expected: str) -> None:
    async with scripted_broker() as broker, nest_on_hub(tmp_path, HubSection(port=broker.port, tls=None)) as nest:
        await nest.until_delivered(1, "nest.status.v1")
        await broker.send_away(code)
        assert (await nest.until_refused()).code == expected


async def test_a_broker_whose_quota_is_used_up_is_waited_for_and_nothing_is_set_aside(tmp_path: Path) -> None:
    answers = iter([0x97, 0x97])
    section_of = {"tls": None, "reconnect_max_s": 0.3, "inflight_max": 1}
    async with (
        scripted_broker(puback=lambda topic: next(answers, 0) if "/alerts/" in topic else 0) as broker,
        nest_on_hub(tmp_path, HubSection(port=broker.port, **section_of)) as nest,
    ):
        await nest.until_delivered(1, "nest.status.v1")
        await nest.raise_alert()
        await _until(lambda: "hub.quota" in {r.code for r in nest.hub.reasons})
        asked = len(broker.published)
        await asyncio.sleep(0.5)
        assert len(broker.published) == asked, "while it is waited for, nothing is sent"
        await nest.until_delivered(2, "nest.alert.v1")
        assert nest.hub.reasons == ()
    assert not [v for v in nest.said if isinstance(v, SetAside)]


@pytest.mark.parametrize(("properties", "most"), [(b"\x21\x00\x02", 2), (b"", 5)])
async def test_no_more_is_under_way_than_the_broker_takes(tmp_path: Path, properties: bytes, most: int) -> None:
    async with scripted_broker(connack=[(0, properties)], puback_after_s=0.05) as broker:
        section = HubSection(port=broker.port, tls=None, inflight_max=5)
        async with nest_on_hub(tmp_path, section) as nest:
            for n in range(4):
                await nest.raise_alert(f"track-{n}", north_m=900.0 * n)
            await nest.until_delivered(8)
    assert broker.most_under_way == most


async def test_a_broker_that_does_not_let_the_nest_listen_is_told_of(tmp_path: Path) -> None:
    async with (
        scripted_broker(suback=lambda topic: 0x87 if "/requests/" in topic else 1) as broker,
        nest_on_hub(tmp_path, HubSection(port=broker.port, tls=None)) as nest,
    ):
        await _until(lambda: nest.hub.reasons != ())
        (reason,) = nest.hub.reasons
    assert reason.code == "hub.not_listening"
    assert "nest/v1/requests/+/n1" in reason.words
