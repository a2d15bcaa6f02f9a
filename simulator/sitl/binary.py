"""Finds the autopilot's program. It is the user's own: nothing of it comes with this package."""

import os
import shutil
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from agent.core.errors import ConfigError


class Backend(StrEnum):
    """What flies: the simulator's own vehicle, or a real autopilot's simulation."""

    BUILTIN = "builtin"
    ARDUPILOT = "ardupilot"
    PX4 = "px4"


PROGRAMS: Mapping[Backend, tuple[str, str]] = MappingProxyType(
    {Backend.ARDUPILOT: ("NEST_ARDUCOPTER", "arducopter"), Backend.PX4: ("NEST_PX4", "px4")}
)
"""For each real autopilot the environment variable that names its program, and the program's usual name."""

PARAMETER_SETS: Mapping[Backend, str] = MappingProxyType(
    {Backend.BUILTIN: "ardupilot/nest", Backend.ARDUPILOT: "ardupilot/nest", Backend.PX4: "px4/nest"}
)
"""The parameter set that a technician would have applied, by autopilot."""


def find_binary(backend: Backend, named: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The program of a real autopilot: the one named, else the environment variable's, else the one on the PATH.

    Raises:
        ConfigError: there is none, or it cannot be run.
    """
    variable, usual = PROGRAMS[backend]
    given = str(named) if named else environment.get(variable)
    found = given or shutil.which(usual, path=environment.get("PATH"))
    if found is None:
        raise ConfigError(
            "sitl.no_binary",
            f"{backend}: no program {usual} on the PATH, {variable} is not set and --binary not given; "
            "docs/simulator-sitl.md says where the project publishes one",
        )
    path = Path(found).resolve()
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ConfigError("sitl.no_binary", f"{backend}: {found} is not a program that can be run")
    return path
