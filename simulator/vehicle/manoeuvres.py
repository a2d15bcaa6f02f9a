"""What modes and mission items are made of: take off, fly a leg, hold, come home, land.

Each manoeuvre is updated once a step until it says that it is done. Knows the craft; must not know MAVLink.
"""

import math
from collections.abc import Sequence
from typing import Final, Protocol

from simulator.vehicle.craft import Craft, Motion, Phase
from simulator.vehicle.trajectory import Leg, Limits, Vector

_SPOOL_S: Final = 2.0  # idle after arming
_THROTTLE_RAMP_S: Final = 1.3
_YAW_LEG_M: Final = 2.0  # shorter legs do not turn the nose
_STOPPED_M_S: Final = 0.3
_SLOW_OVER_M: Final = (0.35, 2.0)
_SLOWEST_M_S: Final = 0.1
_ACCEPTED_M: Final = 0.15  # beside the target
_NEVER_TURN, _NOT_IN_RTL = 0, 2  # WP_YAW_BEHAVIOR


class Manoeuvre(Protocol):
    """One thing the craft does."""

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Advances by dt; True when done (and from then on it holds)."""
        ...


class Hold:
    """Stops and stays. ``hard`` brakes as BRAKE mode does."""

    def __init__(self, craft: Craft, *, hard: bool = False) -> None:
        craft.rebase()
        self._limits = _brake_limits(craft, hard=hard)

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Done when it has stopped."""
        if craft.landed:
            craft.motion = Motion.IDLE
            return True
        craft.motion = Motion.FOLLOW
        craft.reference.slew(dt_s, 0.0, 0.0, self._limits)
        craft.reference.climb(dt_s, 0.0, self._limits)
        return math.hypot(*craft.reference.vel) < _STOPPED_M_S


def _brake_limits(craft: Craft, *, hard: bool) -> Limits:
    limits = craft.limits()
    if hard:
        values = craft.parameters
        limits.accel = max(values["LOIT_BRK_ACCEL"] / 100.0, 1.0)
        limits.jerk = max(values["LOIT_BRK_JERK"] / 100.0, 1.0)
    return limits


class TakeOff:
    """Spools up, lifts off and climbs to a height (local, metres)."""

    def __init__(self, up_m: float) -> None:
        self.up_m = up_m
        self._ramp_s = 0.0

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Done within 0.1 m of the height."""
        if craft.landed and craft.body.on_ground:
            self._spool(craft, dt_s)
            return False
        if craft.motion is not Motion.FOLLOW:
            craft.rebase()
        craft.motion = Motion.FOLLOW
        if craft.phase is Phase.GROUND:
            craft.phase = Phase.TAKEOFF
        limits = craft.limits()
        craft.reference.slew(dt_s, 0.0, 0.0, limits)
        craft.reference.to_height(dt_s, self.up_m, limits)
        done = craft.position()[2] > self.up_m - 0.1 or craft.reference.pos[2] >= self.up_m - 0.05
        if done:
            craft.phase = Phase.AIR
        return done

    def _spool(self, craft: Craft, dt_s: float) -> None:
        craft.yaw_target, craft.yaw_rate = craft.body.yaw, None
        if craft.time_s - craft.armed_at_s < _SPOOL_S:
            craft.motion = Motion.IDLE
            return
        self._ramp_s += dt_s
        share = self._ramp_s / _THROTTLE_RAMP_S
        craft.motion = Motion.THRUST
        craft.thrust = min(share, 1.3) * 0.37
        craft.phase = Phase.TAKEOFF if share >= 1.0 else craft.phase


class FlyLeg:
    """Flies a straight leg, cutting the corner at its end if it may."""

    def __init__(self, craft: Craft, end: Vector, *, start: Vector | None = None, exit_m_s: float = 0.0) -> None:
        craft.rebase()
        pos = craft.reference.pos
        self.leg = Leg(start or (pos[0], pos[1], pos[2]), end, exit_m_s)
        self.left_m = self.leg.length_m
        turn_nose(craft, self.leg)

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Done at the end, or within the acceptance radius of a corner that is flown through."""
        craft.motion = Motion.FOLLOW
        craft.phase = Phase.AIR
        limits, radius_m = craft.limits(), craft.parameters["WPNAV_RADIUS"] / 100.0
        corner_m_s = self.leg.exit_m_s
        self.leg.exit_m_s = min(corner_m_s, limits.speed)
        self.leg.cut_m = radius_m if 0.0 < corner_m_s < limits.speed else 0.0
        self.left_m = craft.reference.along(dt_s, self.leg, limits)
        self.leg.exit_m_s = corner_m_s
        if corner_m_s > 0.0:
            return self.left_m <= self.leg.cut_m
        away_m = math.dist(craft.position(), self.leg.end)
        return self.left_m < 0.3 and away_m < max(radius_m, 0.2)


