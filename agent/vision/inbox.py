"""The child's ear: reads the parent's lines in a thread of its own, so that a busy or hung main thread still hears the end.

Poses go into a history that the main thread asks; the newest word on watching is kept. When the parent closes the pipe or dies,
``closed`` is set, and a process that does not end by itself then is ended.
"""

import os
import threading
from typing import BinaryIO

import structlog
from pydantic import ValidationError

from agent.vision.poses import CameraPose, PoseHistory
from agent.vision.protocol import Pose, ToChild, Watch

_LINE_BYTES_MAX = 1 << 20
_GRACE_S = 5.0
EXIT_HUNG = 3

_log = structlog.get_logger(__name__)


class Inbox:
    """What the parent said.

    Args:
        stream: standard input after the first line.
        mount_pitch_deg: camera axis against the body where no gimbal reports.
    """

    def __init__(self, stream: BinaryIO, mount_pitch_deg: float) -> None:
        self.closed = threading.Event()
        self.refused = 0
        self._stream = stream
        self._poses = PoseHistory(mount_pitch_deg)
        self._watch = Watch(on=False)
        self._changed = threading.Condition()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._run, name="parent's lines", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def finish(self) -> None:
        """Tells that the process ends by itself now."""
        self._finished.set()

    @property
    def watch(self) -> Watch:
        """The newest word on watching."""
        with self._changed:
            return self._watch

    def pose_at(self, unix_s: float, wait_s: float) -> CameraPose | None:
        """The pose at a moment, waiting a little for the samples after it; None where there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed.is_set() or (self._poses.newest_unix_s or 0.0) >= unix_s, wait_s)
            return self._poses.at(unix_s)

    @property
    def newest_pose_unix_s(self) -> float:
        """Moment of the newest pose; 0 before the first."""
        with self._changed:
            return self._poses.newest_unix_s or 0.0

    def _run(self) -> None:
        while line := self._stream.readline(_LINE_BYTES_MAX):
            self._take(line)
        self.closed.set()
        with self._changed:
            self._changed.notify_all()
        if not self._finished.wait(_GRACE_S):
            _log.error("vision process hangs after its parent left; it is ended")
            os._exit(EXIT_HUNG)

    def _take(self, line: bytes) -> None:
        try:
            message = ToChild.validate_json(line)
        except ValidationError as error:
            self.refused += 1
            _log.debug("line of the parent refused", error=str(error))
            return
        with self._changed:
            if isinstance(message, Pose):
                self._poses.add(message.sample)
            elif isinstance(message, Watch):
                self._watch = message
            self._changed.notify_all()
