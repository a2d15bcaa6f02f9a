"""The flight modes, one row each, and what each does in a step.

Numbers and names are ArduCopter's. A mode is refused with the words the real autopilot uses. Knows the craft and its
manoeuvres; must not know MAVLink messages.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from simulator.vehicle.craft import Craft, Motion, Phase
from simulator.vehicle.manoeuvres import FlyLeg, FlyVelocity, Hold, Land, Manoeuvre, ReturnHome, TakeOff
from simulator.vehicle.mission_run import MissionRun
from simulator.vehicle.rc import RcInput
from simulator.vehicle.trajectory import Limits, Vector

STABILIZE, ALT_HOLD, AUTO, GUIDED, LOITER, RTL, LAND, BRAKE = 0, 2, 3, 4, 5, 6, 9, 17


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode.

    Attributes:
        number: custom_mode.
        name: as STATUSTEXTs have it.
        armable: whether the motors may be armed in it.
        needs_position: whether it is refused without a position estimate.
        by_stick: whether the pilot's throttle stick flies it.
    """

    number: int
    name: str
    armable: bool
    needs_position: bool
    by_stick: bool = False


MODES: Final = {
    mode.number: mode
    for mode in (
        Mode(STABILIZE, "STABILIZE", armable=True, needs_position=False, by_stick=True),
        Mode(ALT_HOLD, "ALT_HOLD", armable=True, needs_position=False, by_stick=True),
        Mode(AUTO, "AUTO", armable=False, needs_position=True),
        Mode(GUIDED, "GUIDED", armable=True, needs_position=True),
        Mode(LOITER, "LOITER", armable=True, needs_position=True, by_stick=True),
        Mode(RTL, "RTL", armable=False, needs_position=True),
        Mode(LAND, "LAND", armable=False, needs_position=False),
        Mode(16, "POSHOLD", armable=True, needs_position=True, by_stick=True),
        Mode(BRAKE, "BRAKE", armable=False, needs_position=True),
    )
}
KNOWN_BUT_REFUSED: Final = {1: "ACRO", 7: "CIRCLE", 11: "DRIFT", 13: "SPORT", 14: "FLIP", 15: "AUTOTUNE", 18: "THROW",
                            20: "GUIDED_NOGPS", 21: "SMART_RTL", 22: "FLOWHOLD", 23: "FOLLOW", 24: "ZIGZAG"}  # fmt: skip


class Behaviour(Protocol):
    """What a mode does while it is active."""

    def update(self, craft: Craft, dt_s: float) -> None:
        """One step."""
        ...


class Flown:
    """A mode that is one manoeuvre: LAND, RTL, BRAKE."""

    def __init__(self, manoeuvre: Manoeuvre) -> None:
        self.manoeuvre = manoeuvre

    def update(self, craft: Craft, dt_s: float) -> None:
        """One step."""
        self.manoeuvre.update(craft, dt_s)


class ByStick:
    """STABILIZE, ALT_HOLD, LOITER: the throttle stick commands thrust or climb, nobody holds the sticks in a nest."""

    def __init__(self, craft: Craft, mode: Mode, rc: RcInput) -> None:
        self._mode, self._rc = mode, rc
        if mode.number != STABILIZE:
            craft.rebase()

    def update(self, craft: Craft, dt_s: float) -> None:
        """One step."""
        craft.yaw_rate = self._rc.yaw_rate_rad_s(craft.parameters["PILOT_Y_RATE"])
        if craft.yaw_rate == 0.0:
            craft.yaw_rate, craft.yaw_target = (None, craft.yaw_target)
        else:
            craft.yaw_target = craft.body.yaw
        wanted_m_s = self._climb_m_s(craft)
        if craft.landed and wanted_m_s <= 0.0:
            craft.motion = Motion.IDLE
            return
        if craft.landed:
            craft.rebase()
        craft.phase = Phase.AIR if not craft.landed else Phase.GROUND
        if self._mode.number == STABILIZE:
            craft.motion, craft.thrust = Motion.THRUST, self._rc.throttle
            return
        limits = self._limits(craft)
        craft.reference.climb(dt_s, wanted_m_s, limits)
        if self._mode.number == ALT_HOLD:
            craft.motion = Motion.CLIMB
            return
        craft.motion = Motion.FOLLOW
        north, east = self._rc.horizontal(craft.body.yaw, craft.parameters["LOIT_SPEED"] / 100.0)
        craft.reference.slew(dt_s, north, east, limits)

    def _climb_m_s(self, craft: Craft) -> float:
        values = craft.parameters
        up = values["PILOT_SPEED_UP"] / 100.0
        down = (values["PILOT_SPEED_DN"] or values["PILOT_SPEED_UP"]) / 100.0
        return self._rc.climb(up, down)

    def _limits(self, craft: Craft) -> Limits:
        values, limits = craft.parameters, craft.limits()
        limits.up = limits.down = 10.0
        limits.accel_z = max(values["PILOT_ACCEL_Z"] / 100.0, 0.5)
        limits.accel = max(values["LOIT_BRK_ACCEL"] / 100.0, 0.5)
        limits.jerk = max(values["LOIT_BRK_JERK"] / 100.0, 0.5)
        return limits


