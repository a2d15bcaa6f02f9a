"""Wind with gusts: a steady part from parameters and Dryden turbulence on top.

Low-altitude Dryden model of MIL-F-8785C: scale lengths and intensities by height, three first and second order shaping filters
driven by white noise. Pure: seeded, and stepped with a fixed time step.
"""

import math
import random
from typing import Final

_FT_PER_M: Final = 1.0 / 0.3048
_MIN_HEIGHT_M: Final = 3.0  # the model's formulas end at 10 ft
_MAX_HEIGHT_M: Final = 305.0  # and at 1,000 ft
_MIN_AIRSPEED_M_S: Final = 2.0  # a hovering vehicle still sees the gusts pass by with the wind


class Wind:
    """The moving air at the vehicle, as a vector in north, east, up (m/s, towards)."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 a simulation's noise, repeatable by its seed
        self.north_m_s = self.east_m_s = self.up_m_s = 0.0
        self._mean_north = self._mean_east = 0.0
        self._u = 0.0
        self._v1 = self._v2 = self._w1 = self._w2 = 0.0

    def step(
        self, dt_s: float, speed_m_s: float, from_deg: float, turbulence: float, height_m: float, airspeed_m_s: float
    ) -> None:
        """Advances the air.

        Args:
            dt_s: the step.
            speed_m_s: steady wind.
            from_deg: where the steady wind comes from, degrees from true north.
            turbulence: 0 none, 1 the intensity that the model gives for this wind.
            height_m: above ground.
            airspeed_m_s: of the vehicle through the air; it sets how fast gusts pass.
        """
        # Changes of the steady wind arrive over five seconds, as SIM_WIND_TC has it.
        blend = min(dt_s / 5.0, 1.0)
        angle = math.radians(from_deg)
        self._mean_north += (-speed_m_s * math.cos(angle) - self._mean_north) * blend
        self._mean_east += (-speed_m_s * math.sin(angle) - self._mean_east) * blend
        along, across, up = self._gust(dt_s, speed_m_s * turbulence, height_m, max(airspeed_m_s, _MIN_AIRSPEED_M_S))
        cos_a, sin_a = math.cos(angle), math.sin(angle)
        self.north_m_s = self._mean_north - along * cos_a - across * sin_a
        self.east_m_s = self._mean_east - along * sin_a + across * cos_a
        self.up_m_s = up

    def _gust(self, dt_s: float, intensity_m_s: float, height_m: float, airspeed_m_s: float) -> tuple[float, float, float]:
        if intensity_m_s <= 0.0:
            self._u = self._v1 = self._v2 = self._w1 = self._w2 = 0.0
            return 0.0, 0.0, 0.0
        height_ft = min(max(height_m, _MIN_HEIGHT_M), _MAX_HEIGHT_M) * _FT_PER_M
        shape = 0.177 + 0.000823 * height_ft
        length_w_m = height_ft / _FT_PER_M
        length_u_m = height_ft / shape**1.2 / _FT_PER_M
        sigma_w = 0.1 * intensity_m_s
        sigma_u = sigma_w / shape**0.4
        tau_u, tau_w = length_u_m / airspeed_m_s, length_w_m / airspeed_m_s
        gauss = self._random.gauss
        self._u = _lag_noise(self._u, dt_s / tau_u, sigma_u * gauss(0.0, 1.0))
        # sigma*sqrt(L/V)(1+sqrt(3)Ts)/(1+Ts)^2 is the sum of a lag and of two lags in a row.
        self._v1 = _lag_noise(self._v1, dt_s / tau_u, sigma_u * gauss(0.0, 1.0))
        self._v2 += (self._v1 - self._v2) * min(dt_s / tau_u, 1.0)
        self._w1 = _lag_noise(self._w1, dt_s / tau_w, sigma_w * gauss(0.0, 1.0))
        self._w2 += (self._w1 - self._w2) * min(dt_s / tau_w, 1.0)
        root3 = math.sqrt(3.0)
        across = (root3 * self._v1 + (1.0 - root3) * self._v2) / math.sqrt(2.0)
        up = (root3 * self._w1 + (1.0 - root3) * self._w2) / math.sqrt(2.0)
        return self._u, across, up


def _lag_noise(value: float, ratio: float, noise: float) -> float:
    """One exact step of a first order lag driven by white noise, with the noise's standard deviation at the output."""
    keep = math.exp(-ratio)
    return value * keep + noise * math.sqrt(1.0 - keep * keep)
