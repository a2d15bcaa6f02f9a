"""Shows the pad to autopilot and flight: sights of the landing process, placed by the drone's pose at their capture."""

import asyncio
from dataclasses import replace

import structlog

from agent.config.landing import LandingSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.outcome import Refused
from agent.domain.landing import PadCameraStatus, PadSight, PadView
from agent.domain.telemetry import PoseSample
from agent.vehicle.interface import Vehicle
from agent.vision.pad_fix import locate
from agent.vision.poses import PoseHistory
from agent.vision.supervisor import LandingSupervisor

_NO_POSE = Refused("vision.no_pose", "no pose of the drone at the time of the picture")

_log = structlog.get_logger(__name__)


class PadGuide:
    """The camera that looks down, as the flight's ports want it.

    Args:
        child: the process that looks.
        vehicle: is shown each fix.
        bus: where sights, statuses and poses come from.
        clock: tells how old a picture is.
        section: the configuration.
    """

    def __init__(self, child: LandingSupervisor, vehicle: Vehicle, bus: Bus, clock: Clock, section: LandingSection) -> None:
        self._child = child
        self._clock = clock
        self._vehicle = vehicle
        self._bus = bus
        self._section = section
        self._poses = PoseHistory(0.0)
        self._on = self._trying = False
        self.view: PadView | None = None
        self.health: tuple[str, ...] = ("landing.starting",)
        self.looked_s = 0.0
        self.refused: Refused | None = None
        """Why the newest sight was not used."""

    def watch(self, on: bool) -> None:  # noqa: FBT001 the switch is the whole message
        """Looks for the pad, and shows it to the autopilot, or stops."""
        if on is self._on:
            return
        if not on and self.view is not None:
            fix = self.view.fix
            _log.info(
                "pad last seen", offset_m=round(fix.offset_m, 3), height_m=round(fix.down_m, 2), sigma_m=round(fix.sigma_m, 3)
            )
        self._on = on
        self.view = None
        self._switch()

    def try_out(self, *, on: bool) -> None:
        """Looks whether the camera gives a picture, and shows the autopilot nothing, or stops."""
        if on is not self._trying:
            self._trying = on
            self._switch()

    def _switch(self) -> None:
        self.looked_s = 0.0
        self._child.watch(self._on or self._trying)

    async def run(self) -> None:
        """Follows the bus, for ever."""
        with self._bus.subscribe(PadSight, PadCameraStatus, PoseSample, limit=100) as news:
            async for value in news:
                if isinstance(value, PadSight):
                    self._take(value)
                elif isinstance(value, PadCameraStatus):
                    self.health, self.looked_s = value.health, value.looked_s
                elif isinstance(value, PoseSample):
                    # The drone's own axes are wanted, not the gimbal's.
                    self._poses.add(replace(value, gimbal_roll_deg=None, gimbal_pitch_deg=None, gimbal_yaw_deg=None))

    def _take(self, sight: PadSight) -> None:
        """One sight. Those that came too late, or with no pose to place them, are of no use."""
        if not self._on or "landing.frozen" in self.health:  # a frozen picture would say for ever that it is aligned
            return
        drone = self._poses.at(sight.captured_unix_s)
        fix = _NO_POSE if drone is None else locate(sight, drone, self._section)
        if isinstance(fix, Refused):
            if self.refused is None or self.refused.code != fix.code:
                _log.warning("sight of the pad refused", code=fix.code, words=fix.words)
            self.refused = fix
            return
        self.refused = None
        age_s = max(0.0, self._clock.unix_s() - fix.captured_unix_s)
        self.view = PadView(asyncio.get_running_loop().time() - age_s, fix)
        self._vehicle.show_pad(fix)
