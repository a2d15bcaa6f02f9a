"""A line between the nest and its broker that can be cut: bytes vanish, or connections break and none is made.

Knows TCP on the loopback interface. Must not know MQTT.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from simulator.hub.broker import HOST

_CHUNK = 65_536


class Line(StrEnum):
    """How the line is."""

    WHOLE = "whole"
    SILENT = "silent"
    """Connections stay, nothing gets through; what was sent meanwhile never arrives, as behind a lost mobile cell."""
    BROKEN = "broken"
    """Connections break, new ones are closed at once."""


class Relay:
    """The line. Use :func:`relay`.

    Attributes:
        port: where the nest connects.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._line = Line.WHOLE
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def line(self) -> Line:
        """How it is now."""
        return self._line

    def set(self, line: Line) -> None:
        """Cuts or mends it. Connections that lived through silence have lost bytes and are broken when it is mended."""
        if self._line is Line.SILENT or line is Line.BROKEN:
            for writer in self._writers:
                writer.transport.abort()
        self._line = line

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the nest."""
        self._writers.add(writer)
        try:
            if self._line is Line.BROKEN:
                return
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target_port)
            self._writers.add(far_writer)
            try:
                await self._both_ways(reader, writer, far_reader, far_writer)
            finally:
                self._writers.discard(far_writer)
                far_writer.transport.abort()
        except OSError:
            return  # the broker is away
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _both_ways(
        self,
        near: asyncio.StreamReader,
        near_writer: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        """Until one side ends."""
        ways = [asyncio.create_task(self._carry(near, far_writer)), asyncio.create_task(self._carry(far, near_writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                if self._line is Line.WHOLE:
                    target.write(data)
                    await target.drain()


@asynccontextmanager
async def relay(target_port: int) -> AsyncIterator[Relay]:
    """A line to a port, for as long as the block lasts."""
    line = Relay(target_port)
    server = await asyncio.start_server(line.serve, HOST, 0)
    line.port = int(server.sockets[0].getsockname()[1])
    try:
        yield line
    finally:
        server.close()
        line.set(Line.BROKEN)
        await server.wait_closed()
