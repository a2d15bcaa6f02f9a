"""The lines that the agent and its vision processes exchange: one JSON object a line, told apart by ``type``.

To the vision process's standard input: first ``setup``, then ``pose`` and ``watch``. From its standard output: ``sighting``,
``status`` and ``trouble``. To the process that looks for the pad: ``landing_setup``, then ``watch``; from it ``pad_sight``,
``pad_status`` and ``trouble``. Frames never pass here.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from agent.config.landing import LandingSection
from agent.config.vision import VisionSection
from agent.domain.landing import PadCameraStatus, PadSight
from agent.domain.sighting import Sighting, VisionStatus
from agent.domain.telemetry import PoseSample
from agent.domain.wire import Wire

LonLatRing = tuple[tuple[float, float], ...]


class Setup(Wire):
    """The first line: everything the child must know.

    Attributes:
        evidence_dir: folder for snapshots; made if it is not there.
        terrain_file: ESRI ASCII grid; None where there is none.
        normal_water: rings of (lon, lat) of water that is there in normal times.
        normal_heat: the same of what is hot in normal times.
    """

    type: Literal["setup"] = "setup"
    vision: VisionSection
    evidence_dir: Path
    terrain_file: Path | None = None
    normal_water: tuple[LonLatRing, ...] = ()
    normal_heat: tuple[LonLatRing, ...] = ()


class LandingSetup(Wire):
    """The first line to the process that looks for the pad."""

    type: Literal["landing_setup"] = "landing_setup"
    landing: LandingSection


class Pose(Wire):
    """A pose sample of the camera's drone."""

    type: Literal["pose"] = "pose"
    sample: PoseSample


class Watch(Wire):
    """Whether to look for hazards now. Without it only the picture's health is watched. A new flight starts new tracks."""

    type: Literal["watch"] = "watch"
    on: bool
    flight: str | None = None


class Trouble(Wire):
    """Why the child cannot work; it ends after this line."""

    type: Literal["trouble"] = "trouble"
    code: str
    words: str


ToChild = TypeAdapter[Setup | Pose | Watch](Annotated[Setup | Pose | Watch, Field(discriminator="type")])
FromChild = TypeAdapter[Sighting | VisionStatus | Trouble](
    Annotated[Sighting | VisionStatus | Trouble, Field(discriminator="type")]
)
FromLandingChild = TypeAdapter[PadSight | PadCameraStatus | Trouble](
    Annotated[PadSight | PadCameraStatus | Trouble, Field(discriminator="type")]
)
