"""A real motion JPEG server, and a model folder to look with."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.doubles.tiny_model import red_square, write_model_folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model_folder(tmp_path_factory.mktemp("models") / "tiny")


@dataclass
class Camera:
    """What the server shows. ``picture`` is called for each frame."""

    picture: Callable[[], np.ndarray] = red_square
    frames_per_s: float = 20.0
    stamps: bool = True
    port: int = 0
    served: list[float] = field(default_factory=list)
    cut: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stream.mjpg"


@pytest.fixture
def camera() -> Iterator[Camera]:
    shown = Camera()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                while not shown.cut.is_set():
                    moment = time.time()
                    picture = shown.picture()
                    kind = "png" if picture.dtype == np.uint16 else "jpg"
                    jpeg = cv2.imencode(f".{kind}", picture)[1].tobytes()
                    stamp = f"X-Timestamp: {moment:.6f}\r\n" if shown.stamps else ""
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n{stamp}\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                    shown.served.append(moment)
                    shown.cut.wait(1.0 / shown.frames_per_s)
            except (BrokenPipeError, ConnectionResetError):
                pass

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    shown.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield shown
    shown.cut.set()
    server.shutdown()
    server.server_close()
    thread.join()
