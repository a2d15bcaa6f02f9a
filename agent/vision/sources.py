"""Live video: a thread reads, the newest frame wins, and a lost connection is made again by itself.

Knows addresses, sockets and OpenCV's capture; nothing of what is seen. Capture time is the stream's own where it states it
(``X-Timestamp`` of a motion JPEG part); else the time of receipt less the configured latency.
"""

import base64
import http.client
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np
import structlog

from agent.core.clock import Clock
from agent.core.errors import ConfigError, LinkError, NestError
from agent.vision.frame import Frame
from agent.vision.mjpeg import MultipartReader, boundary_of
from agent.vision.pictures import LIVE_PIXELS_MAX, PICTURE_SUFFIXES, PictureError, decode_picture, natural_key, read_bytes

_SILENT_AFTER_S = 5.0
_BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_CHUNK_BYTES = 65_536
_FOLDER_FRAMES_PER_S = 1.0
_FILE_FRAMES_PER_S = 25.0
"""Where a video file does not state its rate."""

_STREAM_OPTIONS = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|timeout;5000000"
"""No buffering, and silence is an error after five seconds."""
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_log = structlog.get_logger(__name__)

Pending = Callable[[], Frame]
"""A frame that is decoded when somebody wants it; raises PictureError when it is damaged."""


class FrameSlot:
    """A queue of one between the reading thread and who looks: a new frame pushes the old one out, and that is counted."""

    def __init__(self) -> None:
        self.dropped = 0
        self.damaged = 0
        self._pending: Pending | None = None
        self._ready = threading.Condition()

    def put(self, pending: Pending) -> None:
        """Never waits."""
        with self._ready:
            self.dropped += self._pending is not None
            self._pending = pending
            self._ready.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame; None when none came in time or it was damaged."""
        with self._ready:
            self._ready.wait_for(lambda: self._pending is not None, timeout_s)
            pending, self._pending = self._pending, None
        if pending is None:
            return None
        try:
            return pending()
        except PictureError as error:
            self.damaged += 1
            _log.debug("frame refused", error=str(error))
            return None


FrameOf = Callable[[bytes, str, int, float], Frame]
"""Decodes a picture's bytes; source, number and capture time go into the frame. Raises PictureError."""


def colour_frame(data: bytes, source: str, index: int, captured_unix_s: float) -> Frame:
    """A frame of a camera that gives colours or grey."""
    return Frame(decode_picture(data, source, LIVE_PIXELS_MAX), source, index, captured_unix_s)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """What a reader needs: the address, the product's clock, and how old a frame is when it arrives.

    Attributes:
        frame_of: decodes pictures that come as files; video is decoded by FFmpeg.
    """

    url: str
    clock: Clock
    latency_s: float
    frame_of: FrameOf = colour_frame


Reader = Callable[[SourceSettings, threading.Event], Iterator[Pending]]
"""Connects and gives frames until the stream ends or the event is set. Raises NestError when it cannot."""


