"""The camera as a process: captures at its rate, offers pictures, writes the truth beside them."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from agent.core.clock import TimeBase
from simulator.camera.frames import Captured, FrameSource
from simulator.camera.stream import Channel

_IDLE_CHECK_S = 0.2


class TruthLog:
    """Writes one JSON line a picture and, now and then, the hazards with their outlines.

    Args:
        folder: made if absent; gets ``frames.jsonl`` and ``hazards.jsonl``.
        hazards: what is true of the world at a world second.
        period_s: world seconds between two lines of ``hazards.jsonl``.
    """

    def __init__(self, folder: Path, hazards: Callable[[float], list[dict[str, Any]]], period_s: float = 10.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._frames: TextIO = (folder / "frames.jsonl").open("w", encoding="utf-8")
        self._hazards: TextIO = (folder / "hazards.jsonl").open("w", encoding="utf-8")
        self._truth, self._period_s = hazards, period_s
        self._next_s = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._frames.close()
        self._hazards.close()

    def write(self, captured: Captured) -> None:
        """Logs one picture."""
        if not captured.truth:
            return
        self._line(self._frames, captured.truth)
        world_s = float(captured.truth["world_s"])
        if world_s >= self._next_s:
            self._next_s = world_s + self._period_s
            self._line(self._hazards, {"unix_s": captured.unix_s, "world_s": world_s, "hazards": self._truth(world_s)})

    @staticmethod
    def _line(file: TextIO, value: dict[str, Any]) -> None:
        file.write(json.dumps(value, separators=(",", ":")) + "\n")
        file.flush()


def run_capture(
    source: FrameSource, channel: Channel, period_s: float, base: TimeBase, stop: threading.Event, log: TruthLog | None = None
) -> None:
    """Captures until stopped or until the source ends, only while someone watches.

    A picture that is late moves the next ones: time is never caught up with a queue of pictures.

    Args:
        source: gives pictures.
        channel: takes them.
        period_s: product seconds between two pictures.
        base: how product time runs against the computer's.
        stop: ends the loop.
        log: takes the truth, if wanted.
    """
    period_real_s = period_s / base.rate
    due = time.monotonic()
    channel.ready = True
    while not stop.is_set():
        if not channel.wait_watched(_IDLE_CHECK_S):
            due = time.monotonic()
            continue
        if stop.wait(max(0.0, due - time.monotonic())) or channel.ended:
            break
        due = max(due + period_real_s, time.monotonic())
        captured = source.capture()
        if captured is None:
            break
        channel.publish(captured)
        if log is not None:
            log.write(captured)
    channel.end()
