"""What a real autopilot's simulation is told, and what starting one takes. Values only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from agent.core.geo import LatLon


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a simulated flight, whichever autopilot flies it.

    Attributes:
        binary: the autopilot's program.
        folder: its working folder, empty; what it writes stays there.
        place: where it stands.
        alt_amsl_m: of the ground there.
        heading_deg: where it looks.
        rate: seconds of its clock in one of the computer's.
        wind_m_s: mean wind.
        wind_from_deg: where the wind comes from.
        parameters: set before it starts.
    """

    binary: Path
    folder: Path
    place: LatLon
    alt_amsl_m: float
    heading_deg: float = 0.0
    rate: float = 1.0
    wind_m_s: float = 0.0
    wind_from_deg: float = 0.0
    parameters: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a process of the autopilot is started.

    Attributes:
        command: its argv.
        environment: what is added to the environment.
        files: written into its folder before, by name.
        deaf: telemetry ports to which the autopilot does not pass its gimbal's reports on.
        quiet: for each telemetry port, messages that it is told not to send until somebody asks for them.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, str]
    deaf: Collection[int] = ()
    quiet: Sequence[Sequence[int]] = ()