def turn_nose(craft: Craft, leg: Leg, *, coming_home: bool = False) -> None:
    """Points the nose along the leg where WP_YAW_BEHAVIOR wants that."""
    behaviour = int(craft.parameters["WP_YAW_BEHAVIOR"])
    if behaviour == _NEVER_TURN or (coming_home and behaviour == _NOT_IN_RTL):
        craft.yaw_target, craft.yaw_rate = craft.body.yaw, None
        return
    north, east = leg.end[0] - leg.start[0], leg.end[1] - leg.start[1]
    if math.hypot(north, east) > _YAW_LEG_M:
        craft.yaw_target, craft.yaw_rate = math.atan2(east, north), None


class FlyVelocity:
    """Flies a velocity (m/s, north, east, up), as a GUIDED set-point asks."""

    def __init__(self, craft: Craft, velocity: Vector) -> None:
        craft.rebase()
        self.velocity = velocity

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Never done."""
        craft.motion = Motion.FOLLOW
        craft.phase = Phase.AIR
        limits = craft.limits()
        limits.jerk = max(craft.parameters["PSC_JERK_XY"], 1.0)
        size = math.hypot(self.velocity[0], self.velocity[1])
        scale = min(1.0, limits.speed / size) if size > 0 else 0.0
        craft.reference.slew(dt_s, self.velocity[0] * scale, self.velocity[1] * scale, limits)
        craft.reference.climb(dt_s, self.velocity[2], limits)
        return False


class Land:
    """Comes down where it is, or over a point, and is done on the ground."""

    def __init__(self, craft: Craft, over: Vector | None = None) -> None:
        craft.rebase()
        self._over = over

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Done when landed."""
        if craft.landed:
            craft.motion = Motion.IDLE
            return True
        craft.motion, craft.phase = Motion.FOLLOW, Phase.LANDING
        values, limits = craft.parameters, craft.limits()
        low = craft.height_rel_m() <= values["LAND_ALT_LOW"] / 100.0
        high_m_s = (values["LAND_SPEED_HIGH"] or values["WPNAV_SPEED_DN"]) / 100.0
        limits.down = max(values["LAND_SPEED"] / 100.0, 0.3) if low else high_m_s
        over = craft.landing_target or self._over
        if over is None:
            craft.reference.slew(dt_s, 0.0, 0.0, _brake_limits(craft, hard=False))
        else:
            craft.reference.to_place(dt_s, over, limits)
        craft.reference.climb(dt_s, -_sink_m_s(craft, limits.down), limits)
        # The reference must not sink away below a craft that already stands on the ground.
        craft.reference.pos[2] = max(craft.reference.pos[2], craft.position()[2] - 1.0)
        return False


