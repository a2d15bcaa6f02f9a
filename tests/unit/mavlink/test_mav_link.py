"""The link over real sockets and a real pseudo-terminal: opening, closing, reopening, strangers, damage."""

import asyncio
import contextlib
import os
import socket
import tty
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.errors import ConfigError, LinkError
from agent.mavlink.address import parse_address
from agent.mavlink.codec import Decoder, Encoder
from agent.mavlink.link import Link
from simulator.loops import ScaledLoop
from tests.doubles.autopilot import Script, ScriptedAutopilot, with_peer


def beat(system: int = 1) -> bytes:
    return Encoder(system, 1).pack(mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3))


async def becomes(condition: Callable[[], Any], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 a condition with a time-out
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(link: Link) -> AsyncIterator[Link]:
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def udp_socket() -> socket.socket:
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind(("127.0.0.1", 0))
    out.setblocking(False)
    return out


def free_port() -> int:
    with udp_socket() as probe:
        return int(probe.getsockname()[1])


async def heard_by(other: socket.socket) -> list[str]:
    loop = asyncio.get_running_loop()
    data = await asyncio.wait_for(loop.sock_recv(other, 2048), 5.0)
    return [frame.name for frame in Decoder().feed(data, 0.0)]


async def test_udp_listen_answers_the_drone_and_not_a_stranger() -> None:
    port = free_port()
    with udp_socket() as drone, udp_socket() as stranger:
        async with running(Link.at(f"udp-listen:127.0.0.1:{port}", system=1, heartbeat_interval_s=0.05)) as link:
            await becomes(lambda: link.up)
            drone.sendto(beat(1), ("127.0.0.1", port))
            await becomes(lambda: link.counters.frames == 1)
            stranger.sendto(beat(7), ("127.0.0.1", port))
            await becomes(lambda: link.counters.foreign == 1)
            assert await heard_by(drone) == ["HEARTBEAT"]
            with pytest.raises(BlockingIOError):
                stranger.recv(2048)
            assert link.counters.frames == 1


async def test_udp_speaks_first_and_survives_a_peer_that_is_not_there_yet() -> None:
    port = free_port()
    async with running(Link.at(f"udp:127.0.0.1:{port}", system=1, heartbeat_interval_s=0.02)) as link:
        await becomes(lambda: link.counters.sent > 5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as drone:
            drone.bind(("127.0.0.1", port))
            drone.setblocking(False)
            assert await heard_by(drone) == ["HEARTBEAT"]
        assert link.counters.reopened == 0


async def test_frames_that_come_close_together_wake_the_loop_once_and_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    port, count = free_port(), 200
    encoder = Encoder(1, 1)
    link = Link.at(f"udp-listen:127.0.0.1:{port}", system=1)
    sequences: list[int] = []
    link.add_handler(lambda frame: sequences.append(frame.sequence))
    turns: list[int] = []
    channel = link.channels[0]
    plainly = channel.received
    monkeypatch.setattr(channel, "received", lambda chunk: (turns.append(len(chunk.data)), plainly(chunk)))
    with udp_socket() as drone:
        async with running(link):
            await becomes(lambda: link.up)
            for _ in range(count):
                drone.sendto(encoder.pack(mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3)), ("127.0.0.1", port))
            await becomes(lambda: len(sequences) == count)
    assert sequences == list(range(count))
    assert len(turns) < count


@contextlib.asynccontextmanager
async def tcp_drone(port: int = 0) -> AsyncIterator[tuple[int, list[asyncio.StreamWriter]]]:
    """A TCP server that says one heartbeat to each who connects."""
    connections: list[asyncio.StreamWriter] = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(beat())

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()
        for writer in connections:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_tcp_is_opened_again_after_its_end_and_does_not_spin() -> None:
    async with tcp_drone() as (port, connections), running(Link.at(f"tcp:127.0.0.1:{port}", system=1)) as link:
        await becomes(lambda: link.counters.frames == 1)
        connections[0].close()
        await becomes(lambda: not link.up)
        assert link.error is not None
        assert link.error.code == "link.closed"
        await becomes(lambda: link.counters.frames == 2)
        assert (len(connections), link.counters.reopened) == (2, 1)


async def test_tcp_is_waited_for() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    async with running(Link.at(f"tcp:127.0.0.1:{port}", system=1)) as link:
        await becomes(lambda: link.error is not None)
        assert link.error is not None
        assert "start the drone" in link.error.message
        async with tcp_drone(port):
            await becomes(lambda: link.counters.frames == 1)


async def test_a_port_that_is_taken_is_told_at_once_with_what_to_do() -> None:
    with udp_socket() as other:
        link = Link.at(f"udp-listen:127.0.0.1:{other.getsockname()[1]}", system=1)
        with pytest.raises(LinkError, match=r"link\.cannot_open.*udp-listen:.*stop the program that holds the port"):
            await link.open_once()


async def test_a_serial_device_that_is_missing_is_told_with_what_to_do() -> None:
    link = Link.at("serial:/dev/there-is-none:57600", system=1)
    with pytest.raises(LinkError, match=r"link\.cannot_open.*plug in"):
        await link.open_once()


async def test_a_serial_line_carries_frames_both_ways() -> None:
    ours, theirs = os.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    name = os.ttyname(theirs)
    decoder = Decoder()
    async with running(Link.at(f"serial:{name}:57600", system=1, heartbeat_interval_s=0.02)) as link:
        await becomes(lambda: link.up)
        os.write(ours, b"boot: hello\r\n" + beat())
        await becomes(lambda: link.counters.frames == 1)
        assert link.counters.malformed == 1
        os.set_blocking(ours, False)
        heard: list[str] = []

        def read() -> bool:
            with contextlib.suppress(BlockingIOError):
                heard.extend(frame.name for frame in decoder.feed(os.read(ours, 4096), 0.0))
            return "HEARTBEAT" in heard

        await becomes(read)
    os.close(ours)
    os.close(theirs)


async def test_nothing_is_left_running() -> None:
    import threading

    port = free_port()
    link = Link.at(f"udp-listen:127.0.0.1:{port}", system=1)
    async with running(link):
        await becomes(lambda: link.up)
    assert not [thread for thread in threading.enumerate() if thread.name == "mavlink-io"]
    assert not link.up
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", port))  # the port is free


def test_a_handler_hears_the_kinds_it_named_and_one_without_names_hears_all() -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> None:
        texts: list[str] = []
        everything: list[str] = []
        link.add_handler(lambda frame: texts.append(frame.name), ("STATUSTEXT",))
        peer.beat()
        await asyncio.sleep(0.1)
        link.add_handler(lambda frame: everything.append(frame.name))
        peer.send(mavlink.MAVLink_statustext_message(6, b"hello"))
        peer.beat()
        await asyncio.sleep(0.1)
        assert (texts, everything) == (["STATUSTEXT"], ["STATUSTEXT", "HEARTBEAT"])

    with_peer(Script(), body)


def test_the_heartbeat_keeps_its_pace_in_the_loops_time() -> None:
    async def body(link: Link, peer: ScriptedAutopilot) -> int:
        before = peer.heard["HEARTBEAT"]
        await asyncio.sleep(60.0)
        return peer.heard["HEARTBEAT"] - before

    assert 59 <= with_peer(Script(), body) <= 61


def test_the_heartbeat_is_faster_on_a_faster_loop() -> None:
    async def main() -> int:
        with udp_socket() as drone:
            link = Link.at(f"udp:127.0.0.1:{drone.getsockname()[1]}", system=1)
            async with running(link):
                await asyncio.sleep(20.0)
            return link.counters.sent

    with asyncio.Runner(loop_factory=lambda: ScaledLoop(20.0)) as runner:
        assert 15 <= runner.run(main()) <= 22


def test_a_hung_agent_falls_silent() -> None:
    """Heartbeats come from the loop: while it is blocked, none is sent."""

    async def main() -> int:
        with udp_socket() as drone:
            link = Link.at(f"udp:127.0.0.1:{drone.getsockname()[1]}", system=1, heartbeat_interval_s=0.01)
            async with running(link):
                await becomes(lambda: link.counters.sent > 2)
                before = link.counters.sent
                import time

                time.sleep(0.2)  # noqa: ASYNC251 this is the hang
                return link.counters.sent - before

    assert asyncio.run(main()) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "udp",
        "udp:host",
        "udp:host:x",
        "serial:/dev/ttyS0",
        "serial::57600",
        "tcp::1",
        "http:a:1",
        "udp:host:70000",
        "serial:/dev/x:0",
    ],
)
def test_a_wrong_address_is_a_configuration_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"vehicle\.link.*write serial"):
        parse_address(text)


@pytest.mark.parametrize(
    "text", ["serial:/dev/ttyACM0:57600", "udp-listen:0.0.0.0:14550", "udp:drone.local:14550", "tcp:127.0.0.1:5760"]
)
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_address(text)) == text
