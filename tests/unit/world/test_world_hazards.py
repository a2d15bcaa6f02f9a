"""Fire, smoke and flood as functions of time."""

import numpy as np
import pytest
from shapely.geometry import Point

from agent.core.geo import LatLon, polygon_of
from simulator.world.config import AirConfig, FireConfig
from simulator.world.fire import CELL_M, RESIDENCE_S, spread
from simulator.world.flood import _COARSE_CELLS, NEVER_M, _entry_rise_m
from simulator.world.scene import World
from simulator.world.smoke import puffs_at
from simulator.world.truth import truth

CALM = AirConfig(wind_m_s=0.0)
WEST_WIND = AirConfig(wind_m_s=6.0, wind_from_deg=270.0)


def even_fire(air: AirConfig, tilt: float = 0.0, cells: int = 101, growth: float = 1.0):
    """A fire in the middle of even fuel; the ground rises eastwards by ``tilt``."""
    config = FireConfig(lat_deg=0.0, lon_deg=0.0, reach_m=(cells - 1) / 2 * CELL_M, growth=growth)
    ground = np.tile(np.arange(cells, dtype=np.float32) * CELL_M * tilt, (cells, 1))
    fuel = np.ones((cells, cells), np.float32)
    return spread(config, air, (0.0, 0.0), (ground, fuel, fuel * 0.0))


def reach_m(fire, world_s: float) -> dict[str, float]:
    rows, columns = np.nonzero(fire.reached(world_s))
    east, north = fire.places(rows, columns)
    return {"east": east.max(), "west": -east.min(), "north": north.max(), "south": -north.min()}


def test_a_fire_never_shrinks():
    fire = even_fire(WEST_WIND)

    areas = [fire.area_m2(second) for second in range(-10, 600, 20)]

    assert areas[0] == 0.0
    assert areas == sorted(areas)
    assert areas[-1] > areas[3] > 0.0


def test_a_fire_runs_with_the_wind_and_uphill():
    calm, blown, uphill = even_fire(CALM), even_fire(WEST_WIND), even_fire(CALM, tilt=0.3)

    still, wind, slope = (reach_m(fire, 300.0) for fire in (calm, blown, uphill))

    assert still["east"] == pytest.approx(still["west"], abs=CELL_M)
    assert wind["east"] > 2.0 * wind["west"]
    assert slope["east"] > 1.5 * slope["west"]
    assert wind["north"] == pytest.approx(wind["south"], abs=CELL_M)


def test_growth_multiplies_the_rate_of_spread():
    slow, fast = even_fire(CALM, growth=1.0), even_fire(CALM, growth=2.0)

    assert reach_m(fast, 300.0)["east"] == pytest.approx(reach_m(slow, 600.0)["east"], abs=CELL_M)


def test_what_has_burnt_out_does_not_burn():
    fire = even_fire(CALM)

    later = RESIDENCE_S + 200.0

    assert fire.burning(5.0)[50, 50]
    assert not fire.burning(later)[50, 50]
    assert fire.reached(later)[50, 50]


def test_fire_stays_on_its_side_of_bare_ground():
    config = FireConfig(lat_deg=0.0, lon_deg=0.0, reach_m=200.0)
    fuel = np.ones((101, 101), np.float32)
    fuel[:, 60:64] = 0.0

    fire = spread(config, WEST_WIND, (0.0, 0.0), (fuel * 0, fuel, fuel * 0))

    assert np.isfinite(fire.arrival_s[50, 58])
    assert not np.isfinite(fire.arrival_s[:, 64:]).any()


def test_smoke_drifts_with_the_wind_rises_and_grows():
    fire = even_fire(WEST_WIND)

    puffs = puffs_at(fire, WEST_WIND, 200.0, seed=1)

    far, near = puffs.centre_m[:, 0] > 200.0, puffs.centre_m[:, 0] < 60.0
    assert far.any()
    assert near.any()
    assert puffs.centre_m[far, 2].mean() > puffs.centre_m[near, 2].mean() + 20.0
    assert puffs.radius_m[far].mean() > puffs.radius_m[near].mean()
    assert puffs.centre_m[:, 0].min() > -80.0


def test_there_is_no_smoke_before_the_fire():
    assert len(puffs_at(even_fire(CALM), CALM, -1.0, seed=1)) == 0


def test_a_hollow_behind_a_dam_floods_only_over_the_dam():
    above = np.full((2 * _COARSE_CELLS, 2 * _COARSE_CELLS), 5.0, np.float32)
    above[:, :20] = -1.0
    above[:, 20:60] = 0.4
    above[:, 60:80] = 2.0
    above[:, 80:120] = 0.2

    entry = _entry_rise_m(above)

    assert entry[100, 20] == pytest.approx(0.4, abs=0.2)
    assert entry[100, 50] == pytest.approx(2.0, abs=0.2)
    assert entry[100, 90] == pytest.approx(5.0, abs=0.2)


def test_the_flood_grows_with_the_gauge_and_spares_the_nest(small_world: World):
    world = small_world

    wet = [world.flooded(second) for second in (0.0, 100.0, 180.0, 10_000.0)]

    assert not wet[0].any()
    assert wet[1].sum() < wet[2].sum() < wet[3].sum()
    assert not (wet[1] & ~wet[3]).any()
    assert world.water_grid.at(world.flooding_rise_m, 0.0, 0.0) == NEVER_M


def test_truth_names_fire_and_flood_where_they_are(small_world: World):
    world = small_world

    found = {item.hazard: item for item in truth(world, 300.0)}

    assert set(found) == {"fire", "flood"}
    fire, wanted = found["fire"], world.config.fires[0]
    ring = polygon_of(fire.polygons[0], world.frame)
    origin = world.frame.to_local(LatLon(wanted.lat_deg, wanted.lon_deg))
    assert ring.buffer(CELL_M).contains(Point(origin.east_m, origin.north_m))
    total = sum(polygon_of(part, world.frame).area for part in fire.polygons)
    assert total == pytest.approx(fire.area_m2, rel=0.35)
    assert fire.ground_amsl_m == pytest.approx(world.ground_amsl_at(fire.centre))


def test_before_anything_happens_there_is_no_truth(small_world: World):
    assert truth(small_world, -5.0) == ()
