"""Child processes with their output in files: start, wait until ready, kill, stop. Knows nothing of what they do."""

import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from agent.core.errors import DeviceError

_STOP_S = 10.0


class Child:
    """One process in a process group of its own, so that its own children die with it.

    Args:
        name: for messages and the log file.
        command: argv.
        log: where stdout and stderr go, appended.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 our own commands
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def tail(self, lines: int = 15) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def peaks_mb(self) -> dict[str, float]:
        """Peak resident memory by process, this one and those that it started; empty where the system has no /proc."""
        proc = Path("/proc")
        if not (proc / str(self.pid) / "status").exists():
            return {}
        children = (proc / str(self.pid) / "task" / str(self.pid) / "children").read_text(encoding="ascii").split()
        found = {self.name: _peak_mb(proc / str(self.pid))}
        return found | {f"{self.name} child {n + 1}": _peak_mb(proc / pid) for n, pid in enumerate(children)}

    def kill(self) -> None:
        """SIGKILL to the process alone, as the kernel or a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Asks it to end, then makes sure of it and of whatever it started."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


class Processes:
    """All processes of a run; leaving the ``with`` block stops them, last started first."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self.children: dict[str, Child] = {}
        self._former: Callable[[int, FrameType | None], Any] | int | None = None
        log_dir.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, command: Sequence[str], env: dict[str, str] | None = None) -> Child:
        """Starts a process; one of the same name that still runs is stopped first."""
        if name in self.children:
            self.children.pop(name).stop()
        child = Child(name, command, self._log_dir / f"{name}.log", env)
        self.children[name] = child
        return child

    def check(self) -> None:
        """Raises if any process ended by itself.

        Raises:
            DeviceError: names it, its exit status and the end of its output.
        """
        for child in self.children.values():
            if (code := child.exit_code) is not None:
                raise DeviceError(
                    "run.process_ended", f"{child.name} ended with status {code}; its last words:\n{child.tail()}"
                )

    def wait(self, what: str, ready: Callable[[], bool], timeout_s: float) -> None:
        """Waits for a condition while all processes run.

        Raises:
            DeviceError: it did not come true in time, or a process ended.
        """
        end_s = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > end_s:
                raise DeviceError("run.not_ready", f"{what}: not within {timeout_s:.0f} s")
            time.sleep(0.05)

    def __enter__(self) -> Self:
        """From here on SIGTERM ends the run as Ctrl-C does, so that no process is left behind."""
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGTERM, _leave)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for child in reversed(list(self.children.values())):
            child.stop()
        if self._former is not None:
            signal.signal(signal.SIGTERM, self._former)


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 a signal handler's signature
    raise SystemExit(128 + number)


def listening(port: int) -> bool:
    """Whether something accepts TCP connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers_well(url: str) -> bool:
    """Whether an HTTP server on the loopback interface answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 our own http address
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _peak_mb(process: Path) -> float:
    """VmHWM of a process."""
    lines = (process / "status").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) / 1024.0 for line in lines if line.startswith("VmHWM")), 0.0)
