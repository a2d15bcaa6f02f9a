"""Telemetry logs as ground stations write them."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from agent.core.errors import ConfigError


class Tlog:
    """A telemetry log as ground stations write it: microseconds, then the frame."""

    def __init__(self, path: Path, unix_s: Callable[[], float]) -> None:
        try:
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise ConfigError("config.invalid", f"telemetry log {path}: cannot be written ({error.strerror})") from error
        self._unix_s = unix_s

    def write(self, frame: bytes) -> None:
        """Adds a frame."""
        self._file.write(struct.pack(">Q", int(self._unix_s() * 1e6)) + frame)

    def close(self) -> None:
        """Ends the log."""
        self._file.close()
