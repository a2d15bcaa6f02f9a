"""Keeps the reserve of signing time stamps on disk, see :class:`agent.mavlink.signing.Stamps`."""

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from agent.core.files import write_whole
from agent.mavlink.signing import Stamps

_log = structlog.get_logger(__name__)


class StampFile:
    """One number in a file. Never goes back, whoever writes from whichever thread.

    Args:
        path: the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._written = 0

    def read(self) -> int:
        """The reserve; 0 where there is none. One that cannot be read is told: then only the clock guards against reuse."""
        try:
            self._written = int(self._path.read_text(encoding="ascii"))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            _log.warning("the time of signing cannot be read", code="vehicle.signing_time_not_kept", words=str(error))
        return self._written

    def write(self, reserve: int) -> None:
        """Puts a higher reserve on disk. A disk that fails must not cost the link to a flying drone: it is told, no more."""
        with self._lock:
            if reserve <= self._written:
                return
            try:
                write_whole(self._path, str(reserve).encode("ascii"))
            except OSError as error:
                _log.warning("the time of signing cannot be kept", code="vehicle.signing_time_not_kept", words=str(error))
            self._written = reserve


def stamps_in(path: Path, unix_s: Callable[[], float]) -> Stamps:
    """Time stamps whose reserve is in this file."""
    file = StampFile(path)
    return Stamps(unix_s, file.read(), file.write)
