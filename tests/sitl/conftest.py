"""Autopilots to fly the agent's driver on: the built-in vehicle always, real ones where their binaries are named.

NEST_ARDUCOPTER names an ArduCopter SITL binary, NEST_PX4 the ``bin/px4`` of a PX4 build for the SIH simulator. All are started
by ``nest-sim vehicle``. The end of the test report says on which of them the tests flew.
"""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.core.clock import TimeBase
from simulator.ports import free_port
from simulator.runner.processes import Processes
from simulator.sitl.binary import PARAMETER_SETS, PROGRAMS, Backend

HOME = "30.39,119.84,30,0"
RATES = {Backend.BUILTIN: 10.0, Backend.ARDUPILOT: 10.0, Backend.PX4: 5.0}


@dataclass(frozen=True)
class Drone:
    """A running autopilot: its kind, how the agent reaches it, a second port, the parameter set for it and its clock."""

    kind: Backend
    link: str
    second_port: int
    parameter_set: str
    base: TimeBase
    system_id: int = 1


def kinds() -> list[Backend]:
    return [Backend.BUILTIN, *(backend for backend, (variable, _) in PROGRAMS.items() if os.environ.get(variable))]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    absent = [variable for variable, _ in PROGRAMS.values() if not os.environ.get(variable)]
    words = f"flown on: {', '.join(kinds())}" + (
        f"; not flown on a real autopilot: {', '.join(absent)} not set" if absent else ""
    )
    terminalreporter.write_sep("-", f"sitl {words}")


@contextlib.contextmanager
def vehicle(backend: Backend, folder: Path) -> Iterator[Drone]:
    """A drone with two links: the agent's, and one for who looks on."""
    base = TimeBase(RATES[backend], time.time())
    port, second = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    command = [sys.executable, "-m", "simulator", "vehicle", "--backend", backend, "--home", HOME, "--time-base", str(base)]
    command += ["--link", f"udpout:127.0.0.1:{port}", "--link", f"udpin:127.0.0.1:{second}"]
    own = ["--boot-s", "5"] if backend is Backend.BUILTIN else ["--folder", str(folder / "autopilot")]
    with Processes(folder) as processes:
        child = processes.start("vehicle", [*command, *own])
        processes.wait("the vehicle", lambda: "vehicle ready" in child.tail(), 60.0)
        yield Drone(backend, f"udp-listen:127.0.0.1:{port}", second, PARAMETER_SETS[backend], base)


@pytest.fixture(scope="module", params=kinds())
def drone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drone]:
    """One autopilot for all tests of a module; each leaves it on the ground, disarmed."""
    with vehicle(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running
