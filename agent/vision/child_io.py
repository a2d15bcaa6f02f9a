"""How a process that looks begins and speaks: its first line is its set-up, its standard output carries the protocol alone."""

import os
import sys
from collections.abc import Callable
from typing import BinaryIO, TypeVar

import cv2
import structlog
from pydantic import BaseModel, ValidationError

from agent.core.clock import Clock
from agent.core.errors import ConfigError, NestError
from agent.vision.protocol import Trouble

Send = Callable[[str], None]
"""Writes one line to the parent."""

_Setup = TypeVar("_Setup", bound=BaseModel)

EXIT_TROUBLE = 4
"""The parent was told what is wrong."""


def run_child(kind: type[_Setup], serve: Callable[[_Setup, BinaryIO, Clock, Send], None], clock: Clock) -> int:
    """Reads the set-up from standard input and serves until that ends. Returns the exit status.

    Args:
        kind: model of the set-up.
        serve: does the work; what it raises on purpose is told to the parent.
    """
    send = _claim_stdout()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    cv2.setNumThreads(1)
    # Not sys.stdin: the interpreter closes that at its end, and aborts where a thread still waits for a line of it.
    stream = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    line = stream.readline()
    if not line.strip():
        return 0
    try:
        serve(_setup_of(line, kind), stream, clock, send)
    except NestError as error:
        send(Trouble(code=error.code, words=error.message).model_dump_json())
        return EXIT_TROUBLE
    return 0


def _claim_stdout() -> Send:
    """Takes standard output for the protocol; later writers to descriptor 1 reach standard error instead."""
    sys.stdout.flush()
    own = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def send(line: str) -> None:
        own.write(line + "\n")

    return send


def _setup_of(line: bytes, kind: type[_Setup]) -> _Setup:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError("config.invalid", f"first line of the process ({kind.__name__}): {faults}") from error
