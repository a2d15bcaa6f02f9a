"""A program that speaks as ArduCopter's simulation does is started, relayed and stopped; one that does not is told."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.core.errors import DeviceError
from agent.core.geo import LatLon
from simulator.sitl.binary import Backend
from simulator.sitl.launch import run_sitl
from simulator.sitl.recipe import Wanted
from simulator.vehicle.links import Address
from simulator.vehicle.wire import mavlink

# Speaks on every serial port that it is given and says which one it heard on, as a real one's answers do.
SPEAKER = """#!{python}
import select, socket, sys
from pymavlink.dialects.v20 import ardupilotmega as mavlink
mav = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
ports = [int(word.split(":")[2]) for word in sys.argv if word.startswith("udpclient:")]
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports]
for s, port in zip(sockets, ports):
    s.connect(("127.0.0.1", port))
print("starting", flush=True)
while True:
    for s in sockets:
        s.send(mav.heartbeat_encode(2, 3, 0, 0, 3).pack(mav))
    for s in select.select(sockets, [], [], 0.05)[0]:
        data = s.recv(2048)
        s.send(mav.statustext_encode(6, b"serial%d heard %d" % (sockets.index(s), len(data))).pack(mav))
"""
ENDS_AT_ONCE = "#!/bin/sh\necho bad parameter file\nexit 3\n"


def program(folder: Path, text: str) -> Path:
    path = folder / "arducopter"
    path.write_text(text.format(python=sys.executable) if "{python}" in text else text)
    path.chmod(0o755)
    return path


def wanted(folder: Path, text: str) -> Wanted:
    return Wanted(program(folder, text), folder / "work", LatLon(30.39, 119.84), 24.0)


class Listener:
    """An agent, camera or dock on a UDP port of its own."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.mav = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)

    @property
    def address(self) -> Address:
        return Address("udpout", "127.0.0.1", self.socket.getsockname()[1])

    async def hears(self, name: str):
        async with asyncio.timeout(10.0):
            while True:
                data, self.peer = await asyncio.get_running_loop().sock_recvfrom(self.socket, 2048)
                for message in self.mav.parse_buffer(data) or []:
                    if message.get_type() == name:
                        return message

    def says(self, message) -> None:
        self.socket.sendto(message.pack(self.mav), self.peer)

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def listeners():
    made = [Listener() for _ in range(4)]
    yield made
    for listener in made:
        listener.close()


async def test_each_link_has_a_port_of_its_own_and_the_last_is_shared(tmp_path, listeners):
    recorded: list[bytes] = []
    addresses = [listener.address for listener in listeners]
    async with run_sitl(Backend.ARDUPILOT, wanted(tmp_path, SPEAKER), addresses, recorded.append):
        ping = mavlink.MAVLink_ping_message(0, 1, 0, 0)
        for number, listener in enumerate(listeners):
            assert (await listener.hears("HEARTBEAT")).get_srcSystem() == 1
            listener.says(ping)
            text = (await listener.hears("STATUSTEXT")).text
            assert text.startswith(f"serial{min(number, 2)} heard")
    assert recorded


async def test_it_is_stopped_when_the_block_ends(tmp_path, listeners):
    async with run_sitl(Backend.ARDUPILOT, wanted(tmp_path, SPEAKER), [listeners[0].address]) as sitl:
        pid = sitl.process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_charger_is_no_business_of_the_autopilots(tmp_path, listeners):
    async with run_sitl(Backend.ARDUPILOT, wanted(tmp_path, SPEAKER), [listeners[0].address]):
        await listeners[0].hears("HEARTBEAT")
        listeners[0].says(mavlink.MAVLink_param_set_message(1, 1, b"SIM_CHARGE_A", 4.0, 9))
        assert (await listeners[0].hears("PARAM_VALUE")).param_value == 4.0


async def test_a_program_that_ends_is_told_with_its_last_words(tmp_path, listeners):
    with pytest.raises(DeviceError, match=r"status 3; its last words:\nbad parameter file"):
        async with run_sitl(Backend.ARDUPILOT, wanted(tmp_path, ENDS_AT_ONCE), [listeners[0].address]):
            pytest.fail("it ended before")


def test_the_command_says_what_is_missing_and_ends_with_status_2(tmp_path):
    command = [sys.executable, "-m", "simulator", "vehicle", "--backend", "px4", "--binary", str(tmp_path / "px4")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "sitl.no_binary: px4:" in ended.stderr
    assert "is not a program that can be run" in ended.stderr


def test_the_command_tells_an_autopilot_that_dies_and_ends_with_status_2(tmp_path):
    dies = SPEAKER.replace("while True:", "for _ in range(40):") + 'print("motors on fire", flush=True)\nsys.exit(7)\n'
    binary = str(program(tmp_path, dies))
    command = [sys.executable, "-m", "simulator", "vehicle", "--backend", "ardupilot", "--binary", binary]
    ended = subprocess.run([*command, "--link", "udpin:127.0.0.1:0"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "vehicle ready on udpin:" in ended.stdout
    assert "status 7; its last words" in ended.stderr
    assert "motors on fire" in ended.stderr
