"""Autopilots to fly the agent's driver on: the built-in vehicle always, real ones where their binaries are named.

NEST_ARDUCOPTER names an ArduCopter SITL binary, NEST_PX4 the ``bin/px4`` of a PX4 build for the SIH simulator (with its ``etc``
beside ``bin``). The end of the test report says on which of them the tests flew.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.core.clock import TimeBase

HOME = "30.39,119.84,30,0"
BINARIES = {"arducopter": "NEST_ARDUCOPTER", "px4": "NEST_PX4"}
# What a simulated copter must be told once to count as calibrated; the values are those its simulated sensors have.
ARDUCOPTER_PARAMETERS = {
    "FRAME_CLASS": 1, "BATT_MONITOR": 4, "RC3_MIN": 1000, "RC3_TRIM": 1500, "RC3_MAX": 2000,
    **{f"COMPASS_OFS{n}_{axis}": value for n in ("", "2", "3") for axis, value in (("X", 5), ("Y", 13), ("Z", -18))},
    **{f"INS_ACC{n}OFFS_{axis}": 0.001 for n in ("", "2") for axis in "XYZ"},
    **{f"INS_ACC{n}SCAL_{axis}": 1.001 for n in ("", "2") for axis in "XYZ"},
}  # fmt: skip


@dataclass(frozen=True)
class Drone:
    """A running autopilot: its kind, how the agent reaches it, the parameter set for it and the clock it runs on."""

    kind: str
    link: str
    parameter_set: str
    base: TimeBase
    system_id: int = 1


def kinds() -> list[str]:
    return ["builtin", *(kind for kind, variable in BINARIES.items() if os.environ.get(variable))]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    absent = [variable for variable in BINARIES.values() if not os.environ.get(variable)]
    words = f"flown on: {', '.join(kinds())}" + (
        f"; not flown on a real autopilot: {', '.join(absent)} not set" if absent else ""
    )
    terminalreporter.write_sep("-", f"sitl {words}")


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], folder: Path, ready: Callable[[], bool], **environment: str) -> Iterator[None]:
    with (folder / "output.txt").open("wb") as output:
        started = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **environment}
        )
        try:
            give_up_s = time.monotonic() + 30.0
            while not ready():
                assert started.poll() is None, (folder / "output.txt").read_text(errors="replace")
                assert time.monotonic() < give_up_s, "it does not listen"
                time.sleep(0.05)
            yield
        finally:
            started.terminate()
            try:
                started.wait(5.0)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def builtin(folder: Path) -> Iterator[Drone]:
    port, base = free_port(socket.SOCK_STREAM), TimeBase(10.0, time.time())
    command = [
        sys.executable,
        "-m",
        "simulator",
        "vehicle",
        "--tcp",
        str(port),
        "--home",
        HOME,
        "--boot-s",
        "5",
        "--time-base",
        str(base),
    ]
    with process(command, folder, lambda: listens(port)):
        yield Drone("builtin", f"tcp:127.0.0.1:{port}", "ardupilot/nest", base)


@contextlib.contextmanager
def arducopter(folder: Path) -> Iterator[Drone]:
    base, instance = TimeBase(10.0, time.time()), 7
    port = 5760 + 10 * instance
    (folder / "own.parm").write_text("".join(f"{name} {value}\n" for name, value in ARDUCOPTER_PARAMETERS.items()))
    command = [
        os.environ["NEST_ARDUCOPTER"], "-S", "--model", "quad", "--speedup", f"{base.rate:g}", "--slave", "0",
        "--sim-address=127.0.0.1", "--home", HOME, "--defaults", "own.parm", "--serial0", "tcp:0", "-I", str(instance),
    ]  # fmt: skip
    with process(command, folder, lambda: b"bind port" in (folder / "output.txt").read_bytes()):
        yield Drone("arducopter", f"tcp:127.0.0.1:{port}", "ardupilot/nest", base)


@contextlib.contextmanager
def px4(folder: Path) -> Iterator[Drone]:
    base, instance = TimeBase(5.0, time.time()), 7
    binary = Path(os.environ["NEST_PX4"]).resolve()
    lat, lon, alt, yaw = HOME.split(",")
    environment = {
        "PX4_SIM_MODEL": "sihsim_quadx", "PX4_SIMULATOR": "sihsim", "PX4_SIM_SPEED_FACTOR": f"{base.rate:g}",
        "PX4_HOME_LAT": lat, "PX4_HOME_LON": lon, "PX4_HOME_ALT": alt, "PX4_HOME_YAW": yaw,
    }  # fmt: skip
    command = [str(binary), "-i", str(instance), "-d", "-w", str(folder), str(binary.parent.parent / "etc")]
    with process(command, folder, lambda: b"Startup script returned" in (folder / "output.txt").read_bytes(), **environment):
        yield Drone("px4", f"udp-listen:127.0.0.1:{14550 + instance}", "px4/nest", base, instance + 1)


STARTERS = {"builtin": builtin, "arducopter": arducopter, "px4": px4}


@pytest.fixture(scope="module", params=kinds())
def drone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drone]:
    """One autopilot for all tests of a module; each leaves it on the ground, disarmed."""
    with STARTERS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running
