"""Motion JPEG over HTTP, as network cameras and mjpg-streamer send it.

Every client gets the newest picture when it is ready for one; nothing queues. ``POST /fault`` breaks the stream for tests.
Knows bytes and stamps only.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np

from simulator.camera.frames import Captured
from simulator.camera.optics import encode_jpeg

FAULTS = ("none", "freeze", "black", "stop")
_BOUNDARY = "frame"
_STREAM_PATHS = ("/", "/stream", "/stream.mjpg", "/video")
_LARGEST_POST = 4096
_SNAPSHOT_TIMEOUT_S = 10.0


@dataclass
class Channel:
    """The newest picture and who waits for it. Shared by the capturing thread and the clients' threads."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    newest: Captured | None = None
    number: int = 0
    watchers: int = 0
    fault: str = "none"
    ended: bool = False
    ready: bool = False
    _held: Captured | None = None

    def publish(self, captured: Captured) -> None:
        """Offers a picture to all clients, changed by the fault in force."""
        with self.changed:
            if self.fault == "stop":
                return
            if self.fault != "freeze" or self._held is None:
                self._held = captured
            jpeg = self._held.jpeg if self.fault == "freeze" else captured.jpeg
            self.newest = Captured(_black_like(jpeg) if self.fault == "black" else jpeg, captured.unix_s)
            self.number += 1
            self.changed.notify_all()

    def set_fault(self, kind: str) -> None:
        """Breaks or mends the stream.

        Raises:
            ValueError: there is no such fault.
        """
        if kind not in FAULTS:
            raise ValueError(f"fault {kind!r}: one of {', '.join(FAULTS)}")
        with self.changed:
            self.fault = kind
            self.changed.notify_all()

    def end(self) -> None:
        """No more pictures will come: clients are let go."""
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_newer(self, seen: int, timeout_s: float | None) -> tuple[int, Captured] | None:
        """The newest picture once it is newer than the one seen; None when the stream has ended or the time is over."""
        with self.changed:
            self.changed.wait_for(lambda: self.number > seen or self.ended, timeout_s)
            if self.number <= seen or self.newest is None:
                return None
            return self.number, self.newest

    def wait_watched(self, timeout_s: float) -> bool:
        """Whether anyone watches, waiting so long for it."""
        with self.changed:
            return bool(self.changed.wait_for(lambda: self.watchers > 0 or self.ended, timeout_s))

    def watch(self, change: int) -> None:
        """A client came (+1) or went (-1)."""
        with self.changed:
            self.watchers += change
            self.changed.notify_all()


def _black_like(jpeg: bytes) -> bytes:
    """A black picture of the same size; a thermal one as cold as its camera counts."""
    if _kind(jpeg) == "png":
        counts = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
        return cv2.imencode(".png", np.zeros_like(counts))[1].tobytes()
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    shape = (720, 1280, 3) if picture is None else picture.shape
    return encode_jpeg(np.zeros(shape, np.uint8), 80)


class StreamServer:
    """Serves a channel, and others beside it under paths of their own.

    Args:
        host, port: where to listen; port 0 takes a free one.
        channel: the pictures.
        health: gives further facts for ``/health``.
        others: further channels by name: ``down`` is served as ``/down.mjpg``.
    """

    def __init__(
        self,
        host: str,
        port: int,
        channel: Channel,
        health: Callable[[], dict[str, Any]],
        others: Mapping[str, Channel] | None = None,
    ) -> None:
        streams = dict.fromkeys(_STREAM_PATHS, channel) | {f"/{name}.mjpg": other for name, other in (others or {}).items()}
        parts = {"channel": channel, "others": dict(others or {}), "streams": streams, "health": staticmethod(health)}
        handler = type("Handler", (_Handler,), parts)
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self._channels = (channel, *(others or {}).values())
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True
        )

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()

    def close(self) -> None:
        """Lets all clients go and stops."""
        for channel in self._channels:
            channel.end()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    channel: Channel
    others: Mapping[str, Channel]
    streams: Mapping[str, Channel]
    health: Callable[[], dict[str, Any]]
    protocol_version = "HTTP/1.0"
    timeout = 30.0  # seconds for a client that reads nothing

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        """Says nothing: a line a request would drown the demo's output."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        try:
            if path in self.streams:
                self._stream(self.streams[path])
            elif path == "/snapshot.jpg":
                self._snapshot()
            elif path == "/health":
                self._health()
            else:
                self._json(HTTPStatus.NOT_FOUND, {"error": f"no {path} here; try /stream.mjpg, /snapshot.jpg, /health"})
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True  # the client went away or hangs

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/fault" or not length.isdigit() or int(length) > _LARGEST_POST:
            words = 'POST /fault with {"kind": "freeze|black|stop|none"}, and "stream": "down" for another than the first'
            self._json(HTTPStatus.BAD_REQUEST, {"error": words})
            return
        try:
            asked = json.loads(self.rfile.read(int(length)))
            kind = asked["kind"]
            channel = self.others[asked["stream"]] if "stream" in asked else self.channel
            channel.set_fault(kind)
        except (ValueError, KeyError, TypeError) as error:
            self._json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
            return
        self._json(HTTPStatus.OK, {"fault": kind})

    def _stream(self, channel: Channel) -> None:
        if channel.fault == "stop" or not channel.ready:
            self._json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "no pictures now"})
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        channel.watch(+1)
        try:
            seen = channel.number
            while (newer := channel.wait_newer(seen, None)) is not None:
                seen, captured = newer
                self.wfile.write(_part(captured))
        finally:
            channel.watch(-1)

    def _snapshot(self) -> None:
        self.channel.watch(+1)
        try:
            newer = self.channel.wait_newer(self.channel.number, _SNAPSHOT_TIMEOUT_S)
        finally:
            self.channel.watch(-1)
        if newer is None:
            self._json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "no pictures now"})
            return
        captured = newer[1]
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(captured.jpeg)))
        self.send_header("X-Timestamp", f"{captured.unix_s:.6f}")
        self.end_headers()
        self.wfile.write(captured.jpeg)

    def _health(self) -> None:
        facts = {"ready": self.channel.ready, "frames": self.channel.number, "clients": self.channel.watchers}
        facts |= {"fault": self.channel.fault} | type(self).health()
        self._json(HTTPStatus.OK if self.channel.ready else HTTPStatus.SERVICE_UNAVAILABLE, facts)

    def _json(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _kind(picture: bytes) -> str:
    return "png" if picture.startswith(b"\x89PNG") else "jpeg"


def _part(captured: Captured) -> bytes:
    """One part of the multipart stream, its boundary included."""
    head = (
        f"--{_BOUNDARY}\r\nContent-Type: image/{_kind(captured.jpeg)}\r\nContent-Length: {len(captured.jpeg)}\r\n"
        f"X-Timestamp: {captured.unix_s:.6f}\r\n\r\n"
    )
    return head.encode("ascii") + captured.jpeg + b"\r\n"
