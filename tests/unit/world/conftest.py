"""A small world that is quick to paint, shared by the tests of this folder."""

import pytest

from agent.core.geo import LatLon, LocalFrame
from simulator.world.config import FireConfig, FloodConfig, Place, WorldConfig
from simulator.world.scene import World

CENTRE = LatLon(30.39, 119.84)


def small_config(seed: int = 3) -> WorldConfig:
    where = LocalFrame(CENTRE).to_latlon(120.0, 260.0)
    return WorldConfig(
        seed=seed,
        place=Place(lat_deg=CENTRE.lat_deg, lon_deg=CENTRE.lon_deg),
        size_m=800.0,
        texture_m=1.0,
        fires=(FireConfig(lat_deg=where.lat_deg, lon_deg=where.lon_deg, reach_m=120.0),),
        flood=FloodConfig(start_s=60.0, rise_m_per_min=0.5, max_rise_m=1.5),
    )


@pytest.fixture(scope="session")
def small_world() -> World:
    return World(small_config())
