"""The weather of a scenario: same seed, same weather, and around what was set."""

import statistics

import pytest

from agent.core.errors import ConfigError
from simulator.nest.weather import Settings, WeatherModel


def winds(seed: int, wind: float = 6.0, gust: float = 9.0) -> list[dict[str, float]]:
    model = WeatherModel(Settings(wind_m_s=wind, gust_m_s=gust), seed)
    rows = []
    for _ in range(600):
        for _ in range(10):
            model.step(0.5)
        rows.append(model.reading())
    return rows


def test_the_same_seed_is_the_same_weather():
    assert winds(4) == winds(4)
    assert winds(4) != winds(5)


def test_wind_and_gusts_stay_around_what_was_set():
    rows = winds(1)
    assert statistics.mean(row["wind_m_s"] for row in rows) == pytest.approx(6.0, rel=0.05)
    assert statistics.mean(row["gust_m_s"] for row in rows) == pytest.approx(9.0, rel=0.15)
    assert all(row["gust_m_s"] >= row["wind_m_s"] >= 0.0 for row in rows)
    assert len({row["wind_m_s"] for row in rows}) > 50


@pytest.mark.parametrize("values", [{"wind": 3.0}, {"wind_m_s": "3"}, {"wind_m_s": True}, {"wind_m_s": float("nan")}])
def test_what_is_no_weather_is_refused(values):
    with pytest.raises(ConfigError):
        Settings().changed(values)
