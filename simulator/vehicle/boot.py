"""The first minute: what the autopilot says and when it becomes able to fly.

Times are those recorded from ArduCopter 4.6.3, for a boot that takes 42 s until position is good; another boot time scales
them. Knows time only.
"""

from typing import Final, NamedTuple

from simulator.vehicle.wire import mavlink

RECORDED_S: Final = 42.0
_READY_S: Final = 2.4
_ATTITUDE_S: Final = 5.8
_GPS_S: Final = 9.7
_ORIGIN_S: Final = 19.9
_PREARM_S: Final = 23.5


class Line(NamedTuple):
    """A STATUSTEXT of the boot: when (of the recorded boot), its words and severity."""

    at_s: float
    words: str
    severity: int = mavlink.MAV_SEVERITY_INFO


LINES: Final = (
    Line(0.2, "Calibrating barometer"),
    Line(1.8, "Barometer 1 calibration complete"),
    Line(2.4, "ArduPilot Ready"),
    Line(2.4, "AHRS: DCM active"),
    Line(4.4, "EKF3 IMU0 initialised"),
    Line(4.4, "AHRS: EKF3 active"),
    Line(5.7, "EKF3 IMU0 tilt alignment complete"),
    Line(5.8, "EKF3 IMU0 MAG0 initial yaw alignment complete"),
    Line(9.7, "GPS 1: detected u-blox"),
    Line(19.9, "EKF3 IMU0 origin set"),
    Line(41.3, "EKF3 IMU0 is using GPS"),
)


class Boot:
    """Progress of the start.

    Args:
        total_s: from power-on until the position estimate is good.
    """

    def __init__(self, total_s: float) -> None:
        self._scale = max(total_s, 0.0) / RECORDED_S
        self._told = 0
        self._now_s = 0.0

    def step(self, now_s: float) -> list[Line]:
        """Advances; the lines to say now."""
        self._now_s = now_s
        first = self._told
        while self._told < len(LINES) and LINES[self._told].at_s * self._scale <= now_s:
            self._told += 1
        return list(LINES[first : self._told])

    def _past(self, at_s: float) -> bool:
        return self._now_s >= at_s * self._scale

    @property
    def ready(self) -> bool:
        """Whether "ArduPilot Ready" was said."""
        return self._past(_READY_S)

    @property
    def attitude_ok(self) -> bool:
        """The attitude is known."""
        return self._past(_ATTITUDE_S)

    @property
    def origin_set(self) -> bool:
        """Home is known."""
        return self._past(_ORIGIN_S)

    @property
    def prearm_settled(self) -> bool:
        """Checks that need no position are done."""
        return self._past(_PREARM_S)

    @property
    def position_ok(self) -> bool:
        """The estimator uses GPS."""
        return self._past(RECORDED_S)

    @property
    def gps_lock_s(self) -> float:
        """When the receiver has its first fix."""
        return _GPS_S * self._scale
