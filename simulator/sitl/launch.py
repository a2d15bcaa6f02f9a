"""Runs a real autopilot's simulation with its links while a block lasts: ports, process, relay, and a clean end."""

import asyncio
import fcntl
import os
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agent.core.errors import ConfigError, DeviceError
from simulator.ports import free_port
from simulator.sitl import arducopter, px4
from simulator.sitl.binary import Backend
from simulator.sitl.bridge import Bridge
from simulator.sitl.frames import frames
from simulator.sitl.gimbal import STEP_S, GimbalDevice
from simulator.sitl.recipe import Recipe, Wanted
from simulator.sitl.relay import Port, Record, Relay
from simulator.vehicle.links import Address
from simulator.vehicle.wire import SYSTEM_ID, mavlink

_FIRST_WORD_S = 60.0  # of the computer's clock; a slow one needs ten
_STOP_S = 5.0
_LAST_WORDS_LINES = 12
_GREETER = 253  # MAVLink system of the relay itself
_GREET_S = 0.2
_QUIET_TIMES = 3
LOG = "autopilot.log"
Opened = tuple[Sequence[Port], Port, Recipe]
"""Telemetry ports, the gimbal's port, and how the process is started."""


@dataclass(frozen=True, slots=True)
class Sitl:
    """A running autopilot.

    Attributes:
        process: the program.
        bound: where its links are.
        log: what it prints.
    """

    process: asyncio.subprocess.Process
    bound: Sequence[Address]
    log: Path

    def ended(self) -> DeviceError:
        """The error for a program that ended by itself."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_WORDS_LINES:]
        last = "\n".join(lines) or "nothing"
        return DeviceError("sitl.ended", f"the autopilot ended with status {self.process.returncode}; its last words:\n{last}")


@asynccontextmanager
async def run_sitl(
    backend: Backend, wanted: Wanted, addresses: Sequence[Address], record: Record = lambda _: None
) -> AsyncIterator[Sitl]:
    """Starts an autopilot and waits until it speaks; stops it when the block ends.

    Args:
        addresses: links to open, the agent's first.
        record: takes every frame that passes.

    Raises:
        ConfigError: a port is taken, or the program is not whole.
        DeviceError: it ended at once, or does not speak.
    """
    async with AsyncExitStack() as stack:
        ports, gimbal_port, recipe = await _OPENERS[backend](wanted, stack)
        relay = await stack.enter_async_context(Relay(ports, addresses, Bridge(), record))

        def show(frame: bytes) -> None:
            for number in recipe.deaf:
                relay.show(number, frame)

        for task in (_turn(gimbal_port, wanted.rate, show), _greet(ports, recipe.quiet, relay.heard)):
            stack.callback(asyncio.create_task(task).cancel)
        wanted.folder.mkdir(parents=True, exist_ok=True)
        for name, text in recipe.files.items():
            (wanted.folder / name).write_text(text, encoding="utf-8")
        process = await _start(recipe, wanted.folder)
        stack.push_async_callback(_stop, process)
        sitl = Sitl(process, relay.bound, wanted.folder / LOG)
        await _first_word(sitl, relay.heard)
        yield sitl


async def _start(recipe: Recipe, folder: Path) -> asyncio.subprocess.Process:
    with (folder / LOG).open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *recipe.command,
            cwd=folder,
            env={**os.environ, **recipe.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


async def _first_word(sitl: Sitl, heard: asyncio.Event) -> None:
    """Waits for the first frame.

    Raises:
        DeviceError: it does not come.
    """
    ended, spoke = asyncio.create_task(sitl.process.wait()), asyncio.create_task(heard.wait())
    try:
        await asyncio.wait({ended, spoke}, timeout=_FIRST_WORD_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
        spoke.cancel()
    if sitl.process.returncode is not None:
        raise sitl.ended()
    if not heard.is_set():
        raise DeviceError("sitl.silent", f"the autopilot runs but did not speak within {_FIRST_WORD_S:g} s; see {sitl.log}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Asks it to end, then makes sure of it and of whatever it started."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


async def _greet(ports: Sequence[Port], quiet: Sequence[Sequence[int]], heard: asyncio.Event) -> None:
    """Speaks first, as PX4 wants it, until the autopilot answers; then asks for quiet, more than once: UDP may lose it."""
    mav: Any = mavlink.MAVLink(None, srcSystem=_GREETER, srcComponent=mavlink.MAV_COMP_ID_ONBOARD_COMPUTER)
    kind, invalid = mavlink.MAV_TYPE_ONBOARD_CONTROLLER, mavlink.MAV_AUTOPILOT_INVALID
    hello = mav.heartbeat_encode(kind, invalid, 0, 0, mavlink.MAV_STATE_ACTIVE)
    while not heard.is_set():
        for port in ports:
            port.send(hello.pack(mav))
        await asyncio.sleep(_GREET_S)
    for _ in range(_QUIET_TIMES):
        for port, messages in zip(ports, quiet, strict=False):
            for number in messages:
                never = (float(number), -1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
                port.send(mav.command_long_encode(SYSTEM_ID, 1, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 0, *never).pack(mav))
        await asyncio.sleep(_GREET_S)


async def _turn(port: Port, rate: float, show: Callable[[bytes], None]) -> None:
    """The gimbal on its port, in step with the autopilot's clock; ``show`` takes what it reports."""
    gimbal = GimbalDevice()

    def hear(data: bytes) -> None:
        for answer in (answer for frame in frames(data) for answer in gimbal.hear(frame)):
            port.send(answer)

    port.take = hear
    began_s, steps = time.monotonic(), 0
    while True:
        while steps * STEP_S < (time.monotonic() - began_s) * rate:  # late cycles are made up for
            steps += 1
            for said in gimbal.step():
                port.send(said)
                show(said)
        await asyncio.sleep(STEP_S / rate)


async def _open_arducopter(wanted: Wanted, stack: AsyncExitStack) -> Opened:
    *ports, gimbal = [await Port.open() for _ in (*arducopter.SERIALS, arducopter.GIMBAL_SERIAL)]
    for port in (*ports, gimbal):
        stack.callback(port.close)
    return (
        ports,
        gimbal,
        arducopter.recipe(wanted, [port.number for port in ports], gimbal.number, free_port(socket.SOCK_DGRAM)),
    )


async def _open_px4(wanted: Wanted, stack: AsyncExitStack) -> Opened:
    """Takes the first instance number that nobody else has."""
    for instance in px4.INSTANCES:
        if not all(map(_is_free, px4.ports(instance))) or not _claimed(f"px4-{instance}", stack):
            continue
        *ports, gimbal = [await Port.open(number) for number in px4.ports(instance)]
        for port in (*ports, gimbal):
            stack.callback(port.close)
        return ports, gimbal, px4.recipe(wanted, instance)
    raise ConfigError("sim.port", f"px4: all {len(px4.INSTANCES)} instances are running; stop one of them")


def _claimed(name: str, stack: AsyncExitStack) -> bool:
    """Holds a name among the processes of this computer while the stack is open; False where another has it."""
    lock = stack.enter_context((Path(tempfile.gettempdir()) / f"nest-sitl-{name}.lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_OPENERS: Mapping[Backend, Callable[[Wanted, AsyncExitStack], Awaitable[Opened]]] = MappingProxyType(
    {Backend.ARDUPILOT: _open_arducopter, Backend.PX4: _open_px4}
)


BODIES: Mapping[Backend, Mapping[str, float]] = MappingProxyType({Backend.ARDUPILOT: arducopter.BODY, Backend.PX4: px4.BODY})
"""Parameters that the simulated drone itself brings with it."""


def _is_free(number: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True
