"""Starts, watches and restarts a process that looks at pictures, and brings its observations to the bus.

Runs on the agent's event loop and never waits for the child: lines that the child does not take are dropped, a child that is
silent or gone is replaced with growing pauses, and its absence is told with a health code. Knows nothing of pictures.

The child computes as fast as the computer does, whatever clock the agent runs on, so its time limits count the computer's
seconds: they are multiplied by the time base's rate before the loop waits for them. On a nest the rate is 1.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog
from pydantic import TypeAdapter, ValidationError

from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.domain.codes import words_of
from agent.domain.wire import Wire
from agent.vision.memory import ENVIRONMENT
from agent.vision.protocol import Trouble, Watch

_LINE_BYTES_MAX = 1 << 20
_UNREAD_BYTES_MAX = 1 << 16
"""What may wait for the child to read, about 150 poses; more is dropped."""
_BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_AFTER_S = 30.0
"""A child that worked for so long starts the pauses from the shortest again."""
_GRACE_S = 3.0
"""How long a child may take to end after its input was closed."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChildKind:
    """What differs between the processes.

    Attributes:
        name: in words, for the log.
        command: how it is started, without ``--time-base``.
        setup: its first line.
        messages: reads its lines: observations, a status about once a second, and :class:`Trouble`.
        absence: makes the status to publish while no child is at work, of the health code for the reason.
        start_timeout_s: longest time until its first word.
        stall_after_s: without a word for so long, it is killed.
    """

    name: str
    command: tuple[str, ...]
    setup: Wire
    messages: TypeAdapter[Any]
    absence: Callable[[str], object]
    start_timeout_s: float
    stall_after_s: float


class ChildSupervisor:
    """A child process as a service: ``async with ChildSupervisor(...) as child``.

    Publishes on the bus whatever the child says; while no child is at work, an absence about once a second with
    ``vision.starting``, ``vision.down``, ``vision.stalled`` or the child's own code such as ``model.changed``.

    Args:
        kind: which process.
    """

    def __init__(self, kind: ChildKind, bus: Bus, clock: Clock) -> None:
        self._kind = kind
        self._bus = bus
        self._clock = clock
        self._command = (*kind.command, "--time-base", str(clock.base))
        self._watch = Watch(on=False)
        self._process: asyncio.subprocess.Process | None = None
        self._health = "vision.starting"
        self._heard_at_s = 0.0
        self._tasks: asyncio.TaskGroup | None = None
        self._runner: asyncio.Task[None] | None = None
        self.restarts = 0
        """Children that were started after the first."""
        self.lines_refused = 0
        """Lines of the child that did not decode."""

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Self:
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._runner = self._tasks.create_task(self._run(), name=f"{self._kind.name} supervisor")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks, runner = self._tasks, self._runner
        self._tasks = self._runner = None
        if tasks is not None and runner is not None:
            runner.cancel()
            await tasks.__aexit__(kind, error, trace)

    def watch(self, on: bool, flight: str | None = None) -> None:  # noqa: FBT001 the switch is the whole message
        """Turns the search on or off. A child that is restarted is told again."""
        self._watch = Watch(on=on, flight=flight)
        self.send(self._watch.model_dump_json())

    def send(self, line: str) -> bool:
        """Never waits. False when no child is there or it does not read: then the line is lost."""
        pipe = self._process.stdin if self._process else None
        if pipe is None or pipe.is_closing() or pipe.transport.get_write_buffer_size() > _UNREAD_BYTES_MAX:
            return False
        pipe.write(line.encode() + b"\n")
        return True

    async def _run(self) -> None:
        """One child after the other, for ever."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started_s = loop.time()
            await self._one_child()
            if loop.time() - started_s > _STEADY_AFTER_S * self._clock.base.rate:
                failures = 0
            pause_s = _BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]
            failures += 1
            self.restarts += 1
            _log.warning(
                "child process ended",
                child=self._kind.name,
                code=self._health,
                words=words_of(self._health),
                again_in_s=pause_s,
            )
            await self._pause(pause_s)

    async def _pause(self, computer_s: float) -> None:
        """Waits, and says about once a second of the loop that nobody looks."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + computer_s * self._clock.base.rate
        while (left_s := end_s - loop.time()) > 0:
            self._publish_absence()
            await asyncio.sleep(min(1.0, left_s))

    def _publish_absence(self) -> None:
        self._bus.publish(self._kind.absence(self._health))

    async def _one_child(self) -> None:
        """Starts a child and stays until it is gone, whatever the reason. Leaves the reason's code in ``_health``."""
        self._health = "vision.starting"
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES_MAX,
                env=os.environ | ENVIRONMENT,
            )
        except OSError as error:
            _log.error("child process cannot be started", child=self._kind.name, error=str(error))
            self._health = "vision.down"
            return
        self._process = process
        try:
            self.send(self._kind.setup.model_dump_json())
            self.send(self._watch.model_dump_json())
            await self._listen(process)
        finally:
            self._process = None
            await self._end(process)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Until the child's output ends or it stays silent for too long."""
        reader = asyncio.create_task(self._read_lines(process))
        loop = asyncio.get_running_loop()
        rate = self._clock.base.rate
        self._heard_at_s = loop.time()
        try:
            while not reader.done():
                starting = self._health == "vision.starting"
                limit_s = (self._kind.start_timeout_s if starting else self._kind.stall_after_s) * rate
                if loop.time() - self._heard_at_s > limit_s:
                    self._health = "vision.stalled"
                    return
                if starting:
                    self._publish_absence()
                await asyncio.wait([reader], timeout=min(1.0, limit_s / 4))
            reader.result()
            if self._health in {"", "vision.starting"}:
                self._health = "vision.down"
        finally:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

    async def _read_lines(self, process: asyncio.subprocess.Process) -> None:
        output = process.stdout
        while output is not None:
            try:
                line = await output.readline()
            except ValueError:  # a line beyond the limit; what was read of it is gone
                self.lines_refused += 1
                continue
            if not line:
                return
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            message = self._kind.messages.validate_json(line)
        except ValidationError as error:
            self.lines_refused += 1
            _log.debug("line of a child process refused", child=self._kind.name, error=str(error))
            return
        self._heard_at_s = asyncio.get_running_loop().time()
        if isinstance(message, Trouble):
            self._health = message.code
            _log.error("child process cannot work", child=self._kind.name, code=message.code, words=message.words)
            return
        self._health = ""
        self._bus.publish(message)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Asks the child to end by closing its input, then kills it. Returns when it is gone."""
        if self._health == "vision.stalled":
            _kill(process)
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE_S * self._clock.base.rate):
                await process.wait()
        except TimeoutError:
            _log.warning("child process did not end by itself", child=self._kind.name, pid=process.pid)
        finally:
            _kill(process)
            await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
