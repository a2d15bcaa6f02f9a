"""The process's own memory: how much it holds, and giving back to the system what it no longer uses.

Loading and proving models frees as much memory as it keeps, and glibc holds on to freed memory that lies below something
still in use. A process that runs for months gives it back now and then. Elsewhere than on glibc nothing is done.
"""

import ctypes
import os
from pathlib import Path

ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""For a child that looks at video: few heaps, and no threads but those it is told to have."""


def resident_mb() -> float | None:
    """Resident memory in MB; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def give_back() -> None:
    """Returns free memory to the system. Takes some milliseconds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