def _sink_m_s(craft: Craft, usual_m_s: float) -> float:
    """How fast it comes down: over a seen target not at all while far beside it, and slowly in the last two metres."""
    target, here = craft.landing_target, craft.position()
    if target is None:
        return usual_m_s
    beside_m, over_m = math.hypot(target[0] - here[0], target[1] - here[1]), here[2] - target[2]
    if beside_m > craft.parameters["PLND_XY_DIST_MAX"] > 0.0:
        return 0.0
    if not _SLOW_OVER_M[0] < over_m < _SLOW_OVER_M[1]:
        return usual_m_s
    most_m_s = craft.parameters["LAND_SPEED"] / 100.0 / 2.0
    return max(_SLOWEST_M_S, most_m_s * (1.0 - beside_m / _ACCEPTED_M))


class ReturnHome:
    """RTL: climb, fly to home or a nearer rally point, wait, land."""

    def __init__(self, craft: Craft, choices: Sequence[Vector]) -> None:
        """Choices are home and the rally points that may be used; the nearest is taken."""
        craft.rebase()
        here = craft.position()
        self.target = min(choices, key=lambda point: math.hypot(point[0] - here[0], point[1] - here[1]))
        self._up_m = self._height(craft, here)
        self.place: Vector = (self.target[0], self.target[1], self._up_m)
        self._stage = self._climb
        self._hold = Hold(craft)
        self._waited_s = 0.0
        self._leg: FlyLeg | None = None
        self._land: Land | None = None

    def _height(self, craft: Craft, here: Vector) -> float:
        values = craft.parameters
        away_m = math.hypot(self.target[0] - here[0], self.target[1] - here[1])
        wanted_m = max(values["RTL_ALT"] / 100.0, here[2] - craft.home_up_m)
        slope = values["RTL_CONE_SLOPE"]
        if slope > 0.5:
            wanted_m = min(wanted_m, max(away_m * slope, 2.0))
        least_m = here[2] - craft.home_up_m + values["RTL_CLIMB_MIN"] / 100.0
        return max(wanted_m, least_m) + craft.home_up_m

    def update(self, craft: Craft, dt_s: float) -> bool:
        """Done when landed (or, with RTL_ALT_FINAL, never)."""
        if craft.landed:
            craft.motion = Motion.IDLE
            return True
        craft.motion = Motion.FOLLOW
        return self._stage(craft, dt_s)

    def _climb(self, craft: Craft, dt_s: float) -> bool:
        craft.phase = Phase.AIR
        limits = craft.limits()
        craft.reference.slew(dt_s, 0.0, 0.0, limits)
        craft.reference.to_height(dt_s, self._up_m, limits)
        if craft.reference.pos[2] >= self._up_m - 0.1:
            if craft.parameters["RTL_SPEED"] > 0:
                craft.speed_m_s = craft.parameters["RTL_SPEED"] / 100.0
            pos = craft.reference.pos
            end = (self.target[0], self.target[1], self._up_m)
            yaw, rate = craft.yaw_target, craft.yaw_rate
            self._leg = FlyLeg(craft, end, start=(pos[0], pos[1], self._up_m))
            craft.yaw_target, craft.yaw_rate = yaw, rate
            turn_nose(craft, self._leg.leg, coming_home=True)
            self._stage = self._travel
        return False

    def _travel(self, craft: Craft, dt_s: float) -> bool:
        if self._leg is not None and self._leg.update(craft, dt_s):
            self._stage = self._wait
        return False

    def _wait(self, craft: Craft, dt_s: float) -> bool:
        if self._leg is not None:
            self._leg.update(craft, dt_s)
        self._waited_s += dt_s
        if self._waited_s * 1000.0 < craft.parameters["RTL_LOIT_TIME"]:
            return False
        if craft.parameters["RTL_ALT_FINAL"] > 0:
            end = (self.target[0], self.target[1], craft.home_up_m + craft.parameters["RTL_ALT_FINAL"] / 100.0)
            craft.reference.to_point(dt_s, end, craft.limits())
            return False
        self._land = Land(craft, self.target)
        self._stage = self._descend
        return False

    def _descend(self, craft: Craft, dt_s: float) -> bool:
        return self._land is not None and self._land.update(craft, dt_s)
