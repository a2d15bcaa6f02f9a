"""What a world is made of: the ``world:`` section of a scenario file.

Knows names, units and limits. Knows nothing of how a world is made or drawn.
"""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.core.errors import ConfigError
from agent.core.geo import LatLon

Latitude = Annotated[float, Field(ge=-85.0, le=85.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Section):
    """A place on WGS84."""

    lat_deg: Latitude
    lon_deg: Longitude

    @property
    def latlon(self) -> LatLon:
        """The place as a value of the geometry module."""
        return LatLon(self.lat_deg, self.lon_deg)


class SunConfig(_Section):
    """Where the sun stands, all the time."""

    azimuth_deg: float = Field(default=215.0, ge=0.0, le=360.0)
    elevation_deg: float = Field(default=48.0, ge=4.0, le=90.0)


class AirConfig(_Section):
    """Wind that carries smoke and drives the fire, and how far one sees."""

    wind_from_deg: float = Field(default=250.0, ge=0.0, le=360.0)
    wind_m_s: float = Field(default=4.0, ge=0.0, le=25.0)
    visibility_m: float = Field(default=12_000.0, ge=300.0, le=100_000.0)
    cloud_cover: float = Field(default=0.25, ge=0.0, le=1.0)


class FireConfig(_Section):
    """One fire. World seconds count from the start of the scenario; a negative ignition has burnt for a while at the start."""

    lat_deg: Latitude
    lon_deg: Longitude
    ignition_s: float = 0.0
    growth: float = Field(default=1.0, gt=0.0, le=50.0, description="multiplies the rate of spread")
    reach_m: float = Field(default=300.0, ge=20.0, le=600.0, description="the fire never spreads farther from its origin")
    smoke: float = Field(default=1.0, ge=0.0, le=3.0, description="multiplies the density of the smoke")
    smoke_tone: float = Field(default=0.86, ge=0.1, le=1.0, description="0.1 black smoke (oil) .. 1 white (damp leaves)")
    flame: float = Field(default=1.0, ge=0.0, le=3.0, description="multiplies the height of the flames; 0 smoulders")


class FloodConfig(_Section):
    """The river's gauge over time: normal until start, then rising to its maximum."""

    start_s: float = 0.0
    rise_m_per_min: float = Field(default=0.1, ge=0.0, le=20.0)
    max_rise_m: float = Field(default=1.5, ge=0.0, le=4.0)


class LookalikesConfig(_Section):
    """Things that resemble a hazard and are none."""

    cars: int = Field(default=14, ge=0, le=200)
    dust: bool = True
    glinting_roofs: bool = True
    mist: float = Field(default=0.0, ge=0.0, le=1.0, description="ground mist in the valley")


class WorldConfig(_Section):
    """A world: everything in it follows from these values.

    Attributes:
        seed: two worlds with equal configuration are equal to the byte.
        place: the centre, where the nest stands.
        size_m: side of the square; beyond it the landscape repeats.
        nest_alt_amsl_m: height of the ground at the nest.
    """

    seed: int = Field(default=1, ge=0, lt=2**32)
    place: Place
    size_m: float = Field(default=2400.0, ge=800.0, le=4000.0)
    texture_m: float = Field(default=0.4, ge=0.2, le=2.0, description="metres a pixel of the ground's picture")
    nest_alt_amsl_m: float = Field(default=24.0, ge=-50.0, le=4000.0)
    sun: SunConfig = SunConfig()
    air: AirConfig = AirConfig()
    fires: tuple[FireConfig, ...] = ()
    flood: FloodConfig | None = None
    lookalikes: LookalikesConfig = LookalikesConfig()


def parse_world(data: object, source: str = "world") -> WorldConfig:
    """The configuration in a mapping.

    Raises:
        ConfigError: names each wrong key, its value and the limit.
    """
    try:
        return WorldConfig.model_validate(data)
    except ValidationError as error:
        lines = [
            f"{source}: {'.'.join(str(part) for part in item['loc']) or 'world'}: {item['msg']}, got {item['input']!r}"
            for item in error.errors()
        ]
        raise ConfigError("config.invalid", "; ".join(lines)) from error


def load_world(path: Path) -> WorldConfig:
    """Reads a world file, or the ``world:`` section of a scenario file.

    Raises:
        ConfigError: the file cannot be read or its content is wrong.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("config.invalid", f"{path}: not a readable YAML file ({error})") from error
    if isinstance(data, dict) and "world" in data:
        data = data["world"]
    return parse_world(data, str(path))
