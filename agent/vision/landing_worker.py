"""The process that looks for the pad: pictures of the down camera in, sights and a status out.

A process of its own, so that a busy search for fire never delays a landing. It loads no models and needs some milliseconds a
picture. It knows nothing of the drone's attitude or place: it says where the pad lies in the drone's axes, and when that was.
The camera is opened only while somebody wants to land.
"""

import time
from collections import deque
from statistics import median
from typing import BinaryIO

import cv2
import numpy as np
import structlog

from agent.core.clock import Clock, utc_from_unix
from agent.domain.landing import PadCameraStatus
from agent.vision.child_io import Send, run_child
from agent.vision.frame import Frame
from agent.vision.inbox import Inbox
from agent.vision.pad_markers import MarkerFinder
from agent.vision.pad_pose import PadSolver
from agent.vision.protocol import LandingSetup
from agent.vision.scene import PictureHealth
from agent.vision.sources import LiveSource, SourceSettings

_NO_VIDEO_AFTER_S = 2.0
_STATUS_INTERVAL_S, _STATUS_INTERVAL_MIN_S = 1.0, 0.1
_IDLE_WAIT_S = 0.05
_HEALTH_EVERY = 5
"""Pictures between two looks at the picture's own quality."""
_RECENT = 50

_log = structlog.get_logger(__name__)


def main(clock: Clock) -> int:
    """Runs the process until its standard input ends. Returns the exit status."""
    return run_child(LandingSetup, _serve, clock)


def _serve(setup: LandingSetup, stream: BinaryIO, clock: Clock, send: Send) -> None:
    inbox = Inbox(stream, setup.landing.camera.mount_pitch_deg)
    inbox.start()
    try:
        LandingWorker(setup, clock, inbox, send).run()
    finally:
        inbox.finish()


class LandingWorker:
    """The loop of the process."""

    def __init__(self, setup: LandingSetup, clock: Clock, inbox: Inbox, send: Send) -> None:
        section = setup.landing
        self._settings = SourceSettings(section.source, clock, section.camera.latency_s)
        self._rate = clock.base.rate
        self._interval_s = 1.0 / section.frames_per_s_max / self._rate
        self._finder = MarkerFinder(section.pad)
        self._solver = PadSolver(section)
        self._clock = clock
        self._inbox = inbox
        self._send = send
        self._health = PictureHealth()
        self._frames = 0
        self._first_at_s: float | None = None
        self._frame_at_s = self._status_due_s = time.monotonic()
        self._latencies_s: deque[float] = deque(maxlen=_RECENT)

    def run(self) -> None:
        """Until the parent closes the pipe."""
        while not self._inbox.closed.is_set():
            if self._inbox.watch.on:
                with LiveSource(self._settings) as source:
                    self._look_while_wanted(source)
            self._tell_status()
            self._inbox.closed.wait(_IDLE_WAIT_S)

    def _look_while_wanted(self, source: LiveSource) -> None:
        self._frames = 0
        self._health = PictureHealth()
        self._latencies_s.clear()
        self._first_at_s = None
        self._frame_at_s = due_s = time.monotonic()
        while self._inbox.watch.on and not self._inbox.closed.wait(max(0.0, due_s - time.monotonic())):
            frame = source.slot.take(_IDLE_WAIT_S)
            if frame is not None:
                due_s = time.monotonic() + self._interval_s
                self._look(frame)
            self._tell_status()

    def _look(self, frame: Frame) -> None:
        self._frame_at_s = time.monotonic()
        self._first_at_s = self._frame_at_s if self._first_at_s is None else self._first_at_s
        if self._frames % _HEALTH_EVERY == 0:
            self._health.update(frame, self._frame_at_s * self._rate, aloft=False)
        self._frames += 1
        captured_unix_s = frame.captured_unix_s or self._clock.unix_s() - self._settings.latency_s
        grey = np.asarray(cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        height_px, width_px = grey.shape
        sight = self._solver.solve(self._finder.find(grey), width_px, height_px, captured_unix_s)
        if sight is not None:
            self._send(sight.model_dump_json())
        self._latencies_s.append(self._clock.unix_s() - captured_unix_s)

    def _tell_status(self) -> None:
        now_s = time.monotonic()
        if now_s < self._status_due_s:
            return
        self._status_due_s = now_s + max(_STATUS_INTERVAL_MIN_S, _STATUS_INTERVAL_S / self._rate)
        status = PadCameraStatus(
            at=utc_from_unix(self._clock.unix_s()),
            frames=self._frames,
            latency_s=round(median(self._latencies_s), 3) if self._latencies_s else None,
            looked_s=self._looked_s(now_s),
            health=self._codes(now_s),
        )
        self._send(status.model_dump_json())

    def _looked_s(self, now_s: float) -> float:
        if self._first_at_s is None or not self._inbox.watch.on:
            return 0.0
        return (now_s - self._first_at_s) * self._rate

    def _codes(self, now_s: float) -> tuple[str, ...]:
        if not self._inbox.watch.on:
            return ()
        if now_s - self._frame_at_s > _NO_VIDEO_AFTER_S:
            return ("landing.no_video",)
        return tuple(code.replace("vision.", "landing.", 1) for code in self._health.codes())
