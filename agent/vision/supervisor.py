"""The processes that look: the one that searches for hazards, and the one that looks for the pad while landing."""

import sys
from collections.abc import Sequence
from pathlib import Path

from agent.config.landing import LandingSection
from agent.config.vision import VisionSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.domain.landing import PadCameraStatus
from agent.domain.route import Ring
from agent.domain.sighting import VisionStatus
from agent.domain.telemetry import PoseSample
from agent.vision.child import ChildKind, ChildSupervisor
from agent.vision.protocol import FromChild, FromLandingChild, LandingSetup, Pose, Setup

_COMMAND = (sys.executable, "-m", "agent", "vision")


class VisionSupervisor(ChildSupervisor):
    """The vision process as a service: ``async with VisionSupervisor(...) as vision``.

    Publishes :class:`Sighting` and :class:`VisionStatus` on the bus.

    Args:
        config: the configuration's section; handed to the child as it is.
        evidence_dir: where the child writes snapshots.
        terrain_file: ESRI ASCII grid; None where there is none.
        normal_water: outlines of water that is there in normal times.
        normal_heat: outlines of what is hot in normal times.
        command: how the child is started, without ``--time-base``.
    """

    def __init__(
        self,
        config: VisionSection,
        bus: Bus,
        clock: Clock,
        *,
        evidence_dir: Path,
        terrain_file: Path | None = None,
        normal_water: Sequence[Ring] = (),
        normal_heat: Sequence[Ring] = (),
        command: Sequence[str] = _COMMAND,
    ) -> None:
        water, heat = (tuple(tuple((p.lon_deg, p.lat_deg) for p in r) for r in rings) for rings in (normal_water, normal_heat))
        kind = ChildKind(
            name="vision",
            command=tuple(command),
            setup=Setup(
                vision=config, evidence_dir=evidence_dir, terrain_file=terrain_file, normal_water=water, normal_heat=heat
            ),
            messages=FromChild,
            absence=lambda code: VisionStatus(at=clock.utc(), frames=0, dropped=0, frames_per_s=0.0, health=(code,)),
            start_timeout_s=config.start_timeout_s,
            stall_after_s=config.stall_after_s,
        )
        super().__init__(kind, bus, clock)
        self.poses_dropped = 0
        """Poses that no child took."""

    def send_pose(self, sample: PoseSample) -> None:
        """Hands a pose to the child. Never waits; without a child that reads, the pose is dropped and counted."""
        if not self.send(Pose(sample=sample).model_dump_json()):
            self.poses_dropped += 1


class LandingSupervisor(ChildSupervisor):
    """The process that looks for the pad, as a service. Publishes :class:`PadSight` and :class:`PadCameraStatus` on the bus.

    Args:
        section: the configuration's section; handed to the child as it is.
        command: how the child is started, without ``--time-base``.
    """

    def __init__(
        self, section: LandingSection, bus: Bus, clock: Clock, *, command: Sequence[str] = (*_COMMAND, "--landing")
    ) -> None:
        kind = ChildKind(
            name="landing",
            command=tuple(command),
            setup=LandingSetup(landing=section),
            messages=FromLandingChild,
            absence=lambda code: PadCameraStatus(at=clock.utc(), frames=0, health=(code.replace("vision.", "landing.", 1),)),
            start_timeout_s=_START_TIMEOUT_S,
            stall_after_s=_STALL_AFTER_S,
        )
        super().__init__(kind, bus, clock)


_START_TIMEOUT_S = 60.0
_STALL_AFTER_S = 10.0
"""As patient as with the vision process: on a busy computer a kill costs more than a wait."""
