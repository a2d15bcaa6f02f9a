"""The pilot's sticks: a receiver with idle sticks and the throttle down, overridden by MAVLink for a while.

Channel values are microseconds. Knows nothing of modes.
"""

import math
from typing import Final

from simulator.vehicle.parameters import Parameters

IDLE: Final = (1500, 1500, 1000, 1500, 1800, 1000, 1000, 1800)
_DEAD_ZONE: Final = 0.1
_IGNORE: Final = (0, 65535)
_RELEASE: Final = 0


class RcInput:
    """Eight channels and their failsafe."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._override: dict[int, tuple[int, float]] = {}  # channel index -> value, time of the message
        self._now_s = 0.0
        self.lost_s = 0.0

    def override(self, values: list[int], now_s: float) -> None:
        """RC_CHANNELS_OVERRIDE: 65535 leaves a channel, 0 gives it back."""
        for index, value in enumerate(values[:8]):
            if value == _RELEASE:
                self._override.pop(index, None)
            elif value not in _IGNORE:
                self._override[index] = (value, now_s)

    def step(self, dt_s: float, now_s: float) -> None:
        """Old overrides lapse; a failed receiver is counted."""
        self._now_s = now_s
        hold_s = self._parameters["RC_OVERRIDE_TIME"]
        if hold_s >= 0 and self._override:
            self._override = {i: (v, t) for i, (v, t) in self._override.items() if now_s - t <= hold_s}
        failed = self._parameters["SIM_RC_FAIL"] != 0 and not self._override
        self.lost_s = self.lost_s + dt_s if failed else 0.0

    def channel(self, index: int) -> int:
        """Value of a channel, counted from 0."""
        if index in self._override:
            return self._override[index][0]
        return IDLE[index] if index < len(IDLE) else 0

    @property
    def throttle(self) -> float:
        """Throttle stick 0..1."""
        return min(max((self.channel(2) - 1000) / 1000.0, 0.0), 1.0)

    def _stick(self, index: int) -> float:
        value = min(max((self.channel(index) - 1500) / 400.0, -1.0), 1.0)
        return 0.0 if abs(value) < _DEAD_ZONE else value

    def climb(self, up_m_s: float, down_m_s: float) -> float:
        """Climb rate that the throttle stick asks for, with a dead zone round its middle."""
        value = self.throttle * 2.0 - 1.0
        if abs(value) < _DEAD_ZONE:
            return 0.0
        share = (abs(value) - _DEAD_ZONE) / (1.0 - _DEAD_ZONE)
        return share * up_m_s if value > 0 else -share * down_m_s

    def yaw_rate_rad_s(self, most_deg_s: float) -> float:
        """Yaw rate that the rudder stick asks for."""
        return self._stick(3) * math.radians(most_deg_s)

    def horizontal(self, yaw_rad: float, most_m_s: float) -> tuple[float, float]:
        """Velocity north and east that the pitch and roll sticks ask for."""
        forward, right = -self._stick(1) * most_m_s, self._stick(0) * most_m_s
        cos_y, sin_y = math.cos(yaw_rad), math.sin(yaw_rad)
        return (forward * cos_y - right * sin_y, forward * sin_y + right * cos_y)
