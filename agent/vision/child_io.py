"""Standard output of a process that looks: it carries the protocol and nothing else."""

import os
import sys
from collections.abc import Callable

Send = Callable[[str], None]
"""Writes one line to the parent."""


def claim_stdout() -> Send:
    """Takes standard output for the protocol; later writers to descriptor 1 reach standard error instead."""
    sys.stdout.flush()
    own = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def send(line: str) -> None:
        own.write(line + "\n")

    return send
