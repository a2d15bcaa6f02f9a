"""Starts a vehicle, asks all probes in order, and says what came of each."""

import asyncio
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.core.clock import TimeBase
from agent.core.errors import DeviceError
from agent.core.geo import LatLon
from simulator.conformance.air import AIR
from simulator.conformance.elsewhere import ELSEWHERE
from simulator.conformance.ground import GROUND
from simulator.conformance.probe import FAMILIES, Asked, Probe
from simulator.conformance.talk import Talk
from simulator.loops import ScaledLoop
from simulator.ports import free_port
from simulator.runner.firmware import firmware_parameters
from simulator.runner.processes import Processes
from simulator.sitl.binary import PARAMETER_SETS, Backend

HOME = LatLon(30.39, 119.84)
_HOME_ALT_M = 30.0
_HEARD_S = 60.0
PROBES: Sequence[Probe] = (*GROUND, *AIR, *ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One row: what was asked, what a real autopilot answers, what this one answered."""

    words: str
    expected: str
    answer: str

    @property
    def same(self) -> bool:
        """Whether they agree."""
        return self.expected == self.answer


def conform(
    backend: Backend, binary: Path | None, folder: Path, rate: float, tell: Callable[[Answer], None] = lambda _: None
) -> list[Answer]:
    """Asks everything of one vehicle.

    Args:
        folder: for logs.
        rate: times real time.
        tell: takes each answer as it comes.

    Raises:
        DeviceError: the vehicle does not start, or does not speak.
    """
    port, base = free_port(socket.SOCK_DGRAM), TimeBase(rate, time.time())
    own = ["--boot-s", "5"] if backend is Backend.BUILTIN else ["--folder", str(folder / "autopilot")]
    parameters = firmware_parameters(PARAMETER_SETS[backend], backend)
    named = ["--binary", str(binary)] if binary else []
    command = [
        *(sys.executable, "-m", "simulator", "vehicle", "--backend", backend, *named, *own),
        *("--home", f"{HOME.lat_deg},{HOME.lon_deg},{_HOME_ALT_M},0", "--time-base", str(base)),
        *("--link", f"udpout:127.0.0.1:{port}"),
        *(part for name, value in parameters.items() for part in ("--param", f"{name}={value:.9g}")),
    ]
    with Processes(folder) as processes, asyncio.Runner(loop_factory=lambda: ScaledLoop(rate)) as runner:
        processes.start("vehicle", command)
        return runner.run(_ask_all(backend, port, processes, tell))


async def _ask_all(backend: Backend, port: int, processes: Processes, tell: Callable[[Answer], None]) -> list[Answer]:
    loop = asyncio.get_running_loop()
    transport, talk = await loop.create_datagram_endpoint(Talk, local_addr=("127.0.0.1", port))
    beating = asyncio.create_task(talk.beat())
    try:
        end_s = time.monotonic() + _HEARD_S
        while await talk.wait("HEARTBEAT", since_s=0.0, timeout_s=1.0) is None:
            processes.check()
            if time.monotonic() > end_s:
                raise DeviceError("sitl.silent", f"{backend}: not heard within {_HEARD_S:g} s")
        await talk.wait("HOME_POSITION", since_s=0.0, timeout_s=60.0)
        asked = Asked(talk, FAMILIES[backend], HOME)
        answers = []
        for probe in PROBES:
            if (expected := probe.expected.get(asked.family)) is not None:
                processes.check()
                answers.append(Answer(probe.words, expected, await probe.ask(asked)))
                tell(answers[-1])
        return answers
    finally:
        beating.cancel()
        transport.close()
