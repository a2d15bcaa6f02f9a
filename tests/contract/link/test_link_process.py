"""The link as a process between real sockets and a pseudo-terminal."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import serial

from agent.core.errors import ConfigError, LinkError
from simulator.link.ends import parse_end
from simulator.link.model import Impairment
from simulator.link.proxy import proxy
from simulator.ports import free_port
from simulator.vehicle.wire import mavlink

UDP = socket.SOCK_DGRAM


def heartbeat() -> bytes:
    return bytes(mavlink.MAVLink_heartbeat_message(2, 3, 0, 0, 4, 3).pack(mavlink.MAVLink(None, srcSystem=1, srcComponent=1)))


@asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    """A vehicle that answers with what it hears."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
        except ConnectionError:
            pass  # the link hung up
        writer.close()

    serving: list[asyncio.Task[None]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()


class Ears(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 the base class's
        self.heard.put_nowait(data)


async def spoken(port: int) -> tuple[asyncio.DatagramTransport, Ears]:
    """A station that speaks to a UDP port."""
    transport, ears = await asyncio.get_running_loop().create_datagram_endpoint(Ears, remote_addr=("127.0.0.1", port))
    return transport, ears


async def test_udp_to_tcp_and_back() -> None:
    port = free_port(UDP)
    good = Impairment()
    async with (
        echo_server() as vehicle,
        proxy(f"udpin:127.0.0.1:{port}", f"tcp:127.0.0.1:{vehicle}", good, good, 1),
    ):
        transport, ears = await spoken(port)
        async with asyncio.timeout(20):
            while ears.heard.empty():  # the TCP connection comes up by itself
                transport.sendto(heartbeat())
                await asyncio.sleep(0.05)
        assert await ears.heard.get() == heartbeat()
        transport.close()


async def test_a_program_opens_the_serial_line(tmp_path: Path) -> None:
    line = tmp_path / "ttyRadio"
    port = free_port(UDP)
    async with proxy(f"pty:{line}", f"udpin:127.0.0.1:{port}", Impairment(), Impairment(), 1):
        transport, ears = await spoken(port)
        transport.sendto(b"hello")  # the vehicle's side knows its peer from here on
        with serial.Serial(str(line), 57_600, timeout=0) as radio:
            radio.write(heartbeat()[:7])
            await asyncio.sleep(0.01)
            radio.write(heartbeat()[7:])
            async with asyncio.timeout(20):
                assert await ears.heard.get() == heartbeat(), "a frame leaves as one packet"
                came = b""
                while heartbeat() not in came:
                    transport.sendto(heartbeat())
                    await asyncio.sleep(0.02)
                    came += radio.read(4096)
        transport.close()
    assert not line.is_symlink()


async def test_what_is_lost_is_lost_and_counted() -> None:
    near, far = free_port(UDP), free_port(UDP)
    bad = Impairment(loss=1.0)
    async with proxy(f"udpin:127.0.0.1:{near}", f"udpout:127.0.0.1:{far}", bad, bad, 1) as model:
        transport, ears = await spoken(near)
        async with asyncio.timeout(20):
            while model.to_vehicle.counts.lost < 3:
                transport.sendto(heartbeat())
                await asyncio.sleep(0.01)
        assert ears.heard.empty()
        transport.close()


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        taken = f"tcp-listen:127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(LinkError, match=r"cannot_open.*in use"):
            async with proxy(taken, "tcp:127.0.0.1:9", Impairment(), Impairment(), 1):
                pass


@pytest.mark.parametrize("text", ["", "udp:127.0.0.1:1", "udpin:127.0.0.1", "tcp:127.0.0.1:0", "pty:", "tcp:127.0.0.1:70000"])
def test_an_end_of_another_form_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.invalid"):
        parse_end(text)


async def test_the_command_says_when_it_is_ready_and_what_became_of_the_packets() -> None:
    near, far = free_port(UDP), free_port(UDP)
    command = (sys.executable, "-m", "simulator", "link", f"udpin:127.0.0.1:{near}", f"udpout:127.0.0.1:{far}")
    process = await asyncio.create_subprocess_exec(
        *command, "--both", "loss=0.5,delay_s=0.001", "--time-base", "2@0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert b"link ready" in await process.stdout.readline()
        process.terminate()
        told = await process.stdout.read()
        assert await process.wait() == 0
    assert b"to the vehicle: packets 0" in told
