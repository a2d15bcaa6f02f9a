"""Scenario files: a world, a nest in it, and what must hold at the end.

Places of the nest are given in metres north and east of the pad, so that a scenario can be moved as a whole.
"""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.core.errors import ConfigError
from agent.core.geo import LatLon, LocalFrame
from simulator.world.config import WorldConfig


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Offset(_Section):
    """Metres from the pad."""

    north_m: float = Field(ge=-20_000, le=20_000)
    east_m: float = Field(ge=-20_000, le=20_000)


class RallyOffset(Offset):
    """A rally point."""

    alt_rel_m: float = Field(ge=5, le=200)


class PointOffset(Offset):
    """An inspection point."""

    id: str
    height_agl_m: float = Field(ge=10, le=200)
    dwell_s: float = Field(default=2.0, ge=0, le=120)
    camera_pitch_deg: float = Field(default=-45.0, ge=-90, le=0)


class RouteConfig(_Section):
    """The route that is flown."""

    id: str
    name: str
    scenario: str
    speed_m_s: float = Field(default=10.0, ge=1, le=20)
    points: Annotated[tuple[PointOffset, ...], Field(min_length=1)]


class NestConfig(_Section):
    """The nest under test."""

    id: str
    fence_alt_max_rel_m: float = 120.0
    fence: Annotated[tuple[Offset, ...], Field(min_length=3)]
    rally: tuple[RallyOffset, ...] = ()
    take_off_after_s: float = Field(default=75.0, ge=20, le=3600)
    route: RouteConfig
    settings: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="sections and keys of the agent's configuration that are not at their defaults"
    )


class WeatherConfig(_Section):
    """What the weather station measures at the start."""

    wind_m_s: float = Field(default=3.0, ge=0, le=40)
    gust_m_s: float = Field(default=4.0, ge=0, le=50)


class Expectation(_Section):
    """An alert that the world's truth demands."""

    hazard: Literal["fire", "flood"]
    departments: Annotated[tuple[str, ...], Field(min_length=1)]


class Scenario(_Section):
    """One file."""

    name: str
    title: str
    speed: float = Field(default=6.0, gt=0, le=50, description="how many times faster than real time it runs by default")
    world: WorldConfig
    weather: WeatherConfig = WeatherConfig()
    nest: NestConfig
    expect: tuple[Expectation, ...] = ()

    @property
    def frame(self) -> LocalFrame:
        """Metres from the pad."""
        return LocalFrame(self.world.place.latlon)

    def place(self, offset: Offset) -> LatLon:
        """An offset as a place on WGS84."""
        return self.frame.to_latlon(offset.north_m, offset.east_m)


def load_scenario(name_or_path: str) -> Scenario:
    """Reads a scenario: one of those shipped, by name, or a file.

    Raises:
        ConfigError: there is none, or it is wrong; names each wrong key.
    """
    path = Path(name_or_path)
    if not path.suffix:
        path = Path(str(files("simulator").joinpath("scenarios", f"{name_or_path}.yaml")))
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Scenario.model_validate(data)
    except FileNotFoundError as error:
        shipped = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or "none"
        raise ConfigError("scenario.unknown", f"{name_or_path}: no such scenario; shipped are: {shipped}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("scenario.unreadable", f"{path}: not a readable YAML file ({error})") from error
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}" for e in error.errors()]
        raise ConfigError("scenario.unreadable", f"{path}: " + "; ".join(lines)) from error