class LiveSource:
    """A source at work: ``with LiveSource(settings) as source: source.slot.take(1.0)``.

    Raises:
        ConfigError: ``vision.source_invalid``, the address is not understood.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self.slot = FrameSlot()
        self.connects = 0
        self._settings = settings
        self._reader = reader_for(settings.url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="video source", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                for pending in self._reader(self._settings, self._stop):
                    self.connects += failures == 0 and self.connects == 0
                    failures = 0
                    self.slot.put(pending)
                _log.info("video source ended; it is opened again")
            except NestError as error:
                _log.warning("video source failed; it is opened again", code=error.code, error=error.message)
            pause_s = _BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]
            failures += 1
            self._stop.wait(pause_s)


def reader_for(url: str) -> Reader:
    """The reader for an address.

    Raises:
        ConfigError: ``vision.source_invalid``.
    """
    scheme = urlsplit(url).scheme.lower()
    if scheme in _READERS:
        return _READERS[scheme]
    if scheme and "://" in url:
        known = ", ".join(f"{name}://" for name in _READERS)
        raise ConfigError("vision.source_invalid", f"vision.source {url!r}: {scheme}:// is not known; known are {known}")
    if url.isdecimal() or url.startswith("/dev/"):
        return _read_device
    path = Path(url)
    if path.is_dir():
        return _read_folder
    if path.is_file():
        return _read_file
    raise ConfigError("vision.source_invalid", f"vision.source {url!r}: no address, device, file or folder of that name")


def _read_mjpeg(settings: SourceSettings, stop: threading.Event) -> Iterator[Pending]:
    parts = urlsplit(settings.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_SILENT_AFTER_S)
    headers = {"Accept": "multipart/x-mixed-replace"}
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(secret).decode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", target, headers=headers)
        yield from _parts_of(connection.getresponse(), settings, stop)
    except (OSError, http.client.HTTPException) as error:
        raise LinkError("vision.no_video", f"{_without_secret(settings.url)}: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()


def _parts_of(response: http.client.HTTPResponse, settings: SourceSettings, stop: threading.Event) -> Iterator[Pending]:
    boundary = boundary_of(response.headers.get("Content-Type", ""))
    if response.status != http.client.OK or boundary is None:
        words = f"answered {response.status} {response.headers.get('Content-Type', '')}, not a motion JPEG stream"
        raise LinkError("vision.no_video", f"{_without_secret(settings.url)}: {words}")
    reader = MultipartReader(boundary)
    index = 0
    while not stop.is_set() and (data := response.read1(_CHUNK_BYTES)):
        for part in reader.feed(data):
            moment = part.captured_unix_s or settings.clock.unix_s() - settings.latency_s
            yield partial(settings.frame_of, part.picture, settings.url, index, moment)
            index += 1


def _without_secret(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(parts.netloc, parts.netloc.rpartition("@")[2]) if parts.username else url


def _read_stream(settings: SourceSettings, stop: threading.Event) -> Iterator[Pending]:
    yield from _captured(_open_stream(settings.url), settings, stop)


def _open_stream(url: str) -> cv2.VideoCapture:
    """OpenCV takes FFmpeg's options from the environment only, as it opens. They are for streams: a file would lose frames."""
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    told = os.environ.get(name)
    os.environ[name] = told or _STREAM_OPTIONS
    try:
        return cv2.VideoCapture(url, cv2.CAP_FFMPEG)
    finally:
        if told is None:
            del os.environ[name]


def _read_device(settings: SourceSettings, stop: threading.Event) -> Iterator[Pending]:
    name = int(settings.url) if settings.url.isdecimal() else settings.url
    yield from _captured(cv2.VideoCapture(name, cv2.CAP_V4L2), settings, stop)


def _captured(capture: cv2.VideoCapture, settings: SourceSettings, stop: threading.Event) -> Iterator[Pending]:
    """Frames of something that paces itself."""
    try:
        if not capture.isOpened():
            raise LinkError("vision.no_video", f"{_without_secret(settings.url)}: cannot be opened")
        index = 0
        while not stop.is_set():
            good, pixels = capture.read()
            if not good:
                raise LinkError("vision.no_video", f"{_without_secret(settings.url)}: the stream ended")
            moment = settings.clock.unix_s() - settings.latency_s
            yield _ready(Frame(np.asarray(pixels, dtype=np.uint8), settings.url, index, moment))
            index += 1
    finally:
        capture.release()


def _read_file(settings: SourceSettings, stop: threading.Event) -> Iterator[Pending]:
    """A video file played at its own speed by the product's clock, over and over."""
    capture = cv2.VideoCapture(settings.url, cv2.CAP_FFMPEG)
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        pause_s = 1.0 / (rate if 0.1 < rate < 240 else _FILE_FRAMES_PER_S) / settings.clock.base.rate
        index = 0
        while not stop.wait(pause_s):
            good, pixels = capture.read()
            if not good:
                if index == 0:
                    raise LinkError("vision.video_unreadable", f"{settings.url}: no frame can be read")
                return
            yield _ready(Frame(np.asarray(pixels, dtype=np.uint8), settings.url, index, settings.clock.unix_s()))
            index += 1
    finally:
        capture.release()


def _read_folder(settings: SourceSettings, stop: threading.Event) -> Iterator[Pending]:
    """The pictures of a folder, one a second, over and over. Damaged ones are skipped when they are decoded."""
    paths = sorted((p for p in Path(settings.url).rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES), key=natural_key)
    if not paths:
        raise LinkError("vision.no_video", f"{settings.url}: the folder holds no pictures")
    for index, path in enumerate(paths):
        if stop.wait(1.0 / _FOLDER_FRAMES_PER_S / settings.clock.base.rate):
            return
        yield partial(_file_frame, settings.frame_of, path, index, settings.clock.unix_s())


def _file_frame(frame_of: FrameOf, path: Path, index: int, captured_unix_s: float) -> Frame:
    return frame_of(read_bytes(path), str(path), index, captured_unix_s)


def _ready(frame: Frame) -> Pending:
    return lambda: frame


_READERS: dict[str, Reader] = {
    "http": _read_mjpeg,
    "https": _read_mjpeg,
    "rtsp": _read_stream,
    "rtsps": _read_stream,
    "udp": _read_stream,
}
