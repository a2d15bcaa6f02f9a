"""The vehicle as it is used: its own process or server, real sockets, real bytes."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from pymavlink import mavutil
from typer.testing import CliRunner

from agent.core.clock import Clock, TimeBase
from agent.core.errors import ConfigError
from agent.core.geo import LatLon
from simulator.commands import vehicle
from simulator.vehicle.craft import Place
from simulator.vehicle.links import Address
from simulator.vehicle.server import VehicleServer
from simulator.vehicle.setup import Setup
from simulator.vehicle.wire import mavlink

RATE = 20.0
HELLO = mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3)


class Client:
    """A ground station on a real socket."""

    def __init__(self, sock: socket.socket, system: int) -> None:
        self._sock = sock
        self._sock.setblocking(False)
        self._codec = mavlink.MAVLink(None, srcSystem=system, srcComponent=190)

    async def send(self, message: Any) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, message.pack(self._codec))

    async def wait(self, name: str, **fields: Any) -> Any:
        """The next message of that type with those fields."""
        async with asyncio.timeout(10):
            while True:
                data = await asyncio.get_running_loop().sock_recv(self._sock, 65536)
                if not data:
                    raise ConnectionResetError
                for message in self._codec.parse_buffer(data) or []:
                    if message.get_type() == name and all(getattr(message, k) == v for k, v in fields.items()):
                        return message

    async def command(self, command: int, *params: float) -> int:
        values = [*params, *[0.0] * (7 - len(params))]
        await self.send(mavlink.MAVLink_command_long_message(1, 1, command, 0, *values))
        return (await self.wait("COMMAND_ACK", command=command)).result

    def close(self) -> None:
        self._sock.close()


def client_of(address: Address, system: int = 255) -> Client:
    kind = socket.SOCK_STREAM if address.scheme == "tcp-listen" else socket.SOCK_DGRAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.connect((address.host, address.port))
    return Client(sock, system)


@asynccontextmanager
async def serving(*links: str, tlog: Path | None = None) -> AsyncIterator[VehicleServer]:
    setup = Setup(Place(LatLon(30.39, 119.84), 10.0, 0.0), boot_s=1.0)
    clock = Clock(TimeBase(RATE, time.time()))
    stop = asyncio.Event()
    async with VehicleServer(setup, [Address.parse(link) for link in links], clock, tlog) as server:
        task = asyncio.create_task(server.run(stop))
        try:
            yield server
        finally:
            stop.set()
            await task


async def test_udp_and_tcp_at_once_hear_each_others_heartbeats() -> None:
    async with serving("udpin:127.0.0.1:0", "tcp-listen:127.0.0.1:0") as server:
        udp, tcp = client_of(server.bound[0], 255), client_of(server.bound[1], 254)
        await udp.send(HELLO)
        await tcp.send(HELLO)
        assert (await udp.wait("HEARTBEAT", autopilot=3)).get_srcSystem() == 1
        assert (await tcp.wait("HEARTBEAT", autopilot=3)).get_srcSystem() == 1
        await tcp.send(HELLO)
        assert (await udp.wait("HEARTBEAT", autopilot=8)).get_srcSystem() == 254
        assert await tcp.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAVLINK_MSG_ID_SIM_STATE, 1e5) == 0
        truth = await tcp.wait("SIM_STATE")
        assert (truth.lat_int, truth.lon_int) == (303900000, 1198400000)
        udp.close()
        tcp.close()


async def test_two_udp_clients_of_one_port_are_two_links() -> None:
    async with serving("udpin:127.0.0.1:0") as server:
        first, second = client_of(server.bound[0], 255), client_of(server.bound[0], 253)
        await first.send(HELLO)
        await second.send(HELLO)
        await first.wait("HEARTBEAT", autopilot=8)
        assert await second.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, mavlink.MAVLINK_MSG_ID_ATTITUDE, 1e5) == 0
        await second.wait("ATTITUDE")
        first.close()
        second.close()


async def test_a_udp_sender_that_falls_silent_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.vehicle.server._FORGET_S", 4.0)
    async with serving("udpin:127.0.0.1:0") as server:
        gone, stays = client_of(server.bound[0], 255), client_of(server.bound[0], 253)
        await gone.send(HELLO)
        await gone.wait("HEARTBEAT", autopilot=3)
        gone.close()
        async with asyncio.timeout(10):
            while len(server.autopilot.channels) != 1 or server.autopilot.channels[0].seen != {(253, 190)}:
                await stays.send(HELLO)
                await stays.wait("HEARTBEAT")
        stays.close()


async def test_a_computer_that_is_too_slow_is_said_once() -> None:
    setup = Setup(Place(LatLon(30.39, 119.84), 10.0, 0.0))
    said: list[str] = []
    stop, warned = asyncio.Event(), asyncio.Event()

    def warn(words: str) -> None:
        said.append(words)
        warned.set()

    async with VehicleServer(setup, [Address.parse("udpin:127.0.0.1:0")], Clock(TimeBase(1e6, time.time()))) as server:
        task = asyncio.create_task(server.run(stop, warn))
        async with asyncio.timeout(10):
            await warned.wait()
        stop.set()
        await task
    assert len(said) == 1
    assert "behind the clock" in said[0]


async def test_a_udp_client_link_speaks_first() -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    async with serving(f"udpout:127.0.0.1:{listener.getsockname()[1]}"):
        client = Client(listener, 255)
        assert (await client.wait("HEARTBEAT")).get_srcSystem() == 1
        client.close()


async def test_reboot_closes_tcp_and_comes_back_with_its_parameters() -> None:
    async with serving("tcp-listen:127.0.0.1:0") as server:
        client = client_of(server.bound[0])
        await client.send(mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", 2500.0, 9))
        await client.wait("PARAM_VALUE", param_value=2500.0)
        await client.send(mavlink.MAVLink_command_long_message(1, 1, 246, 0, 1, 0, 0, 0, 0, 0, 0))
        with pytest.raises(ConnectionResetError):
            await client.wait("NEVER")
        client.close()
        again = client_of(server.bound[0])
        await again.send(mavlink.MAVLink_param_request_read_message(1, 1, b"RTL_ALT", -1))
        assert (await again.wait("PARAM_VALUE")).param_value == 2500.0
        again.close()


async def test_the_telemetry_log_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "flight.tlog"
    async with serving("udpin:127.0.0.1:0", tlog=path) as server:
        client = client_of(server.bound[0])
        await client.send(HELLO)
        await client.wait("HEARTBEAT", autopilot=3)
        await client.command(mavlink.MAV_CMD_REQUEST_MESSAGE, mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION)
        client.close()
    log = mavutil.mavlink_connection(str(path), dialect="ardupilotmega")
    kinds = set()
    while (message := log.recv_match()) is not None:
        kinds.add((message.get_srcSystem(), message.get_type()))
    log.close()
    assert {(255, "HEARTBEAT"), (1, "HEARTBEAT"), (255, "COMMAND_LONG"), (1, "COMMAND_ACK")} <= kinds


async def test_a_port_in_use_is_said_plainly() -> None:
    async with serving("udpin:127.0.0.1:0") as server:
        with pytest.raises(ConfigError, match="cannot be opened"):
            async with serving(str(server.bound[0])):
                pass


@pytest.mark.parametrize(
    "text", ["14550", "serial:/dev/ttyS0:57600", "udpin:127.0.0.1", "udpin:127.0.0.1:99999", "udpin::14550"]
)
def test_a_wrong_link_is_said_plainly(text: str) -> None:
    with pytest.raises(ConfigError, match="write SCHEME:HOST:PORT"):
        Address.parse(text)


def run_command(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "simulator", "vehicle", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_when_it_is_ready_and_stops_cleanly(number: signal.Signals) -> None:
    with run_command("--link", "udpin:127.0.0.1:0", "--time-base", f"10@{time.time()}", "--wind", "5,240") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("vehicle ready on udpin:127.0.0.1:")
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_a_wrong_argument_gets_one_clear_line_and_status_2() -> None:
    with run_command("--home", "95,0,0,0") as process:
        assert process.wait(20) == 2
        assert process.stderr is not None
        text = process.stderr.read()
    assert text.startswith("nest-sim: config.invalid: home '95,0,0,0'")
    assert text.count("\n") == 1


WRONG = [
    (["--home", "1,2"], "2 numbers, 4 are wanted"),
    (["--wind", "much"], "could not convert"),
    (["--param", "NO_SUCH=1"], "no such parameter"),
    (["--param", "RTL_ALT"], "write NAME=NUMBER"),
    (["--time-base", "0@0"], "must be above 0"),
    (["--terrain", "nowhere.asc"], "nowhere.asc"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_wrong_arguments_are_said_plainly(arguments: list[str], words: str) -> None:
    app = typer.Typer()
    vehicle.register(app)
    app.callback()(lambda: None)
    result = CliRunner().invoke(app, ["vehicle", *arguments])
    assert isinstance(result.exception, ConfigError)
    assert words in str(result.exception)
