"""How fast a run may go on this computer.

Rendering, inference and the agent share the computer's cores. A computer that is busy with other things starves the agent, and
a starved agent is rightly taken for dead by the autopilot. So a run is slowed down by what else the cores are doing.
"""

import os

_SLOWEST = 1.5


def pace(wanted: float) -> float:
    """The wanted speed (times real time), less where the computer has more to do than it has cores.

    Measured by the load average of the last minute. Never below 1.5 by this rule; a lower wanted speed is kept.
    """
    cores = os.cpu_count() or 1
    busy = os.getloadavg()[0] / cores
    return slowed(wanted, busy)


def slowed(wanted: float, busy: float) -> float:
    """The rule itself. ``busy`` is runnable processes a core."""
    return wanted if busy <= 1.0 else max(min(wanted, _SLOWEST), wanted / busy)
