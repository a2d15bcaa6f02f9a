"""A broker that answers as it is told: the reason codes that a real one gives only when it is overloaded or misconfigured.

MQTT 5 on the loopback interface, just enough of it: it reads packets, counts what is published, and delivers nothing.
Packet layouts: MQTT 5.0, OASIS standard, chapter 3.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class ScriptedBroker:
    """What it answers, and what it heard.

    Attributes:
        connack: reason code and properties of each CONNACK, the last one for ever.
        puback: topic -> reason code.
        suback: filter -> reason code.
        published: topics in order of arrival.
        connects: keep-alive of each CONNECT, in order of arrival.
        puback_after_s: how long it takes for a PUBACK.
        most_under_way: most messages that waited for their PUBACK at once.
    """

    connack: list[tuple[int, bytes]] = field(default_factory=lambda: [(0, b"")])
    puback: Callable[[str], int] = lambda _: 0
    suback: Callable[[str], int] = lambda _: 1
    published: list[str] = field(default_factory=list)
    connects: list[int] = field(default_factory=list)
    puback_after_s: float = 0.0
    under_way: int = 0
    most_under_way: int = 0
    port: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def send_away(self, code: int, properties: bytes = b"") -> None:
        """DISCONNECT to everybody."""
        for writer in self.writers:
            writer.write(bytes([0xE0, 2 + len(properties), code, len(properties)]) + properties)
            await writer.drain()
            writer.close()
        self.writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        self.writers.append(writer)
        try:
            while True:
                head = (await reader.readexactly(1))[0]
                body = await reader.readexactly(await _varint(reader))
                answer = self._answer(head, body)
                if answer[:1] == b"\x40" and self.puback_after_s:
                    self._later(writer, answer)
                elif answer:
                    writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _later(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        def send() -> None:
            self.under_way -= 1
            writer.write(answer)

        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        asyncio.get_running_loop().call_later(self.puback_after_s, send)

    def _answer(self, head: int, body: bytes) -> bytes:
        kind = head >> 4
        if kind == 1:
            self.connects.append(int.from_bytes(body[8:10], "big"))
            code, properties = self.connack.pop(0) if len(self.connack) > 1 else self.connack[0]
            return bytes([0x20, 3 + len(properties), 0, code, len(properties)]) + properties
        if kind == 3:
            length = int.from_bytes(body[:2], "big")
            topic = body[2 : 2 + length].decode()
            self.published.append(topic)
            return bytes([0x40, 4]) + body[2 + length : 4 + length] + bytes([self.puback(topic), 0]) if head & 0x06 else b""
        if kind == 8:
            codes = bytes(self.suback(topic) for topic in _filters(body[3 + body[2] :]))
            return bytes([0x90, 3 + len(codes)]) + body[:2] + b"\x00" + codes
        if kind == 10:
            return bytes([0xB0, 4]) + body[:2] + b"\x00\x00"
        return b"\xd0\x00" if kind == 12 else b""


async def _varint(reader: asyncio.StreamReader) -> int:
    value = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value


def _filters(body: bytes) -> list[str]:
    found = []
    while body:
        length = int.from_bytes(body[:2], "big")
        found.append(body[2 : 2 + length].decode())
        body = body[3 + length :]
    return found


@asynccontextmanager
async def scripted_broker(**script: object) -> AsyncIterator[ScriptedBroker]:
    """Runs it for as long as the block lasts."""
    broker = ScriptedBroker(**script)  # type: ignore[arg-type]
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        for writer in broker.writers:
            writer.close()
        await server.wait_closed()
