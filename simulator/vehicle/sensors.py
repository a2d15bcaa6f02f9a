"""What the autopilot believes: GPS with noise, bias and faults, and the estimate made of it.

The estimate is the truth plus the receiver's slowly wandering error; while there is no GPS it keeps the last error and drifts.
Knows the body and parameters' values; must not know modes or MAVLink.
"""

import math
import random
from typing import Final

from agent.core.geo import LatLon, LocalFrame
from simulator.vehicle.dynamics import Body
from simulator.vehicle.parameters import Parameters
from simulator.vehicle.trajectory import Vector

_BIAS_TIME_S: Final = 90.0  # correlation time of the receiver's wandering error
_WHITE_SHARE: Final = 0.3  # white noise of one fix over the wandering part
_FILTER_S: Final = 0.4  # the estimator's smoothing of fixes
_DEAD_RECKONING_DRIFT_M_S: Final = 0.3  # growth of the error without GPS
_VERTICAL_SHARE: Final = 1.5


class Sensors:
    """GPS fixes and the position estimate, north, east, up in the body's frame."""

    def __init__(self, seed: int, frame: LocalFrame, lock_s: float) -> None:
        self._random = random.Random(seed + 1)  # noqa: S311 a simulation's noise, repeatable by its seed
        self._frame = frame
        self._lock_s = lock_s
        self._bias = [0.0, 0.0, 0.0]
        self._error = [0.0, 0.0, 0.0]
        self._fix = [0.0, 0.0, 0.0]
        self._next_fix_s = 0.0
        self.has_fix = False
        self.fix_lost_s = 0.0  # how long without a fix
        self.satellites = 0
        self.last_fix_s = 0.0
        self.glitching = False

    def step(self, dt_s: float, now_s: float, parameters: Parameters) -> None:
        """Advances by dt: takes a fix when one is due."""
        satellites = int(parameters["SIM_GPS_NUMSATS"])
        working = (
            now_s >= self._lock_s and parameters["SIM_GPS_DISABLE"] == 0 and parameters["SIM_GPS_JAM"] == 0 and satellites >= 4
        )
        self.satellites = satellites if working else 0
        self.has_fix = working
        if not working:
            self.fix_lost_s += dt_s
            if now_s >= self._lock_s:
                self._error[0] += _DEAD_RECKONING_DRIFT_M_S * dt_s * self._random.gauss(0.5, 1.0)
                self._error[1] += _DEAD_RECKONING_DRIFT_M_S * dt_s * self._random.gauss(0.5, 1.0)
            return
        self.fix_lost_s = 0.0
        if now_s >= self._next_fix_s:
            self._take_fix(now_s, parameters)
        blend = min(dt_s / _FILTER_S, 1.0)
        for axis in range(3):
            self._error[axis] += (self._fix[axis] - self._error[axis]) * blend

    def _take_fix(self, now_s: float, parameters: Parameters) -> None:
        period_s = 1.0 / max(parameters["SIM_GPS_HZ"], 1.0)
        self._next_fix_s = now_s + period_s
        self.last_fix_s = now_s
        sigma_m = max(parameters["SIM_GPS_NOISE"], 0.0)
        keep = math.exp(-period_s / _BIAS_TIME_S)
        glitch = self._glitch_m(parameters)
        self.glitching = any(abs(metres) > 5.0 for metres in glitch)
        for axis in range(3):
            scale = sigma_m * (_VERTICAL_SHARE if axis == 2 else 1.0)
            self._bias[axis] = self._bias[axis] * keep + scale * math.sqrt(1.0 - keep * keep) * self._random.gauss(0.0, 1.0)
            white = scale * _WHITE_SHARE * self._random.gauss(0.0, 1.0)
            self._fix[axis] = self._bias[axis] + white + glitch[axis]

    def _glitch_m(self, parameters: Parameters) -> Vector:
        """SIM_GPS_GLITCH_X and _Y are degrees of latitude and longitude, _Z metres."""
        lat, lon = parameters["SIM_GPS_GLITCH_X"], parameters["SIM_GPS_GLITCH_Y"]
        if lat == 0.0 and lon == 0.0:
            return (0.0, 0.0, parameters["SIM_GPS_GLITCH_Z"])
        origin = self._frame.origin
        shifted = self._frame.to_local(LatLon(origin.lat_deg + lat, origin.lon_deg + lon))
        return (shifted.north_m, shifted.east_m, parameters["SIM_GPS_GLITCH_Z"])

    def estimate(self, body: Body) -> Vector:
        """Where the autopilot believes to be, metres north, east, up."""
        return (body.north_m + self._error[0], body.east_m + self._error[1], body.up_m + self._error[2])

    def fix(self, body: Body) -> Vector:
        """Where the receiver says the antenna is."""
        return (body.north_m + self._fix[0], body.east_m + self._fix[1], body.up_m + self._fix[2])
