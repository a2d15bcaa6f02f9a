"""The weather at the nest: slow changes and gusts around values that a scenario sets. Same seed, same weather.

A first-order Gauss-Markov process for the mean wind (correlation time 120 s) and its direction; gusts are the largest of recent
fluctuations around it, as a cup anemometer's ten-minute maximum is. Pure: time comes in as ``step(dt_s)``.
"""

import math
import random
from dataclasses import dataclass, replace

from agent.core.errors import ConfigError

_CORRELATION_S = 120.0


@dataclass(frozen=True)
class Settings:
    """What the weather varies around.

    Attributes:
        wind_m_s: mean wind.
        gust_m_s: usual gust.
        wind_from_deg: where the wind comes from, true north.
        rain_mm_h: rain.
        temp_c: temperature.
        humidity: 0..1.
        pressure_hpa: pressure at the station.
        visibility_m: visibility.
    """

    wind_m_s: float = 3.0
    gust_m_s: float = 5.0
    wind_from_deg: float = 225.0
    rain_mm_h: float = 0.0
    temp_c: float = 22.0
    humidity: float = 0.5
    pressure_hpa: float = 1010.0
    visibility_m: float = 20000.0

    def changed(self, values: dict[str, object]) -> "Settings":
        """A copy with other values.

        Raises:
            ConfigError: a name is unknown or a value is not a finite number.
        """
        numbers: dict[str, float] = {}
        for name, value in values.items():
            if name not in self.__dataclass_fields__ or isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError("config.invalid", f"weather: {name!r} = {value!r} is not one of its numbers")
            if not math.isfinite(value):
                raise ConfigError("config.invalid", f"weather: {name!r} = {value!r} must be finite")
            numbers[name] = float(value)
        return replace(self, **numbers)


class WeatherModel:
    """Weather that lives.

    Args:
        settings: what it varies around.
        seed: of its fluctuations.
    """

    def __init__(self, settings: Settings, seed: int) -> None:
        self.settings = settings
        self._random = random.Random(seed)  # noqa: S311 weather is no secret
        self._slow = 0.0
        self._turn = 0.0
        self._peak = 0.0

    def step(self, dt_s: float) -> None:
        """Lets time pass."""
        keep = math.exp(-dt_s / _CORRELATION_S)
        stir = math.sqrt(1.0 - keep * keep)
        self._slow = self._slow * keep + self._random.gauss(0.0, 1.0) * stir
        self._turn = self._turn * keep + self._random.gauss(0.0, 1.0) * stir
        self._peak = max(self._peak * math.exp(-dt_s / 300.0), abs(self._random.gauss(0.0, 0.3)))

    def reading(self) -> dict[str, float]:
        """What the station measures now."""
        now = self.settings
        wind = max(0.0, now.wind_m_s * (1.0 + 0.06 * self._slow))
        gust = wind + max(0.0, now.gust_m_s - now.wind_m_s) * min(1.2, 0.7 + 0.3 * self._peak)
        return {
            "wind_m_s": round(wind, 2),
            "gust_m_s": round(max(wind, gust), 2),
            "wind_from_deg": round((now.wind_from_deg + 6.0 * self._turn) % 360.0, 1),
            "rain_mm_h": now.rain_mm_h,
            "temp_c": now.temp_c,
            "humidity": now.humidity,
            "pressure_hpa": now.pressure_hpa,
            "visibility_m": now.visibility_m,
        }
