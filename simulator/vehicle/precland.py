"""Precision landing: LANDING_TARGET in, the place to come down on out, as ArduCopter's PrecLand does it without a rangefinder.

The target is kept in the frame of the autopilot's own estimate, so that an error of the GPS cancels out. With the Kalman
estimator (PLND_EST_TYPE 1) a target counts after two seconds of sights; it is lost two seconds after the last one. Retries of
ArduCopter's own need a rangefinder, which this vehicle has not: with a lost target it comes down where it is.
"""

import math
from collections.abc import Callable
from typing import Final

from simulator.vehicle.craft import Craft
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import Message, mavlink

_INIT_S: Final = 2.0
_INIT_GAP_S: Final = 0.5
_LOST_S: Final = 2.0
_BY_MAVLINK: Final = 1
_BLEND: Final = 0.25  # of a new sight, about what the real filter's gain settles at


class PrecisionLanding:
    """The estimator of one vehicle.

    Args:
        craft: is told where to land.
        say: tells the ground stations.
    """

    def __init__(self, craft: Craft, say: Callable[[str, int], None]) -> None:
        self._craft = craft
        self._say = say
        self._target: tuple[float, float] | None = None
        self._began_s = self._heard_s = -math.inf
        self._acquired = False
        self._complained = False

    def take(self, message: Message) -> None:
        """A LANDING_TARGET."""
        values = self._craft.parameters
        if values["PLND_ENABLED"] != 1 or values["PLND_TYPE"] != _BY_MAVLINK:
            return
        away = self._direction(message)
        if away is None:
            return
        body, here, now_s = self._craft.body, self._craft.position(), self._craft.time_s
        north, east, down = turned(away, body.roll, body.pitch, body.yaw)
        if down <= 0.0:
            return
        sight = (here[0] + north, here[1] + east)
        gap_s, self._heard_s = now_s - self._heard_s, now_s
        if self._target is None or (not self._acquired and gap_s > _INIT_GAP_S):
            self._say("PrecLand: Target Found", mavlink.MAV_SEVERITY_INFO)
            self._target, self._began_s = sight, now_s
            self._acquired = values["PLND_EST_TYPE"] == 0
        elif values["PLND_EST_TYPE"] == 0:
            self._target = sight
        else:
            old = self._target
            self._target = (old[0] + _BLEND * (sight[0] - old[0]), old[1] + _BLEND * (sight[1] - old[1]))
            if not self._acquired and now_s - self._began_s > _INIT_S:
                self._acquired = True
                self._say("PrecLand: Init Complete", mavlink.MAV_SEVERITY_INFO)
        self._craft.landing_target = (*self._target, here[2] - down) if self._acquired else None

    def _direction(self, message: Message) -> Vector | None:
        """The target from the vehicle, metres forward, right and down; None where the message says nothing usable."""
        if message.position_valid:
            if message.frame != mavlink.MAV_FRAME_BODY_FRD:
                if not self._complained:
                    self._say("Plnd: Frame not supported ", mavlink.MAV_SEVERITY_INFO)
                self._complained = True
                return None
            if not message.distance > 0.0:
                return None
            return (float(message.x), float(message.y), float(message.z))
        if not message.distance > 0.0:
            return None  # no rangefinder either: the distance is not known
        forward, right = -math.tan(message.angle_y), math.tan(message.angle_x)
        scale = message.distance / math.sqrt(forward * forward + right * right + 1.0)
        return (forward * scale, right * scale, scale)

    def step(self) -> None:
        """Forgets a target that is not seen any more."""
        if self._target is None or self._craft.time_s - self._heard_s <= _LOST_S:
            return
        if self._acquired:
            self._say("PrecLand: Target Lost", mavlink.MAV_SEVERITY_CRITICAL)
        self._target, self._acquired, self._craft.landing_target = None, False, None


def turned(vector: Vector, roll: float, pitch: float, yaw: float) -> Vector:
    """From body axes to north, east, down; angles in radians, about forward first, then right, then down."""
    forward, right, down = vector
    right, down = right * math.cos(roll) - down * math.sin(roll), right * math.sin(roll) + down * math.cos(roll)
    forward, down = forward * math.cos(pitch) + down * math.sin(pitch), down * math.cos(pitch) - forward * math.sin(pitch)
    return (
        forward * math.cos(yaw) - right * math.sin(yaw),
        forward * math.sin(yaw) + right * math.cos(yaw),
        down,
    )
