"""A disk of a few megabytes that can be filled to the last byte. Linux, and only root may make it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def can_mount() -> bool:
    """Whether a disk of a few megabytes can be made, to fill it to the last byte."""
    return sys.platform == "linux" and os.geteuid() == 0


@contextmanager
def small_disk(path: Path, size_mb: int) -> Iterator[None]:
    """Mounts it for as long as the block lasts."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "nest-faults", str(path)], check=True)  # noqa: S603, S607
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)  # noqa: S603, S607


def fill(path: Path) -> None:
    """Writes until nothing more fits."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