class Guided:
    """GUIDED: holds until it is told a take-off, a place or a velocity."""

    def __init__(self, craft: Craft) -> None:
        self.manoeuvre: Manoeuvre = Hold(craft)
        self.target: Vector | None = None
        self.velocity: Vector | None = None
        self._deadline_s = math.inf

    def update(self, craft: Craft, dt_s: float) -> None:
        """One step; a velocity that is not renewed for GUID_TIMEOUT ends in a stop."""
        if craft.time_s > self._deadline_s:
            self.manoeuvre, self.velocity, self._deadline_s = Hold(craft), None, math.inf
            craft.yaw_rate = None
            craft.yaw_target = craft.body.yaw
        done = self.manoeuvre.update(craft, dt_s)
        if done and isinstance(self.manoeuvre, TakeOff):
            self.manoeuvre = Hold(craft)

    def take_off(self, up_m: float) -> None:
        """Climb to a height (local)."""
        self.manoeuvre, self.velocity, self._deadline_s = TakeOff(up_m), None, math.inf

    def go(self, craft: Craft, place: Vector) -> None:
        """Fly to a place; a new place from the same manoeuvre is flown to without a stop."""
        turn = self.target is None or math.dist(self.target, place) > 1.0
        self.target, self.velocity, self._deadline_s = place, None, math.inf
        yaw = (craft.yaw_target, craft.yaw_rate)
        self.manoeuvre = FlyPlace(craft, place)
        if not turn:
            craft.yaw_target, craft.yaw_rate = yaw

    def pause(self, craft: Craft, *, paused: bool) -> None:
        """Stops, or goes on to the place it was flying to."""
        if paused:
            self.manoeuvre, self.velocity, self._deadline_s = Hold(craft), None, math.inf
        elif self.target is not None:
            self.manoeuvre = FlyPlace(craft, self.target)

    def fly(self, craft: Craft, velocity: Vector) -> None:
        """Fly a velocity until GUID_TIMEOUT."""
        if isinstance(self.manoeuvre, FlyVelocity):
            self.manoeuvre.velocity = velocity
        else:
            self.manoeuvre = FlyVelocity(craft, velocity)
        self.target, self.velocity = None, velocity
        self._deadline_s = craft.time_s + max(craft.parameters["GUID_TIMEOUT"], 0.1)


class FlyPlace(FlyLeg):
    """Flies to a place and stays; from any speed, without a line to keep."""

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Done when there."""
        if craft.landed:
            craft.motion = Motion.IDLE
            return False
        craft.motion, craft.phase = Motion.FOLLOW, Phase.AIR
        craft.reference.to_point(dt_s, self.leg.end, craft.limits())
        self.left_m = math.dist(craft.position(), self.leg.end)
        return self.left_m < 0.5


class Auto:
    """AUTO: the mission, once it may take off."""

    def __init__(self, run: MissionRun, may_start: Callable[[], bool]) -> None:
        self._run, self._may_start = run, may_start
        run.enter()

    def update(self, craft: Craft, dt_s: float) -> None:
        """One step."""
        if not craft.armed or (craft.landed and not self._may_start() and not self._run.landing):
            craft.motion = Motion.IDLE
            return
        self._run.update(dt_s)


def behaviour_of(
    mode: Mode, craft: Craft, run: MissionRun, rc: RcInput, may_start: Callable[[], bool], return_points: list[Vector]
) -> Behaviour:
    """What the mode does, begun now."""
    craft.look_at, craft.yaw_rate, craft.speed_m_s = None, None, None
    craft.yaw_target = craft.body.yaw
    if mode.number == AUTO:
        return Auto(run, may_start)
    if mode.number == GUIDED:
        return Guided(craft)
    if mode.by_stick:
        return ByStick(craft, mode, rc)
    if mode.number == RTL:
        return Flown(ReturnHome(craft, return_points))
    if mode.number == LAND:
        return Flown(Land(craft))
    return Flown(Hold(craft, hard=True))
