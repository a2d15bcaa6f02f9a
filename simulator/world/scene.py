"""A world as a value: everything in it follows from its configuration, and its state from the moment asked for.

Composes ground, cover, fires and river. Knows nothing of cameras.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agent.core.geo import LatLon, LocalFrame
from simulator.world import fire as fires
from simulator.world.config import FireConfig, WorldConfig
from simulator.world.fire import Fire
from simulator.world.flood import NEVER_M, flooding_rise_m, gauge_rise_m
from simulator.world.grid import Grid
from simulator.world.landcover import LandCover, make_cover
from simulator.world.noise import fractal
from simulator.world.orthophoto import Surface, make_surface
from simulator.world.raster import Field2D
from simulator.world.smoke import Puffs, puffs_at
from simulator.world.terrain import Ground, make_ground

_FOREST_FUEL, _GRASS_FUEL, _CROP_FUEL = 1.0, 0.5, 0.3


@dataclass(frozen=True)
class World:
    """A landscape with its hazards.

    Attributes:
        config: what it follows from.
    """

    config: WorldConfig

    @cached_property
    def frame(self) -> LocalFrame:
        """Metres north and east of the world's centre."""
        return LocalFrame(self.config.place.latlon)

    @cached_property
    def ground(self) -> Ground:
        """The bare ground."""
        return make_ground(self.config)

    @cached_property
    def cover(self) -> LandCover:
        """What covers the ground."""
        return make_cover(self.config, self.ground)

    @cached_property
    def surface(self) -> Surface:
        """The picture of the ground; seconds of work at first use."""
        return make_surface(self.config, self.ground, self.cover)

    @cached_property
    def _water(self) -> tuple[Grid, Field2D]:
        rng = np.random.default_rng([self.config.seed, 4])
        cells = round(self.config.size_m / 1.5)
        shore = 0.10 * fractal(cells, rng, slope=1.8, longest=0.05)
        return flooding_rise_m(self.ground, shore)

    @property
    def water_grid(self) -> Grid:
        """The raster of :attr:`flooding_rise_m`."""
        return self._water[0]

    @property
    def flooding_rise_m(self) -> Field2D:
        """The gauge rise that puts each place under water."""
        return self._water[1]

    @cached_property
    def fires(self) -> tuple[Fire, ...]:
        """The fires, with all their future."""
        return tuple(self._spread(config) for config in self.config.fires)

    def ground_amsl_m(self, east_m: float, north_m: float) -> float:
        """Ground height at a place in metres from the centre."""
        return self.ground.grid.at(self.ground.height_amsl_m, east_m, north_m)

    def ground_amsl_at(self, place: LatLon) -> float:
        """Ground height at a place."""
        local = self.frame.to_local(place)
        return self.ground_amsl_m(local.east_m, local.north_m)

    def water_rise_m(self, world_s: float) -> float:
        """The river's gauge above normal."""
        return gauge_rise_m(self.config.flood, world_s)

    def flooded(self, world_s: float) -> NDArray[np.bool_]:
        """Normally dry cells of the water raster that are under water."""
        rise = self.flooding_rise_m
        return np.asarray((rise > 0.0) & (rise < min(self.water_rise_m(world_s), NEVER_M)))

    def puffs(self, number: int, world_s: float) -> Puffs:
        """The smoke of a fire at a moment."""
        return puffs_at(self.fires[number], self.config.air, world_s, self.config.seed * 31 + number)

    def river_east_m(self, north_m: float) -> float:
        """East of the river's centre line."""
        return float(self.ground.river.centre_east_m(np.array([north_m], np.float32))[0])

    def variant(self, config: WorldConfig) -> "World":
        """The same landscape under other hazards and weather; what is already made is shared.

        Raises:
            ValueError: the configuration describes another landscape.
        """
        same = config.model_copy(update={key: getattr(self.config, key) for key in ("air", "fires", "flood", "lookalikes")})
        if same != self.config:
            raise ValueError("a variant may differ in air, fires, flood and lookalikes only")
        other = World(config)
        other.__dict__.update({key: getattr(self, key) for key in ("frame", "ground", "cover", "surface", "_water")})
        return other

    def _spread(self, config: FireConfig) -> Fire:
        origin = self.frame.to_local(LatLon(config.lat_deg, config.lon_deg))
        cells = fires.raster_cells(config)
        offset = (np.arange(cells, dtype=np.float32) + 0.5 - cells / 2) * fires.CELL_M
        east = np.repeat((origin.east_m + offset)[None, :], cells, axis=0).astype(np.float32)
        north = np.repeat((origin.north_m - offset)[:, None], cells, axis=1).astype(np.float32)
        height = self.ground.grid.sample(self.ground.height_amsl_m, east, north)
        forest = self.cover.grid.sample(self.cover.forest, east, north)
        field = self.cover.grid.sample((self.cover.parcel > 0).astype(np.float32), east, north)
        paved = self.cover.road_mask(self.cover.grid, paved=True).astype(np.float32) / 255.0
        road = self.cover.grid.sample(paved, east, north)
        bank = self.ground.grid.sample(self.ground.bank_distance_m, east, north)
        fuel = _GRASS_FUEL + (_CROP_FUEL - _GRASS_FUEL) * field
        fuel = (fuel + (_FOREST_FUEL - fuel) * forest) * (1.0 - 0.8 * road) * (bank > 2.0)
        rng = np.random.default_rng([self.config.seed, 5, round(origin.east_m) % 65_536, round(origin.north_m) % 65_536])
        fuel = fuel * np.clip(1.0 + 0.35 * _patchy(cells, rng), 0.25, 2.0)
        return fires.spread(config, self.config.air, (origin.east_m, origin.north_m), (height, fuel, 9.0 * forest))


def _patchy(cells: int, rng: np.random.Generator) -> Field2D:
    return fractal(2 * (cells // 2 + 1), rng, slope=1.6, longest=0.4)[:cells, :cells]
