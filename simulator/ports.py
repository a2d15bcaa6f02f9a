"""Ports of the loopback interface for what a simulation starts."""

import secrets
import socket
from contextlib import suppress

from agent.core.errors import DeviceError

_PORTS, _TRIES = range(20_000, 32_768), 100


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of the loopback interface that is free now.

    It lies below those that systems hand out by themselves (from 32768 on Linux, 49152 elsewhere), so that no outgoing
    connection takes it before its owner opens it.

    Raises:
        DeviceError: none was found.
    """
    for _ in range(_TRIES):
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise DeviceError("run.no_port", f"no free port among {_PORTS.start} to {_PORTS.stop - 1}: end other programs")
