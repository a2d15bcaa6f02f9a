"""The nest of the fault test seen from outside: a process that is begun again whenever it ends, as systemd would."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from agent.core.errors import DeviceError

_START_S = 60.0
_AGAIN_S = 0.5


class NestProcess:
    """The process of ``outbox_agent``.

    Args:
        directory: its store.
        port: where its line to the broker begins.
        log: what it writes.

    Attributes:
        shift_s: how wrong its clock is, for its next life.
        raised: alerts that it was told to raise.
        said: what it has said in all its lives.
    """

    def __init__(self, directory: Path, port: int, log: Path) -> None:
        self._directory = directory
        self._log = log
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self.shift_s = 0.0
        self.raised = 0
        self.said: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Keeps it running until it is cancelled."""
        try:
            while True:
                await self._live()
                await asyncio.sleep(_AGAIN_S)
        finally:
            await self._end()

    async def _live(self) -> None:
        begin = ("-m", "simulator.runner.outbox_agent", str(self._directory), str(self._port))
        more = (f"--shift-s={self.shift_s}", f"--begun-at={self.raised}")
        with self._log.open("ab") as log:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *begin, *more, stdin=pipe, stdout=pipe, stderr=log
            )
        assert self._process.stdout is not None  # noqa: S101 asked for above
        async for line in self._process.stdout:
            told = json.loads(line) if line.endswith(b"}\n") else {"what": "cut off"}
            self.said.append(told)
            if told["what"] == "ready":
                self._ready.set()
        self._ready.clear()
        await self._process.wait()

    async def tell(self, line: str) -> bool:
        """One line for it. Returns whether it took it; what is told to a dead one is not done."""
        process = self._process
        if process is None or process.stdin is None or not self._ready.is_set():
            return False
        try:
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()
        except ConnectionError:
            return False
        return True

    async def until_ready(self) -> None:
        """Waits until it has opened its store."""
        try:
            async with asyncio.timeout(_START_S):
                await self._ready.wait()
        except TimeoutError as error:
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-1000:]
            raise DeviceError("sim.process", f"the nest of the fault test does not start in {_START_S:g} s\n{tail}") from error

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
