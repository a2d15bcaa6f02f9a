"""A small HTTP/1.1 server for JSON: one request a connection, routes as a table. For the weather station and for faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agent.core.errors import ConfigError, LinkError, NestError

Handler = Callable[[dict[str, object]], object]
"""Takes the request's JSON object (empty for GET) and returns what is sent back as JSON.

Raises ValueError or NestError for a bad request."""

_BODY_LIMIT = 65536
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}


@asynccontextmanager
async def serve_http(routes: dict[tuple[str, str], Handler], host: str, port: int) -> AsyncIterator[None]:
    """Serves ``(method, path)`` routes while the ``with`` block lasts.

    Raises:
        LinkError: the port cannot be opened.
    """
    talks: set[asyncio.Task[None]] = set()
    closed = False

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if closed:
            writer.close()
            return
        talk = asyncio.ensure_future(_answer(reader, writer, routes))
        talks.add(talk)
        talk.add_done_callback(talks.discard)
        talk.add_done_callback(lambda _done: writer.close())

    try:
        server = await asyncio.start_server(accept, host, port)
    except OSError as error:
        raise LinkError("sim.port", f"cannot serve HTTP on {host}:{port}: {error.strerror}") from error
    try:
        yield
    finally:
        closed = True
        server.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, routes: dict[tuple[str, str], Handler]) -> None:
    try:
        status, body = await _handle(reader, routes)
        raw = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(raw)}\r\nConnection: close\r\n\r\n".encode() + raw)
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the client is gone or does not speak HTTP: nobody is left to tell


async def _handle(reader: asyncio.StreamReader, routes: dict[tuple[str, str], Handler]) -> tuple[int, object]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, _, rest = head[0].partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    handler = routes.get((method, path))
    if handler is None:
        known = ", ".join(f"{m} {p}" for m, p in routes)
        return 404, {"error": f"there is no {method} {path}; there are {known}"}
    try:
        body = await reader.readexactly(_content_length(head[1:]))
        return 200, handler(_json_object(body))
    except (ValueError, NestError) as error:
        return 400, {"error": str(error)}


def _json_object(body: bytes) -> dict[str, object]:
    given = json.loads(body or b"{}")
    if not isinstance(given, dict):
        raise ConfigError("config.invalid", "the body must be a JSON object")
    return given


def _content_length(lines: list[str]) -> int:
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length":
            length = int(value)
            if not 0 <= length <= _BODY_LIMIT:
                raise ValueError(f"Content-Length {length} is above {_BODY_LIMIT}")
            return length
    return 0
